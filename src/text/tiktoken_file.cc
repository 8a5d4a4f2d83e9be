#include "text/tiktoken_file.h"
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <unordered_set>

namespace autark::text {
namespace {

constexpr uint32_t kRankMax = uint32_t{1} << 22;

Error at_line(size_t line, const char* what) {
  return {Code::invalid, "tiktoken: line " + std::to_string(line) + ": " + what};
}

int digit_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

// Four digits are three bytes; the last four may end with one or two "=".
std::optional<std::string> from_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::string out;
  uint32_t bits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const int digit = i >= text.size() - padding ? 0 : digit_of(text[i]);
    if (digit < 0) return std::nullopt;
    bits = bits << 6 | uint32_t(digit);
    if (i % 4 != 3) continue;
    for (const int shift : {16, 8, 0}) out += char(bits >> shift & 0xff);
  }
  out.resize(out.size() - padding);
  return out;
}

struct Line {
  std::string token;
  uint32_t rank = 0;
};

Result<Line> read_line(std::string_view text, size_t number) {
  const size_t space = text.find(' ');
  auto token = from_base64(text.substr(0, space));
  if (!token) return at_line(number, "the token is not base64");
  Line line{.token = std::move(*token)};
  const std::string_view rank = space == text.npos ? "" : text.substr(space + 1);
  const auto read = std::from_chars(rank.data(), rank.data() + rank.size(), line.rank);
  if (read.ec != std::errc() || read.ptr != rank.data() + rank.size())
    return at_line(number, "there is no rank behind the token");
  if (line.rank > kRankMax) return at_line(number, "the rank is too large");
  return line;
}

Result<std::vector<std::string>> by_rank(std::vector<Line> lines) {
  std::vector<std::string> tokens(lines.size());
  for (Line& line : lines) {
    const std::string rank = std::to_string(line.rank);
    if (line.rank >= tokens.size())
      return Error{Code::invalid, "tiktoken: there is a rank " + rank + ", but only " +
                                      std::to_string(tokens.size()) + " tokens: a rank below it is missing"};
    if (!tokens[line.rank].empty()) return Error{Code::invalid, "tiktoken: two tokens have the rank " + rank};
    tokens[line.rank] = std::move(line.token);
  }
  return tokens;
}

}  // namespace

Result<std::vector<std::string>> read_tiktoken(std::string_view text, TiktokenRanks ranks) {
  std::vector<Line> lines;
  std::unordered_set<std::string> seen;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    AUTARK_TRY(Line read, read_line(line, number));
    const bool fresh = seen.insert(read.token).second;
    if (!fresh && ranks == TiktokenRanks::written) return at_line(number, "its token has another line, too");
    if (!fresh) continue;
    if (ranks == TiktokenRanks::by_line) read.rank = uint32_t(lines.size());
    lines.push_back(std::move(read));
  }
  if (lines.empty()) return Error{Code::invalid, "tiktoken: there are no tokens"};
  return by_rank(std::move(lines));
}

}  // namespace autark::text
