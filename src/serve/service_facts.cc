// The routes that say what is served, and what its tokens are: /version, /load, /server_info, /tokenize,
// /detokenize and /tokenizer_info, in the form that evaluation harnesses and routers know from vLLM.
#include "api/openai_fields.h"
#include "base/version.h"
#include "serve/service.h"

namespace autark::serve {
namespace {

using Read = api::ApiResult<api::Request>;

// {"messages": …} as for a chat completion, or {"prompt": "text"}.
Read read_text(const Json& body) {
  if (body.is_object() && body.contains("messages")) return api::openai_chat().decode(body);
  api::Request r;
  api::Fields f(body);
  r.model = f.fault() ? std::string() : api::read_model(f);
  const auto prompt = f.text("prompt");
  if (!f.fault() && !prompt) f.fail("prompt", "is missing");
  r.add_special = f.flag("add_special_tokens").value_or(true);
  r.parse_special = true;
  if (f.fault()) return *f.fault();
  r.prompts.emplace_back(*prompt);
  return r;
}

// The text of each token.
api::ApiResult<Json> texts_of(const std::vector<int32_t>& ids, const api::Backend& backend) {
  Json texts = Json::array();
  for (const int32_t id : ids) {
    auto text = backend.detokenize({&id, 1});
    if (auto* fault = std::get_if<api::ApiError>(&text)) return std::move(*fault);
    texts.push_back(std::get<std::string>(std::move(text)));
  }
  return texts;
}

api::ApiResult<Json> tokenized(const Exchange& exchange, const Json& body, const api::Backend& backend) {
  auto read = read_text(body);
  if (auto* fault = std::get_if<api::ApiError>(&read)) return std::move(*fault);
  if (auto fault = exchange.admit(std::get<api::Request>(read), backend)) return std::move(*fault);
  auto tokens = backend.tokenize(std::get<api::Request>(read));
  if (auto* fault = std::get_if<api::ApiError>(&tokens)) return std::move(*fault);
  const auto& ids = std::get<std::vector<int32_t>>(tokens);
  Json texts;
  if (body.value("return_token_strs", Json()) == true) {
    auto made = texts_of(ids, backend);
    if (auto* fault = std::get_if<api::ApiError>(&made)) return std::move(*fault);
    texts = std::get<Json>(std::move(made));
  }
  return Json{{"count", ids.size()},
              {"max_model_len", backend.models().front().context},
              {"tokens", ids},
              {"token_strs", std::move(texts)}};
}

api::ApiResult<Json> detokenized(const Exchange&, const Json& body, const api::Backend& backend) {
  api::Fields f(body);
  const Json* list = f.fault() ? nullptr : f.array("tokens");
  if (!f.fault() && !list) f.fail("tokens", "is missing");
  std::vector<int32_t> ids;
  if (list) ids = api::read_tokens(f, "tokens", *list);
  if (f.fault()) return *f.fault();
  auto text = backend.detokenize(ids);
  if (auto* fault = std::get_if<api::ApiError>(&text)) return std::move(*fault);
  return Json{{"prompt", std::get<std::string>(text)}};
}

using Make = api::ApiResult<Json> (*)(const Exchange& exchange, const Json& body,
                                      const api::Backend& backend);

// Answers a body with what `make` makes of it.
void answer_made(Exchange& exchange, std::string_view text, const api::Backend& backend, Make make) {
  auto body = parse_json(text, "the request body");
  if (!body) return exchange.refuse({.message = body.error().message});
  auto made = make(exchange, *body, backend);
  if (auto* fault = std::get_if<api::ApiError>(&made)) return exchange.refuse(std::move(*fault));
  exchange.answer(std::get<Json>(made));
}

}  // namespace

void Service::fact_routes(http::Router& router) {
  const auto add = [&](const char* method, const char* path, Work work) {
    router.add(method, path, [this, path, work](http::Request request, http::StreamPtr stream) {
      take(api::openai_chat(), path, std::move(request), std::move(stream), work);
    });
  };
  add("POST", "/tokenize",
      [](Exchange& e, std::string_view body, api::Backend& b) { answer_made(e, body, b, &tokenized); });
  add("POST", "/detokenize",
      [](Exchange& e, std::string_view body, api::Backend& b) { answer_made(e, body, b, &detokenized); });
  add("GET", "/tokenizer_info", [](Exchange& e, std::string_view, api::Backend& b) {
    auto info = b.tokenizer_info();
    if (auto* fault = std::get_if<api::ApiError>(&info)) return e.refuse(std::move(*fault));
    e.answer(std::get<Json>(info));
  });
  add("GET", "/server_info", [this](Exchange& e, std::string_view, api::Backend& b) {
    Json facts{{"version", version()}, {"requests_in_flight", in_flight()}};
    facts.update(b.about());
    e.answer(facts);
  });
  router.add("GET", "/load", [this](http::Request, http::StreamPtr stream) {
    reply("/load", stream, json_response(200, {{"server_load", in_flight()}}));
  });
  router.add("GET", "/version", [this](http::Request, http::StreamPtr stream) {
    reply("/version", stream, json_response(200, {{"version", version()}}));
  });
}

}  // namespace autark::serve
