// Goal: answers in the background belong to one owner, and what is kept of them is bounded. Method: exchanges
// that have ended, with recordings of chosen sizes; readers that take their time.
#include "serve/background_answers.h"
#include <gtest/gtest.h>
#include "api/dialect.h"

namespace autark::serve {
namespace {

// A client that takes what it was sent when the test says so.
class Slow final : public http::Stream {
 public:
  void respond(http::Response) override {}
  void start(int, http::Headers) override {}
  bool write(std::string bytes) override {
    most = std::max(most, bytes.size());
    text += bytes;
    return true;
  }
  void finish() override { finished = true; }
  bool closed() const override { return false; }
  void on_close(std::function<void()>) override {}
  void on_sent(std::function<void()> sent) override { sent_ = std::move(sent); }
  bool take() {
    const auto sent = std::exchange(sent_, nullptr);
    if (sent) sent();
    return sent != nullptr;
  }

  std::string text;
  size_t most = 0;
  bool finished = false;

 private:
  std::function<void()> sent_;
};

std::string event(size_t bytes, char letter = 'x') {
  return "data: " + std::string(bytes, letter) + "\n\n";
}

struct Answers {
  Metrics metrics;
  const Exchange::Terms terms{metrics, [] { return std::chrono::steady_clock::now(); }, {}, {}};
  BackgroundAnswers answers;
  explicit Answers(bool shared = false) : answers(shared) {}

  bool add(const std::string& id, size_t bytes, bool ended = true, const std::string& owner = "me") {
    const auto recording = std::make_shared<Recording>();
    recording->write(event(bytes));
    const auto exchange = std::make_shared<Exchange>(terms, api::openai_responses(), "test", id, recording);
    if (ended) exchange->refuse({.message = "over"});
    return answers.add({id, owner, exchange, recording, {}});
  }
  bool has(const std::string& id) const { return answers.find(id, "me").has_value(); }
};

TEST(BackgroundAnswers, AnotherOwnerFindsNothing) {
  Answers a;
  EXPECT_TRUE(a.add("r1", 10, false));
  EXPECT_TRUE(a.has("r1"));
  EXPECT_FALSE(a.answers.find("r1", "you"));
}

TEST(BackgroundAnswers, EndedOnesAreBoundedInBytes) {
  Answers a;
  const size_t half = BackgroundAnswers::kEndedBytesMax / 2;
  a.add("running", half, false);
  a.add("r1", half);
  a.add("r2", half - 100);
  a.answers.tidy();
  EXPECT_TRUE(a.has("r1") && a.has("r2"));
  a.add("r3", 200);
  a.answers.tidy();
  EXPECT_FALSE(a.has("r1")) << "the oldest that has ended";
  EXPECT_TRUE(a.has("running") && a.has("r2") && a.has("r3"));
}

TEST(BackgroundAnswers, NewOnesTakeThePlaceOfEndedOnes) {
  Answers a;
  EXPECT_TRUE(a.add("ended", 10));
  for (size_t i = 1; i < BackgroundAnswers::kAnswersMax; ++i)
    EXPECT_TRUE(a.add(std::to_string(i), 10, false));
  EXPECT_TRUE(a.add("new", 10, false));
  EXPECT_FALSE(a.has("ended"));
  EXPECT_FALSE(a.add("more", 10, false));
}

TEST(BackgroundAnswers, NoOwnerCanHaveAllPlaces) {
  Answers a(true);
  const auto fill = [&](const std::string& owner) {
    int count = 0;
    while (a.add(owner + std::to_string(count), 10, false, owner)) ++count;
    return count;
  };
  const int first = fill("me"), second = fill("you");
  EXPECT_EQ(first, int(BackgroundAnswers::kAnswersMax) * 3 / 4);
  EXPECT_GE(second, 8);
  EXPECT_GE(fill("third"), 1);
}

TEST(BackgroundAnswers, EndedOnesOfTheOwnerWithTheMostGoFirst) {
  Answers a(true);
  EXPECT_TRUE(a.add("mine", 10));
  for (size_t i = 1; i < 2 * BackgroundAnswers::kAnswersMax; ++i)
    EXPECT_TRUE(a.add("your" + std::to_string(i), 10, true, "you"));
  EXPECT_TRUE(a.has("mine")) << "it is the oldest, but its owner has one";
  const size_t third = BackgroundAnswers::kEndedBytesMax / 3;
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(a.add("big" + std::to_string(i), third, true, "you"));
  a.answers.tidy();
  EXPECT_TRUE(a.has("mine"));
}

TEST(Recording, AReaderGetsPiecesOneByOne) {
  const auto recording = std::make_shared<Recording>();
  std::string all;
  for (const char letter : {'a', 'b', 'c'}) {
    all += event(Recording::kPieceBytes / 2 + 7, letter);
    recording->write(event(Recording::kPieceBytes / 2 + 7, letter));
  }
  const auto slow = std::make_shared<Slow>();
  recording->follow(slow, -1);
  EXPECT_LE(slow->text.size(), Recording::kPieceBytes);
  recording->write(event(3, 'd'));
  recording->finish();
  EXPECT_FALSE(slow->finished);
  while (slow->take()) continue;
  EXPECT_EQ(slow->text, all + event(3, 'd'));
  EXPECT_LE(slow->most, Recording::kPieceBytes);
  EXPECT_TRUE(slow->finished);
}

TEST(Recording, KeepsTheNewestEvents) {
  const auto recording = std::make_shared<Recording>();
  for (int i = 0; i < 5; ++i) recording->write(event(Recording::kBytesMax / 3));
  recording->write(event(5, 'z'));
  EXPECT_LE(recording->bytes(), Recording::kBytesMax);
  EXPECT_EQ(recording->first(), 3);
  recording->finish();
  const auto late = std::make_shared<Slow>();
  recording->follow(late, 4);
  while (late->take()) continue;
  EXPECT_EQ(late->text, event(5, 'z'));
  const auto huge = std::make_shared<Recording>();
  huge->write(event(Recording::kBytesMax + 1));
  EXPECT_TRUE(huge->begun()) << "the last event always stays";
}

TEST(Recording, AReaderTooFarBehindIsCutOff) {
  const auto recording = std::make_shared<Recording>();
  recording->write(event(100));
  const auto slow = std::make_shared<Slow>();
  recording->follow(slow, -1);
  size_t all = event(100).size();
  for (int i = 0; i < 5; ++i) {
    recording->write(event(Recording::kBytesMax / 3));
    all += event(Recording::kBytesMax / 3).size();
  }
  while (slow->take()) continue;
  EXPECT_EQ(slow->text.size(), all) << "what a reader has to get stays";
  EXPECT_LE(recording->bytes(), Recording::kBytesMax);
  for (int i = 0; i < 15; ++i) recording->write(event(Recording::kBytesMax / 3));
  EXPECT_LE(recording->bytes(), Recording::kBytesMax) << "a reader that is cut off needs nothing";
  recording->finish();
  while (slow->take()) continue;
  EXPECT_LT(slow->text.size(), 2 * all);
  EXPECT_FALSE(slow->finished) << "dropped unfinished, which tells a client that the stream is not whole";
}

}  // namespace
}  // namespace autark::serve
