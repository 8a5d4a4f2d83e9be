// Passes arbitrary bytes as a request body. Every decoder must return a Request or an ApiError, and every
// ApiError must be encodable as an error of its dialect.
#include "api/dialect.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace autark;
  const auto body = parse_json({reinterpret_cast<const char*>(bytes), size}, "request body");
  if (!body) return 0;
  for (const api::Dialect* d : {&api::openai_chat(), &api::openai_completions(), &api::openai_responses(),
                                &api::anthropic_messages()}) {
    const auto decoded = d->decode(*body);
    if (const auto* fault = std::get_if<api::ApiError>(&decoded)) d->error(*fault, "req");
  }
  api::decode_count_tokens(*body);
  return 0;
}
