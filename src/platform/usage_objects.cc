#include "platform/usage_objects.h"
#include <algorithm>
#include <charconv>
#include <map>
#include "platform/usage_report.h"

namespace autark::platform {
namespace {

// The widths of buckets: their seconds, how many a page has, and how many it can have.
struct Width {
  std::string_view name, unit;
  int64_t seconds, standard, most;
};
constexpr Width kWidths[] = {
    {"1m", "minute", 60, 60, 1440}, {"1h", "hour", 3600, 24, 168}, {"1d", "day", 86'400, 7, 31}};

// What results can be grouped by, and the column of UsageQuery::by that tells it.
struct Group {
  std::string_view name, column;
};
constexpr Group kGroups[] = {{"project_id", "workspace"}, {"user_id", "user"},  {"api_key_id", "key"},
                             {"model", "model"},          {"batch", "service"}, {"service_tier", "service"},
                             {"api_source", ""}};

constexpr int64_t kLastSecond = 253'402'300'799;  // of the year 9999

Error wrong(const char* name, const std::string& sentence) {
  return {Code::invalid, "'" + std::string(name) + "' " + sentence};
}

// The span of one page, in seconds.
struct Page {
  const Width* width = nullptr;
  int64_t first = 0, buckets = 0, end = 0;  // end: of the whole query, not included
  int64_t last() const { return first + buckets * width->seconds; }
};

Result<Page> page_of(const CompletionsUsageQuery& q, Micros now) {
  Page page{.width = std::ranges::find(kWidths, q.bucket_width, &Width::name),
            .end = q.end_time.value_or(now / kSecond + 1)};
  if (page.width == std::end(kWidths)) return wrong("bucket_width", "must be 1m, 1h or 1d");
  if (q.start_time < 0 || q.start_time > kLastSecond)
    return wrong("start_time", "must be seconds since 1970");
  if (q.end_time && (page.end <= q.start_time || page.end > kLastSecond))
    return wrong("end_time", "must be seconds since 1970, after 'start_time'");
  const int64_t limit = q.limit.value_or(page.width->standard), width = page.width->seconds;
  if (limit < 1 || limit > page.width->most)
    return wrong("limit",
                 "must be from 1 to " + std::to_string(page.width->most) + " for this 'bucket_width'");
  page.first = q.start_time / width * width;
  if (!q.page.empty()) {
    const bool named = q.page.starts_with("page_");
    int64_t first = -1;
    const auto [end, fault] =
        std::from_chars(q.page.data() + (named ? 5 : 0), q.page.data() + q.page.size(), first);
    if (!named || fault != std::errc() || end != q.page.data() + q.page.size() || first < page.first ||
        first >= page.end || first % width)
      return wrong("page", "must be 'next_page' of an answer to the same query");
    page.first = first;
  }
  page.buckets = std::clamp<int64_t>((page.end - page.first + width - 1) / width, 0, limit);
  return page;
}

Result<UsageQuery> query_of(const CompletionsUsageQuery& q, const Page& page) {
  UsageQuery u{.from = std::max(page.first, q.start_time) * kSecond,
               .to = std::max<Micros>(std::min(page.last(), page.end) * kSecond, 1),
               .account = q.account,
               .workspaces = q.project_ids,
               .keys = q.api_key_ids,
               .models = q.models,
               .users = q.user_ids,
               .by = {std::string(page.width->unit)}};
  if (q.batch)
    u.services = *q.batch ? std::vector<std::string>{"batch"}
                          : std::vector<std::string>{"standard", "priority", "flex"};
  for (const std::string& name : q.group_by) {
    const auto* group = std::ranges::find(kGroups, name, &Group::name);
    if (group == std::end(kGroups))
      return wrong("group_by",
                   "can be project_id, user_id, api_key_id, model, batch, service_tier and api_source");
    const std::string column(group->column);
    if (!column.empty() && std::ranges::find(u.by, column) == u.by.end()) u.by.push_back(column);
  }
  return u;
}

// The values that a row has for the groups that were asked for; null for others.
Json groups_of(const CompletionsUsageQuery& q, const UsageQuery& u, const UsageRow& row) {
  Json groups = Json::object();
  for (const Group& group : kGroups) {
    Json& value = groups[group.name];
    if (std::ranges::find(q.group_by, group.name) == q.group_by.end()) continue;
    const size_t i = size_t(std::ranges::find(u.by, group.column) - u.by.begin());
    const std::string text = i < row.keys.size() ? row.keys[i] : "";
    if (group.name == "batch")
      value = text == "batch";
    else if (group.name == "api_source")
      value = "unlabeled";
    else
      value = group.name == "service_tier" && text == "standard" ? "default" : text;
  }
  return groups;
}

Json result_of(const UsageRow& row, const Json& groups) {
  const Tokens& k = row.tokens;
  const int64_t output = k.output + k.reasoning;
  Json result = {{"object", "organization.usage.completions.result"},
                 {"input_tokens", k.input + k.cached + k.cache_write},
                 {"output_tokens", output},
                 {"num_model_requests", row.requests},
                 {"input_cached_tokens", k.cached},
                 {"input_uncached_tokens", k.input},
                 {"input_cache_write_tokens", k.cache_write},
                 {"input_text_tokens", k.input},
                 {"input_cached_text_tokens", k.cached},
                 {"output_text_tokens", output}};
  for (const char* name : {"input_audio_tokens", "input_cached_audio_tokens", "output_audio_tokens",
                           "input_image_tokens", "input_cached_image_tokens", "output_image_tokens"})
    result[name] = 0;
  result.update(groups);
  return result;
}

void add(UsageRow& into, const UsageRow& more) {
  into.requests += more.requests;
  Tokens& a = into.tokens;
  const Tokens& b = more.tokens;
  a = {a.input + b.input, a.cached + b.cached, a.cache_write + b.cache_write, a.output + b.output,
       a.reasoning + b.reasoning};
}

// Rows that differ only in a column that was not asked for become one result.
Json results_of(const CompletionsUsageQuery& q, const UsageQuery& u, std::span<const UsageRow> rows) {
  std::vector<std::pair<Json, UsageRow>> results;
  std::map<std::string, size_t> places;
  for (const UsageRow& row : rows) {
    Json groups = groups_of(q, u, row);
    const auto [place, is_new] = places.try_emplace(dump_json(groups), results.size());
    if (is_new) results.emplace_back(std::move(groups), UsageRow{});
    add(results[place->second].second, row);
  }
  Json list = Json::array();
  for (const auto& [groups, row] : results) list.push_back(result_of(row, groups));
  return list;
}

}  // namespace

Result<Json> completions_usage(storage::Database& database, const CompletionsUsageQuery& q, Micros now) {
  AUTARK_TRY(const Page page, page_of(q, now));
  AUTARK_TRY(const UsageQuery u, query_of(q, page));
  UsageReport report;
  if (page.buckets > 0) {
    AUTARK_TRY(report, usage(database, u));
  }
  Json data = Json::array();
  const int64_t width = page.width->seconds;
  size_t row = 0;
  for (int64_t start = page.first; start < page.last(); start += width) {
    const size_t first = row;
    while (row < report.rows.size() && report.rows[row].start < (start + width) * kSecond) ++row;
    data.push_back(Json{{"object", "bucket"},
                        {"start_time", start},
                        {"end_time", start + width},
                        {"results", results_of(q, u, std::span(report.rows).subspan(first, row - first))}});
  }
  const bool has_more = page.last() < page.end;
  return Json{{"object", "page"},
              {"data", std::move(data)},
              {"has_more", has_more},
              {"next_page", has_more ? Json("page_" + std::to_string(page.last())) : Json()}};
}

}  // namespace autark::platform
