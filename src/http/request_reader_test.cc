// Goal: the same requests are read however the bytes are cut, and each kind of wrong bytes is refused
// with its status. Method: the whole text against every cut and against single bytes; examples that must
// be refused.
#include "http/request_reader.h"
#include <gtest/gtest.h>

namespace autark::http {
namespace {

constexpr std::string_view kThree =
    "\r\nGET /a%20b?q HTTP/1.1\r\nHost: h\r\nX-Two: 1\r\nx-two: 2\r\n\r\n"
    "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
    "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nt: "
    "1\r\n\r\n";

// Feeds pieces as a connection does. Returns the requests as text, or the status of the refusal.
std::string read(const std::vector<std::string_view>& pieces, const Limits& limits = {}) {
  RequestReader reader(limits);
  std::string input, out;
  for (const std::string_view piece : pieces) {
    input += piece;
    while (true) {
      input.erase(0, reader.put(input));
      if (reader.stage() == RequestReader::Stage::refused)
        return out + std::to_string(reader.refusal().status);
      if (reader.stage() != RequestReader::Stage::complete) break;
      const Request r = reader.take();
      out += r.method + " " + r.path + "?" + r.query + " " + std::string(r.header("x-two")) + " " + r.body +
             "\n";
    }
  }
  return out;
}

TEST(RequestReaderTest, EveryCutGivesTheSameRequests) {
  const std::string whole = read({kThree});
  EXPECT_EQ(whole, "GET /a b?q 1 \nPOST /b?  hello\nPOST /c?  abcde\n");
  for (size_t cut = 0; cut <= kThree.size(); ++cut)
    EXPECT_EQ(read({kThree.substr(0, cut), kThree.substr(cut)}), whole) << cut;
  std::vector<std::string_view> bytes;
  for (size_t i = 0; i < kThree.size(); ++i) bytes.push_back(kThree.substr(i, 1));
  EXPECT_EQ(read(bytes), whole);
}
TEST(RequestReaderTest, WrongBytesAreRefused) {
  const std::string host = "Host: h\r\n";
  EXPECT_EQ(read({"\x16\x03\x01"}), "400");
  EXPECT_EQ(read({"GET / HTTP/1.1\r\n\r\n"}), "400");
  EXPECT_EQ(read({"GET / HTTP/1.1\r\n" + host + host + "\r\n"}), "400");
  EXPECT_EQ(read({"GET /% HTTP/1.1\r\n" + host + "\r\n"}), "400");
  EXPECT_EQ(read({"GET / HTTP/1.1\r\nHost h\r\n\r\n"}), "400");
  EXPECT_EQ(read({"GET / HTTP/1.1\r\n" + host + "a b: c\r\n\r\n"}), "400");
  EXPECT_EQ(read({"GET  / HTTP/1.1\r\n" + host + "\r\n"}), "400");
  EXPECT_EQ(read({"POST / HTTP/1.1\r\n" + host + "Content-Length: x\r\n\r\n"}), "400");
  EXPECT_EQ(read({"POST / HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n"}), "400");
  EXPECT_EQ(read({"POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"}), "400");
  EXPECT_EQ(read({"POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"}),
            "400");
  EXPECT_EQ(read({"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\n"}), "501");
  EXPECT_EQ(read({"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n"}), "501");
  EXPECT_EQ(read({"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"}), "400");
  EXPECT_EQ(read({"POST / HTTP/1.1\r\n" + host + "Expect: tea\r\n\r\n"}), "417");
  EXPECT_EQ(read({"GET / HTTP/1.0\r\n\r\n"}), "GET /?  \n");
}
TEST(G6_LineEnds, ABareLineFeedIs400InEveryCut) {
  const std::string wrong[] = {"GET / HTTP/1.1\nHost: h\n\n",
                               "GET / HTTP/1.1\nHost: h\r\n\r\n",
                               "GET / HTTP/1.1\r\nHost: h\n\r\n",
                               "GET / HTTP/1.1\r\nHost: h\nA: b\r\n\r\n",
                               "GET / HTTP/1.1\r\nHost: h\r\n\n",
                               "GET / HTTP/1.1\r\n\nHost: h\r\n\r\n",
                               "GET / HTTP/1.0\n\n",
                               "GET / HTTP/1.0\r\n\n",
                               "hello\n"};
  for (const std::string& text : wrong) {
    EXPECT_EQ(read({text}), "400") << text;
    for (size_t cut = 1; cut < text.size(); ++cut)
      EXPECT_EQ(read({std::string_view(text).substr(0, cut), std::string_view(text).substr(cut)}), "400")
          << text << cut;
    std::vector<std::string_view> bytes;
    for (size_t i = 0; i < text.size(); ++i) bytes.push_back(std::string_view(text).substr(i, 1));
    EXPECT_EQ(read(bytes), "400") << text;
  }
}
TEST(G6_LineEnds, LineFeedsOfBodiesAreTheirOwnBusiness) {
  const std::string text =
      "POST /a HTTP/1.0\r\n\r\nPOST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n\n\na\n"
      "\nGET /c HTTP/1.0\r\nConnection: keep-alive\r\n\r\n\r\n";
  const std::string all = "POST /a?  \nPOST /b?  \n\na\n\nGET /c?  \n";
  for (size_t cut = 0; cut <= text.size(); ++cut)
    EXPECT_EQ(read({std::string_view(text).substr(0, cut), std::string_view(text).substr(cut)}), all) << cut;
}
TEST(G6_RequestLine, WhatIsNoHttp1IsTheClientsFault) {
  for (const char* line : {"GET / HTTP/1.9",
                           "GET / HTTP/2.0",
                           "PRI * HTTP/2.0",
                           "GET / HTTP/3",
                           "GET / HTTP/1.10",
                           "GET / HTTP/0.9",
                           "GET / HTTP/1,1",
                           "GET / http/1.1",
                           "GET / HTTX/1.1",
                           "GET / HTTP/1.1 ",
                           "GET /  HTTP/1.1",
                           "GET / ",
                           "GET /",
                           "GET",
                           "hello",
                           "GET \t HTTP/1.1",
                           " GET / HTTP/1.1",
                           "GET / HTTP/1.1\r",
                           "G\x01T / HTTP/1.1",
                           "GET /\x01 HTTP/1.1"})
    EXPECT_EQ(read({std::string(line) + "\r\nHost: h\r\n\r\n"}), "400") << line;
}
TEST(RequestReaderTest, LimitsAreMetExactly) {
  const Limits limits{.header_bytes = 100, .body_bytes = 10};
  const auto head = [](size_t bytes) {
    const std::string start = "GET / HTTP/1.1\r\nHost: h\r\nX: ", end = "\r\n\r\n";
    return start + std::string(bytes - start.size() - end.size(), 'x') + end;
  };
  EXPECT_EQ(read({head(99)}, limits), "GET /?  \n");
  EXPECT_EQ(read({head(101)}, limits), "431");
  EXPECT_EQ(read({head(10'000).substr(0, 5000)}, limits), "431");
  const std::string post = "POST /p HTTP/1.1\r\nHost: h\r\n";
  EXPECT_EQ(read({post + "Content-Length: 10\r\n\r\n0123456789"}, limits), "POST /p?  0123456789\n");
  EXPECT_EQ(read({post + "Content-Length: 11\r\n\r\n"}, limits), "413");
  EXPECT_EQ(read({post + "Content-Length: 99999999999999999999999\r\n\r\n"}, limits), "400");
  EXPECT_EQ(read({post + "Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n6\r\n"}, limits), "413");
  EXPECT_EQ(read({post + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(200, 'x')}, limits), "431");
}
TEST(RequestReaderTest, AChunkExtensionIsBoundedInEveryCut) {
  const std::string text = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;" +
                           std::string(300, 'x') + "\r\na\r\n0\r\n\r\n";
  EXPECT_EQ(read({text}), "400");
  EXPECT_EQ(read({std::string_view(text).substr(0, 200), std::string_view(text).substr(200)}), "400");
}
TEST(RequestReaderTest, ARefusalKnowsThePath) {
  RequestReader reader({.body_bytes = 10});
  reader.put("POST /v1/x%20y HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n");
  EXPECT_EQ(reader.path(), "/v1/x y");
}
TEST(RequestReaderTest, ContinueIsWantedOnceAndOnlyForABody) {
  RequestReader reader({});
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n";
  EXPECT_EQ(reader.put(head), head.size());
  EXPECT_TRUE(reader.wants_continue());
  EXPECT_FALSE(reader.wants_continue());
  RequestReader empty({});
  empty.put("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_FALSE(empty.wants_continue());
}

}  // namespace
}  // namespace autark::http
