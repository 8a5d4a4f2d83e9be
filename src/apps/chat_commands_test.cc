// Goal: typed lines become messages or do what a command says, and an error never changes the conversation.
// Method: lines against a state; saved files made by hand, valid and malicious.
#include "apps/chat_commands.h"
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <fstream>
#include "base/json.h"
#include "base/mapped_file.h"

namespace autark::apps {
namespace {

namespace fs = std::filesystem;
using Kind = Reaction::Kind;

class ChatCommands : public ::testing::Test {
 protected:
  ChatCommands()
      : dir_(fs::path(::testing::TempDir()) /
             ("chat_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()))) {
    fs::create_directories(dir_);
    chat_.usual.sampling.temperature = chat_.settings.sampling.temperature = 0.7f;
    talk();
  }
  ~ChatCommands() override { fs::remove_all(dir_); }

  void talk() {
    chat_.said = {.system = "Be brief.",
                  .items = {{api::Role::user, {api::Text{"Häuser?\n\"木\""}}},
                            {api::Role::assistant, {api::Reasoning{"hm"}, api::Text{"Yes."}}}}};
    chat_.said.items.back().sampled = SampledTurn{};
  }
  // Types several lines, of which the last completes a message or a command.
  Reaction type(const std::vector<std::string>& lines) {
    ChatInput input;
    for (size_t i = 0; i + 1 < lines.size(); ++i) EXPECT_FALSE(input.push(lines[i])) << lines[i];
    const auto whole = input.push(lines.back());
    EXPECT_TRUE(whole) << lines.back();
    EXPECT_FALSE(input.open());
    return whole ? react(*whole, chat_) : Reaction{};
  }
  std::string shown(const std::string& line) {
    const Reaction r = type({line});
    EXPECT_EQ(r.kind, Kind::show) << line;
    return r.text;
  }
  std::string sent(const std::vector<std::string>& lines) {
    const Reaction r = type(lines);
    EXPECT_EQ(r.kind, Kind::send) << lines[0];
    return r.text;
  }
  bool says(const std::string& line, const std::string& what) {
    return shown(line).find(what) != std::string::npos;
  }
  fs::path file(const std::string& name, const std::string& bytes) {
    std::ofstream(dir_ / name, std::ios::binary) << bytes;
    return dir_ / name;
  }

  fs::path dir_;
  ChatState chat_;
};

TEST_F(ChatCommands, MessagesAreSentAsTheyAre) {
  EXPECT_EQ(sent({"What is /help?"}), "What is /help?");
  EXPECT_EQ(sent({" /etc/passwd says"}), " /etc/passwd says");
  EXPECT_EQ(sent({"//etc/passwd says"}), "/etc/passwd says");
  EXPECT_EQ(sent({"\"\"quoted\"\""}), "\"\"quoted\"\"");
  EXPECT_EQ(sent({"pasted\nlines"}), "pasted\nlines");
  for (const char* blank : {"", " ", "\t\n", "\"\"\"\"\"\""}) EXPECT_EQ(shown(blank), "") << blank;
}

TEST_F(ChatCommands, LinesBetweenQuotesAreOneMessage) {
  const std::string q = "\"\"\"";
  EXPECT_EQ(sent({q + "one" + q}), "one");
  EXPECT_EQ(sent({q + "one", "two" + q}), "one\ntwo");
  EXPECT_EQ(sent({q, "one", "", "  two", q}), "one\n\n  two");
  EXPECT_EQ(sent({"  " + q, "/bye", "//x", q + " "}), "/bye\n//x") << "no commands in it";
  EXPECT_EQ(sent({q, "say " + q + " twice", q}), "say " + q + " twice");
  EXPECT_EQ(sent({q + "pasted\nlines" + q}), "pasted\nlines");
  EXPECT_EQ(sent({"a " + q + " inside"}), "a " + q + " inside");
  type({"/system " + q + "You are", "a poet." + q});
  EXPECT_EQ(chat_.said.system, "You are\na poet.");
  type({"/set system " + q, "\"Hm.\"", q});
  EXPECT_EQ(chat_.said.system, "\"Hm.\"");
  type({"/system " + q + q});
  EXPECT_EQ(chat_.said.system, "");
}

TEST_F(ChatCommands, UnknownWordsAreNotSent) {
  for (const char* line : {"/", "/etc/passwd says so", "/Help", "/helpme", "/systemic", "/foo \"\"\""}) {
    EXPECT_TRUE(says(line, "There is no command")) << line;
    EXPECT_TRUE(says(line, "/help")) << line;
  }
  EXPECT_LT(shown("/" + std::string(1 << 20, 'x')).size(), 400u);
}

TEST_F(ChatCommands, HelpNamesEveryCommand) {
  for (const char* help : {"/help", "/?", "/help me"})
    for (const char* word : {"/clear", "/system", "/set", "/save", "/load", "/bye", "\"\"\"", "top_p"})
      EXPECT_TRUE(says(help, word)) << help << " " << word;
}

TEST_F(ChatCommands, ByeLeaves) {
  for (const char* line : {"/bye", "/exit", "/quit", "/bye "}) EXPECT_EQ(type({line}).kind, Kind::leave);
}

TEST_F(ChatCommands, ClearKeepsTheSystemMessage) {
  shown("/clear");
  EXPECT_TRUE(chat_.said.items.empty());
  EXPECT_EQ(chat_.said.system, "Be brief.");
}

TEST_F(ChatCommands, SystemIsShownChangedAndTakenAway) {
  EXPECT_EQ(shown("/system"), "Be brief.");
  shown("/system  You are a  poet. ");
  EXPECT_EQ(chat_.said.system, "You are a  poet.");
  shown("/set system \"Be kind.\"");
  EXPECT_EQ(chat_.said.system, "Be kind.");
  EXPECT_EQ(chat_.said.items.size(), 2u) << "the conversation goes on";
  shown("/system \"\"");
  EXPECT_EQ(chat_.said.system, "");
  EXPECT_EQ(shown("/system"), "There is no system message.");
}

TEST_F(ChatCommands, SettingsChangeWithinTheirRanges) {
  ChatSettings& s = chat_.settings;
  shown("/set temperature 0.25");
  shown("/set parameter top-p 0.5");
  shown("/set top_k \"40\"");
  shown("/set min_p 0.1");
  shown("/set repetition_penalty 1.5");
  shown("/set seed 9223372036854775807");
  shown("/set max_tokens 100");
  shown("/set thinking off");
  shown("/set effort high");
  EXPECT_EQ(s.sampling.temperature, 0.25f);
  EXPECT_EQ(s.sampling.top_p, 0.5f);
  EXPECT_EQ(s.sampling.top_k, 40);
  EXPECT_EQ(s.sampling.min_p, 0.1f);
  EXPECT_EQ(s.sampling.repetition_penalty, 1.5f);
  EXPECT_EQ(s.sampling.seed, uint64_t(INT64_MAX));
  EXPECT_EQ(s.max_tokens, 100);
  EXPECT_EQ(s.reasoning.thinking, false);
  EXPECT_EQ(s.reasoning.effort, "high");
  const std::string all = shown("/set");
  for (const char* line : {"temperature         0.25", "max_tokens          100", "thinking            off"})
    EXPECT_NE(all.find(line), std::string::npos) << all;
  shown("/set nothink");
  EXPECT_EQ(s.reasoning.thinking, false);
  for (const char* name : {"temperature", "thinking", "max_tokens", "effort"})
    shown(std::string("/set ") + name + " default");
  EXPECT_EQ(s.sampling.temperature, 0.7f) << "as the program was started";
  EXPECT_EQ(s.max_tokens, -1);
  EXPECT_FALSE(s.reasoning.thinking);
  EXPECT_EQ(s.reasoning.effort, "");
}

TEST_F(ChatCommands, WrongSettingsChangeNothing) {
  const std::string before = shown("/set");
  for (const char* line :
       {"/set temperature 2.1", "/set temperature -1", "/set temperature nan", "/set temperature inf",
        "/set temperature 0.5x", "/set temperature 1 2", "/set top_k 1.5", "/set top_k -1",
        "/set top_k 99999999999", "/set seed -1", "/set seed 99999999999999999999", "/set max_tokens 0",
        "/set max_tokens -2", "/set repetition_penalty 0", "/set thinking maybe", "/set effort huge"})
    EXPECT_TRUE(says(line, " must be ")) << line;
  EXPECT_TRUE(says("/set tempratur 1", "temperature, top_p")) << "the names there are";
  EXPECT_TRUE(says("/set temperature", "/set NAME VALUE"));
  EXPECT_EQ(shown("/set"), before);
}

TEST_F(ChatCommands, AConversationComesBackAsItWas) {
  const std::string path = (dir_ / "a chat.json").string();
  EXPECT_TRUE(says("/save " + path, "2 messages are kept"));
  struct stat s;
  ASSERT_EQ(::stat(path.c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777, 0600u);
  chat_.said = {};
  EXPECT_TRUE(says("/load \"" + path + "\"", "2 messages from"));
  EXPECT_EQ(chat_.said.system, "Be brief.");
  ASSERT_EQ(chat_.said.items.size(), 2u);
  EXPECT_EQ(std::get<api::Text>(chat_.said.items[0].parts[0]).text, "Häuser?\n\"木\"");
  EXPECT_EQ(std::get<api::Reasoning>(chat_.said.items[1].parts[0]).text, "hm");
  EXPECT_EQ(std::get<api::Text>(chat_.said.items[1].parts[1]).text, "Yes.");
  shown("/clear");
  EXPECT_TRUE(says("/save " + path, "0 messages are kept")) << "a saved one is replaced";
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_), fs::directory_iterator()), 1)
      << "nothing is left beside";
}

TEST_F(ChatCommands, SaveReplacesNothingElse) {
  const auto other = file("model.gguf", "GGUF and so on");
  EXPECT_TRUE(says("/save " + other.string(), "is kept"));
  EXPECT_TRUE(says("/save " + dir_.string(), "is kept"));
  EXPECT_TRUE(says("/save " + (dir_ / "none/x.json").string(), "cannot write"));
  EXPECT_EQ(*read_file(other), "GGUF and so on");
  EXPECT_EQ(shown("/save"), "/save FILE");
  EXPECT_EQ(shown("/load"), "/load FILE");
}

TEST_F(ChatCommands, AFileThatIsNoneLeavesTheConversation) {
  const std::string head = R"({"autark_conversation":1,"system":"x","messages":)";
  const std::string broken[] = {"",
                                "{",
                                "[]",
                                "{}",
                                "null",
                                R"({"system":"x","messages":[]})",
                                R"({"autark_conversation":2,"system":"x","messages":[]})",
                                R"({"autark_conversation":"1","system":"x","messages":[]})",
                                R"({"autark_conversation":1,"system":7,"messages":[]})",
                                R"({"autark_conversation":1,"system":"x"})",
                                head + "{}}",
                                head + "[1]}",
                                head + R"([{"role":"system","content":"x"}]})",
                                head + R"([{"role":["user"],"content":"x"}]})",
                                head + R"([{"role":"user"}]})",
                                head + R"([{"role":"user","content":null}]})",
                                head + R"([{"role":"user","content":["x"]}]})",
                                head + R"([{"role":"user","content":"x","reasoning":"y"}]})",
                                head + R"([{"role":"assistant","content":"x","reasoning":1}]})",
                                head + "[{\"role\":\"user\",\"content\":\"\xc3\x28\"}]}",
                                head + std::string(100'000, '['),
                                head + "[]}{}"};
  for (const std::string& bytes : broken) {
    const auto path = file("broken.json", bytes);
    EXPECT_TRUE(says("/load " + path.string(), path.string())) << bytes.substr(0, 100);
    EXPECT_EQ(chat_.said.items.size(), 2u) << bytes.substr(0, 100);
    EXPECT_EQ(chat_.said.system, "Be brief.");
  }
  ASSERT_EQ(::mkfifo((dir_ / "pipe").c_str(), 0600), 0);
  EXPECT_TRUE(says("/load " + (dir_ / "pipe").string(), "not a regular file"));
  EXPECT_TRUE(says("/load " + dir_.string(), "not a regular file"));
  EXPECT_TRUE(says("/load " + (dir_ / "nowhere").string(), "No such file"));
}

}  // namespace
}  // namespace autark::apps
