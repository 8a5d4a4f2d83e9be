#include "platform/admin_routes.h"
#include "api/faults.h"
#include "base/log.h"
#include "platform/admin/bodies.h"
#include "platform/admin/credentials.h"
#include "platform/admin/operation.h"
#include "platform/admin/outside_routes.h"
#include "platform/guarded_memory.h"

namespace autark::platform {
namespace {

using admin::Answer;
using admin::Answered;
using admin::Operation;
using admin::Visit;
using api::ApiError;
using Kind = ApiError::Kind;

constexpr size_t kBodyMost = 1 << 20;
constexpr std::string_view kStoreFault =
    "store_unavailable";  // the code that unavailable() in query.cc gives
constexpr const char* kMethods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

// What is wrong with the database is for the log: it names files, hosts and users, and a sign-in is open to everybody.
Answered without_details(Answered made) {
  auto* fault = std::get_if<ApiError>(&made);
  if (!fault || fault->code != kStoreFault) return made;
  log_error("admin: " + fault->message);
  return ApiError{.kind = Kind::unavailable, .message = "the database does not answer; try again later"};
}

http::Response response_of(Answered answered) {
  http::Response r;
  if (const auto* fault = std::get_if<ApiError>(&answered)) {
    api::Reply reply = api::openai_reply(*fault);
    r = {reply.status, std::move(reply.headers), std::move(reply.body)};
  } else {
    Answer& answer = std::get<Answer>(answered);
    r = {answer.status, std::move(answer.headers), std::move(answer.text)};
    if (answer.body) r.headers.emplace_back("content-type", "application/json");
    if (answer.body) r.body = dump_json(*answer.body);
  }
  r.headers.emplace_back("cache-control", "no-store");
  r.headers.emplace_back("x-content-type-options", "nosniff");
  return r;
}

// Parses the body of a route that takes JSON; an empty one is {}.
std::optional<ApiError> parse_body(const Operation& operation, Visit& visit) {
  if (operation.takes != admin::Takes::json) return {};
  const std::string& text = visit.request.body;
  auto body =
      text.empty() ? Result<Json>(Json::object()) : parse_json(text, "the request body", {.depth = 8});
  if (!body) return ApiError{.message = body.error().message};
  visit.body = std::move(*body);
  if (operation.body != std::string_view("Nothing")) return {};
  auto nothing = admin::read_nothing(visit.body);
  if (auto* fault = std::get_if<ApiError>(&nothing)) return std::move(*fault);
  return {};
}

Answered answer(const Operation& operation, Visit& visit) {
  if (auto fault = admit(operation, visit)) return std::move(*fault);
  if (auto fault = parse_body(operation, visit)) return std::move(*fault);
  return operation.handler(visit);
}

class Admin {
 public:
  Admin(ServerPlatform& platform, AdminOptions options)
      : platform_(platform),
        options_(std::move(options)),
        workers_(options_.workers),
        password_workers_(options_.password_workers) {}

  // Runs on a loop thread.
  void take(http::Request request, const http::StreamPtr& stream) {
    admin::Match found = admin::match(request.method, request.path);
    if (!found.operation) return stream->respond(response_of(no_route(request, found.allowed)));
    if (request.body.size() > kBodyMost)
      return stream->respond(
          response_of(ApiError{.kind = Kind::too_large, .message = "the request body is larger than 1 MiB"}));
    const Operation& operation = *found.operation;
    post(operation.slow ? password_workers_ : workers_, std::move(request), stream,
         [this, &operation, ids = std::move(found.ids)](const http::Request& r) {
           Visit visit{platform_, r, options_.clock(), options_.tls, ids};
           Answered made = answer(operation, visit);
           if (changes(r) && std::holds_alternative<Answer>(made)) follow();
           return made;
         });
  }

  // The routes outside of /admin, whose key serve's filter may have checked already.
  void outside(admin::OutsideHandler handler, http::Request request, const http::StreamPtr& stream) {
    post(workers_, std::move(request), stream, [this, handler](const http::Request& r) -> Answered {
      auto caller = admin::caller_of(platform_, r);
      if (auto* fault = std::get_if<ApiError>(&caller)) return std::move(*fault);
      return handler(platform_, r, *std::get<std::shared_ptr<const api::Caller>>(caller), options_.clock());
    });
  }

 private:
  static bool changes(const http::Request& request) {
    return request.method != "GET" && request.method != "HEAD";
  }
  // What was changed counts here as soon as it is answered; other servers see it a little later.
  void follow() {
    if (const auto failed = platform_.gatekeeper->refresh()) log_warning("admin: " + failed->message);
  }
  static Answered no_route(const http::Request& request, const std::string& allowed) {
    if (allowed.empty())
      return ApiError{.kind = Kind::not_found,
                      .message = "there is nothing at " + request.path.substr(0, 200) + " on this server",
                      .code = "not_found"};
    return ApiError{.kind = Kind::method, .message = "this path takes " + allowed};
  }

  // Answers on a worker, or refuses at once.
  void post(http::Workers& workers, http::Request request, const http::StreamPtr& stream,
            std::function<Answered(const http::Request&)> make) {
    const size_t bytes = request.body.size();
    const bool taken = workers.post(bytes, [stream, request = std::move(request), make = std::move(make)] {
      stream->respond(response_of(without_details(make(request))));
      wipe_stack();
    });
    if (taken) return;
    stream->respond(response_of(
        ApiError{.kind = Kind::unavailable, .message = "too many requests wait here; try again in 2s"}));
  }

  ServerPlatform& platform_;
  const AdminOptions options_;
  http::Workers workers_, password_workers_;  // the last members: their jobs use the others
};

}  // namespace

void add_routes(http::Router& router, ServerPlatform& platform, AdminOptions options) {
  const auto admin = std::make_shared<Admin>(platform, std::move(options));
  for (const char* method : kMethods)
    router.add(method, "/admin/*", [admin](http::Request request, http::StreamPtr stream) {
      admin->take(std::move(request), stream);
    });
  const auto document = std::make_shared<const std::string>(dump_json(admin_openapi()));
  router.add("GET", "/admin/openapi.json", [document](http::Request, http::StreamPtr stream) {
    stream->respond({200, {{"content-type", "application/json"}, {"cache-control", "no-store"}}, *document});
  });
  for (const admin::OutsideRoute& route : admin::kOutside)
    router.add("GET", route.path,
               [admin, handler = route.handler](http::Request request, http::StreamPtr stream) {
                 admin->outside(handler, std::move(request), stream);
               });
}

}  // namespace autark::platform
