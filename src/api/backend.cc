// What a backend answers that does not say otherwise.
#include "api/backend.h"
#include <algorithm>

namespace autark::api {
namespace {

ApiError no_tokenizer() {
  return {.kind = ApiError::Kind::unsupported, .message = "this backend has no tokenizer of its own"};
}

}  // namespace

std::string Backend::fingerprint() const {
  return {};
}
std::optional<ApiError> Backend::fault() const {
  return {};
}
ApiResult<Extent> Backend::prepare(Request& request) const {
  const auto counted = count_tokens(request);
  if (const auto* fault = std::get_if<ApiError>(&counted)) return *fault;
  const int64_t prompt = std::get<int64_t>(counted),
                room = std::max<int64_t>(0, models().front().context - prompt);
  const int64_t choices = std::max<int64_t>(1, std::ssize(request.prompts)) * request.n;
  return Extent{prompt, choices * std::min(room, request.max_tokens.value_or(room))};
}
void Backend::clear_cache() {}
Json Backend::state() const {
  return Json::object();
}
ApiResult<std::vector<int32_t>> Backend::tokenize(const Request&) const {
  return no_tokenizer();
}
ApiResult<std::string> Backend::detokenize(std::span<const int32_t>) const {
  return no_tokenizer();
}
ApiResult<Json> Backend::tokenizer_info() const {
  return no_tokenizer();
}
Json Backend::about() const {
  return Json::object();
}

}  // namespace autark::api
