#include "api/fields.h"
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include "api/field_log.h"

namespace autark::api {
namespace {

bool is_number(const Json& v) {
  return v.is_number() || is_long_integer(v);
}

const char* kind_of(const Json& v) {
  if (v.is_null()) return "null";
  if (v.is_boolean()) return "a boolean";
  if (is_number(v)) return "a number";
  if (v.is_string()) return "a string";
  return v.is_array() ? "a list" : "an object";
}

std::string shown(double v) {
  return dump_json(v == std::floor(v) && std::abs(v) < 1e15 ? Json(int64_t(v)) : Json(v));
}

std::string cut(std::string text) {
  constexpr size_t kMost = 40;
  return text.size() > kMost ? text.substr(0, kMost) + "…" : text;
}

// The value as an int64; empty if it has a fraction or does not fit.
std::optional<int64_t> whole(const Json& v) {
  if (v.is_number_float()) {
    const double x = v.get<double>();
    if (x != std::floor(x) || std::abs(x) >= 0x1p63) return {};
    return int64_t(x);
  }
  if (!v.is_number() || (v.is_number_unsigned() && v.get<uint64_t>() > uint64_t(INT64_MAX))) return {};
  return v.get<int64_t>();
}

void log_bounds(const Fields& f, std::string_view name, double least, double most) {
  FieldLog* const log = FieldLog::current();
  if (!log) return;
  FieldUse& use = log->at(f.path_of(name));
  use.least = std::min(least, use.least.value_or(least));
  use.most = std::max(most, use.most.value_or(most));
}

std::string range(int64_t least, int64_t most) {
  return "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
}

}  // namespace

bool is_empty_or_false(const Json& v) {
  return (v.is_structured() && v.empty()) || v == "" || v == false;
}

Fields::Fields(const Json& object, std::string path) : object_(object), path_(std::move(path)) {
  if (object.is_object()) return;
  const std::string name = path_.empty() ? "" : path_.substr(0, path_.size() - 1);
  fault_ = ApiError{
      .message = (name.empty() ? "the request body" : name) + " must be an object, not " + kind_of(object),
      .param = name};
}

std::string Fields::path_of(std::string_view name) const {
  return path_ + std::string(name);
}

void Fields::fail(std::string_view name, std::string message, ApiError::Kind kind) {
  fail({.kind = kind, .message = path_of(name) + " " + std::move(message), .param = path_of(name)});
}

void Fields::fail(ApiError fault) {
  if (!fault_) fault_ = std::move(fault);
}

const Json* Fields::find(std::string_view name) {
  if (FieldLog* log = FieldLog::current()) log->at(path_of(name));
  return look_up(name);
}

const Json* Fields::look_up(std::string_view name) {
  known_.emplace(name);
  if (fault_) return nullptr;
  const auto at = object_.find(name);
  return at == object_.end() || at->is_null() ? nullptr : &*at;
}

bool Fields::is_null(std::string_view name) const {
  const auto at = object_.find(name);
  return at != object_.end() && at->is_null();
}

const Json* Fields::typed(std::string_view name, bool (*is)(const Json&), const char* want,
                          const char* type) {
  if (FieldLog* log = FieldLog::current()) log->at(path_of(name)).types.insert(type);
  const Json* v = look_up(name);
  if (!v || is(*v)) return v;
  fail(name, std::string("must be ") + want + ", not " + kind_of(*v));
  return nullptr;
}

std::optional<std::string> Fields::text(std::string_view name) {
  const Json* v = typed(
      name, [](const Json& j) { return j.is_string(); }, "a string", "string");
  if (!v) return {};
  return v->get_ref<const std::string&>();
}

std::optional<std::string> Fields::one_of(std::string_view name, std::span<const std::string_view> texts) {
  if (FieldLog* log = FieldLog::current()) log->at(path_of(name)).texts.assign(texts.begin(), texts.end());
  auto given = text(name);
  if (!given || std::ranges::count(texts, *given) > 0) return given;
  std::string list;
  for (const std::string_view t : texts) list += (list.empty() ? "" : ", ") + std::string(t);
  fail(name, "must be one of " + list + ", not '" + cut(*given) + "'");
  return {};
}

std::optional<bool> Fields::flag(std::string_view name) {
  const Json* v = typed(
      name, [](const Json& j) { return j.is_boolean(); }, "a boolean", "boolean");
  if (!v) return {};
  return v->get<bool>();
}

std::optional<double> Fields::number(std::string_view name, double least, double most) {
  log_bounds(*this, name, least, most);
  const Json* v = typed(name, is_number, "a number", "number");
  if (!v) return {};
  const double x = v->is_number() ? v->get<double>() : std::strtod(long_integer_text(*v).c_str(), nullptr);
  if (x >= least && x <= most) return x;
  fail(name, "must be from " + shown(least) + " to " + shown(most) + ", not " +
                 cut(v->is_number() ? shown(x) : dump_json(*v)));
  return {};
}

std::optional<int64_t> Fields::integer(std::string_view name, int64_t least, int64_t most) {
  log_bounds(*this, name, double(least), double(most));
  const Json* v = typed(name, is_number, "a whole number", "integer");
  if (!v) return {};
  const auto x = whole(*v);
  if (x && *x >= least && *x <= most) return x;
  fail(name, "must be " + range(least, most) + ", not " + cut(dump_json(*v)));
  return {};
}

const Json* Fields::array(std::string_view name) {
  return typed(
      name, [](const Json& j) { return j.is_array(); }, "a list", "array");
}

const Json* Fields::object(std::string_view name) {
  return typed(
      name, [](const Json& j) { return j.is_object(); }, "an object", "object");
}

void Fields::accept(std::initializer_list<std::string_view> names) {
  for (std::string_view n : names) known_.emplace(n);
  if (FieldLog* log = FieldLog::current())
    for (std::string_view n : names) log->at(path_of(n));
}

void Fields::refuse(std::string_view name, const std::function<bool(const Json&)>& harmless) {
  if (FieldLog* log = FieldLog::current()) log->at(path_of(name)).refused = true;
  const Json* v = look_up(name);
  if (v && !(harmless && harmless(*v)))
    fail(name, "is not supported by this server", ApiError::Kind::unsupported);
}

std::vector<std::string> Fields::unknown() const {
  std::vector<std::string> names;
  if (!object_.is_object()) return names;
  for (const auto& [name, value] : object_.items())
    if (!known_.contains(name)) names.push_back(path_of(name));
  return names;
}

}  // namespace autark::api
