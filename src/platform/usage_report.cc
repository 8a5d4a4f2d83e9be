#include "platform/usage_report.h"
#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include "platform/money.h"
#include "platform/sql_rows.h"

namespace autark::platform {
namespace {

using storage::Row;
using storage::Value;

constexpr Micros kHour = 60 * kMinute;
constexpr size_t kRowsMax = 1'000'000, kFilterMax = 1'000;
// With it all seconds have as many digits: texts of them are in the order of time.
constexpr int64_t kSortable = 10'000'000'000'000;

struct Column {
  std::string_view name;  // in UsageQuery::by
  const char* sql;
  bool in_hours;  // whether the sums by hour tell it apart
};
constexpr Column kColumns[] = {{"workspace", "workspace", true}, {"key", "api_key", true},
                               {"model", "model", true},         {"user", "end_user", false},
                               {"service", "service", true},     {"outcome", "outcome", true}};

const Column* column_named(std::string_view name) {
  const auto* found = std::ranges::find(kColumns, name, &Column::name);
  return found == std::end(kColumns) ? nullptr : found;
}

// A stretch of time with one offset from UTC, read from one table.
struct Stretch {
  Micros from = 0, to = 0, offset = 0;
  bool by_hour = false;  // from usage_hour
};

// The sums of one query.
class Summary {
 public:
  explicit Summary(const UsageQuery& query) : query_(query) {}

  std::optional<Error> check() {
    for (const std::string& name : query_.by) {
      const bool is_time = name == "minute" || name == "hour" || name == "day";
      if (is_time && !unit_.empty())
        return Error{Code::invalid, "by: only one of minute, hour and day can be used"};
      if (is_time) unit_ = name;
      const Column* column = column_named(name);
      if (!is_time && !column)
        return Error{Code::invalid,
                     "by: use minute, hour, day, workspace, key, model, user, service and outcome"};
      if (std::ranges::count(query_.by, name) > 1)
        return Error{Code::invalid, "by: " + name + " occurs twice"};
      if (column) hours_are_enough_ &= column->in_hours;
    }
    hours_are_enough_ &= unit_ != "minute" && query_.users.empty();
    for (const auto* filter : filters())
      if (filter->size() > kFilterMax) return Error{Code::invalid, "a filter can have 1,000 values at most"};
    return std::nullopt;
  }

  std::optional<Error> read(storage::Transaction& t) {
    rows_.clear();
    for (const Stretch& stretch : stretches()) {
      std::vector<Value> values;
      const std::string sql = statement(stretch, values);
      if (auto fault = t.each(sql, values, [&](const Row& row) { return add(stretch, row); })) return fault;
    }
    return std::nullopt;
  }

  // Called once. What it takes leaves memory here.
  UsageReport report() {
    UsageReport report;
    for (int64_t number = 0; !rows_.empty(); ++number) {
      auto node = rows_.extract(rows_.begin());
      UsageRow& row = node.mapped();
      sum(report.total, row);
      const bool is_wanted =
          number >= query_.after && (query_.limit == 0 || number - query_.after < query_.limit);
      report.has_more |= number >= query_.after && !is_wanted;
      if (!is_wanted) continue;
      row.keys = std::move(node.key());
      for (size_t i = 0; i < row.keys.size(); ++i)
        if (query_.by[i] == unit_) row.keys[i] = query_.zone.rfc3339(row.start);
      report.rows.push_back(std::move(row));
    }
    return report;
  }

 private:
  std::array<const std::vector<std::string>*, 6> filters() const {
    return {&query_.workspaces, &query_.keys,     &query_.models,
            &query_.users,      &query_.services, &query_.outcomes};
  }

  std::vector<Stretch> stretches() const {
    const Micros from = std::max<Micros>(query_.from, 0), to = query_.to ? query_.to : system_now();
    std::vector<Stretch> all;
    if (unit_.empty() || unit_ == "minute") {
      cut(all, {.from = from, .to = to});
      return all;
    }
    for (Micros begin = from; begin < to;) {
      const Micros end = query_.zone.next_change(begin, to);
      cut(all, {.from = begin, .to = end, .offset = query_.zone.at(begin).offset});
      begin = end;
    }
    return all;
  }

  // Whole hours are read from their sums, what is before and behind them from the requests.
  void cut(std::vector<Stretch>& all, Stretch s) const {
    const Micros first = (s.from + kHour - 1) / kHour * kHour, last = s.to / kHour * kHour;
    if (!hours_are_enough_ || s.offset % kHour != 0 || first >= last) return all.push_back(s);
    if (s.from < first) all.push_back({s.from, first, s.offset, false});
    all.push_back({first, last, s.offset, true});
    if (last < s.to) all.push_back({last, s.to, s.offset, false});
  }

  std::string statement(const Stretch& s, std::vector<Value>& values) const {
    const std::string time = s.by_hour ? "hour" : "time";
    std::string sql = "SELECT ";
    for (const std::string& name : query_.by) {
      if (const Column* column = column_named(name)) {
        sql += std::string(column->sql) + ", ";
      } else {
        const Micros width = name == "day" ? kDay : name == "hour" ? kHour : kMinute;
        sql += "(" + time + " + " + std::to_string(s.offset) + ") / " + std::to_string(width) + ", ";
      }
    }
    sql += s.by_hour ? "CAST(COALESCE(SUM(requests), 0) AS BIGINT)" : "COUNT(*)";
    for (const char* class_ : {"input", "cached", "cache_write", "output", "reasoning", "cost"})
      sql += std::string(", CAST(COALESCE(SUM(") + class_ + "), 0) AS BIGINT)";
    sql += std::string(" FROM ") + (s.by_hour ? "usage_hour" : "usage") + where(s, time, values);
    for (size_t i = 0; i < query_.by.size(); ++i) sql += (i ? ", " : " GROUP BY ") + std::to_string(i + 1);
    return sql + " LIMIT " + std::to_string(kRowsMax + 1);
  }

