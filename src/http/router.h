// Finds the handler for a method and a path. Filled before the server starts; then read by all loop threads.
#pragma once
#include <map>
#include "http/stream.h"

namespace autark::http {

// Runs before the handler of every request. Returns true if it has answered the request itself; else it may set the
// request's context.
using Filter = std::function<bool(Request&, const StreamPtr&)>;

// Makes the sink for a request of which only the head is read. Null if it has answered the request itself.
using Receiver = std::function<std::shared_ptr<BodySink>(const Request& head, const StreamPtr& stream)>;

// A route whose path ends in "/*" matches everything below it. An exact path wins over these, then the
// longest. If only the method does not match, the answer is 405 with an Allow header. HEAD uses the handler
// of GET; the connection leaves out the body.
class Router {
 public:
  // Adds a route; a route with the same method and path is replaced.
  void add(std::string method, std::string path, Handler handler);
  // Adds a route whose body goes to a sink while it arrives, up to Limits::upload_bytes. Filters run before it
  // arrives. Such a request is the last one of its connection.
  void upload(std::string method, std::string path, Receiver receiver);
  // Adds a filter. Filters run in the order in which they were added.
  void filter(Filter filter);
  // Sets the handler for paths without a route. Without one they are refused with 404.
  void not_found(Handler handler);
  // Runs the filters, then the handler.
  void handle(Request request, StreamPtr stream) const;
  // Whether the route takes uploads.
  bool is_upload(std::string_view method, std::string_view path) const;
  // Runs the filters, then the route's receiver. Null if the request is answered. REQUIRES: is_upload.
  std::shared_ptr<BodySink> receive(Request head, const StreamPtr& stream) const;
  // The methods of a path, "GET, HEAD"; empty if it has no route.
  std::string methods(std::string_view path) const;
  // All routes as method and path, by path.
  std::vector<std::pair<std::string, std::string>> routes() const;

 private:
  struct Route {
    Handler handler;
    Receiver receiver;  // of an upload; else empty
  };
  using Methods = std::map<std::string, Route, std::less<>>;
  const Methods* match(std::string_view path) const;
  bool is_answered(Request& request, const StreamPtr& stream) const;  // by a filter

  std::map<std::string, Methods, std::less<>> routes_;  // "/v1/models", "/assets/*"
  std::vector<Filter> filters_;
  Handler not_found_;
};

}  // namespace autark::http
