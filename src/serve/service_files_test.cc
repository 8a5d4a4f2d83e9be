// Goal: /v1/files keeps, shows, lists, sends and removes files as OpenAI's API does, within its limits and for one key
// only; nothing of a refused or cut upload stays. Method: a server in this process, forms as clients send them, and
// the folder of the files.
#include <algorithm>
#include <filesystem>
#include <set>
#include <thread>
#include "serve/testing.h"
#include "store/files_folder.h"

namespace autark::serve {
namespace {

namespace fs = std::filesystem;

struct Folder {
  fs::path path = [] {
    std::string name = (fs::temp_directory_path() / "autark-service-files-XXXXXX").string();
    return fs::path(mkdtemp(name.data()));
  }();
  ~Folder() { fs::remove_all(path); }
  std::shared_ptr<storage::Files> open(const storage::FileLimits& limits = {}) const {
    return *storage::open_files(path, limits);
  }
  auto count() const { return std::distance(fs::directory_iterator(path), fs::directory_iterator()); }
};

const std::string kType = "content-type: multipart/form-data; boundary=BB\r\n";

std::string field(const std::string& name, const std::string& value) {
  return "--BB\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
}
std::string file_part(const std::string& bytes, const std::string& name = "a.jsonl") {
  return "--BB\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name +
         "\"\r\nContent-Type: application/octet-stream\r\n\r\n" + bytes + "\r\n";
}
// The order of OpenAI's clients: the file comes first.
std::string form(const std::string& bytes, const std::string& purpose = "batch",
                 const std::string& more = {}) {
  return file_part(bytes) + field("purpose", purpose) + more + "--BB--\r\n";
}
Answered upload(const Running& s, const std::string& body, const std::string& headers = {}) {
  return s.ask("POST", "/v1/files", body, kType + headers);
}
std::string id_of(const Answered& a) {
  return a.json().value("id", "");
}

TEST(ServiceFiles, AFileIsShownAndReadAsItWasSent) {
  const Folder f;
  const Running s(say_hello, {.files = f.open()});
  const std::string bytes("{\"a\":1}\r\n--B\0--BB", 17);
  const Answered made = upload(s, form(bytes + "x"));
  ASSERT_EQ(made.status, 200) << made.body;
  const Json j = made.json();
  EXPECT_EQ(j["object"], "file");
  EXPECT_TRUE(j["id"].get<std::string>().starts_with("file-"));
  EXPECT_EQ(j["bytes"], 18);
  EXPECT_EQ(j["filename"], "a.jsonl");
  EXPECT_EQ(j["purpose"], "batch");
  EXPECT_EQ(j["status"], "processed");
  EXPECT_FALSE(j.contains("expires_at"));
  EXPECT_EQ(s.ask("GET", "/v1/files/" + id_of(made)).json(), j);
  const Answered content = s.ask("GET", "/v1/files/" + id_of(made) + "/content");
  EXPECT_EQ(content.body, bytes + "x");
  EXPECT_EQ(content.header("content-type"), "application/octet-stream");
  EXPECT_EQ(content.header("content-length"), "18");
  const Answered head = s.ask("HEAD", "/v1/files/" + id_of(made) + "/content");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
}
TEST(ServiceFiles, HoweverTheUploadIsCutTheFileIsTheSame) {
  const Folder f;
  const Running s(say_hello, {.files = f.open()});
  const std::string bytes = "line one\r\n--B is not its end\r\n\r\n-", text = form(bytes);
  for (size_t step : {1, 2, 3, 7, 31, 64, 1000}) {
    auto socket = s.connect();
    socket.send("POST /v1/files HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n" + kType + "\r\n");
    for (size_t at = 0; at < text.size(); at += step) {
      const std::string piece = text.substr(at, step);
      char size[20];
      std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
      socket.send(size + piece + "\r\n");
    }
    socket.send("0\r\n\r\n");
    const Answered made = read_answer(socket);
    ASSERT_EQ(made.status, 200) << made.body << step;
    EXPECT_EQ(s.ask("GET", "/v1/files/" + id_of(made) + "/content").body, bytes) << step;
  }
}
TEST(ServiceFiles, ALargeFileComesBackWhole) {
  const Folder f;
  const Running s(say_hello, {.files = f.open()});
  std::string bytes;
  for (int i = 0; bytes.size() < (10 << 20); ++i) bytes += std::to_string(int64_t{i} * 7919) + "\n";
  const Answered made = upload(s, form(bytes));
  ASSERT_EQ(made.status, 200) << made.body;
  EXPECT_TRUE(s.ask("GET", "/v1/files/" + id_of(made) + "/content").body == bytes);
}
TEST(ServiceFiles, AWrongKeyIsRefusedBeforeAnythingIsStored) {
  const Folder f;
  const Running s(say_hello, {.api_key = "secret", .files = f.open()});
  auto socket = s.connect();
  socket.send(
      "POST /v1/files HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\nauthorization: Bearer no\r\n" +
      kType + "\r\n");  // no body follows
  const Answered a = read_answer(socket);
  EXPECT_EQ(a.status, 401);
  EXPECT_EQ(a.json()["error"]["code"], "invalid_api_key");
  EXPECT_EQ(f.count(), 0);
  EXPECT_EQ(upload(s, form("x"), "authorization: Bearer secret\r\n").status, 200);
}
TEST(ServiceFiles, AnotherKeyFindsNothing) {
  const Folder f;
  const auto files = f.open();
  const Running mine(say_hello, {.api_key = "mine", .files = files}),
      yours(say_hello, {.api_key = "yours", .files = files});
  const std::string my = "x-api-key: mine\r\n", your = "x-api-key: yours\r\n";
  const std::string path = "/v1/files/" + id_of(upload(mine, form("x"), my));
  for (const char* method : {"GET", "DELETE"}) {
    const Answered a = yours.ask(method, path, "", your);
    EXPECT_EQ(a.status, 404);
    EXPECT_EQ(a.json()["error"]["code"], "not_found");
  }
  EXPECT_EQ(yours.ask("GET", path + "/content", "", your).status, 404);
  EXPECT_EQ(yours.ask("GET", "/v1/files", "", your).json()["data"], Json::array());
  EXPECT_EQ(mine.ask("GET", path, "", my).status, 200);
}
TEST(ServiceFiles, TooLargeIs413AndLeavesNothing) {
  const Folder f;
  http::Limits limits;
  limits.upload_bytes = 2000;
  const Running s(say_hello, {.files = f.open(), .file_bytes = 1000}, limits);
  EXPECT_EQ(upload(s, form(std::string(1000, 'x'))).status, 200);
  const auto before = f.count();
  for (const size_t size : {1001, 5000}) {  // beyond the file's limit; beyond the body's
    const Answered a = upload(s, form(std::string(size, 'x')));
    EXPECT_EQ(a.status, 413);
    EXPECT_EQ(a.json()["error"]["type"], "invalid_request_error") << a.body;
  }
  while (f.count() != before) std::this_thread::yield();
}
TEST(ServiceFiles, WithoutRoomItSaysSo) {
  const Folder f;
  const Running s(say_hello, {.files = f.open({.bytes = 10})});
  const std::string id = id_of(upload(s, form("1234567890")));
  const Answered full = upload(s, form("1"));
  EXPECT_EQ(full.status, 413);
  EXPECT_EQ(full.json()["error"]["code"], "storage_full");
  EXPECT_EQ(s.ask("DELETE", "/v1/files/" + id).json(),
            (Json{{"id", id}, {"object", "file"}, {"deleted", true}}));
  EXPECT_EQ(s.ask("GET", "/v1/files/" + id).status, 404);
  EXPECT_EQ(upload(s, form("1")).status, 200);
}
TEST(ServiceFiles, AClientThatLeavesInTheMiddleLeavesNothing) {
  const Folder f;
  const Running s(say_hello, {.files = f.open()});
  {
    auto socket = s.connect();
    socket.send("POST /v1/files HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n" + kType + "\r\n" +
                file_part(std::string(1000, 'x')));
    while (f.count() == 0) std::this_thread::yield();
  }
  while (f.count() != 0) std::this_thread::yield();
  EXPECT_EQ(s.ask("GET", "/v1/files").json()["data"], Json::array());
}
TEST(ServiceFiles, WrongFormsAre400AndNameTheField) {
  const Folder f;
  const Running s(say_hello, {.files = f.open()});
  const std::string end = "--BB--\r\n", anchor = field("expires_after[anchor]", "created_at");
  const std::pair<std::string, const char*> wrong[] = {
      {field("purpose", "batch") + end, "file"},
      {file_part("x") + end, "purpose"},
      {form("x", "other"), "purpose"},
      {form("x", std::string(300, 'x')), "purpose"},
      {file_part("x") + form("x"), "file"},
      {field("file", "x") + field("purpose", "batch") + end, "file"},
      {file_part("x", std::string(1025, 'x')) + end, "file"},
      {form("x", "batch", anchor), "expires_after[seconds]"},
      {form("x", "batch", field("expires_after[seconds]", "3600")), "expires_after[anchor]"},
      {form("x", "batch", anchor + field("expires_after[seconds]", "3599")), "expires_after[seconds]"},
      {form("x", "batch", anchor + field("expires_after[seconds]", "1e9")), "expires_after[seconds]"},
      {form("x", "batch", field("expires_after[anchor]", "now")), "expires_after[anchor]"}};
  for (const auto& [body, param] : wrong) {
    const Answered a = upload(s, body);
    EXPECT_EQ(a.status, 400) << body;
    EXPECT_EQ(a.json()["error"]["param"], param) << a.body;
  }
  for (const std::string& body :
       {file_part("x"), std::string("nonsense"), std::string("--BB\r\n\r\n\r\n--BB--")})
    EXPECT_EQ(upload(s, body).status, 400) << body;
  EXPECT_EQ(s.ask("POST", "/v1/files", "{}", "content-type: application/json\r\n").status, 400);
  EXPECT_EQ(s.ask("POST", "/v1/files").status, 400);
  while (f.count() != 0) std::this_thread::yield();
}
TEST(ServiceFiles, ExpiryIsKept) {
  const Running s(say_hello);
  const Json j =
      upload(s, form("x", "user_data",
                     field("expires_after[anchor]", "created_at") + field("expires_after[seconds]", "3600")))
          .json();
  EXPECT_EQ(j["expires_at"], j["created_at"].get<int64_t>() + 3600);
}
TEST(ServiceFiles, AreListedInPages) {
  const Folder f;
  const Running s(say_hello, {.files = f.open()});
  std::set<std::string> all, seen;
  for (int i = 0; i < 5; ++i) all.insert(id_of(upload(s, form("x"))));
  const std::string eval = id_of(upload(s, form("x", "evals")));
  const auto walk = [&](const std::string& order) {
    std::vector<std::string> ids;
    std::string after;
    for (bool more = true; more;) {
      const Json page = s.ask("GET", "/v1/files?purpose=batch&limit=2&order=" + order + after).json();
      EXPECT_LE(page["data"].size(), 2u);
      EXPECT_EQ(page["object"], "list");
      for (const Json& file : page["data"]) ids.push_back(file["id"]);
      more = page["has_more"];
      after = "&after=" + page["last_id"].get<std::string>();
    }
    return ids;
  };
  std::vector<std::string> up = walk("asc"), down = walk("desc");
  std::reverse(down.begin(), down.end());
  EXPECT_EQ(up, down);
  EXPECT_EQ(std::set<std::string>(up.begin(), up.end()), all);
  EXPECT_EQ(up.size(), 5u);
  EXPECT_EQ(s.ask("GET", "/v1/files").json()["data"].size(), 6u);
  EXPECT_EQ(s.ask("GET", "/v1/files?purpose=evals").json()["data"][0]["id"], eval);
  EXPECT_EQ(s.ask("GET", "/v1/files?limit=10000").status, 200);
  for (const char* wrong : {"?limit=0", "?limit=10001", "?order=up"})
    EXPECT_EQ(s.ask("GET", std::string("/v1/files") + wrong).status, 400) << wrong;
}
TEST(ServiceFiles, WorkWhileTheModelLoadsAndEndWhenTheServerStops) {
  Running s({});
  EXPECT_EQ(upload(s, form("x")).status, 200);
  EXPECT_EQ(s.ask("GET", "/v1/files/file-none/content").status, 404);
  s.service.drain();
  EXPECT_EQ(upload(s, form("x")).status, 503);
  EXPECT_EQ(s.ask("GET", "/v1/files").status, 503);
}

}  // namespace
}  // namespace autark::serve
