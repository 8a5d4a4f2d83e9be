// Goal: reports are the sums of what was booked, in every grouping and zone, and their forms are what readers expect.
// Method: an oracle that adds up random charges one by one, in zones with changes of the clock; then CSV, JSON and pages.
#include "platform/usage_report.h"
#include <map>
#include <random>
#include "platform/ledger_testing.h"
#include "platform/usage_objects.h"

namespace autark::platform {
namespace {

class UsageReportTest : public LedgerTest {
 protected:
  // Charges around the change of the clock in Europe, on 25 October 2026.
  std::vector<Charge> book_some(int count) {
    std::mt19937_64 random(1);
    const auto some = [&](int64_t most) { return int64_t(random() % uint64_t(most)); };
    std::vector<Charge> charges;
    for (int i = 0; i < count; ++i) {
      Charge c = charge("r" + std::to_string(i), some(1000), some(100));
      c.time = kFirst + some(4 * kDay);
      c.account = some(5) ? "a1" : "a2";
      c.workspace = "w" + std::to_string(some(2));
      c.key = "k" + std::to_string(some(3));
      c.model = "m" + std::to_string(some(2));
      c.user = some(2) ? "" : "u" + std::to_string(some(3));
      c.service = some(4) ? "standard" : "batch";
      c.outcome = some(4) ? "complete" : "aborted";
      c.tokens.cached = some(50), c.tokens.reasoning = some(9), c.tokens.cache_write = some(3);
      charges.push_back(c);
    }
    Ledger ledger(database, options("s1"));
    settle(ledger, charges);
    return charges;
  }

