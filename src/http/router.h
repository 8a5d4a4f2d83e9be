// Method and path to handler. Built once, then read by all loop threads.
#pragma once
#include <map>
#include "http/stream.h"

namespace autark::http {

// Sees every request before its handler; true: it has answered.
using Filter = std::function<bool(const Request&, const StreamPtr&)>;

// A path ending in "/*" matches everything below; the longest match wins, an exact path before all. No match:
// not_found, or 405 with Allow when only the method differs. HEAD is answered from GET without the body.
class Router {
 public:
  void add(std::string method, std::string path, Handler handler);
  void filter(Filter filter);
  void not_found(Handler handler);  // default: refuse(404); a wrong method is always refuse(405)
  void handle(Request request, StreamPtr stream) const;
  std::string methods(std::string_view path) const;  // "GET, HEAD"; empty where nothing is

 private:
  using Methods = std::map<std::string, Handler, std::less<>>;
  const Methods* match(std::string_view path) const;

  std::map<std::string, Methods, std::less<>> routes_;  // "/v1/models", "/assets/*"
  std::vector<Filter> filters_;
  Handler not_found_;
};

}  // namespace autark::http
