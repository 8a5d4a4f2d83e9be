#include "apps/text_table.h"
#include <algorithm>
#include "base/check.h"

namespace autark::apps {
namespace {

// The first code points and the ends of the wide blocks of Unicode's East Asian Width, in large steps.
constexpr struct {
  char32_t first, last;
} kWide[] = {{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0xa4cf}, {0xac00, 0xd7a3},   {0xf900, 0xfaff},
             {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1faff}, {0x20000, 0x3fffd}};

bool is_wide(char32_t point) {
  return std::ranges::any_of(kWide, [=](const auto& r) { return point >= r.first && point <= r.last; });
}

std::string printable(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = '?';
  return text.empty() ? "-" : text;
}

}  // namespace

size_t display_width(std::string_view utf8) {
  size_t width = 0;
  for (size_t i = 0; i < utf8.size();) {
    const auto lead = static_cast<unsigned char>(utf8[i]);
    const size_t bytes = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    char32_t point = bytes == 1 ? lead : lead & (0x7fU >> bytes);
    for (size_t k = 1; k < bytes && i + k < utf8.size(); ++k)
      point = (point << 6) | (static_cast<unsigned char>(utf8[i + k]) & 0x3fU);
    width += is_wide(point) ? 2 : 1;
    i += bytes;
  }
  return width;
}

std::string fact_lines(const Facts& facts) {
  size_t width = 0;
  for (const auto& [name, value] : facts) width = std::max(width, display_width(name));
  std::string out;
  for (const auto& [name, value] : facts)
    out += name + std::string(width - display_width(name) + 2, ' ') + printable(value) + "\n";
  return out;
}

std::string grouped(int64_t number) {
  std::string digits = std::to_string(number);
  for (auto at = std::ssize(digits) - 3; at > (number < 0 ? 1 : 0); at -= 3) digits.insert(size_t(at), ",");
  return digits;
}

TextTable::TextTable(const std::vector<std::string>& titles) : lines_(1) {
  for (const std::string& title : titles) {
    right_.push_back(title.starts_with('>'));
    lines_[0].push_back(title.substr(right_.back()));
  }
}

void TextTable::add(const std::vector<std::string>& cells) {
  AUTARK_CHECK(cells.size() == right_.size());
  lines_.emplace_back();
  for (const std::string& cell : cells) lines_.back().push_back(printable(cell));
}

std::string TextTable::text(std::string_view empty) const {
  if (lines_.size() == 1) return std::string(empty) + "\n";
  std::vector<size_t> widths(right_.size());
  for (const auto& cells : lines_)
    for (size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], display_width(cells[i]));
  std::string all;
  for (const auto& cells : lines_) all += line(cells, widths);
  return all;
}

std::string TextTable::line(const std::vector<std::string>& cells, const std::vector<size_t>& widths) const {
  std::string out;
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string gap(widths[i] - display_width(cells[i]), ' ');
    out += (i ? "  " : "") + (right_[i] ? gap + cells[i] : cells[i] + gap);
  }
  out.erase(out.find_last_not_of(' ') + 1);
  return out + "\n";
}

}  // namespace autark::apps
