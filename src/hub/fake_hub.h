// For tests: a server that serves a real directory ROOT/ORG/NAME/… in the layouts of Hugging Face and
// ModelScope (ROOT/ORG/NAME@REVISION/… for a revision, if that folder exists). Its fields make it break
// connections and tell wrong sizes and sums, and count what it sends.
#pragma once
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include "base/json.h"
#include "http/server.h"

namespace autark::hub {

class FakeHub {
 public:
  explicit FakeHub(std::filesystem::path root);
  ~FakeHub();
  std::string host() const;
  void write(const std::string& path, const std::string& text) const;

  std::atomic<int> breaks{0};                              // how many of the next file answers end early
  std::atomic<int64_t> break_after{0};                     // bytes sent before such an end
  std::atomic<bool> down_after_break{false}, down{false};  // down: 503 to every request
  bool ranges = true, redirects = false, wrong_sums = false, revision_api = true;
  std::string more_listing;                  // a file that is listed but does not exist
  int64_t size_lie = 0;                      // added to the sizes in listings
  std::atomic<int> tag{1};                   // the ETag of every file
  int refuse = 0;                            // a status with which every file is refused
  bool tags = true, sums = true;             // whether to send ETags, and sums in listings
  std::string commit;                        // the commit that listings tell; empty: none
  std::map<std::string, std::string> pages;  // path → text that is sent with 200 instead of the file
  std::function<void(const std::string& path)> on_file;  // called before a file is answered

  // What the hub has sent: bytes of files, and the number of requests for files.
  std::atomic<int64_t> bytes_sent{0};
  std::atomic<int> files_asked{0};

 private:
  // The folder that is served for "org/name" in a revision.
  std::string folder(const std::string& repository, const std::string& revision) const;

  // Lists each file below a folder as row(path, size, sha256, git blob id).
  using Row = std::function<Json(std::string, int64_t, std::string, std::string)>;
  Json list(const std::string& below, const Row& row) const;

  void answer(const http::Request& r, const http::StreamPtr& s);
  void huggingface_api(const http::Request& r, const http::StreamPtr& s);
  void modelscope(const http::Request& r, const http::StreamPtr& s);
  void file(const std::string& path, const http::Request& r, const http::StreamPtr& s);

  const std::filesystem::path root_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace autark::hub
