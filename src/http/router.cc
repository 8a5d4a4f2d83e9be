#include "http/router.h"
#include <algorithm>

namespace autark::http {
namespace {

// The methods as an Allow header lists them.
std::string allowed(const auto& methods) {
  std::string list;
  for (const auto& [method, route] : methods) {
    list += (list.empty() ? "" : ", ") + method;
    if (method == "GET" && !methods.contains("HEAD")) list += ", HEAD";
  }
  return list;
}

}  // namespace

void Router::add(std::string method, std::string path, Handler handler) {
  routes_[std::move(path)][std::move(method)] = {std::move(handler), {}};
}

void Router::upload(std::string method, std::string path, Receiver receiver) {
  Handler whole = [receiver](Request request, StreamPtr stream) {  // for a body that is there already
    const auto sink = receiver(request, stream);
    if (!sink) return;
    if (request.body.empty()) return sink->end();
    sink->put(std::move(request.body), [sink](bool more) { more ? sink->end() : void(); });
  };
  routes_[std::move(path)][std::move(method)] = {std::move(whole), std::move(receiver)};
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
    for (const auto& [method, route] : methods) all.emplace_back(method, path);
  return all;
}

bool Router::is_upload(std::string_view method, std::string_view path) const {
  const Methods* found = match(path);
  const auto route = found ? found->find(method) : Methods::const_iterator();
  return found && route != found->end() && route->second.receiver;
}

bool Router::is_answered(Request& request, const StreamPtr& stream) const {
  return std::any_of(filters_.begin(), filters_.end(),
                     [&](const Filter& filter) { return filter(request, stream); });
}

std::shared_ptr<BodySink> Router::receive(Request head, const StreamPtr& stream) const {
  if (is_answered(head, stream)) return nullptr;
  return match(head.path)->find(head.method)->second.receiver(head, stream);
}

void Router::handle(Request request, StreamPtr stream) const {
  if (is_answered(request, stream)) return;
  const Methods* methods = match(request.path);
  if (!methods) {
    if (not_found_) return not_found_(std::move(request), std::move(stream));
    return stream->refuse(404, "there is nothing at this path");
  }
  auto route = methods->find(request.method);
  if (route == methods->end() && request.method == "HEAD") route = methods->find("GET");
  if (route == methods->end()) {
    const std::string list = allowed(*methods);
    return stream->refuse(405, "this path takes " + list, {{"allow", list}});
  }
  route->second.handler(std::move(request), std::move(stream));
}

}  // namespace autark::http
