// How long a settlement takes until it is durable, how many a second there can be, and how fast reports are.
//
//   ledger_bench PLACE [ROWS]     PLACE: sqlite:FILE or postgres://…, empty; ROWS: requests of one month for the reports
#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <random>
#include "platform/ledger.h"
#include "platform/schema.h"
#include "platform/usage_report.h"

namespace {

using namespace autark;
using namespace autark::platform;
using std::chrono::steady_clock;

constexpr Micros kFirst = 1'793'462'400 * kSecond;  // 2026-11-01 in Shanghai

double since(steady_clock::time_point start) {
  return std::chrono::duration<double>(steady_clock::now() - start).count();
}

Charge charge_at(int64_t number, Micros time) {
  const std::string text = std::to_string(number);
  return {.id = "req_" + text,
          .time = time,
          .account = "default",
          .workspace = "workspace" + std::to_string(number % 10),
          .key = "key" + std::to_string(number * 7919 % 100),
          .model = "model" + std::to_string(number / 3 % 4),
          .user = "user" + std::to_string(number * 31 % 50),
          .route = "/v1/chat/completions",
          .quote = {.version = "1",
                    .currency = "CNY",
                    .rates = {1'000'000'000, 20'000'000, 1'000'000'000, 4'000'000'000, 0}},
          .tokens = {.input = 1000 + number % 100, .cached = 500, .output = 300},
          .duration = 4 * kSecond};
}

// Settles `count` charges, `together` at once, and prints how long each took.
void settle(Ledger& ledger, int64_t& number, int64_t count, int together, Micros step) {
  std::mutex mutex;
  std::condition_variable changed;
  int open = 0;
  std::vector<double> times;
  const auto start = steady_clock::now();
  for (int64_t i = 0; i < count; ++i, ++number) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return open < together; });
    ++open;
    lock.unlock();
    ledger.settle(charge_at(number, kFirst + number * step),
                  [&, begun = steady_clock::now()](std::optional<Error> fault) {
                    if (fault) std::fprintf(stderr, "%s\n", fault->message.c_str());
                    const std::scoped_lock done(mutex);
                    times.push_back(since(begun));
                    --open;
                    changed.notify_one();
                  });
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return open == 0; });
  const double seconds = since(start);
  std::ranges::sort(times);
  std::printf("%7lld settlements, %4d at once: %7.0f a second; p50 %.2f ms, p99 %.2f ms\n",
              static_cast<long long>(count), together, double(count) / seconds, times[times.size() / 2] * 1e3,
              times[times.size() * 99 / 100] * 1e3);
}

void report(storage::Database& database, std::vector<std::string> by) {
  std::string name;
  for (const std::string& part : by) name += " " + part;
  const auto start = steady_clock::now();
  const auto found = usage(database, {.from = kFirst,
                                      .to = kFirst + 30 * kDay,
                                      .account = "default",
                                      .by = std::move(by),
                                      .zone = *TimeZone::named("Asia/Shanghai")});
  std::printf("a month by%s: %zu rows in %.3f s\n", name.c_str(), found ? found->rows.size() : 0,
              since(start));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "ledger_bench PLACE [ROWS]\n"), 2;
  auto opened = storage::open_database(argv[1]);
  if (!opened) return std::fprintf(stderr, "%s\n", opened.error().message.c_str()), 1;
  const std::shared_ptr<storage::Database> database = std::move(*opened);
  if (const auto fault = make_tables(*database))
    return std::fprintf(stderr, "%s\n", fault->message.c_str()), 1;
  const int64_t rows = argc > 2 ? std::atoll(argv[2]) : 0;
  int64_t number = 0;
  Ledger ledger(database, {.server = "bench"});
  settle(ledger, number, 300, 1, kSecond);
  settle(ledger, number, 3'000, 16, kSecond);
  settle(ledger, number, 10'000, 256, kSecond);
  if (rows > number) settle(ledger, number, rows - number, 4096, 30 * kDay / rows);
  for (const auto& by : std::vector<std::vector<std::string>>{
           {"day"}, {"hour"}, {"day", "workspace", "key"}, {"model"}, {"user"}, {"minute"}})
    report(*database, by);
  const auto start = steady_clock::now();
  const auto fault = ledger.audit();
  std::printf("audit: %s in %.2f s\n", fault ? fault->message.c_str() : "sound", since(start));
}
