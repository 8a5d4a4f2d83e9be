#include "serve/file_form.h"
#include <algorithm>
#include <charconv>
#include "base/log.h"

namespace autark::serve {
namespace {

using Kind = api::ApiError::Kind;

constexpr size_t kNameBytes = 1024, kValueBytes = 256;
constexpr const char *kAnchor = "expires_after[anchor]", *kSeconds = "expires_after[seconds]";

api::ApiError missing(const char* name) {
  return {.message = std::string("'") + name + "' is a required part of the form", .param = name};
}

}  // namespace

api::ApiError fault_of_files(const Error& error) {
  if (error.code == Code::not_found)
    return {.kind = Kind::not_found, .message = error.message, .param = "id", .code = "not_found"};
  if (error.code == Code::exhausted) {
    log_warning("files: " + error.message);
    return {.kind = Kind::too_large,
            .message = "the server has no room for this file; delete files that are no longer needed",
            .param = "file",
            .code = "storage_full"};
  }
  log_error(error.message);
  return {.kind = Kind::internal, .message = "the server's store of files failed; its log says why"};
}

FileForm::FileForm(storage::Files& files, std::string owner, int64_t now, int64_t bytes_max)
    : files_(files), owner_(std::move(owner)), now_(now), bytes_max_(bytes_max) {}

bool FileForm::fail(api::ApiError fault) {
  fault_ = std::move(fault);
  return false;
}

bool FileForm::begin(http::PartHead head) {
  name_ = std::move(head.name);
  value_.clear();
  in_file_ = name_ == "file";
  if (!in_file_) return true;
  if (writer_) return fail({.message = "the form has more than one file", .param = "file"});
  if (!head.filename || head.filename->empty())
    return fail({.message = "the part 'file' has no filename", .param = "file"});
  if (head.filename->size() > kNameBytes)
    return fail({.message = "the filename is longer than 1024 bytes", .param = "file"});
  auto made = files_.create(
      {.id = {}, .owner = owner_, .name = *head.filename, .purpose = {}, .bytes = 0, .created = now_});
  if (!made) return fail(fault_of_files(made.error()));
  writer_ = std::move(*made);
  return true;
}

bool FileForm::put(std::string_view bytes) {
  if (!in_file_) {
    value_ += bytes;
    return value_.size() <= kValueBytes ||
           fail({.message = "this field is longer than 256 bytes", .param = name_.substr(0, 80)});
  }
  bytes_ += int64_t(bytes.size());
  if (bytes_ > bytes_max_)
    return fail({.kind = Kind::too_large,
                 .message = "the file is larger than " + std::to_string(bytes_max_) + " bytes",
                 .param = "file"});
  const auto fault = writer_->write(bytes);
  return !fault || fail(fault_of_files(*fault));
}

// Fields that are not known are ignored.
bool FileForm::end() {
  if (name_ == "purpose") return set_purpose();
  if (name_ == kSeconds) return set_seconds();
  if (name_ == kAnchor) return set_anchor();
  return true;
}

bool FileForm::set_purpose() {
  purpose_ = value_;
  if (std::ranges::count(kFilePurposes, purpose_) > 0) return true;
  std::string names;
  for (const std::string_view name : kFilePurposes) names += (names.empty() ? "" : ", ") + std::string(name);
  return fail({.message = "'purpose' must be one of " + names, .param = "purpose"});
}

bool FileForm::set_seconds() {
  const char* end = value_.data() + value_.size();
  const auto read = std::from_chars(value_.data(), end, seconds_);
  const bool whole = read.ec == std::errc() && read.ptr == end;
  return (whole && seconds_ >= kExpiryMin && seconds_ <= kExpiryMax) ||
         fail({.message = "expires_after[seconds] must be a whole number from " + std::to_string(kExpiryMin) +
                          " to " + std::to_string(kExpiryMax),
               .param = kSeconds});
}

bool FileForm::set_anchor() {
  anchored_ = value_ == "created_at";
  return anchored_ || fail({.message = "expires_after[anchor] must be created_at", .param = kAnchor});
}

api::ApiResult<storage::File> FileForm::commit() {
  if (!writer_) return missing("file");
  if (purpose_.empty()) return missing("purpose");
  if (anchored_ != (seconds_ > 0)) return missing(anchored_ ? kSeconds : kAnchor);
  writer_->file.purpose = purpose_;
  if (anchored_) writer_->file.expires = now_ + seconds_;
  auto kept = writer_->commit();
  if (!kept) return fault_of_files(kept.error());
  return std::move(*kept);
}

}  // namespace autark::serve
