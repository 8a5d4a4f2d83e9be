// Goal: through the whole server, each answer is booked once, with the tokens that the client reads, on every wire; what is
// replayed for an Idempotency-Key is not booked again, and refusals have each dialect's words.
// Method: a service with a gate around a metered backend that says hello; a client on a socket; the books of a test.
#include "platform/metered_backend.h"
#include "platform/metering_testing.h"
#include "serve/fake_gate.h"
#include "serve/testing.h"

namespace autark {
namespace {

class MeteredServiceTest : public testing::Test {
 protected:
  MeteredServiceTest() : running_(nullptr, {.gate = gate_}) {
    gate_->add({.key = "k", .workspace = "w", .account = "a"});
    running_.service.open(std::make_shared<platform::MeteredBackend>(
        platform::MeteredBackend::Terms{.parts = {.books = books_, .clock = platform::system_now},
                                        .limits = limits_,
                                        .prices = [] { return std::make_shared<platform::PriceList>(); }},
        std::make_shared<serve::ScriptedBackend>(serve::say_hello)));
  }
  serve::Answered ask(const char* path, const char* body, const std::string& more = {}) {
    return running_.ask("POST", path, body, "authorization: Bearer secret-k\r\n" + more);
  }
  void limit(platform::LimitKind kind, int64_t amount) {
    limits_->set({{.level = "key", .subject = "k", .kind = kind, .amount = amount}});
  }

  const std::shared_ptr<serve::FakeGate> gate_ = std::make_shared<serve::FakeGate>();
  const std::shared_ptr<platform::FakeBooks> books_ = std::make_shared<platform::FakeBooks>();
  const std::shared_ptr<platform::Limits> limits_ = platform::local_limits(platform::system_now, "UTC", {});
  serve::Running running_;
};

TEST_F(MeteredServiceTest, BooksWhatEachWireTells) {
  const Json chat = ask("/v1/chat/completions", serve::kChat).json();
  const Json message = ask("/v1/messages", serve::kMessages).json();
  ASSERT_EQ(books_->settled.size(), 2U);
  EXPECT_EQ(books_->settled[0].tokens.all(), chat["usage"]["total_tokens"]);
  EXPECT_EQ(books_->settled[0].route, "/v1/chat/completions");
  EXPECT_EQ(books_->settled[0].workspace, "w");
  EXPECT_EQ(books_->settled[1].tokens.input, message["usage"]["input_tokens"]);
  EXPECT_EQ(books_->settled[1].tokens.output, message["usage"]["output_tokens"]);
  EXPECT_NE(books_->settled[0].id, books_->settled[1].id);
}

TEST_F(MeteredServiceTest, AReplayedAnswerIsBookedOnce) {
  const auto first = ask("/v1/chat/completions", serve::kChatStream, "idempotency-key: one\r\n");
  const auto again = ask("/v1/chat/completions", serve::kChatStream, "idempotency-key: one\r\n");
  EXPECT_EQ(first.body, again.body);
  EXPECT_EQ(books_->settled.size(), 1U);
}

TEST_F(MeteredServiceTest, LimitsAreToldInHeadersAndRefuseInEachDialect) {
  limit(platform::LimitKind::rpm, 1);
  const auto first = ask("/v1/chat/completions", serve::kChat);
  EXPECT_EQ(first.header("x-ratelimit-limit-requests"), "1");
  EXPECT_EQ(first.header("x-ratelimit-remaining-requests"), "0");
  const auto refused = ask("/v1/chat/completions", serve::kChat);
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.json()["error"]["code"], "rate_limit_exceeded");
  EXPECT_FALSE(refused.header("retry-after").empty());
  EXPECT_EQ(ask("/v1/messages", serve::kMessages).json()["error"]["type"], "rate_limit_error");
  EXPECT_EQ(books_->settled.size(), 1U);
}

TEST_F(MeteredServiceTest, AnAnswerThatIsNotBookedFails) {
  books_->error = Error{Code::io, "away"};
  const auto answer = ask("/v1/chat/completions", serve::kChat);
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.header("x-should-retry"), "false");
}

}  // namespace
}  // namespace autark
