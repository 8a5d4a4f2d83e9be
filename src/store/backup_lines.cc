#include "store/backup_lines.h"
#include <fmt/format.h>

namespace autark::storage {
namespace {

constexpr size_t kLineBytesMax = size_t{256} << 20;
constexpr int kDepthMax = 8;

}  // namespace

Result<BackupLines> BackupLines::open(const std::filesystem::path& file) {
  BackupLines lines(file.string());
  lines.file_.reset(std::fopen(file.c_str(), "rbe"));
  if (!lines.file_)
    return Error{Code::not_found, "restore: " + file.string() + " cannot be read; name a file that is there"};
  return lines;
}

Result<Json> BackupLines::next() {
  std::string text;
  int byte = 0;
  while ((byte = getc_unlocked(file_.get())) != EOF && byte != '\n') {
    text += char(byte);
    if (text.size() > kLineBytesMax) return wrong("or the next is too long");
  }
  if (byte == EOF && text.empty()) return Json();
  ++number_;
  sum_before_ = sum_;
  sum_ = fnv1a("\n", fnv1a(text, sum_));
  auto json = parse_json(text, "backup", {.bytes = kLineBytesMax, .depth = kDepthMax});
  if (!json || json->is_null()) return wrong("is no JSON");
  return json;
}

std::string BackupLines::sum_before() const {
  return fmt::format("{:016x}", sum_before_);
}

Error BackupLines::wrong(const std::string& what) const {
  return {Code::invalid, fmt::format("restore: line {} of {} {}; take another backup", number_, path_, what)};
}

}  // namespace autark::storage
