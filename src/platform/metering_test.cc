// Goal: what a client is told it used is what is booked and what its limits count, and its last event comes only once
// that is durable; requests that were refused leave no trace.
// Method: random answers of a scripted backend, cut at random places, against api::Tally; a bookkeeper that settles when
// the test says so; then examples of models, service classes, shortened answers, prices and refusals.
#include <gtest/gtest.h>
#include <random>
#include "api/caller.h"
#include "platform/metered_backend.h"
#include "platform/metering_testing.h"

namespace autark::platform {
namespace {

using api::Event;
using Kind = api::ApiError::Kind;

struct FakeBackend final : api::Backend {
  std::vector<api::ModelEntry> models() const override {
    return {{.id = "real", .context = 1000}, {.id = "nick", .context = 1000, .alias_of = "real"}};
  }
  Handle submit(api::Request r, Sink s) override {
    request = std::move(r), sink = std::move(s);
    if (refusal) sink({.payload = *refusal});
    return [this] { cancelled = true; };
  }
  api::ApiResult<int64_t> count_tokens(const api::Request&) const override { return 10; }
  api::Request request;
  Sink sink;
  std::optional<api::ApiError> refusal;
  bool cancelled = false;
};

struct Fixture {
  explicit Fixture(std::vector<Limit> all = {}, bool post_paid = true)
      : limits(local_limits([this] { return now; }, "UTC", {})),
        backend({.parts = {.books = books, .clock = [this] { return now; }},
                 .limits = limits,
                 .prices = [this] { return prices; },
                 .post_paid = post_paid},
                inner) {
    limits->set(std::move(all));
    request.caller = std::make_shared<api::Caller>(api::Caller{.key = "k", .workspace = "w", .account = "a"});
    request.id = "r1", request.route = "/v1/chat/completions", request.model = "real";
  }
  api::Backend::Handle submit() {
    return backend.submit(request, [this](Event e) { events.push_back(std::move(e)); });
  }
  void say(Event::Payload payload, api::Usage usage = {}, int choice = 0) {
    inner->sink({choice, std::move(payload), usage});
  }
  const api::ApiError* fault() const {
    return events.empty() ? nullptr : std::get_if<api::ApiError>(&events.back().payload);
  }

  Micros now = 20'000 * kDay;
  std::shared_ptr<FakeBooks> books = std::make_shared<FakeBooks>();
  std::shared_ptr<FakeBackend> inner = std::make_shared<FakeBackend>();
  std::shared_ptr<const PriceList> prices = std::make_shared<PriceList>();
  std::shared_ptr<Limits> limits;
  MeteredBackend backend;
  api::Request request;
  std::vector<Event> events;
};

Limit of_key(LimitKind kind, int64_t amount) {
  return {.level = "key", .subject = "k", .kind = kind, .amount = amount};
}

// The events of an answer with random usages, which grow.
std::vector<Event> some_answer(std::mt19937_64& random, int choices) {
  std::vector<Event> all;
  std::vector<api::Usage> usage(static_cast<size_t>(choices));
  const auto below = [&](int64_t n) { return int64_t(random() % uint64_t(n)); };
  for (int c = 0; c < choices; ++c) {
    auto& u = usage[size_t(c)];
    u.prompt_tokens = 20, u.cached_tokens = below(10);
    if (below(2))
      u.prompt_cache = api::PromptCache{.read = u.cached_tokens, .possible = 16, .wished = below(2) > 0};
    all.push_back({c, Event::Started{20}, u});
  }
  std::vector<int> open;
  for (int c = 0; c < choices; ++c) open.push_back(c);
  while (!open.empty()) {
    const size_t at = size_t(below(std::ssize(open)));
    const int c = open[at];
    auto& u = usage[size_t(c)];
    u.completion_tokens += below(3);
    if (below(2)) u.reasoning_tokens = u.completion_tokens;
    if (below(6) > 0) {
      all.push_back({c, Event::Delta{"x"}, u});
      continue;
    }
    all.push_back({c, Event::Finished{}, u});
    open.erase(open.begin() + std::ptrdiff_t(at));
  }
  return all;
}

TEST(Metering, BooksWhatTheEventsSayAlsoOfCutAnswers) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 400; ++round) {
    Fixture f({of_key(LimitKind::tpm, 1'000'000), of_key(LimitKind::concurrency, 1)});
    f.request.n = 1 + int(random() % 3);
    const int prompts = 1 + int(random() % 2);
    if (prompts == 2) f.request.prompts = {"a", "b"};
    const int choices = prompts * f.request.n;
    const auto handle = f.submit();
    const auto answer = some_answer(random, choices);
    api::Tally told(choices, f.request.n);
    const size_t cut = random() % 2 ? answer.size() : random() % answer.size();
    for (size_t i = 0; i < cut; ++i) f.inner->sink(answer[i]), told.add(answer[i]);
    std::string outcome = "complete";
    if (cut < answer.size() && random() % 2) {
      outcome = "aborted";
      handle.cancel();
      f.inner->sink(answer[cut]);  // comes too late and does not count
      f.inner->sink({0, Event::Finished{api::Finish::cancelled}, {}});
    } else if (cut < answer.size()) {
      outcome = "failed";
      f.say(api::ApiError{.kind = Kind::internal, .message = "broken"});
    }
    if (cut == 0) {
      EXPECT_TRUE(f.books->settled.empty());
      continue;
    }
    Tokens expected = tokens_of(told.total());
    if (outcome == "failed" && told.total().completion_tokens == 0) expected = {};
    ASSERT_EQ(f.books->settled.size(), 1U);
    EXPECT_EQ(f.books->settled[0].tokens, expected);
    EXPECT_EQ(f.books->settled[0].tokens.all(),
              expected == Tokens{} ? 0 : told.total().prompt_tokens + told.total().completion_tokens);
    EXPECT_EQ(f.books->settled[0].outcome, outcome);
    const auto after = f.limits->admit({"a", "w", "k", "real"}, {});
    ASSERT_TRUE(std::holds_alternative<std::unique_ptr<Limits::Reservation>>(after)) << "a slot is lost";
    EXPECT_EQ(std::get<0>(after)->allowances.at(0).remaining, 1'000'000 - expected.all());
  }
}

