#include "serve/batch_input.h"
#include <utility>

namespace autark::serve {
namespace {

constexpr size_t kPiece = size_t{1} << 20;
constexpr size_t kIdBytesMax = 512;

std::string text_of(const Json& line, const char* name) {
  const auto at = line.find(name);
  return at != line.end() && at->is_string() ? at->get<std::string>() : std::string();
}

}  // namespace

std::variant<BatchRequest, BatchFault> read_batch_line(const std::string& line, const std::string& endpoint) {
  const auto json = parse_json(line, "the line", {.bytes = BatchInput::kLineBytesMax});
  if (!json || !json->is_object())
    return BatchFault{"invalid_json_line", "This line is not a JSON object.", ""};
  std::string id = text_of(*json, "custom_id");
  if (id.empty() || id.size() > kIdBytesMax)
    return BatchFault{"invalid_custom_id", "custom_id must be a text of 1 to 512 bytes.", "custom_id"};
  if (text_of(*json, "method") != "POST")
    return BatchFault{"invalid_method", "method must be POST.", "method"};
  if (text_of(*json, "url") != endpoint)
    return BatchFault{"invalid_url", "url must be the endpoint of the batch, " + endpoint + ".", "url"};
  const auto body = json->find("body");
  if (body == json->end() || !body->is_object())
    return BatchFault{"invalid_request", "body must be a JSON object.", "body"};
  for (const char* flag : {"stream", "background"})
    if (body->value(flag, Json()) == true)
      return BatchFault{"invalid_request",
                        std::string("A request of a batch cannot have ") + flag + ": true.",
                        std::string("body.") + flag};
  return BatchRequest{std::move(id), dump_json(*body)};
}

bool is_blank(const std::string& line) {
  return line.find_first_not_of(" \t\r") == line.npos;
}

Result<std::optional<std::string>> BatchInput::next() {
  while (true) {
    const size_t end = buffer_.find('\n', at_);
    if (end == buffer_.npos && !ended_) {
      if (buffer_.size() - at_ > kLineBytesMax)
        return ++number_, Error{Code::exhausted, "This line is longer than 32 MiB."};
      AUTARK_TRY(const std::string piece, reader_->read(kPiece));
      ended_ = piece.empty();
      buffer_.erase(0, std::exchange(at_, 0));
      buffer_ += piece;
      continue;
    }
    if (end == buffer_.npos && at_ == buffer_.size()) return std::optional<std::string>();
    std::string line = buffer_.substr(at_, end == buffer_.npos ? end : end - at_);
    at_ = end == buffer_.npos ? buffer_.size() : end + 1;
    ++number_;
    if (buffer_.capacity() > 4 * kPiece) buffer_ = buffer_.substr(std::exchange(at_, 0));
    return std::optional(std::move(line));
  }
}

}  // namespace autark::serve
