#include "api/faults.h"
#include <cmath>
#include <ctime>
#include "api/allowance_headers.h"

namespace autark::api {
namespace {

using Kind = ApiError::Kind;

struct Words {
  Kind kind;
  int openai_status, anthropic_status;
  const char *openai_type, *openai_code, *anthropic_type;
};

constexpr Words kWords[] = {
    {Kind::invalid, 400, 400, "invalid_request_error", nullptr, "invalid_request_error"},
    {Kind::unsupported, 400, 400, "invalid_request_error", "unsupported_parameter", "invalid_request_error"},
    {Kind::context_length, 400, 400, "invalid_request_error", "context_length_exceeded",
     "invalid_request_error"},
    {Kind::authentication, 401, 401, "invalid_request_error", "invalid_api_key", "authentication_error"},
    {Kind::forbidden, 403, 403, "invalid_request_error", "permission_denied", "permission_error"},
    {Kind::not_found, 404, 404, "invalid_request_error", nullptr, "not_found_error"},
    {Kind::method, 405, 405, "invalid_request_error", "method_not_allowed", "invalid_request_error"},
    {Kind::conflict, 409, 409, "invalid_request_error", "idempotency_conflict", "invalid_request_error"},
    {Kind::slow_client, 408, 408, "invalid_request_error", "request_timeout", "timeout_error"},
    {Kind::too_large, 413, 413, "invalid_request_error", "request_too_large", "request_too_large"},
    {Kind::overloaded, 429, 529, "rate_limit_error", "rate_limit_exceeded", "overloaded_error"},
    {Kind::rate_limited, 429, 429, "rate_limit_error", "rate_limit_exceeded", "rate_limit_error"},
    {Kind::quota, 429, 402, "insufficient_quota", "insufficient_quota", "billing_error"},
    {Kind::internal, 500, 500, "server_error", nullptr, "api_error"},
    {Kind::unavailable, 503, 503, "server_error", "service_unavailable", "api_error"},
    {Kind::timeout, 504, 504, "server_error", "timeout", "timeout_error"},
};

const Words& words_of(Kind kind) {
  for (const Words& w : kWords)
    if (w.kind == kind) return w;
  return kWords[0];
}

// Clients look for "try again in" and one number with its unit, so minutes are told as seconds.
std::string message_of(const ApiError& f) {
  const double wait = f.retry_seconds;
  if (wait <= 0) return f.message;
  const std::string time = wait < 60 ? short_duration(wait) : std::to_string(int64_t(std::ceil(wait))) + "s";
  return f.message + ". Please try again in " + time + ".";
}

// The next two texts must stay as they are: clients recognise them and then shorten the conversation
// and retry.
std::string openai_message(const ApiError& f) {
  if (f.kind != Kind::context_length || !f.limit) return message_of(f);
  return "This model's maximum context length is " + std::to_string(f.limit) +
         " tokens. However, your messages resulted in " + std::to_string(f.tokens) +
         " tokens. Please reduce the length of the messages.";
}

std::string anthropic_message(const ApiError& f) {
  if (f.kind != Kind::context_length || !f.limit) return message_of(f);
  return "prompt is too long: " + std::to_string(f.tokens) + " tokens > " + std::to_string(f.limit) +
         " maximum";
}

// Whether the same request would be refused again however long the client waits: official clients are told not to
// retry. An `unavailable` fault with a code of its own does not pass by waiting.
bool lasts(const ApiError& f) {
  if (f.kind == Kind::unavailable || f.kind == Kind::conflict) return !f.code.empty();
  return f.kind == Kind::quota || (f.kind == Kind::rate_limited && f.retry_seconds <= 0);
}

// Seconds after which the client should try again; 0: not said.
double wait_of(const ApiError& f) {
  if (lasts(f)) return 0;
  if (f.retry_seconds > 0) return f.retry_seconds;
  if (f.kind == Kind::overloaded || f.kind == Kind::conflict) return 1;
  return f.kind == Kind::unavailable ? 2 : 0;
}

Headers headers_of(const ApiError& f) {
  Headers h{{"content-type", "application/json"}};
  if (const double wait = wait_of(f); wait > 0) {
    h.emplace_back("retry-after", std::to_string(int64_t(std::ceil(wait))));
    if (f.retry_seconds > 0)
      h.emplace_back("retry-after-ms", std::to_string(int64_t(std::ceil(wait * 1000 - 1e-6))));
  }
  if (lasts(f)) h.emplace_back("x-should-retry", "false");
  if (f.kind == Kind::authentication) h.emplace_back("www-authenticate", "Bearer");
  return h;
}

Reply reply_of(const ApiError& f, int status, const Headers& left, const Json& body) {
  Reply r{status, headers_of(f), dump_json(body)};
  r.headers.insert(r.headers.end(), left.begin(), left.end());
  return r;
}

}  // namespace

ApiError not_text(const std::string& path, const std::string& type) {
  constexpr size_t kTypeBytes = 40;
  return {.kind = Kind::unsupported,
          .message = path + " has type '" + type.substr(0, kTypeBytes) + "', which is not text",
          .param = path,
          .code = kNotText};
}

Json openai_error(const ApiError& f) {
  const Words& w = words_of(f.kind);
  Json e{{"message", openai_message(f)}, {"type", w.openai_type}, {"param", nullptr}, {"code", nullptr}};
  if (!f.param.empty()) e["param"] = f.param;
  if (!f.code.empty()) e["code"] = f.code;
  if (f.code.empty() && w.openai_code) e["code"] = w.openai_code;
  return Json{{"error", std::move(e)}};
}

// Anthropic has no "code" field. It is added to a 503 because nothing else distinguishes the kinds of 503.
Json anthropic_error(const ApiError& f, std::string_view request_id) {
  Json e{{"type", words_of(f.kind).anthropic_type}, {"message", anthropic_message(f)}};
  if (f.kind == Kind::unavailable && !f.code.empty()) e["code"] = f.code;
  return Json{{"type", "error"}, {"error", std::move(e)}, {"request_id", std::string(request_id)}};
}

ApiError fault_of_status(int status, std::string message) {
  for (const Words& w : kWords)
    if (w.openai_status == status) return {.kind = w.kind, .message = std::move(message)};
  return {.kind = status < 500 ? Kind::invalid : Kind::internal, .message = std::move(message)};
}

Reply openai_reply(const ApiError& f) {
  return reply_of(f, words_of(f.kind).openai_status, openai_headers(f.allowances), openai_error(f));
}

Reply anthropic_reply(const ApiError& f, std::string_view request_id) {
  return reply_of(f, words_of(f.kind).anthropic_status, anthropic_headers(f.allowances, std::time(nullptr)),
                  anthropic_error(f, request_id));
}

}  // namespace autark::api
