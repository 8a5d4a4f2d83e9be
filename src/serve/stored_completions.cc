#include "serve/stored_completions.h"
#include "api/openai_fields.h"
#include "http/message.h"
#include "serve/pages.h"

namespace autark::serve {
namespace {

constexpr const char* kPrefix = "chatcmpl-";
constexpr int kBatch = 100, kBatchesMax = 50;  // of completions that a filter looks at

api::ApiError unknown(const std::string& id) {
  return {.kind = api::ApiError::Kind::not_found,
          .message = "Chat completion with id '" + id.substr(0, 100) + "' not found.",
          .code = "not_found"};
}

// What a listed completion must have.
struct Filter {
  std::optional<std::string> model;
  std::vector<std::pair<std::string, std::string>> metadata;

  explicit Filter(std::string_view query) {
    while (!query.empty()) {
      const std::string_view part = query.substr(0, query.find('&'));
      query.remove_prefix(std::min(query.size(), part.size() + 1));
      add(part.substr(0, part.find('=')), part.substr(std::min(part.size(), part.find('=') + 1)));
    }
  }
  void add(std::string_view name, std::string_view value) {
    constexpr std::string_view kMetadata = "metadata[";
    const auto key = http::percent_decoded(name), text = http::percent_decoded(value);
    if (!key || !text) return;
    if (*key == "model") model = *text;
    if (key->starts_with(kMetadata) && key->ends_with("]"))
      metadata.emplace_back(key->substr(kMetadata.size(), key->size() - kMetadata.size() - 1), *text);
  }
  bool takes(const Json& completion) const {
    if (model && completion.value("model", Json()) != *model) return false;
    const Json own = completion.value("metadata", Json::object());
    for (const auto& [key, value] : metadata)
      if (!own.is_object() || !own.contains(key) || own[key] != value) return false;
    return true;
  }
};

// The messages of a request with ids. Content is a text, or its parts.
Json named(const Json& messages, const std::string& id) {
  Json all = Json::array();
  for (const Json& message : messages) {
    Json m{{"id", id + "-" + std::to_string(all.size())}};
    if (message.is_object()) m.update(message);
    m["content_parts"] = nullptr;
    if (m.contains("content") && m["content"].is_array()) std::swap(m["content_parts"], m["content"]);
    if (!m.contains("refusal")) m["refusal"] = nullptr;
    all.push_back(std::move(m));
  }
  return all;
}

}  // namespace

Exchange::Hooks StoredCompletions::hooks(const std::string& owner, const std::string& id) {
  struct Draft {
    StoredResponses::Draft kept;
    Json metadata = Json::object();
  };
  const auto draft = std::make_shared<Draft>();
  Exchange::Hooks hooks;
  hooks.expand = [draft](Json& body) -> std::optional<api::ApiError> {
    if (!body.is_object() || body.value("store", Json()) != true) return {};
    draft->kept.input = body.value("messages", Json::array());
    draft->kept.bytes = dump_json(draft->kept.input).size();
    if (const Json given = body.value("metadata", Json()); given.is_object()) draft->metadata = given;
    return {};
  };
  hooks.keep = [this, draft, owner, id = kPrefix + id](size_t bytes, std::function<std::string()> body) {
    const auto whole = [draft, body = std::move(body)] {
      auto json = parse_json(body(), "a completion");
      if (!json) return std::string("{}");
      (*json)["metadata"] = draft->metadata;
      return dump_json(*json);
    };
    kept_.keep(owner, id, bytes, whole, {draft, &draft->kept});
  };
  return hooks;
}

api::ApiResult<Json> StoredCompletions::list(const std::string& owner, const std::string& query) {
  auto read = read_page(query, "asc");
  if (auto* fault = std::get_if<api::ApiError>(&read)) return std::move(*fault);
  Page page = std::get<Page>(read);
  const Filter filter(query);
  Json shown = Json::array();
  for (int batch = 0; batch < kBatchesMax; ++batch) {
    auto found = kept_.list(owner, kPrefix, page.after, page.newest_first, kBatch);
    if (auto* fault = std::get_if<api::ApiError>(&found)) return std::move(*fault);
    for (Json& completion : std::get<std::vector<Json>>(found)) {
      page.after = completion.value("id", "");
      if (!filter.takes(completion)) continue;
      if (std::ssize(shown) == page.limit) return page_json(std::move(shown), true);
      shown.push_back(std::move(completion));
    }
    if (std::ssize(std::get<std::vector<Json>>(found)) < kBatch) break;
  }
  return page_json(std::move(shown), false);
}

api::ApiResult<Json> StoredCompletions::find(const std::string& owner, const std::string& id) const {
  if (!id.starts_with(kPrefix)) return unknown(id);
  return kept_.find(owner, id);
}

api::ApiResult<Json> StoredCompletions::messages(const std::string& owner, const std::string& id,
                                                 const std::string& query) const {
  if (!id.starts_with(kPrefix)) return unknown(id);
  auto kept = kept_.input(owner, id);
  if (std::holds_alternative<api::ApiError>(kept)) return kept;
  return page_of(named(std::get<Json>(kept), id), query, "asc");
}

api::ApiResult<Json> StoredCompletions::set_metadata(const std::string& owner, const std::string& id,
                                                     std::string_view body) {
  auto json = parse_json(body, "the request body");
  if (!json) return api::ApiError{.message = json.error().message};
  api::Fields f(*json);
  api::Request read;
  api::read_openai_metadata(f, read);
  if (!f.fault() && !json->contains("metadata")) f.fail("metadata", "is missing");
  if (f.fault()) return *f.fault();
  auto found = find(owner, id);
  if (std::holds_alternative<api::ApiError>(found)) return found;
  const Json metadata = (*json)["metadata"].is_null() ? Json::object() : (*json)["metadata"];
  if (auto fault = kept_.change(owner, id, [&](Json& kept) { kept["metadata"] = metadata; }))
    return std::move(*fault);
  return kept_.find(owner, id);
}

api::ApiResult<Json> StoredCompletions::erase(const std::string& owner, const std::string& id) {
  if (!id.starts_with(kPrefix)) return unknown(id);
  if (auto fault = kept_.erase(owner, id)) return std::move(*fault);
  return Json{{"object", "chat.completion.deleted"}, {"id", id}, {"deleted", true}};
}

}  // namespace autark::serve
