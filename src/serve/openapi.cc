#include "serve/openapi.h"
#include <algorithm>
#include <cctype>
#include <span>
#include "api/bodies.h"
#include "base/version.h"
#include "serve/api_key.h"
#include "serve/batch_object.h"
#include "serve/file_form.h"

namespace autark::serve {
namespace {

enum class Form : uint8_t {
  object,   // JSON
  events,   // JSON, or server-sent events if the body has "stream": true
  bytes,    // of any kind
  metrics,  // text
  status,   // JSON, also with 503
  none,     // 404 always
};

struct Parameter {
  const char* name;
  Json schema;
  const char* in = "query";
};

// One method of one path.
struct Operation {
  const char *method, *path, *summary;
  Form form = Form::object;
  const char* members = "";  // that a whole answer always has, between spaces
  const char* body = "";     // the name of its schema; none: no body
  std::vector<Parameter> parameters = {};
};

const Json kText{{"type", "string"}}, kFlag{{"type", "boolean"}};

Json whole(int64_t least, int64_t most) {
  return {{"type", "integer"}, {"minimum", least}, {"maximum", most}};
}

Json one_of(std::span<const std::string_view> texts) {
  return {{"enum", std::vector<std::string>(texts.begin(), texts.end())}};
}

// The place of a reader in a stored list.
std::vector<Parameter> paged() {
  return {
      {"limit", whole(1, 100)}, {"after", kText}, {"order", {{"type", "string"}, {"enum", {"asc", "desc"}}}}};
}

std::vector<Parameter> completions_listed() {
  std::vector<Parameter> all = paged();
  all.push_back({"model", kText});
  return all;
}

std::vector<Operation> model_operations() {
  constexpr const char* kChat = "id object created model choices usage";
  const Parameter version{"anthropic-version", kText, "header"};
  return {{"POST", "/v1/chat/completions", "A chat completion", Form::events, kChat, "ChatRequest"},
          {"GET", "/v1/chat/completions", "Kept chat completions", Form::object, "object data has_more", "",
           completions_listed()},
          {"GET", "/v1/chat/completions/{id}", "A kept chat completion", Form::object, kChat},
          {"POST", "/v1/chat/completions/{id}", "Sets the metadata of a kept chat completion", Form::object,
           kChat, "MetadataRequest"},
          {"DELETE", "/v1/chat/completions/{id}", "Removes a kept chat completion", Form::object,
           "object id deleted"},
          {"GET", "/v1/chat/completions/{id}/messages", "The messages of a kept chat completion's request",
           Form::object, "object data has_more", "", paged()},
          {"POST", "/beta/chat/completions", "The same, below DeepSeek's base path", Form::events, kChat,
           "ChatRequest"},
          {"POST", "/v1/completions", "Continues prompts", Form::events, kChat, "CompletionRequest"},
          {"POST", "/beta/completions", "The same, below DeepSeek's base path", Form::events, kChat,
           "CompletionRequest"},
          {"POST", "/v1/messages", "A message", Form::events, "id type role content model usage",
           "MessagesRequest"},
          {"POST", "/v1/messages/count_tokens", "The tokens of a message's prompt", Form::object,
           "input_tokens", "CountTokensRequest"},
          {"GET",
           "/v1/models",
           "The models, in Anthropic's form with the header anthropic-version",
           Form::object,
           "data",
           "",
           {version, {"limit", whole(1, 1000)}, {"after_id", kText}, {"before_id", kText}}},
          {"GET", "/v1/models/{id}", "One model", Form::object, "id", "", {version}}};
}

std::vector<Operation> response_operations() {
  constexpr const char* kResponse = "id object created_at status output";
  const std::vector<Parameter> events{{"stream", kFlag}, {"starting_after", whole(-1, int64_t{1} << 40)}};
  return {
      {"POST", "/v1/responses", "A response", Form::events, kResponse, "ResponsesRequest"},
      {"POST", "/v1/responses/input_tokens", "The tokens of a response's input", Form::object, "input_tokens",
       "ResponsesRequest"},
      {"POST", "/v1/responses/compact", "A shorter conversation for the next request", Form::object,
       "id object created_at output usage", "ResponsesRequest"},
      {"GET", "/v1/responses/{id}", "A kept response, or its events", Form::events, kResponse, "", events},
      {"DELETE", "/v1/responses/{id}", "Removes a kept response", Form::object, "id object deleted"},
      {"GET", "/v1/responses/{id}/input_items", "The items of a kept response's request", Form::object,
       "object data", "", paged()},
      {"POST", "/v1/responses/{id}/cancel", "Ends a background response", Form::object, kResponse},
      {"GET", "/v1/responses", "Not supported: a WebSocket, or a list of responses", Form::none},
      {"GET", "/v1/conversations", "Not supported", Form::none},
      {"POST", "/v1/conversations", "Not supported", Form::none},
      {"DELETE", "/v1/conversations", "Not supported", Form::none},
      {"GET", "/v1/conversations/{rest}", "Not supported", Form::none},
      {"POST", "/v1/conversations/{rest}", "Not supported", Form::none},
      {"DELETE", "/v1/conversations/{rest}", "Not supported", Form::none}};
}

std::vector<Operation> file_operations() {
  constexpr const char* kFile = "id object bytes created_at filename purpose status";
  std::vector<Parameter> listed = paged();
  listed[0].schema = whole(1, 10'000);
  listed.push_back({"purpose", kText});
  return {{"POST", "/v1/files", "Keeps a file", Form::object, kFile, "FileForm"},
          {"GET", "/v1/files", "The kept files", Form::object, "object data has_more", "", listed},
          {"GET", "/v1/files/{id}", "A kept file", Form::object, kFile},
          {"GET", "/v1/files/{id}/content", "The bytes of a kept file", Form::bytes},
          {"DELETE", "/v1/files/{id}", "Removes a kept file", Form::object, "id object deleted"}};
}

std::vector<Operation> batch_operations() {
  constexpr const char* kBatch = "id object endpoint status created_at request_counts";
  return {{"POST", "/v1/batches", "Runs the requests of a file", Form::object, kBatch, "BatchRequest"},
          {"GET",
           "/v1/batches",
           "The batches, newest first",
           Form::object,
           "object data has_more",
           "",
           {{"limit", whole(1, 100)}, {"after", kText}}},
          {"GET", "/v1/batches/{id}", "One batch", Form::object, kBatch},
          {"POST", "/v1/batches/{id}/cancel", "Ends a batch; what was answered stays", Form::object, kBatch}};
}

std::vector<Operation> own_operations() {
  return {{"POST", "/v1/cache/clear", "Frees the state that is kept of earlier requests", Form::object,
           "cleared"},
          {"GET", "/v1/engine", "What the server does now", Form::object, "requests"},
          {"POST", "/v1/engine/requests/{id}/cancel", "Ends a request", Form::object, "id cancelled"},
          {"POST", "/tokenize", "The tokens of a text or of a conversation's prompt", Form::object,
           "count max_model_len tokens token_strs", "TokenizeRequest"},
          {"POST", "/detokenize", "The text of tokens", Form::object, "prompt", "DetokenizeRequest"},
          {"GET", "/tokenizer_info", "The special tokens, the size of the vocabulary and the chat template"},
          {"GET", "/server_info", "The model and its chip", Form::object, "version requests_in_flight"},
          {"GET", "/load", "The number of requests under way", Form::object, "server_load"},
          {"GET", "/version", "The program's version", Form::object, "version"},
          {"GET", "/health", "200 while the process lives", Form::object, "status"},
          {"GET", "/ready", "Whether the model is loaded", Form::status, "status"},
          {"GET", "/metrics", "Prometheus text", Form::metrics},
          {"GET", "/api/hello", "Some clients send it as a warm-up"},
          {"GET", "/openapi.json", "This document", Form::object, "openapi info paths"},
          {"POST", "/v1/moderations", "Not configured: the server has no model that classifies texts",
           Form::none},
          {"GET", "/user/balance", "What the key's account has; 404 on a server without accounts",
           Form::object, "is_available balance_infos"}};
}

Json content(std::string_view type, Json schema) {
  return {{std::string(type), {{"schema", std::move(schema)}}}};
}

Json schema_named(const std::string& name) {
  return {{"$ref", "#/components/schemas/" + name}};
}

Json answer_schema(const Operation& o) {
  Json schema{{"type", "object"}};
  for (std::string_view rest = o.members; !rest.empty();) {
    const size_t end = std::min(rest.find(' '), rest.size());
    schema["required"].push_back(std::string(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return schema;
}

// Routes that both APIs have answer in the form that the request's headers ask for.
Json fault_schema(std::string_view path) {
  if (path.starts_with("/v1/messages")) return schema_named("AnthropicError");
  if (!path.starts_with("/v1/models")) return schema_named("OpenAiError");
  return {{"anyOf", {schema_named("OpenAiError"), schema_named("AnthropicError")}}};
}

Json responses(const Operation& o) {
  const Json fault = content("application/json", fault_schema(o.path));
  if (o.form == Form::none) return {{"404", {{"description", "Not supported"}, {"content", fault}}}};
  Json types =
      o.form == Form::metrics ? content("text/plain", kText) : content("application/json", answer_schema(o));
  if (o.form == Form::bytes) types = content("application/octet-stream", Json::object());
  Json loading = o.form == Form::status ? types : fault;
  if (o.form == Form::events) types["text/event-stream"] = Json::object();
  return {{"200", {{"description", "The answer"}, {"content", std::move(types)}}},
          {"503",
           {{"description", "The model is being loaded, or the server is stopping"},
            {"content", std::move(loading)}}},
          {"default", {{"description", "A fault, in the form of the dialect"}, {"content", fault}}}};
}

constexpr std::string_view kJson = "application/json";

std::string_view type_of_body(const Operation& o) {
  return std::string_view(o.body) == "FileForm" ? "multipart/form-data" : kJson;
}

Json parameters(const Operation& o) {
  Json all = Json::array();
  const std::string_view path = o.path;
  if (const size_t at = path.find('{'); at != path.npos)
    all.push_back({{"name", std::string(path.substr(at + 1, path.find('}') - at - 1))},
                   {"in", "path"},
                   {"required", true},
                   {"schema", {{"type", "string"}, {"minLength", 1}}}});
  for (const Parameter& p : o.parameters)
    all.push_back({{"name", p.name}, {"in", p.in}, {"schema", p.schema}});
  if (*o.body && type_of_body(o) == kJson)
    all.push_back(
        {{"name", "idempotency-key"}, {"in", "header"}, {"schema", {{"type", "string"}, {"minLength", 1}}}});
  return all;
}

// "post_v1_responses_id_cancel"
std::string id_of(const Operation& o) {
  std::string id = o.method + std::string(o.path);
  std::erase_if(id, [](char c) { return c == '{' || c == '}'; });
  for (char& c : id) c = std::isalnum(uint8_t(c)) ? char(std::tolower(c)) : '_';
  return id;
}

Json described(const Operation& o, bool key) {
  Json j{{"operationId", id_of(o)}, {"summary", o.summary}, {"responses", responses(o)}};
  if (Json all = parameters(o); !all.empty()) j["parameters"] = std::move(all);
  if (*o.body)
    j["requestBody"] = {{"required", true}, {"content", content(type_of_body(o), schema_named(o.body))}};
  if (key && needs_key(o.path)) j["security"] = {{{"bearer", Json::array()}}, {{"key", Json::array()}}};
  return j;
}

Json object_of(Json properties, Json required) {
  return {{"type", "object"}, {"properties", std::move(properties)}, {"required", std::move(required)}};
}

Json schemas() {
  const Json text_or_null{{"type", {"string", "null"}}};
  Json all = Json::object();
  for (const api::Body& body : api::bodies()) all[body.name] = api::schema_of(body);
  all["TokenizeRequest"] = {{"type", "object"},
                            {"properties",
                             {{"prompt", kText},
                              {"messages", {{"type", "array"}}},
                              {"add_special_tokens", kFlag},
                              {"return_token_strs", kFlag}}},
                            {"examples", {{{"prompt", "Hi"}}}}};
  all["DetokenizeRequest"] =
      object_of({{"tokens", {{"type", "array"}, {"items", whole(0, INT32_MAX)}}}}, {"tokens"});
  all["MetadataRequest"] = object_of({{"metadata", {{"type", {"object", "null"}}}}}, {"metadata"});
  all["FileForm"] = object_of({{"file", {{"type", "string"}, {"format", "binary"}}},
                               {"purpose", one_of(kFilePurposes)},
                               {"expires_after", object_of({{"anchor", {{"const", "created_at"}}},
                                                            {"seconds", whole(kExpiryMin, kExpiryMax)}},
                                                           {"anchor", "seconds"})}},
                              {"file", "purpose"});
  all["BatchRequest"] = object_of(
      {{"input_file_id", kText},
       {"endpoint", one_of(kBatchEndpoints)},
       {"completion_window", kText},
       {"metadata", {{"type", {"object", "null"}}}},
       {"output_expires_after",
        object_of({{"anchor", {{"const", "created_at"}}}, {"seconds", whole(kExpiryMin, kExpiryMax)}},
                  {"anchor", "seconds"})}},
      {"input_file_id", "endpoint"});
  all["OpenAiError"] = object_of(
      {{"error",
        object_of({{"message", kText}, {"type", kText}, {"param", text_or_null}, {"code", text_or_null}},
                  {"message", "type", "param", "code"})}},
      {"error"});
  all["AnthropicError"] =
      object_of({{"type", {{"const", "error"}}},
                 {"error", object_of({{"type", kText}, {"message", kText}}, {"type", "message"})},
                 {"request_id", kText}},
                {"type", "error", "request_id"});
  return all;
}

}  // namespace

Json openapi(bool key) {
  Json paths = Json::object();
  for (const auto& part :
       {model_operations(), response_operations(), file_operations(), batch_operations(), own_operations()})
    for (const Operation& o : part) {
      std::string method = o.method;
      for (char& c : method) c = char(std::tolower(c));
      paths[o.path][method] = described(o, key);
    }
  Json components{{"schemas", schemas()}};
  if (key)
    components["securitySchemes"] = {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}},
                                     {"key", {{"type", "apiKey"}, {"in", "header"}, {"name", "x-api-key"}}}};
  return {{"openapi", "3.1.0"},
          {"info", {{"title", "autark"}, {"version", version()}}},
          {"paths", std::move(paths)},
          {"components", std::move(components)}};
}

}  // namespace autark::serve
