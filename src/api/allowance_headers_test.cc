// Goal: clients read from headers, and from the words of a refusal, what is left of their limits and when to try
// again, each in its dialect; nothing that is not known is told.
// Method: examples of durations; whole replies.
#include "api/allowance_headers.h"
#include <gtest/gtest.h>
#include <algorithm>
#include <array>

namespace autark::api {
namespace {

std::string header(const Headers& all, std::string_view name) {
  for (const auto& [key, value] : all)
    if (key == name) return value;
  return {};
}

const std::vector<Allowance> kLeft{{.of = "requests", .limit = 60, .remaining = 59, .reset_seconds = 1},
                                   {.of = "tokens", .limit = 1000, .remaining = 0, .reset_seconds = 59.5}};

ApiError refusal() {
  return {.kind = ApiError::Kind::rate_limited,
          .message = "the key 'k' has no requests left",
          .retry_seconds = 1.2345,
          .allowances = kLeft};
}

TEST(AllowanceHeaders, DurationsAreThoseOfOpenAi) {
  EXPECT_EQ(short_duration(0), "0s");
  EXPECT_EQ(short_duration(0.0001), "1ms") << "rounded up";
  EXPECT_EQ(short_duration(0.12), "120ms");
  EXPECT_EQ(short_duration(1), "1s");
  EXPECT_EQ(short_duration(8.64), "8.64s");
  EXPECT_EQ(short_duration(8.05), "8.05s");
  EXPECT_EQ(short_duration(360), "6m0s");
  EXPECT_EQ(short_duration(3605.5), "1h0m5.5s");
  EXPECT_EQ(short_duration(1e300), "277777h46m40s");
}

TEST(AllowanceHeaders, TellsEachDialectItsNames) {
  const Headers o = openai_chat().allowances(kLeft, 0), a = anthropic_messages().allowances(kLeft, 86400);
  EXPECT_EQ(o.size(), 6u);
  EXPECT_EQ(header(o, "x-ratelimit-limit-requests"), "60");
  EXPECT_EQ(header(o, "x-ratelimit-remaining-tokens"), "0");
  EXPECT_EQ(header(o, "x-ratelimit-reset-tokens"), "59.5s");
  EXPECT_EQ(header(openai_responses().allowances(kLeft, 0), "x-ratelimit-reset-requests"), "1s");
  EXPECT_EQ(a.size(), 6u);
  EXPECT_EQ(header(a, "anthropic-ratelimit-requests-remaining"), "59");
  EXPECT_EQ(header(a, "anthropic-ratelimit-tokens-limit"), "1000");
  EXPECT_EQ(header(a, "anthropic-ratelimit-tokens-reset"), "1970-01-02T00:01:00Z");
}

TEST(AllowanceHeaders, AnUnknownResetIsLeftOut) {
  const std::vector<Allowance> left{{.of = "requests", .limit = 2, .remaining = 1}};
  EXPECT_EQ(openai_headers(left).size(), 2u);
  EXPECT_EQ(anthropic_headers(left, 0).size(), 2u);
}

TEST(AllowanceHeaders, ARefusalSaysWhenToTryAgain) {
  const Reply o = openai_chat().error(refusal(), "r"), a = anthropic_messages().error(refusal(), "r");
  EXPECT_EQ(o.status, 429);
  EXPECT_EQ(a.status, 429);
  for (const Reply* r : {&o, &a}) {
    EXPECT_EQ(header(r->headers, "retry-after"), "2") << "whole seconds, rounded up";
    EXPECT_EQ(header(r->headers, "retry-after-ms"), "1235");
    EXPECT_NE(r->body.find("has no requests left. Please try again in 1.235s."), std::string::npos)
        << r->body;
  }
  EXPECT_EQ(header(o.headers, "x-ratelimit-limit-requests"), "60");
  EXPECT_EQ(header(a.headers, "anthropic-ratelimit-requests-limit"), "60");
  ApiError later = refusal();
  later.retry_seconds = 90.5;
  EXPECT_NE(openai_chat().error(later, "r").body.find("try again in 91s."), std::string::npos);
  EXPECT_NE(o.body.find("rate_limit_exceeded"), std::string::npos);
  EXPECT_NE(a.body.find("rate_limit_error"), std::string::npos);
}

TEST(AllowanceHeaders, WhatWaitingDoesNotHelpIsNotTriedAgain) {
  ApiError too_large = refusal(), empty{.kind = ApiError::Kind::quota, .message = "the budget is used up"};
  too_large.retry_seconds = 0;
  for (const ApiError& fault : {too_large, empty}) {
    for (const Dialect* d : std::array{&openai_chat(), &openai_responses(), &anthropic_messages()}) {
      const Reply r = d->error(fault, "r");
      EXPECT_EQ(header(r.headers, "x-should-retry"), "false");
      EXPECT_EQ(header(r.headers, "retry-after"), "");
      EXPECT_EQ(r.body.find("try again"), std::string::npos);
    }
  }
  EXPECT_EQ(openai_chat().error(empty, "").status, 429);
  EXPECT_NE(openai_chat().error(empty, "").body.find(R"("code":"insufficient_quota")"), std::string::npos);
  EXPECT_EQ(anthropic_messages().error(empty, "").status, 402);
  EXPECT_NE(anthropic_messages().error(empty, "").body.find("billing_error"), std::string::npos);
}

}  // namespace
}  // namespace autark::api
