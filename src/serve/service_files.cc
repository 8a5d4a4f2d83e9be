// The routes below /v1/files: files that clients upload, list, read and delete. A file belongs to the workspace of the
// API key.
#include <ctime>
#include "http/query.h"
#include "serve/file_transfer.h"
#include "serve/pages.h"
#include "serve/service.h"

namespace autark::serve {
namespace {

using Kind = api::ApiError::Kind;

constexpr const char *kFiles = "/v1/files", *kFile = "/v1/files/*";
constexpr int kPageMax = 10'000;

Json file_json(const storage::File& f) {
  Json j{{"id", f.id},         {"object", "file"},     {"bytes", f.bytes},     {"created_at", f.created},
         {"filename", f.name}, {"purpose", f.purpose}, {"status", "processed"}};
  if (f.expires) j["expires_at"] = f.expires;
  return j;
}

api::ApiResult<Json> listed(storage::Files& files, const std::string& owner, const std::string& query) {
  auto read = read_page(query, "desc", {.limit = kPageMax, .limit_max = kPageMax});
  if (auto* fault = std::get_if<api::ApiError>(&read)) return std::move(*fault);
  const Page& page = std::get<Page>(read);
  auto found = files.list(owner,
                          {.purpose = http::query_value(query, "purpose").value_or(""),
                           .after = page.after,
                           .limit = size_t(page.limit),
                           .ascending = !page.newest_first},
                          std::time(nullptr));
  if (!found) return fault_of_files(found.error());
  const bool more = std::ssize(*found) > page.limit;
  Json shown = Json::array();
  for (const storage::File& f : *found)
    if (std::ssize(shown) < page.limit) shown.push_back(file_json(f));
  return page_json(std::move(shown), more);
}

api::ApiResult<Json> shown(storage::Files& files, const std::string& owner, const std::string& id) {
  const auto found = files.find(id, owner, std::time(nullptr));
  if (!found) return fault_of_files(found.error());
  return file_json(*found);
}

api::ApiResult<Json> erased(storage::Files& files, const std::string& owner, const std::string& id) {
  if (const auto fault = files.erase(id, owner, std::time(nullptr))) return fault_of_files(*fault);
  return Json{{"id", id}, {"object", "file"}, {"deleted", true}};
}

// What follows "/v1/files/".
std::string tail_of(const http::Request& request) {
  return request.path.substr(std::string_view("/v1/files/").size());
}

}  // namespace

void Service::file_routes(http::Router& router) {
  router.upload("POST", kFiles, [this](const http::Request& head, const http::StreamPtr& stream) {
    return take_upload(head, stream);
  });
  router.add("GET", kFiles, [this](http::Request request, http::StreamPtr stream) {
    with_disk(kFiles, stream, [this, stream, owner = owner_of(caller_of(request)), query = request.query] {
      give(kFiles, stream, listed(*files_, owner, query));
    });
  });
  router.add("GET", kFile, [this](http::Request request, http::StreamPtr stream) {
    with_disk(kFile, stream, [this, stream, owner = owner_of(caller_of(request)), tail = tail_of(request)] {
      constexpr std::string_view kContent = "/content";
      if (tail.ends_with(kContent))
        return send_content(stream, owner, tail.substr(0, tail.size() - kContent.size()));
      give(kFile, stream, shown(*files_, owner, tail));
    });
  });
  router.add("DELETE", kFile, [this](http::Request request, http::StreamPtr stream) {
    with_disk(kFile, stream, [this, stream, owner = owner_of(caller_of(request)), id = tail_of(request)] {
      give(kFile, stream, erased(*files_, owner, id));
    });
  });
}

// Runs on a worker what may wait for the disk.
void Service::with_disk(const char* route, const http::StreamPtr& stream, std::function<void()> work) {
  if (draining_) return fail(route, api::openai_chat(), stream, kStopping);
  if (!disk_workers_->post(0, std::move(work))) fail(route, api::openai_chat(), stream, kTooMany);
}

void Service::give(const char* route, const http::StreamPtr& stream, const api::ApiResult<Json>& made) {
  if (const auto* fault = std::get_if<api::ApiError>(&made))
    return fail(route, api::openai_chat(), stream, *fault);
  reply(route, stream, json_response(200, std::get<Json>(made)));
}

std::shared_ptr<http::BodySink> Service::take_upload(const http::Request& head,
                                                     const http::StreamPtr& stream) {
  const auto refuse = [&](const api::ApiError& fault) {
    fail(kFiles, api::openai_chat(), stream, fault);
    return nullptr;
  };
  if (draining_) return refuse(kStopping);
  const auto boundary = http::multipart_boundary(head.header("content-type"));
  if (!boundary)
    return refuse({.message = "the body must be multipart/form-data with a boundary in its content-type"});
  auto form =
      std::make_unique<FileForm>(*files_, owner_of(caller_of(head)), std::time(nullptr), options_.file_bytes);
  return file_upload(*boundary, std::move(form), *disk_workers_,
                     [this, stream](const api::ApiResult<storage::File>& kept) {
                       if (const auto* file = std::get_if<storage::File>(&kept))
                         return give(kFiles, stream, file_json(*file));
                       give(kFiles, stream, std::get<api::ApiError>(kept));
                     });
}

void Service::send_content(const http::StreamPtr& stream, const std::string& owner, const std::string& id) {
  const auto now = std::time(nullptr);
  const auto found = files_->find(id, owner, now);
  auto reader = files_->open(id, owner, now);
  if (!found || !reader) return give(kFile, stream, fault_of_files(found ? reader.error() : found.error()));
  metrics_.answered(kFile, 200);
  stream->start(200, {{"content-type", "application/octet-stream"},
                      {"content-length", std::to_string(found->bytes)},
                      {"x-content-type-options", "nosniff"}});
  send_file(std::move(*reader), stream, *disk_workers_);
}

}  // namespace autark::serve
