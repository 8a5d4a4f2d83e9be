#include "platform/admin/operation.h"
#include <algorithm>

namespace autark::platform::admin {
namespace {

std::string_view next_segment(std::string_view& path) {
  path.remove_prefix(std::min<size_t>(path.size(), 1));  // the slash
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

// Whether a path has the form of a route's; its values go to `ids`.
bool fits(std::string_view route, std::string_view path, std::vector<std::string>& ids) {
  ids.clear();
  while (!route.empty() && !path.empty()) {
    const std::string_view want = next_segment(route), have = next_segment(path);
    if (want.starts_with('{') && !have.empty())
      ids.emplace_back(have);
    else if (want != have)
      return false;
  }
  return route.empty() && path.empty();
}

std::vector<Operation> all_operations() {
  std::vector<Operation> all;
  for (auto part : {session_operations, workspace_operations, member_operations, key_operations,
                    limit_operations, usage_operations, money_operations, price_operations})
    std::ranges::move(part(), std::back_inserter(all));
  return all;
}

}  // namespace

std::span<const Operation> operations() {
  static const std::vector<Operation> kOperations = all_operations();
  return kOperations;
}

Match match(std::string_view method, std::string_view path) {
  Match found;
  if (!path.starts_with(kBase)) return found;
  path.remove_prefix(kBase.size());
  if (method == "HEAD") method = "GET";
  std::vector<std::string> ids;
  for (const Operation& o : operations()) {
    if (!fits(o.path, path, ids)) continue;
    found.allowed += (found.allowed.empty() ? "" : ", ") + std::string(o.method);
    if (o.method == std::string_view("GET")) found.allowed += ", HEAD";
    if (o.method != method || found.operation) continue;
    found.operation = &o;
    found.ids = ids;
  }
  return found;
}

}  // namespace autark::platform::admin
