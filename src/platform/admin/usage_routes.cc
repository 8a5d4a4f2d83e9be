// What was used, as JSON and CSV.
#include "platform/admin/operation.h"
#include "platform/admin/query_fields.h"
#include "platform/usage_report.h"

namespace autark::platform::admin {
namespace {

using api::ApiError;

constexpr Micros kUsualTime = 30 * kDay;  // before `to`, without `from`
constexpr int64_t kRows = 1000, kRowsMost = 10'000, kCsvRowsMost = 1'000'000, kAfterMost = int64_t{1} << 40;

const std::vector<Parameter> kParameters = {
    {"from", "text", "a time or a date; 30 days before `to` if it is not given"},
    {"to", "text", "a time or a date; now if it is not given"},
    {"by", "text",
     "of minute, hour, day, workspace, key, model, user, service, outcome, with commas between them"},
    {"workspace", "text", "an id or a name"},
    {"key", "text", "an id or a name"},
    {"model"},
    {"user"},
    {"limit", "count"},
    {"after", "count", "rows to skip"}};

// The ids of the workspaces or keys that a filter names; one that the caller does not see is not found.
template <class T, class Find>
std::optional<ApiError> resolve(std::vector<std::string>& names, Find find) {
  for (std::string& name : names) {
    api::ApiResult<T> found = find(name);
    if (auto* fault = std::get_if<ApiError>(&found)) return std::move(*fault);
    name = std::get<T>(found).id;
  }
  return {};
}

// Narrows the query to what the caller sees.
std::optional<ApiError> narrow(const Visit& v, UsageQuery& query) {
  if (auto fault = refused(v, Act::see)) return fault;
  if (auto fault = resolve<Workspace>(
          query.workspaces, [&](const auto& name) { return v.directory().workspace(v.actor, name); }))
    return fault;
  if (auto fault =
          resolve<Key>(query.keys, [&](const auto& name) { return v.directory().key(v.actor, name); }))
    return fault;
  if (!sees_all(v.actor) && query.workspaces.empty()) query.workspaces = v.actor.workspaces;
  if (!sees_all(v.actor) && query.workspaces.empty()) query.workspaces = {"none"};  // of no workspace
  return {};
}

struct Asked {
  UsageQuery query;
  std::string currency;
};

api::ApiResult<Asked> asked(const Visit& v, int64_t rows, int64_t rows_most) {
  QueryFields q(v.request.query);
  UsageQuery query{.to = q.time("to").value_or(v.now), .account = v.actor.account};
  query.from = q.time("from").value_or(query.to - kUsualTime);
  query.by = q.words("by");
  query.workspaces = q.texts("workspace");
  query.keys = q.texts("key");
  query.models = q.texts("model");
  query.users = q.texts("user");
  query.limit = q.integer("limit", 1, rows_most).value_or(rows);
  query.after = q.integer("after", 0, kAfterMost).value_or(0);
  if (auto fault = q.fault()) return std::move(*fault);
  if (auto fault = narrow(v, query)) return std::move(*fault);
  auto account = account_of(v);
  if (auto* fault = std::get_if<ApiError>(&account)) return std::move(*fault);
  auto zone = TimeZone::named(v.platform.parts.file.time_zone);
  if (!zone) return fault_of(zone.error());
  query.zone = std::move(*zone);
  return Asked{std::move(query), std::get<Account>(account).currency};
}

Answered show_usage(Visit& v) {
  auto read = asked(v, kRows, kRowsMost);
  if (auto* fault = std::get_if<ApiError>(&read)) return std::move(*fault);
  const Asked& a = std::get<Asked>(read);
  const auto report = usage(v.platform.database(), a.query);
  if (!report) return fault_of(report.error());
  return Answer{.body = usage_json(a.query, *report, a.currency)};
}

Answered show_usage_csv(Visit& v) {
  auto read = asked(v, 0, kCsvRowsMost);
  if (auto* fault = std::get_if<ApiError>(&read)) return std::move(*fault);
  const Asked& a = std::get<Asked>(read);
  const auto report = usage(v.platform.database(), a.query);
  if (!report) return fault_of(report.error());
  return Answer{.headers = {{"content-type", "text/csv; charset=utf-8"},
                            {"content-disposition", "attachment; filename=\"usage.csv\""}},
                .text = usage_csv(a.query, *report, a.currency)};
}

}  // namespace

std::vector<Operation> usage_operations() {
  return {{.method = "GET",
           .path = "/usage",
           .summary = "Sums of what was used",
           .roles = kAll,
           .handler = show_usage,
           .answer = "Usage",
           .parameters = kParameters},
          {.method = "GET",
           .path = "/usage.csv",
           .summary = "The same as CSV, all rows",
           .roles = kAll,
           .handler = show_usage_csv,
           .answer = "csv",
           .parameters = kParameters}};
}

}  // namespace autark::platform::admin
