// Goal: every request of a batch that ended early has exactly one line in its files, whatever was answered; a process
// that was killed while it wrote them leaves no second file. Method: runners over files in memory; the files of a killed
// process are put there by the test.
#include "serve/batch_output.h"
#include "serve/batch_object.h"
#include "serve/fake_batches.h"

namespace autark::serve {
namespace {

// Answers `answered` of the requests and lets the batch end as `ending`.
Json ended(World& w, BatchRunner& r, const std::string& text, int answered, const std::string& ending) {
  const Json made = w.create(r, text);
  for (int i = 0; i < answered; ++i) w.answer(i % 2 ? 400 : 200);
  EXPECT_TRUE(wait_until([&] {
    const Json counts = w.now_is(r, made)["request_counts"];
    return counts["completed"].get<int>() + counts["failed"].get<int>() == answered;
  }));
  if (ending == "cancelled")
    r.cancel("me", made["id"]);
  else
    w.now = 1000 + 86400;
  return w.wait_for(r, made, ending);
}

TEST(BatchOutput, EveryRequestHasOneLine) {
  for (const std::string ending : {"expired", "cancelled"})
    for (const int answered : {0, 1, 7, 12}) {
      World w;
      const auto r = w.runner();
      const Json done = ended(w, *r, lines(13), answered, ending);
      const auto output = w.output(done["output_file_id"]), errors = w.output(done["error_file_id"]);
      EXPECT_EQ(output.size() + errors.size(), 13u) << ending << answered;
      EXPECT_EQ(done["request_counts"], counts(13, int(output.size()), int(errors.size())));
      int not_run = 0;
      for (const auto& [id, l] : errors) {
        EXPECT_FALSE(output.contains(id));
        if (!l["response"].is_null()) continue;
        ++not_run;
        EXPECT_EQ(l["error"]["code"], "batch_" + ending);
        EXPECT_TRUE(l["error"]["message"].is_string());
        EXPECT_TRUE(l["id"].get<std::string>().starts_with("batch_req_"));
      }
      EXPECT_EQ(not_run, 13 - answered);
    }
}

TEST(BatchOutput, WhatWasNeverCheckedIsListedToo) {
  World w;
  const std::string id = w.files->add(line("a") + "no json\n\n" + line("b") + line("a") + line("c"), "me");
  auto object =
      read_batch(R"({"input_file_id":")" + id + R"(","endpoint":")" + kChatRoute + "\"}", "batch_1", 1000);
  ASSERT_TRUE(std::holds_alternative<Json>(object));
  ASSERT_FALSE(w.batches->create({.id = "batch_1",
                                  .owner = "me",
                                  .created = 1000,
                                  .over = false,
                                  .body = dump_json(std::get<Json>(object))}));
  w.now = 1000 + 86400;
  const auto r = w.runner();
  const Json done = w.wait_for(*r, std::get<Json>(object), "expired");
  EXPECT_EQ(w.output(done["error_file_id"]).size(), 3u);
  EXPECT_EQ(done["request_counts"], counts(3, 0, 3));
}

TEST(BatchOutput, ADeletedInputIsSaid) {
  World w;
  const auto r = w.runner();
  const Json made = w.create(*r, lines(9));
  w.answer();
  ASSERT_TRUE(wait_until([&] { return w.now_is(*r, made)["request_counts"]["completed"] == 1; }));
  EXPECT_FALSE(w.files->erase(made["input_file_id"], "me", 1000));
  r->cancel("me", made["id"]);
  const Json done = w.wait_for(*r, made, "cancelled");
  EXPECT_EQ(done["request_counts"], counts(9, 1, 0));
  EXPECT_EQ(done["errors"]["data"][0]["code"], "input_file_not_found");
  EXPECT_EQ(w.output(done["output_file_id"]).size(), 1u);
}

TEST(BatchOutput, OtherEndingsListNothing) {
  World w;
  const auto r = w.runner();
  const Json made = w.create(*r, lines(2));
  w.answer();
  w.answer();
  EXPECT_EQ(w.wait_for(*r, made, "completed")["error_file_id"], nullptr);
}

// As after a kill between the file and the batch that names it.
TEST(BatchOutput, AStartRemovesWhatAKilledProcessLeft) {
  World w;
  auto r = w.runner();
  const Json made = w.create(*r, lines(3));
  const std::string id = made["id"];
  w.answer();
  ASSERT_TRUE(wait_until([&] { return w.now_is(*r, made)["request_counts"]["completed"] == 1; }));
  r.reset();
  w.waiting.clear();
  const auto put = [&](const std::string& name, const std::string& owner, const std::string& purpose) {
    auto writer = w.files->create({.owner = owner, .name = name, .purpose = purpose, .created = 1000});
    EXPECT_FALSE((*writer)->write("x\n"));
    return (*writer)->commit()->id;
  };
  const std::string orphans[] = {put(id + "_output.jsonl", "me", "batch_output"),
                                 put(id + "_error.jsonl", "me", "batch_output")};
  const std::string others[] = {put(id + "_output.jsonl", "me", "batch"),
                                put(id + "_output.jsonl", "you", "batch_output"),
                                put("batch_other_output.jsonl", "me", "batch_output")};
  r = w.runner();
  for (const std::string& file : orphans) EXPECT_FALSE(w.files->find(file, "me", 1000)) << file;
  for (const std::string& file : others)
    EXPECT_TRUE(w.files->find(file, file == others[1] ? "you" : "me", 1000)) << file;
  for (int i = 0; i < 2; ++i) w.answer();
  EXPECT_EQ(w.output(w.wait_for(*r, made, "completed")["output_file_id"]).size(), 3u);
}

TEST(BatchOutput, AFileThatIsEnteredStays) {
  World w;
  auto r = w.runner();
  const Json made = w.create(*r, lines(1));
  w.answer();
  const Json done = w.wait_for(*r, made, "completed");
  Json object = done;
  object["status"] = "finalizing";
  object["own"] = {{"output_seconds", 0}, {"ending", "completed"}};
  r.reset();
  ASSERT_FALSE(w.batches->update(
      {.id = made["id"], .owner = "me", .created = 1000, .over = false, .body = dump_json(object)}));
  r = w.runner();
  EXPECT_EQ(w.wait_for(*r, made, "completed")["output_file_id"], done["output_file_id"]);
  EXPECT_EQ(w.output(done["output_file_id"]).size(), 1u);
}

}  // namespace
}  // namespace autark::serve