  static constexpr Micros kFirst = 1'792'713'600 * kSecond;  // 2026-10-23T00:00:00Z
};

std::string key_of(const std::string& by, const Charge& c, const TimeZone& zone) {
  if (by == "workspace") return c.workspace;
  if (by == "key") return c.key;
  if (by == "model") return c.model;
  if (by == "user") return c.user;
  if (by == "service") return c.service;
  if (by == "outcome") return c.outcome;
  const LocalTime t = zone.at(c.time);
  if (by == "day") return zone.rfc3339(zone.start_of_day(t.day_number));
  const int unit = by == "hour" ? 3600 : 60;
  std::string text = zone.rfc3339(c.time);  // as the clock shows it, cut to the hour or minute
  text.replace(14, 5, by == "hour" ? "00:00" : text.substr(14, 3) + "00");
  return unit ? text : "";
}

using Sums = std::map<std::vector<std::string>, std::array<int64_t, 7>>;

void add(Sums& sums, std::vector<std::string> keys, int64_t requests, const Tokens& k, int64_t cost) {
  auto& row = sums[std::move(keys)];
  const std::array<int64_t, 7> one = {requests, k.input,     k.cached, k.cache_write,
                                      k.output, k.reasoning, cost};
  for (size_t i = 0; i < 7; ++i) row[i] += one[i];
}

bool passes(const std::vector<std::string>& filter, const std::string& value) {
  return filter.empty() || std::ranges::find(filter, value) != filter.end();
}

Sums oracle(const UsageQuery& q, const std::vector<Charge>& charges) {
  Sums sums;
  for (const Charge& c : charges) {
    if (c.time < q.from || c.time >= q.to || (!q.account.empty() && c.account != q.account)) continue;
    if (!passes(q.workspaces, c.workspace) || !passes(q.keys, c.key) || !passes(q.users, c.user)) continue;
    std::vector<std::string> keys;
    for (const std::string& by : q.by) keys.push_back(key_of(by, c, q.zone));
    add(sums, keys, 1, c.tokens, c.quote.cost(c.tokens));
  }
  return sums;
}

TEST_P(UsageReportTest, IsTheSumOfWhatWasBooked) {
  const std::vector<Charge> charges = book_some(1200);
  std::mt19937_64 random(2);
  for (const char* zone : {"UTC", "Asia/Shanghai", "Europe/Berlin", "Asia/Kathmandu", "America/New_York"})
    for (const char* unit : {"", "minute", "hour", "day"})
      for (int i = 0; i < 6; ++i) {
        UsageQuery q{.zone = *TimeZone::named(zone)};
        q.from = kFirst + int64_t(random() % (2 * kDay)), q.to = q.from + int64_t(random() % (3 * kDay)) + 1;
        if (i % 2) q.from -= q.from % (60 * kMinute), q.to -= q.to % (60 * kMinute) - 60 * kMinute;
        if (*unit) q.by.push_back(unit);
        for (const char* by : {"workspace", "key", "model", "user", "service", "outcome"})
          if (random() % 3 == 0) q.by.insert(q.by.begin() + int64_t(random() % (q.by.size() + 1)), by);
        if (random() % 2) q.account = "a1";
        if (random() % 3 == 0) q.workspaces = {"w1"};
        if (random() % 3 == 0) q.keys = {"k0", "k2", "none"};
        if (random() % 5 == 0) q.users = {"u1", ""};
        const auto report = usage(*database, q);
        ASSERT_TRUE(report) << report.error().message;
        Sums sums;
        for (const UsageRow& row : report->rows) add(sums, row.keys, row.requests, row.tokens, row.cost);
        EXPECT_EQ(sums, oracle(q, charges)) << zone << " " << unit;
        EXPECT_EQ(sums.size(), report->rows.size()) << "no key twice";
      }
}

TEST_P(UsageReportTest, TimesAreInOrderAlsoWhenAClockIsSetBack) {
  book_some(1200);
  const auto report = usage(
      *database,
      {.from = kFirst, .to = kFirst + 4 * kDay, .by = {"hour"}, .zone = *TimeZone::named("Europe/Berlin")});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->rows.size(), 96u);
  for (size_t i = 1; i < report->rows.size(); ++i)
    EXPECT_EQ(report->rows[i].start, report->rows[i - 1].start + 60 * kMinute);
}

TEST_P(UsageReportTest, PagesAreTheWhole) {
  book_some(300);
  UsageQuery q{.from = kFirst, .to = kFirst + 4 * kDay, .by = {"key", "hour"}};
  const auto whole = usage(*database, q);
  ASSERT_TRUE(whole);
  EXPECT_FALSE(whole->has_more);
  size_t seen = 0;
  for (q.limit = 7;; q.after += q.limit) {
    const auto page = usage(*database, q);
    ASSERT_TRUE(page);
    EXPECT_EQ(page->total.cost, whole->total.cost);
    for (const UsageRow& row : page->rows) EXPECT_EQ(row.keys, whole->rows.at(seen++).keys);
    if (!page->has_more) break;
    EXPECT_EQ(page->rows.size(), 7u);
  }
  EXPECT_EQ(seen, whole->rows.size());
}

TEST_P(UsageReportTest, RefusesWhatItDoesNotKnow) {
  for (const std::vector<std::string>& by :
       {std::vector<std::string>{"colour"}, {"hour", "day"}, {"key", "key"}, {""}})
    EXPECT_EQ(usage(*database, {.by = by}).error().code, Code::invalid);
  EXPECT_EQ(usage(*database, {.keys = std::vector<std::string>(1001, "k")}).error().code, Code::invalid);
  EXPECT_TRUE(usage(*database, {.from = INT64_MIN, .to = INT64_MAX, .by = {"day"}})->rows.empty());
}

TEST_P(UsageReportTest, CsvIsQuotedAndHasNoFormulas) {
  std::vector<Charge> charges;
  for (const char* user :
       {"=1+1", "+a", "-a", "-5", "@x", "\tx", "a,b", "a\"b", "a\nb", "plain", "\xc3\xa9"}) {
    charges.push_back(charge("r" + std::to_string(charges.size())));
    charges.back().user = user;
  }
  {
    Ledger ledger(database, options("s1"));
    settle(ledger, charges);
  }
  const UsageQuery q{.from = 0, .to = INT64_MAX, .by = {"user"}};
  const std::string csv = usage_csv(q, *usage(*database, q), "CNY");
  EXPECT_TRUE(csv.starts_with("user,requests,input,cached,cache_write,output,reasoning,cost,currency\r\n"));
  for (const char* line : {"'=1+1,", "'+a,", "'-a,", "-5,", "'@x,", "'\tx,", "\"a,b\",", "\"a\"\"b\",",
                           "\"a\nb\",", "plain,1,1000,0,0,100,0,0.0014,CNY", "\xc3\xa9,"})
    EXPECT_NE(csv.find(std::string("\r\n") + line), csv.npos) << line;
  const Json json = usage_json(q, *usage(*database, q), "CNY");
  EXPECT_EQ(json["data"].size(), charges.size());
  EXPECT_EQ(json["total"]["cost"], "0.0154");
  EXPECT_EQ(json["has_more"], false);
}

TEST_P(UsageReportTest, OpenAisPagesAreTheWhole) {
  const std::vector<Charge> charges = book_some(600);
  CompletionsUsageQuery q{.account = "a1",
                          .start_time = kFirst / kSecond + 5000,
                          .bucket_width = "1h",
                          .group_by = {"project_id", "batch"},
                          .limit = 10};
  q.end_time = kFirst / kSecond + 3 * 86'400 + 77;
  UsageQuery same{.from = q.start_time * kSecond, .to = *q.end_time * kSecond, .account = "a1"};
  int64_t requests = 0, input = 0, output = 0, buckets = 0, last = kFirst / kSecond + 3600;
  do {
    const auto page = completions_usage(*database, q, now);
    ASSERT_TRUE(page) << page.error().message;
    EXPECT_EQ((*page)["object"], "page");
    for (const Json& bucket : (*page)["data"]) {
      EXPECT_EQ(bucket["start_time"], last) << "no bucket is left out";
      EXPECT_EQ(bucket["end_time"], last += 3600);
      ++buckets;
      for (const Json& result : bucket["results"]) {
        EXPECT_TRUE(result["batch"].is_boolean() && result["project_id"].is_string() &&
                    result["model"].is_null());
        requests += result["num_model_requests"].get<int64_t>();
        input += result["input_tokens"].get<int64_t>(), output += result["output_tokens"].get<int64_t>();
      }
      EXPECT_LE(bucket["results"].size(), 4u);
    }
    q.page = (*page)["has_more"].get<bool>() ? (*page)["next_page"].get<std::string>() : "";
  } while (!q.page.empty());
  const Sums sums = oracle(same, charges);
  const auto& all = sums.begin()->second;
  EXPECT_EQ(buckets, 72);
  EXPECT_EQ(requests, all[0]);
  EXPECT_EQ(input, all[1] + all[2] + all[3]);
  EXPECT_EQ(output, all[4] + all[5]);
}

TEST_P(UsageReportTest, OpenAisParametersAreChecked) {
  const auto refused = [&](const char* name, const std::function<void(CompletionsUsageQuery&)>& change) {
    CompletionsUsageQuery q{.start_time = 1000};
    change(q);
    const auto page = completions_usage(*database, q, now);
    ASSERT_FALSE(page) << name;
    EXPECT_TRUE(page.error().message.starts_with("'" + std::string(name) + "'")) << page.error().message;
  };
  refused("bucket_width", [](auto& q) { q.bucket_width = "2h"; });
  refused("start_time", [](auto& q) { q.start_time = -1; });
  refused("start_time", [](auto& q) { q.start_time = INT64_MAX; });
  refused("end_time", [](auto& q) { q.end_time = 1000; });
  refused("end_time", [](auto& q) { q.end_time = INT64_MAX; });
  refused("limit", [](auto& q) { q.limit = 0; });
  refused("limit", [](auto& q) { q.limit = 32; });
  refused("group_by", [](auto& q) { q.group_by = {"colour"}; });
  for (const char* page : {"x", "page_", "page_-1", "page_5", "page_99999999999999999999", "page_86400x"})
    refused("page", [&](auto& q) { q.page = page; });
  EXPECT_EQ((*completions_usage(*database, {.start_time = 253'402'300'799}, now))["data"].size(), 0u)
      << "in the future";
}

INSTANTIATE_TEST_SUITE_P(On, UsageReportTest, testing::ValuesIn(database_kinds()), kind_name);

}  // namespace
}  // namespace autark::platform