TEST(Metering, HoldsTheLastEventUntilTheChargeIsDurable) {
  Fixture f;
  f.books->at_once = false;
  f.submit();
  f.say(Event::Started{10}, {10, 0, 0});
  f.say(Event::Delta{"x"}, {10, 0, 1});
  EXPECT_EQ(f.books->begun.size(), 1U);
  f.say(Event::Finished{}, {10, 4, 1});
  EXPECT_EQ(f.events.size(), 2U);
  ASSERT_EQ(f.books->waiting.size(), 1U);
  f.books->waiting[0]({});
  ASSERT_EQ(f.events.size(), 3U);
  EXPECT_TRUE(std::holds_alternative<Event::Finished>(f.events.back().payload));
  EXPECT_EQ(f.books->settled[0].tokens, (Tokens{.input = 6, .cached = 4, .output = 1}));
}

TEST(Metering, AnAnswerThatCannotBeBookedEndsWithAFault) {
  Fixture f;
  f.books->error = Error{Code::io, "away"};
  f.submit();
  f.say(Event::Started{10});
  f.say(Event::Finished{});
  ASSERT_TRUE(f.fault());
  EXPECT_EQ(f.fault()->kind, Kind::unavailable);
  EXPECT_EQ(f.fault()->code, "not_booked");
  f.books->behind = true;
  f.submit();
  EXPECT_EQ(f.fault()->kind, Kind::unavailable);
}

TEST(Metering, ARequestThatTheBackendRefusesIsNeitherBookedNorCounted) {
  Fixture f({of_key(LimitKind::rpm, 1)});
  f.inner->refusal = api::ApiError{.kind = Kind::overloaded, .message = "full"};
  f.submit(), f.submit();
  EXPECT_EQ(f.fault()->kind, Kind::overloaded);
  EXPECT_TRUE(f.books->begun.empty());
  f.inner->refusal = {};
  f.submit();
  EXPECT_EQ(f.events.size(), 2U);  // of the refused ones
  f.submit();
  EXPECT_EQ(f.fault()->kind, Kind::rate_limited);
}

TEST(Metering, ADroppedSinkCountsAsAnAbortedRequest) {
  Fixture f({of_key(LimitKind::concurrency, 1)});
  f.submit();
  f.say(Event::Started{10}, {10, 0, 0});
  f.say(Event::Delta{"x"}, {10, 0, 3});
  f.inner->sink = nullptr;
  ASSERT_EQ(f.books->settled.size(), 1U);
  EXPECT_EQ(f.books->settled[0].outcome, "aborted");
  EXPECT_EQ(f.books->settled[0].tokens.output, 3);
  f.submit();
  EXPECT_FALSE(f.fault());
}

TEST(Metering, BooksTheResolvedModelTheServiceAndTheRoute) {
  Fixture f;
  f.request.model = "nick", f.request.user = "u", f.request.tier = api::Tier::flex;
  f.submit();
  f.say(Event::Started{10});
  f.request.route = "/v1/chat/completions batch", f.request.model.clear();
  f.submit();
  f.say(Event::Started{10});
  ASSERT_EQ(f.books->begun.size(), 2U);
  EXPECT_EQ(f.books->begun[0].model, "real");
  EXPECT_EQ(f.books->begun[0].service, "flex");
  EXPECT_EQ(f.books->begun[0].user, "u");
  EXPECT_EQ(f.books->begun[1].model, "real");
  EXPECT_EQ(f.books->begun[1].service, "batch");
  EXPECT_EQ(f.books->begun[1].route, "/v1/chat/completions");
}

