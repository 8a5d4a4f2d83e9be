// Goal: the same parts are read however a body is cut, every limit and every wrong byte ends in a refusal, and
// what is held stays bounded. Method: a body against every cut and against single bytes; contents that nearly
// hold the boundary; examples that must be refused; the values that common clients send.
#include "http/multipart.h"
#include <gtest/gtest.h>
#include <algorithm>

namespace autark::http {
namespace {

// Writes the parts down as text; stops at a part of the name `stop_at`.
class Log final : public PartSink {
 public:
  explicit Log(std::string stop_at = "-") : stop_at_(std::move(stop_at)) {}
  bool begin(PartHead head) override {
    text += head.name + "|" + head.filename.value_or("(none)") + "|" + head.content_type + "|";
    return head.name != stop_at_;
  }
  bool put(std::string_view bytes) override {
    EXPECT_FALSE(bytes.empty());
    text += bytes;
    return true;
  }
  bool end() override {
    text += ";";
    return true;
  }
  std::string text;

 private:
  const std::string stop_at_;
};

std::string part(const std::string& disposition, const std::string& content) {
  return "--b\r\nContent-Disposition: " + disposition + "\r\n\r\n" + content + "\r\n";
}

// The parts as text and how the reading ended; `piece` bytes at a time.
std::string read(std::string_view body, size_t piece = 1 << 20, MultipartLimits limits = {}) {
  Log log;
  MultipartReader reader("b", log, limits);
  for (; !body.empty(); body.remove_prefix(std::min(piece, body.size())))
    if (!reader.put(body.substr(0, piece))) return log.text + " refused: " + reader.refusal();
  return log.text + (reader.is_whole() ? " whole" : " cut");
}

bool is_refused(std::string_view body, MultipartLimits limits = {}) {
  const std::string whole = read(body, 1 << 20, limits);
  EXPECT_EQ(read(body, 1, limits), whole) << body;
  return whole.find(" refused: ") != whole.npos;
}

const std::string kBody = "preamble\r\n" + part("form-data; name=\"purpose\"", "batch") +
                          "--b\r\ncontent-type: application/jsonl\r\nX-Other: 1\r\n"
                          "content-disposition: FORM-DATA; Name=file; filename=\"a \\\"%22.jsonl\"\r\n\r\n"
                          "one\r\n--\r\n-\r\n--\r\r\n\r\n--a\n--b\r\n" +
                          part("form-data; name=\"empty\"; filename=\"\"", "") + "--b--\r\nepilogue --b";
const std::string kParts =
    "purpose|(none)||batch;"
    "file|a \"\".jsonl|application/jsonl|one\r\n--\r\n-\r\n--\r\r\n\r\n--a\n--b;"
    "empty|||; whole";

TEST(Multipart, EveryCutGivesTheSameParts) {
  EXPECT_EQ(read(kBody), kParts);
  for (size_t piece = 1; piece < 40; ++piece) EXPECT_EQ(read(kBody, piece), kParts) << piece;
  for (size_t cut = 0; cut <= kBody.size(); ++cut) {
    Log log;
    MultipartReader reader("b", log);
    EXPECT_TRUE(reader.put(std::string_view(kBody).substr(0, cut)));
    EXPECT_TRUE(reader.put(std::string_view(kBody).substr(cut)));
    EXPECT_EQ(log.text + " whole", kParts) << cut;
  }
}

TEST(Multipart, ABodyWithoutItsEndIsNotWhole) {
  const size_t end = kBody.find("--b--") + 5;
  for (size_t size = 0; size < end; ++size)
    EXPECT_TRUE(read(std::string_view(kBody).substr(0, size)).ends_with(" cut")) << size;
  EXPECT_EQ(read(std::string_view(kBody).substr(0, end)), kParts);
  EXPECT_EQ(read("--b--"), " whole") << "no part at all";
}

TEST(Multipart, WrongBytesAreRefused) {
  EXPECT_TRUE(is_refused(part("form-data", "x"))) << "no name";
  EXPECT_TRUE(is_refused(part("form-data; name=\"\"", "x")));
  EXPECT_TRUE(is_refused(part("form-data; name=\"a", "x"))) << "an open quote";
  EXPECT_TRUE(is_refused(part("form-data; name=\"a\" b", "x")));
  EXPECT_TRUE(is_refused(part("form-data; name=a; name=b", "x"))) << "twice";
  EXPECT_TRUE(is_refused(part("attachment; name=a", "x")));
  EXPECT_TRUE(is_refused(part("form-data; name=\"a\nb\"", "x"))) << "a control character";
  EXPECT_TRUE(is_refused(part(std::string("form-data; name=\"a\0b\"", 21), "x")));
  EXPECT_TRUE(is_refused(part("form-data; name=a\r\nno colon", "x")));
  EXPECT_TRUE(is_refused(part("form-data; name=a\r\nContent-Transfer-Encoding: base64", "x")));
  EXPECT_FALSE(is_refused(part("form-data; name=a\r\nContent-Transfer-Encoding: Binary", "x")));
  EXPECT_TRUE(is_refused("--b\r\n\r\nx\r\n--b--")) << "no headers";
  EXPECT_TRUE(is_refused(part("form-data; name=a", "x\r\n--bc"))) << "the boundary within the content";
}

TEST(Multipart, LimitsAreExact) {
  const auto body = [](size_t name) {
    return part("form-data; name=" + std::string(name, 'n'), "x") + "--b--";
  };
  const size_t head = std::string("\r\nContent-Disposition: form-data; name=").size();
  EXPECT_FALSE(is_refused(body(20), {.head_bytes = head + 20}));
  EXPECT_TRUE(is_refused(body(21), {.head_bytes = head + 20}));
  EXPECT_TRUE(is_refused("--b\r\n" + std::string(200, 'x'), {.head_bytes = 100})) << "no end of the head";
  EXPECT_TRUE(is_refused(std::string(200, 'x'), {.head_bytes = 100})) << "no boundary";
  const std::string one = part("form-data; name=a", "x");
  EXPECT_FALSE(is_refused(one + one + "--b--", {.part_count = 2}));
  EXPECT_TRUE(is_refused(one + one + one + "--b--", {.part_count = 2}));
}

TEST(Multipart, TheSinkCanStop) {
  Log log("file");
  MultipartReader reader("b", log);
  EXPECT_FALSE(reader.put(kBody));
  EXPECT_FALSE(reader.put("more"));
  EXPECT_FALSE(reader.is_whole());
  EXPECT_EQ(reader.refusal(), "");
  EXPECT_EQ(log.text, "purpose|(none)||batch;file|a \"\".jsonl|application/jsonl|");
}

TEST(Multipart, BoundariesOfCommonClients) {
  EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=0123abc"), "0123abc");
  EXPECT_EQ(multipart_boundary("Multipart/Form-Data;charset=utf-8; Boundary=\"a b:c\""), "a b:c");
  EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=----formdata-undici-01;"),
            "----formdata-undici-01");
  EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=" + std::string(70, 'x')),
            std::string(70, 'x'));
  for (const std::string& wrong :
       {std::string(), std::string("application/json"), std::string("multipart/form-data"),
        std::string("multipart/mixed; boundary=a"), std::string("multipart/form-data; boundary="),
        std::string("multipart/form-data; boundary=\"a"), std::string("multipart/form-data; boundary=\"a \""),
        std::string("multipart/form-data; boundary=a@b"),
        std::string("multipart/form-data; boundary=a; boundary=b"),
        "multipart/form-data; boundary=" + std::string(71, 'x')})
    EXPECT_FALSE(multipart_boundary(wrong)) << wrong;
}

}  // namespace
}  // namespace autark::http
