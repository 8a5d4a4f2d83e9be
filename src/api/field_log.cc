#include "api/field_log.h"
#include <algorithm>
#include <cmath>
#include "base/check.h"

namespace autark::api {
namespace {

thread_local FieldLog* current_log = nullptr;

constexpr double kBoundMost = 0x1p53;  // bounds beyond it are those of the type

// The next name of a path, which is cut off it; "" for a number, which is a place in a list: "[2]" or "2".
std::string next_name(std::string_view& path) {
  if (path.starts_with('.')) path.remove_prefix(1);
  const size_t end =
      path.starts_with('[') ? path.find(']') + 1 : std::min(path.find_first_of(".["), path.size());
  const std::string_view name = path.substr(0, end);
  path.remove_prefix(end);
  const bool number = std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
  return name.starts_with('[') || number ? std::string() : std::string(name);
}

Json bound(double value) {
  return value == std::floor(value) ? Json(int64_t(value)) : Json(value);
}

void add_use(const FieldUse& use, Json& schema) {
  Json types = Json::array();
  for (const std::string& type : use.types) types.push_back(type);
  if (!types.empty()) types.push_back("null");
  if (!types.empty()) schema["type"] = std::move(types);
  if (use.least && std::abs(*use.least) < kBoundMost) schema["minimum"] = bound(*use.least);
  if (use.most && std::abs(*use.most) < kBoundMost) schema["maximum"] = bound(*use.most);
  if (!use.texts.empty()) {
    schema["enum"] = use.texts;
    schema["enum"].push_back(nullptr);
  }
  if (use.refused) schema["description"] = "Not supported: refused if it would change the answer.";
}

}  // namespace

FieldLog::FieldLog() {
  AUTARK_CHECK(!current_log);
  current_log = this;
}

FieldLog::~FieldLog() {
  current_log = nullptr;
}

FieldLog* FieldLog::current() {
  return current_log;
}

FieldUse& FieldLog::at(const std::string& path) {
  Node* node = &root_;
  for (std::string_view rest = path; !rest.empty();) node = &node->members[next_name(rest)];
  return node->use;
}

Json FieldLog::schema_of(const Node& node) {
  Json schema = Json::object();
  add_use(node.use, schema);
  for (const auto& [name, member] : node.members) {
    if (name.empty())
      schema["items"] = schema_of(member);
    else
      schema["properties"][name] = schema_of(member);
  }
  return schema;
}

Json FieldLog::schema() const {
  Json schema{{"type", "object"}};
  schema.update(schema_of(root_));
  return schema;
}

}  // namespace autark::api
