// Goal: no input file stops the runner or keeps it from others: each ends in answers or in a fault that says where.
// Method: files that are wrong in one chosen way, with the fault that each must have; then valid files that are mutated
// at random, whose lines a second reading of the test counts. After each one, a good batch still runs.
#include <random>
#include <sstream>
#include "serve/batch_object.h"
#include "serve/fake_batches.h"

namespace autark::serve {
namespace {

// Answers all requests at once.
std::unique_ptr<BatchRunner> eager(World& w) {
  return std::make_unique<BatchRunner>(
      BatchRunner::Options{.files = w.files,
                           .batches = w.batches,
                           .send = [](const CallerPtr&, const std::string&, std::string,
                                      BatchRunner::Answered answered) -> std::optional<BatchRunner::Cancel> {
                             answered({200, "req_1", "{}"});
                             return [] {};
                           },
                           .now = [] { return int64_t{1000}; },
                           .retry = std::chrono::milliseconds(5)});
}

Json over(World& w, BatchRunner& r, const std::string& text) {
  const Json made = w.create(r, text);
  Json last;
  EXPECT_TRUE(wait_until([&] { return is_over(last = w.now_is(r, made)); })) << dump_json(last);
  return last;
}

void expect_runs(World& w, BatchRunner& r) {
  EXPECT_EQ(over(w, r, lines(3))["request_counts"], counts(3, 3, 0));
}

std::string repeated(const std::string& what, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += what;
  return all;
}

TEST(BatchHostile, EachFileEndsWithItsFault) {
  const std::string nested = repeated("[", 100'000), head = R"({"custom_id":"x","method":"POST","url":")";
  const struct {
    const char* what;
    std::string text;
    const char* code;  // of the first fault
    int line;
  } files[] = {
      {"empty", "", "empty_file", 0},
      {"blank lines only", repeated(" \t\r\n", 100'000), "empty_file", 0},
      {"a line that never ends", line("a") + std::string((33 << 20), 'x'), "invalid_line", 2},
      {"one long line of JSON", line("a") + line("b", "{\"a\":\"" + std::string(33 << 20, 'x') + "\"}"),
       "invalid_line", 2},
      {"too many", repeated(line("a") + "\n", 1) + lines(50'001), "too_many_requests", 50'002},
      {"a duplicate", lines(1000) + line("c7"), "duplicate_custom_id", 1001},
      {"a duplicate in other letters", line("ab") + line(R"(\u0061b)"), "duplicate_custom_id", 2},
      {"another endpoint", line("a") + line("b", "{}", "/v1/responses"), "invalid_url", 2},
      {"an endpoint with a query", line("a", "{}", kChatRoute + "?a=b"), "invalid_url", 1},
      {"an absolute url", line("a", "{}", "http://127.0.0.1" + kChatRoute), "invalid_url", 1},
      {"invalid UTF-8 in an id", line("a\xff\xfe"), "invalid_json_line", 1},
      {"invalid UTF-8 in a body", line("a", "{\"m\":\"\xc3(\"}"), "invalid_json_line", 1},
      {"UTF-16", std::string("{\0\"\0c\0\"\0", 8) + "\n", "invalid_json_line", 1},
      {"zeros", std::string(1000, '\0') + "\n", "invalid_json_line", 1},
      {"deep nesting", line("a") + nested + "\n", "invalid_json_line", 2},
      {"deep nesting in a body", line("a", "{\"m\":" + nested), "invalid_json_line", 1},
      {"an array", "[" + line("a") + "]\n", "invalid_json_line", 1},
      {"a number as id", R"({"custom_id":7,"method":"POST"})" + std::string("\n"), "invalid_custom_id", 1},
      {"a long id", line(std::string(513, 'i')), "invalid_custom_id", 1},
      {"no body", head + kChatRoute + "\"}\n", "invalid_request", 1},
      {"a body that is null", line("a", "null"), "invalid_request", 1},
      {"two requests in a line", R"({"custom_id":"x"} {"custom_id":"y"})" + std::string("\n"),
       "invalid_json_line", 1}};
  World w;
  const auto r = eager(w);
  for (const auto& f : files) {
    const Json end = over(w, *r, f.text);
    EXPECT_EQ(end["status"], "failed") << f.what;
    ASSERT_FALSE(end["errors"].is_null()) << f.what;
    const Json first = end["errors"]["data"][0];
    EXPECT_EQ(first["code"], f.code) << f.what << dump_json(first);
    EXPECT_EQ(first["line"], f.line ? Json(f.line) : Json()) << f.what;
    EXPECT_EQ(end["output_file_id"], nullptr) << f.what;
    EXPECT_LT(dump_json(end).size(), 60'000u) << f.what;
  }
  expect_runs(w, *r);
}

TEST(BatchHostile, TheLongestAllowedAreTaken) {
  World w;
  const auto r = eager(w);
  const std::string id(512, 'i'), last = line("last");
  const Json end = over(w, *r, "\xef\xbb\xbf" + line(id) + "\r\n" + last.substr(0, last.size() - 1));
  EXPECT_EQ(end["request_counts"], counts(2, 2, 0)) << dump_json(end);
}

// Clients cut texts inside a pair; the half becomes U+FFFD, as in every request.
TEST(BatchHostile, HalfASurrogateIsReplaced) {
  World w;
  const auto r = eager(w);
  const Json end = over(w, *r, line(R"(\ud800)"));
  EXPECT_TRUE(w.output(end["output_file_id"]).contains("\xef\xbf\xbd"));
}

TEST(BatchHostile, OneHundredThousandWrongLinesNameAHundred) {
  World w;
  const auto r = eager(w);
  const Json end = over(w, *r, repeated("{}\n", 100'000));
  EXPECT_EQ(end["errors"]["data"].size(), kBatchErrorsMax);
  expect_runs(w, *r);
}

// Changes a file at one or two random places, more often in a way that may leave it right.
std::string mutated(std::string text, std::mt19937& random) {
  const auto below = [&](size_t end) { return size_t(random() % std::max<size_t>(end, 1)); };
  using Change = std::function<void(size_t at)>;
  const Change changes[] = {[&](size_t at) { text[at] = char(random() % 256); },
                            [&](size_t at) { text.erase(at, 1 + below(20)); },
                            [&](size_t at) { text.insert(at, text.substr(below(text.size()), below(40))); },
                            [&](size_t at) { text.insert(at, std::string(1, "\"{}[],:\\\n"[below(9)])); },
                            [&](size_t at) { text.insert(text.find('\n', at) + 1, " \n\r\n"); },
                            [&](size_t) { text.pop_back(); },
                            [&](size_t) { text.insert(text.rfind("\"n"), R"("m":{"x":[1,null]},)"); },
                            [&](size_t) { text += line(std::to_string(random() % 9)); }};
  for (size_t i = 0, count = 1 + below(2); i < count; ++i)
    changes[below(std::size(changes))](below(text.size()));
  return text;
}

// Whether a file is right, read in another way than the runner does; and how many requests it has.
std::optional<int> requests_of(const std::string& text) {
  std::set<std::string> ids;
  std::istringstream in(text);
  for (std::string l; std::getline(in, l);) {
    if (is_blank(l)) continue;
    const auto read = read_batch_line(l, kChatRoute);
    const auto* request = std::get_if<BatchRequest>(&read);
    if (!request || !ids.insert(request->custom_id).second) return {};
  }
  if (ids.empty()) return {};
  return int(ids.size());
}

TEST(BatchHostile, MutatedFilesEndAsTheirLinesSay) {
  World w;
  const auto r = eager(w);
  std::mt19937 random(13);
  int right = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string text = mutated(lines(6), random);
    const Json end = over(w, *r, text);
    const auto expected = requests_of(text);
    ASSERT_EQ(end["status"], expected ? "completed" : "failed") << text << dump_json(end);
    if (!expected) continue;
    ++right;
    EXPECT_EQ(end["request_counts"], counts(*expected, *expected, 0));
    EXPECT_EQ(w.output(end["output_file_id"]).size(), size_t(*expected));
  }
  EXPECT_GT(right, 10);
  EXPECT_LT(right, 290);
}

}  // namespace
}  // namespace autark::serve
