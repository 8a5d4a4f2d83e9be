#include "serve/pages.h"
#include <algorithm>
#include <charconv>
#include "http/query.h"

namespace autark::serve {
namespace {

std::string id_of(const Json& element) {
  const auto id = element.is_object() ? element.find("id") : element.end();
  return element.is_object() && id != element.end() && id->is_string() ? id->get<std::string>()
                                                                       : std::string();
}

}  // namespace

api::ApiResult<Page> read_page(const std::string& query, const std::string& usual_order, PageLimits limits) {
  const std::string order = http::query_value(query, "order").value_or(usual_order);
  if (order != "asc" && order != "desc")
    return api::ApiError{.message = "order must be asc or desc", .param = "order"};
  Page page{.limit = limits.limit,
            .newest_first = order == "desc",
            .after = http::query_value(query, "after").value_or("")};
  const std::string limit = http::query_value(query, "limit").value_or(std::to_string(page.limit));
  const auto read = std::from_chars(limit.data(), limit.data() + limit.size(), page.limit);
  const bool whole = read.ec == std::errc() && read.ptr == limit.data() + limit.size();
  if (!whole || page.limit < 1 || page.limit > limits.limit_max)
    return api::ApiError{
        .message = "limit must be a whole number from 1 to " + std::to_string(limits.limit_max),
        .param = "limit"};
  return page;
}

Json page_json(Json elements, bool more) {
  const Json none;
  const Json first = elements.empty() ? none : Json(id_of(elements.front()));
  const Json last = elements.empty() ? none : Json(id_of(elements.back()));
  return {{"object", "list"},
          {"first_id", first},
          {"last_id", last},
          {"has_more", more},
          {"data", std::move(elements)}};
}

api::ApiResult<Json> page_of(Json elements, const std::string& query, const std::string& order) {
  auto read = read_page(query, order);
  if (auto* fault = std::get_if<api::ApiError>(&read)) return std::move(*fault);
  const Page& page = std::get<Page>(read);
  if (page.newest_first) std::reverse(elements.begin(), elements.end());
  Json shown = Json::array();
  bool past = page.after.empty(), more = false;
  for (Json& element : elements) {
    if (past && std::ssize(shown) == page.limit) more = true;
    if (past && !more) shown.push_back(element);
    past = past || id_of(element) == page.after;
  }
  return page_json(std::move(shown), more);
}

}  // namespace autark::serve