  std::string where(const Stretch& s, const std::string& time, std::vector<Value>& values) const {
    values = {s.from, s.to};
    std::string sql = " WHERE " + time + " >= $1 AND " + time + " < $2";
    const auto among = [&](const char* column, const std::vector<std::string>& list) {
      if (list.empty()) return;
      sql += std::string(" AND ") + column + " IN (" + list_text(values.size() + 1, list.size()) + ")";
      values.insert(values.end(), list.begin(), list.end());
    };
    if (!query_.account.empty()) among("account", {query_.account});
    for (size_t i = 0; i < std::size(kColumns); ++i) among(kColumns[i].sql, *filters()[i]);
    return sql;
  }

  std::optional<Error> add(const Stretch& stretch, const Row& row) {
    const size_t first = query_.by.size();
    UsageRow one;
    for (size_t i = 0; i < first; ++i) {
      if (query_.by[i] == unit_) {
        one.start = start_of(row.number(i), stretch.offset);
        one.keys.push_back(std::to_string(kSortable + one.start / kSecond));
      } else {
        one.keys.push_back(row.text(i));
      }
    }
    one.requests = row.number(first);
    one.tokens = {row.number(first + 1), row.number(first + 2), row.number(first + 3), row.number(first + 4),
                  row.number(first + 5)};
    one.cost = row.number(first + 6);
    if (one.requests == 0) return {};
    UsageRow& sums = rows_[std::move(one.keys)];
    sums.start = one.start;
    sum(sums, one);
    if (rows_.size() <= kRowsMax) return {};
    return Error{Code::invalid,
                 "the report would have more than 1,000,000 rows: ask for a shorter time or less detail"};
  }

  Micros start_of(int64_t number, Micros offset) const {
    if (unit_ == "day") return query_.zone.start_of_day(number);
    return number * (unit_ == "hour" ? kHour : kMinute) - offset;
  }

  static void sum(UsageRow& into, const UsageRow& more) {
    into.requests = saturating_sum(into.requests, more.requests);
    into.cost = saturating_sum(into.cost, more.cost);
    Tokens& a = into.tokens;
    const Tokens& b = more.tokens;
    a = {saturating_sum(a.input, b.input), saturating_sum(a.cached, b.cached),
         saturating_sum(a.cache_write, b.cache_write), saturating_sum(a.output, b.output),
         saturating_sum(a.reasoning, b.reasoning)};
  }

  const UsageQuery& query_;
  std::string unit_;  // minute, hour, day or empty
  bool hours_are_enough_ = true;
  std::map<std::vector<std::string>, UsageRow> rows_;
};

bool is_number(const std::string& text) {
  double number;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  return fault == std::errc() && end == text.data() + text.size();
}

// A field of RFC 4180. Spreadsheets take what begins with these characters for a formula.
std::string csv_field(const std::string& text) {
  const bool is_formula =
      !text.empty() && std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos;
  const std::string safe = is_formula && !is_number(text) ? "'" + text : text;
  if (safe.find_first_of(",\"\r\n") == safe.npos) return safe;
  std::string quoted = "\"";
  for (const char c : safe) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

Json sums_json(Json row, const UsageRow& r) {
  row["requests"] = r.requests;
  row["input"] = r.tokens.input;
  row["cached"] = r.tokens.cached;
  row["cache_write"] = r.tokens.cache_write;
  row["output"] = r.tokens.output;
  row["reasoning"] = r.tokens.reasoning;
  row["cost"] = amount_text(r.cost);
  return row;
}

}  // namespace

Result<UsageReport> usage(storage::Database& database, const UsageQuery& query) {
  Summary summary(query);
  if (auto fault = summary.check()) return *fault;
  if (auto fault = database.read([&](storage::Transaction& t) { return summary.read(t); })) return *fault;
  return summary.report();
}

std::string usage_csv(const UsageQuery& query, const UsageReport& report, const std::string& currency) {
  std::string csv;
  for (const std::string& name : query.by) csv += name + ",";
  csv += "requests,input,cached,cache_write,output,reasoning,cost,currency\r\n";
  for (const UsageRow& r : report.rows) {
    for (const std::string& key : r.keys) csv += csv_field(key) + ",";
    const Tokens& k = r.tokens;
    for (const int64_t number : {r.requests, k.input, k.cached, k.cache_write, k.output, k.reasoning})
      csv += std::to_string(number) + ",";
    csv += amount_text(r.cost) + "," + csv_field(currency) + "\r\n";
  }
  return csv;
}

Json usage_json(const UsageQuery& query, const UsageReport& report, const std::string& currency) {
  Json data = Json::array();
  for (const UsageRow& r : report.rows) {
    Json row = Json::object();
    for (size_t i = 0; i < r.keys.size(); ++i) row[query.by[i]] = r.keys[i];
    data.push_back(sums_json(std::move(row), r));
  }
  return Json{{"data", std::move(data)},
              {"currency", currency},
              {"has_more", report.has_more},
              {"total", sums_json(Json::object(), report.total)}};
}

}  // namespace autark::platform
