#include "hub/fake_hub.h"
#include <openssl/sha.h>
#include <algorithm>
#include <fstream>
#include <string_view>
#include <utility>
#include "base/mapped_file.h"
#include "base/text_codings.h"

namespace autark::hub {
namespace {

std::string hex_sha256(const std::string& text) {
  unsigned char sum[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), sum);
  return hex({reinterpret_cast<const char*>(sum), sizeof sum});
}

std::string git_blob(const std::string& text) {
  const std::string whole = "blob " + std::to_string(text.size()) + std::string(1, '\0') + text;
  unsigned char sum[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(whole.data()), whole.size(), sum);
  return hex({reinterpret_cast<const char*>(sum), sizeof sum});
}

}  // namespace

FakeHub::FakeHub(std::filesystem::path root) : root_(std::move(root)) {
  http::Router router;
  router.add("GET", "/*", [this](http::Request r, http::StreamPtr s) { answer(r, s); });
  server_ = std::move(*http::Server::start({.threads = 2}, std::move(router)));
}

FakeHub::~FakeHub() = default;

std::string FakeHub::host() const {
  return "http://127.0.0.1:" + std::to_string(server_->port());
}

void FakeHub::write(const std::string& path, const std::string& text) const {
  std::filesystem::create_directories((root_ / path).parent_path());
  std::ofstream(root_ / path, std::ios::binary) << text;
}

std::string FakeHub::folder(const std::string& repository, const std::string& revision) const {
  const std::string of_revision = repository + "@" + revision;
  return std::filesystem::exists(root_ / of_revision) ? of_revision : repository;
}

Json FakeHub::list(const std::string& below, const Row& row) const {
  Json rows = Json::array();
  for (const auto& at : std::filesystem::recursive_directory_iterator(root_ / below)) {
    if (!at.is_regular_file()) continue;
    const std::string text = *read_file(at.path());
    rows.push_back(row(std::filesystem::relative(at.path(), root_ / below),
                       static_cast<int64_t>(text.size()) + size_lie,
                       wrong_sums ? std::string(64, '0') : hex_sha256(text), git_blob(text)));
  }
  if (!more_listing.empty()) rows.push_back(row(more_listing, 3, hex_sha256("abc"), git_blob("abc")));
  return rows;
}

void FakeHub::answer(const http::Request& r, const http::StreamPtr& s) {
  if (down) return s->refuse(503, "down");
  if (r.path.starts_with("/api/v1/models/")) return modelscope(r, s);
  if (r.path.starts_with("/api/models/")) return huggingface_api(r, s);
  const size_t at = r.path.find("/resolve/");
  if (at == r.path.npos) return file(r.path.starts_with("/cdn/") ? r.path.substr(5) : r.path.substr(1), r, s);
  const size_t end = r.path.find('/', at + 9);
  const std::string path =
      folder(r.path.substr(1, at - 1), r.path.substr(at + 9, end - at - 9)) + r.path.substr(end);
  if (redirects) return s->respond({302, {{"location", "/cdn/" + path}}, ""});
  file(path, r, s);
}

void FakeHub::huggingface_api(const http::Request& r, const http::StreamPtr& s) {
  const std::string rest = r.path.substr(12);
  const bool tree = rest.find("/tree/") != rest.npos;
  const std::string repository = rest.substr(0, rest.find(tree ? "/tree/" : "/revision/"));
  const std::string behind = rest.substr(repository.size() + (tree ? 6 : 10));
  const std::string below = folder(repository, behind);
  if ((!tree && !revision_api) || !std::filesystem::exists(root_ / below)) return s->refuse(404, "no");
  const Json rows = list(below, [&](std::string path, int64_t size, std::string sum, std::string blob) {
    const bool large = path.ends_with(".safetensors") || path.ends_with(".gguf");
    Json row = {{tree ? "path" : "rfilename", path}, {"size", size}};
    if (tree) row["type"] = "file";
    if (sums) row[tree ? "oid" : "blobId"] = blob;
    if (large && sums) row["lfs"] = {{tree ? "oid" : "sha256", sum}, {"size", size}};
    return row;
  });
  Json described = {{"id", repository}, {"siblings", rows}};
  if (!commit.empty()) described["sha"] = commit;
  s->respond({200, {}, dump_json(tree ? rows : described)});
}

void FakeHub::modelscope(const http::Request& r, const http::StreamPtr& s) {
  const std::string rest = r.path.substr(15);
  const std::string repository = rest.substr(0, rest.find("/repo"));
  const size_t asked = r.query.find("Revision=") + 9;
  const std::string below = folder(repository, r.query.substr(asked, r.query.find('&') - asked));
  if (!std::filesystem::exists(root_ / below)) return s->refuse(404, "no");
  if (rest.ends_with("/repo/files")) {
    const Json rows = list(below, [&](std::string path, int64_t size, std::string sum, std::string) {
      Json row = {{"Path", path}, {"Name", path}, {"Type", "blob"}, {"Size", size}};
      if (sums) row["Sha256"] = sum;
      if (!commit.empty()) row["Revision"] = commit;
      return row;
    });
    return s->respond({200, {}, dump_json({{"Code", 200}, {"Data", {{"Files", rows}}}})});
  }
  std::string path = r.query.substr(r.query.find("FilePath=") + 9);
  for (size_t at = path.find("%2F"); at != path.npos; at = path.find("%2F")) path.replace(at, 3, "/");
  file(below + "/" + path, r, s);
}

void FakeHub::file(const std::string& path, const http::Request& r, const http::StreamPtr& s) {
  ++files_asked;
  if (on_file) on_file(path);
  if (refuse) return s->refuse(refuse, "no");
  if (const auto page = pages.find(path); page != pages.end())
    return s->respond({200, {{"content-type", "text/html"}}, page->second});
  const auto text = read_file(root_ / path);
  if (!text) return s->refuse(404, "no");
  const int64_t size = static_cast<int64_t>(text->size());
  const std::string_view range = r.header("range");
  const int64_t from = ranges && !range.empty() ? std::stoll(std::string(range.substr(6))) : 0;
  http::Headers headers;
  if (tags) headers.emplace_back("etag", "\"" + std::to_string(tag) + "\"");
  if (from >= size && from > 0) {
    headers.emplace_back("content-range", "bytes */" + std::to_string(size));
    return s->respond({416, headers, ""});
  }
  if (from > 0)
    headers.emplace_back("content-range", "bytes " + std::to_string(from) + "-" + std::to_string(size - 1) +
                                              "/" + std::to_string(size));
  headers.emplace_back("content-length", std::to_string(size - from));
  s->start(from > 0 ? 206 : 200, headers);
  const bool broken = breaks > 0 && breaks-- > 0;
  if (broken && down_after_break) down = true;
  const int64_t sent = broken ? std::min<int64_t>(break_after, size - from) : size - from;
  bytes_sent += sent;
  s->write(text->substr(from, sent));
  if (!broken) s->finish();
}

}  // namespace autark::hub
