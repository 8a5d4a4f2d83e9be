// Reads price files. They may come from anybody: all is bounded.
#include <absl/time/civil_time.h>
#include <toml++/toml.h>
#include <algorithm>
#include <charconv>
#include <cmath>
#include "platform/money.h"
#include "platform/price_schedule.h"

namespace autark::platform {
namespace {

constexpr size_t kBytesMax = size_t{1} << 20, kModelsMax = 10'000, kWindowsMax = 1'000, kHolidaysMax = 10'000;
constexpr size_t kNameMax = 256;
constexpr int64_t kPriceMax = 1'000'000, kFactorMax = 100;  // of the currency for 1,000,000 tokens; times
constexpr int64_t kOne = 1'000'000'000;
constexpr std::array<std::string_view, 7> kDays = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

std::string line_of(const toml::node& node) {
  return " (line " + std::to_string(node.source().begin.line) + ")";
}

// A table and its name. Keeps the first fault in `error`, which all readers of a file share.
class Table {
 public:
  Table(const toml::table& table, std::string name, std::optional<Error>& error)
      : table_(table), name_(std::move(name)), error_(error) {}

  void allow(std::initializer_list<std::string_view> keys) {
    for (const auto& [key, node] : table_)
      if (std::ranges::find(keys, key.str()) == keys.end())
        fault(node, path(key.str()) + " is not a key of price files; the keys here are " + joined(keys));
  }
  const toml::node* find(std::string_view key) const { return table_.get(key); }
  // Refuses a key that is missing, or of another type.
  template <class T>
  T value(std::string_view key, const char* wanted) {
    const toml::node* node = table_.get(key);
    if (!node) fault(table_, path(key) + " is missing: it must be " + wanted);
    const auto found = node ? node->value_exact<T>() : std::nullopt;
    if (node && !found) fault(*node, path(key) + " must be " + wanted);
    return found.value_or(T{});
  }
  // An empty table if it is missing.
  Table table(std::string_view key) {
    static const toml::table kEmpty;
    const toml::node* node = table_.get(key);
    if (node && !node->is_table()) fault(*node, path(key) + " must be a table");
    return {node && node->is_table() ? *node->as_table() : kEmpty, path(key), error_};
  }
  const toml::array& list(std::string_view key) {
    static const toml::array kEmpty;
    const toml::node* node = table_.get(key);
    if (node && !node->is_array()) fault(*node, path(key) + " must be a list");
    return node && node->is_array() ? *node->as_array() : kEmpty;
  }
  // A number from 0 to `most`, times 10⁹.
  std::optional<int64_t> decimal(std::string_view key, int64_t most) {
    const toml::node* node = table_.get(key);
    if (!node) return std::nullopt;
    std::optional<int64_t> nanos;
    if (const auto whole = node->value_exact<int64_t>(); whole && *whole >= 0 && *whole <= most)
      nanos = *whole * kOne;
    if (const auto number = node->value_exact<double>()) nanos = nanos_of(*number, most);
    if (!nanos)
      fault(*node, path(key) + " must be a number from 0 to " + std::to_string(most) +
                       " with at most nine digits behind the point");
    return nanos;
  }
  void fault(const toml::node& node, const std::string& sentence) {
    if (!error_) error_ = Error{Code::invalid, sentence + line_of(node)};
  }
  std::string path(std::string_view key) const {
    return name_.empty() ? std::string(key) : name_ + "." + std::string(key);
  }
  const toml::table& node() const { return table_; }

