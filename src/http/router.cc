#include "http/router.h"

namespace autark::http {
namespace {

// The methods as an Allow header lists them.
std::string allowed(const auto& methods) {
  std::string list;
  for (const auto& [method, handler] : methods) {
    list += (list.empty() ? "" : ", ") + method;
    if (method == "GET" && !methods.contains("HEAD")) list += ", HEAD";
  }
  return list;
}

}  // namespace

void Router::add(std::string method, std::string path, Handler handler) {
  routes_[std::move(path)][std::move(method)] = std::move(handler);
}

void Router::filter(Filter filter) {
  filters_.push_back(std::move(filter));
}

void Router::not_found(Handler handler) {
  not_found_ = std::move(handler);
}

const Router::Methods* Router::match(std::string_view path) const {
  if (const auto exact = routes_.find(path); exact != routes_.end()) return &exact->second;
  for (size_t at = path.rfind('/'); at != path.npos; at = at ? path.rfind('/', at - 1) : path.npos) {
    const auto below = routes_.find(std::string(path.substr(0, at)) + "/*");
    if (below != routes_.end()) return &below->second;
  }
  return nullptr;
}

std::string Router::methods(std::string_view path) const {
  const Methods* found = match(path);
  return found ? allowed(*found) : std::string();
}

std::vector<std::pair<std::string, std::string>> Router::routes() const {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& [path, methods] : routes_)
    for (const auto& [method, handler] : methods) all.emplace_back(method, path);
  return all;
}

void Router::handle(Request request, StreamPtr stream) const {
  for (const Filter& filter : filters_) {
    if (filter(request, stream)) return;
  }
  const Methods* methods = match(request.path);
  if (!methods) {
    if (not_found_) return not_found_(std::move(request), std::move(stream));
    return stream->refuse(404, "there is nothing at this path");
  }
  auto handler = methods->find(request.method);
  if (handler == methods->end() && request.method == "HEAD") handler = methods->find("GET");
  if (handler == methods->end()) {
    const std::string list = allowed(*methods);
    return stream->refuse(405, "this path takes " + list, {{"allow", list}});
  }
  handler->second(std::move(request), std::move(stream));
}

}  // namespace autark::http
