#include "api/models.h"
#include <algorithm>
#include <charconv>
#include "api/rfc3339.h"

namespace autark::api {
namespace {

// The value of `name` in "a=1&b=2"; empty when absent.
std::string_view parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.substr(0, pair.find('=')) == name && pair.size() > name.size())
      return pair.substr(name.size() + 1);
  }
  return {};
}

Json supported(bool is) {
  return {{"supported", is}};
}

// What this server can do with the model. `effort` goes to the template, whatever it makes of it.
Json capabilities(const ModelEntry& m) {
  Json context = supported(false), effort = supported(m.thinks), tools = supported(false),
       thinking = supported(m.thinks);
  for (const char* edit : {"clear_thinking_20251015", "clear_tool_uses_20250919", "compact_20260112"})
    context[edit] = supported(false);
  for (const char* level : {"low", "medium", "high", "xhigh", "max"}) effort[level] = supported(m.thinks);
  for (const char* tool : {"code_execution", "web_search"}) tools[tool] = supported(false);
  thinking["types"] = {{"adaptive", supported(m.thinks)},
                       {"between_tools", supported(m.thinks)},
                       {"disabled", supported(m.chat)},
                       {"enabled", supported(m.thinks)}};
  return {{"batch", supported(false)},
          {"citations", supported(false)},
          {"code_execution", supported(false)},
          {"context_management", std::move(context)},
          {"effort", std::move(effort)},
          {"image_input", supported(false)},
          {"pdf_input", supported(false)},
          {"server_tools", std::move(tools)},
          {"structured_outputs", supported(true)},
          {"thinking", std::move(thinking)}};
}

}  // namespace

Json openai_model(const ModelEntry& m) {
  return Json{{"id", m.id}, {"object", "model"}, {"created", m.created}, {"owned_by", "autark"}};
}

Json anthropic_model(const ModelEntry& m) {
  return Json{{"type", "model"},
              {"id", m.id},
              {"display_name", m.display_name},
              {"created_at", rfc3339(m.created)},
              {"max_input_tokens", m.context},
              {"max_tokens", m.context},
              {"capabilities", capabilities(m)},
              {"lifecycle", "active"},
              {"line", nullptr},
              {"deprecated_at", nullptr},
              {"retires_at", nullptr}};
}

Json openai_models(const std::vector<ModelEntry>& all) {
  Json data = Json::array();
  for (const ModelEntry& m : all) data.push_back(openai_model(m));
  return Json{{"object", "list"}, {"data", std::move(data)}};
}

ApiResult<Json> anthropic_models(const std::vector<ModelEntry>& all, std::string_view query) {
  int limit = 20;
  if (const std::string_view text = parameter(query, "limit"); !text.empty()) {
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), limit);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || limit < 1 || limit > 1000)
      return ApiError{.message = "limit must be a whole number from 1 to 1000", .param = "limit"};
  }
  auto first = all.begin(), last = all.end();
  const auto with_id = [&](std::string_view id) {
    return std::find_if(all.begin(), all.end(), [&](const ModelEntry& m) { return m.id == id; });
  };
  if (const auto after = parameter(query, "after_id"); !after.empty() && with_id(after) != all.end())
    first = with_id(after) + 1;
  if (const auto before = parameter(query, "before_id"); !before.empty() && with_id(before) != all.end())
    last = with_id(before);
  Json data = Json::array();
  for (auto m = first; m < last && int(data.size()) < limit; ++m) data.push_back(anthropic_model(*m));
  const bool more = last - first > std::ssize(data);
  const Json first_id = data.empty() ? Json() : data.front()["id"],
             last_id = data.empty() ? Json() : data.back()["id"];
  return Json{{"data", std::move(data)}, {"has_more", more}, {"first_id", first_id}, {"last_id", last_id}};
}

}  // namespace autark::api