 private:
  // Below a million a double has the nine digits exactly: its shortest text is what the file says.
  static std::optional<int64_t> nanos_of(double number, int64_t most) {
    if (!(number >= 0) || number > double(most)) return std::nullopt;
    std::array<char, 400> text;
    const auto [end, fault] =
        std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    return fault == std::errc() ? nanos_from({text.data(), size_t(end - text.data())}) : std::nullopt;
  }
  static std::string joined(std::initializer_list<std::string_view> keys) {
    std::string all;
    for (const std::string_view key : keys) all += (all.empty() ? "" : ", ") + std::string(key);
    return all;
  }
  const toml::table& table_;
  const std::string name_;
  std::optional<Error>& error_;
};

int second_of(const toml::time& time) {
  return time.hour * 3600 + time.minute * 60 + time.second;
}

int64_t day_number(const toml::date& date) {
  return absl::CivilDay(date.year, date.month, date.day) - absl::CivilDay(1970, 1, 1);
}

void read_window(Table window, Calendar& calendar) {
  window.allow({"days", "from", "to"});
  const int from = second_of(window.value<toml::time>("from", "a time as 09:00:00"));
  const int to = second_of(window.value<toml::time>("to", "a time as 12:00:00"));
  if (from == to) window.fault(window.node(), window.path("to") + " must differ from " + window.path("from"));
  const toml::array& days = window.list("days");
  if (days.empty()) window.fault(window.node(), window.path("days") + " must list days: mon, tue …");
  for (const toml::node& node : days) {
    const auto day = std::ranges::find(kDays, node.value_exact<std::string>().value_or(""));
    if (day == kDays.end()) {
      window.fault(node,
                   window.path("days") + " has what is not a day: write mon, tue, wed, thu, fri, sat, sun");
    } else if (!add_window(calendar, int(day - kDays.begin()), from, to)) {
      window.fault(node,
                   window.path("days") + ": this window overlaps with another one on " + std::string(*day));
    }
  }
}

void read_calendar(Table table, Calendar& calendar, std::optional<Error>& error) {
  table.allow({"holidays", "peak"});
  const toml::array& holidays = table.list("holidays");
  if (holidays.size() > kHolidaysMax) table.fault(holidays, "there are more than 10,000 holidays");
  for (const toml::node& node : holidays) {
    const auto date = node.value_exact<toml::date>();
    if (!date) table.fault(node, table.path("holidays") + " must be dates as 2026-10-01");
    if (error) return;
    calendar.holidays.insert(day_number(*date));
  }
  const toml::array& windows = table.list("peak");
  if (windows.size() > kWindowsMax) table.fault(windows, "there are more than 1,000 windows of peak prices");
  for (const toml::node& node : windows) {
    if (!node.is_table()) table.fault(node, table.path("peak") + " must be tables: [[calendar.peak]]");
    if (error) return;
    read_window(Table(*node.as_table(), table.path("peak"), error), calendar);
  }
}

// Rates as the file has them.
struct GivenRates {
  std::optional<int64_t> input, cached, cache_write, output, reasoning;
  Rates whole() const {
    const int64_t in = input.value_or(0), out = output.value_or(0);
    return {in, cached.value_or(in), cache_write.value_or(in), out, reasoning.value_or(out)};
  }
};

GivenRates read_rates(Table& table, const GivenRates& otherwise) {
  const auto rate = [&](std::string_view key, std::optional<int64_t> other) {
    const auto given = table.decimal(key, kPriceMax);
    return given ? given : other;
  };
  return {rate("input", otherwise.input), rate("cached", otherwise.cached),
          rate("cache_write", otherwise.cache_write), rate("output", otherwise.output),
          rate("reasoning", otherwise.reasoning)};
}

using Factors = std::array<int64_t, kServices.size()>;

PriceFile::Schedule::ByService read_model(Table table, const Factors& factors) {
  table.allow({"input", "cached", "cache_write", "output", "reasoning", "peak"});
  const GivenRates base = read_rates(table, {});
  if (!base.input)
    table.fault(table.node(), table.path("input") + " is missing: the price of 1,000,000 tokens");
  if (!base.output)
    table.fault(table.node(), table.path("output") + " is missing: the price of 1,000,000 tokens");
  Table peak_table = table.table("peak");
  peak_table.allow({"input", "cached", "cache_write", "output", "reasoning"});
  const GivenRates peak = read_rates(peak_table, base);
  PriceFile::Schedule::ByService rates;
  for (size_t i = 0; i < rates.size(); ++i)
    rates[i] = {times(base.whole(), factors[i]), times(peak.whole(), factors[i])};
  return rates;
}

Factors read_factors(Table table) {
  table.allow({"standard", "priority", "flex", "batch"});
  Factors factors;
  for (size_t i = 0; i < factors.size(); ++i)
    factors[i] = table.decimal(kServices[i], kFactorMax).value_or(kOne);
  return factors;
}

void read_models(Table table, const Factors& factors, PriceFile::Schedule& schedule) {
  if (!table.find("*"))
    table.fault(table.node(), "[models.\"*\"] is missing: it has the prices of all other models");
  if (table.node().size() > kModelsMax) table.fault(table.node(), "there are more than 10,000 models");
  for (const auto& [key, node] : table.node()) {
    if (key.str().size() > kNameMax) table.fault(node, "a model's name is longer than 256 bytes");
    if (!node.is_table()) table.fault(node, table.path(key.str()) + " must be a table");
    if (node.is_table())
      schedule.models[std::string(key.str())] = read_model(table.table(key.str()), factors);
  }
}

bool is_version(const std::string& text) {
  return !text.empty() && text.size() <= 64 &&
         text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_") ==
             text.npos;
}

Micros read_moment(Table& file, std::string_view key) {
  const auto moment = file.value<toml::date_time>(key, "a moment as 2026-11-01T00:00:00+08:00");
  if (!moment.offset && file.find(key))
    file.fault(*file.find(key),
               file.path(key) + " needs its offset from UTC, as in 2026-11-01T00:00:00+08:00");
  const int64_t seconds = day_number(moment.date) * 86'400 + second_of(moment.time);
  return (seconds - (moment.offset ? moment.offset->minutes : 0) * int64_t{60}) * kSecond;
}

}  // namespace

Result<PriceFile> PriceFile::parse(const std::string& toml) try {
  if (toml.size() > kBytesMax) return Error{Code::invalid, "the price file is longer than 1 MiB"};
  const toml::table root = toml::parse(toml);
  std::optional<Error> error;
  Table file(root, "", error);
  file.allow({"version", "valid_from", "currency", "time_zone", "calendar", "models", "service"});
  PriceFile prices;
  prices.body = toml;
  prices.version = file.value<std::string>("version", "a text");
  prices.currency = file.value<std::string>("currency", "three capital letters");
  prices.time_zone = root.contains("time_zone") ? file.value<std::string>("time_zone", "a text") : "UTC";
  prices.valid_from = read_moment(file, "valid_from");
  if (!is_version(prices.version))
    file.fault(root, "version must have 1 to 64 letters, digits, points, hyphens and underscores");
  if (!is_currency(prices.currency)) file.fault(root, "currency must be three capital letters, as in CNY");
  if (error) return *error;
  auto zone = TimeZone::named(prices.time_zone);
  if (!zone) return Error{Code::invalid, "time_zone: " + zone.error().message};
  auto schedule = std::make_shared<Schedule>();
  schedule->calendar.zone = *zone;
  read_calendar(file.table("calendar"), schedule->calendar, error);
  read_models(file.table("models"), read_factors(file.table("service")), *schedule);
  if (error) return *error;
  prices.schedule_ = std::move(schedule);
  return prices;
} catch (const toml::parse_error& e) {
  return Error{Code::invalid, "the price file is not TOML: " + std::string(e.description()) + " (line " +
                                  std::to_string(e.source().begin.line) + ")"};
}

}  // namespace autark::platform