TEST(Metering, ShortensAnAnswerWithoutMaximumToWhatIsLeft) {
  Fixture f({of_key(LimitKind::tpm, 610)});
  f.request.n = 2;
  f.submit();
  EXPECT_EQ(f.inner->request.max_tokens, 300);
  f.say(Event::Started{10, {{.of = "tokens"}, {.of = "requests", .limit = 7}}}, {}, 0);
  const auto& allowances = std::get<Event::Started>(f.events.back().payload).allowances;
  ASSERT_EQ(allowances.size(), 2U);
  EXPECT_EQ(allowances[0].limit, 7);  // of the backend
  EXPECT_EQ(allowances[1].limit, 610);
  f.request.max_tokens = 20;
  f.submit();
  EXPECT_EQ(f.fault()->kind, Kind::rate_limited);
}

TEST(Metering, ReservesMoneyByThePriceOfTheHour) {
  Fixture f({of_key(LimitKind::budget, 1'000'000)});  // nanos
  auto file = PriceFile::parse(
      "version = \"1\"\nvalid_from = 2020-01-01T00:00:00Z\ncurrency = \"CNY\"\n"
      "[models.\"*\"]\ninput = 1\noutput = 4\n");
  ASSERT_TRUE(file) << file.error().message;
  f.prices = std::make_shared<PriceList>(std::vector{*file});
  f.request.max_tokens = 247;  // 10 · 1000 + 247 · 4000 = 998,000 nanos
  f.submit();
  EXPECT_FALSE(f.fault());
  f.say(Event::Started{10}, {10, 0, 0});
  f.say(Event::Finished{}, {10, 0, 100});  // 410,000
  EXPECT_EQ(f.books->settled[0].quote.cost(f.books->settled[0].tokens), 410'000);
  f.request.max_tokens = 145;  // 590,000: what is left, exactly
  f.submit();
  EXPECT_FALSE(f.fault());
  f.request.max_tokens = 200;
  f.submit(), f.submit();
  EXPECT_EQ(f.fault()->kind, Kind::quota);
  ASSERT_EQ(f.books->settled.size(), 2U) << "one refusal a second has a line";
  EXPECT_EQ(f.books->settled[1].outcome, "refused");
  EXPECT_EQ(f.books->settled[1].tokens, Tokens{});
}

TEST(Metering, BooksRefusalsOnceASecondWhateverTheClockDoes) {
  Fixture f({of_key(LimitKind::budget, 0)});
  auto file = PriceFile::parse(
      "version = \"1\"\nvalid_from = 2020-01-01T00:00:00Z\ncurrency = \"CNY\"\n[models.\"*\"]\ninput = "
      "1\noutput = 1\n");
  ASSERT_TRUE(file) << file.error().message;
  f.prices = std::make_shared<PriceList>(std::vector{*file});
  const auto booked_at = [&](Micros time) {
    f.now = time;
    const size_t before = f.books->settled.size();
    f.submit();
    EXPECT_EQ(f.fault()->kind, Kind::quota);
    return f.books->settled.size() - before;
  };
  const Micros start = f.now;
  EXPECT_EQ(booked_at(start), 1u);
  EXPECT_EQ(booked_at(start + kSecond - 1), 0u);
  EXPECT_EQ(booked_at(start - kDay), 1u) << "not silent until the clock is there again";
  for (Micros back = 1; back < kSecond; back += 9'999) EXPECT_EQ(booked_at(start - kDay - back), 0u);
  EXPECT_EQ(booked_at(start - kDay + kSecond), 1u);
}

TEST(Metering, RefusesAnAccountWithoutMeansUnlessItPaysLater) {
  Fixture f({}, false);
  f.submit();
  EXPECT_FALSE(f.fault());
  f.books->means = false;
  f.submit();
  EXPECT_EQ(f.fault()->kind, Kind::quota);
}

TEST(Metering, NotesTheProgressOfLongAnswersSeldom) {
  Fixture f;
  f.submit();
  f.say(Event::Started{10});
  for (int i = 1; i <= 640; ++i) f.say(Event::Delta{"x"}, {10, 0, i});
  EXPECT_GE(f.books->noted.size(), 10U);
  EXPECT_LT(f.books->noted.size(), 320U);
}

TEST(Metering, LeavesRequestsWithoutCallerAlone) {
  Fixture f({of_key(LimitKind::rpm, 0)});
  f.request.caller = nullptr;
  f.submit();
  f.say(Event::Started{10});
  f.say(Event::Finished{});
  EXPECT_EQ(f.events.size(), 2U);
  EXPECT_TRUE(f.books->begun.empty());
}

TEST(Metering, APreparedRequestIsNotPreparedAgain) {
  Fixture f;
  ASSERT_TRUE(std::holds_alternative<api::Extent>(f.backend.prepare(f.request)));
  ASSERT_TRUE(f.request.prepared);
  f.submit();
  EXPECT_FALSE(f.inner->request.prepared) << "what the inner backend prepared comes back to it";
}

}  // namespace
}  // namespace autark::platform
