#include "platform/admin/body_fields.h"
#include "api/field_log.h"

namespace autark::platform::admin {
namespace {

constexpr size_t kListMost = 100;

// For the description: elements of the list are texts.
void log_texts(const api::Fields& f, std::string_view name) {
  if (api::FieldLog* log = api::FieldLog::current()) log->at(f.path_of(name) + "[0]").types.insert("string");
}

// For the description: a sum is a text or an object.
void log_sum(const api::Fields& f, std::string_view name) {
  if (api::FieldLog* log = api::FieldLog::current())
    log->at(f.path_of(name)).types.insert({"string", "object"});
}

std::optional<Money> sum_of(api::Fields& f, std::string_view name, const std::string& text) {
  auto money = money_from(text);
  if (money) return std::move(*money);
  f.fail({.message = f.path_of(name) + ": " + money.error().message, .param = f.path_of(name)});
  return {};
}

}  // namespace

std::string needed(api::Fields& f, std::string_view name) {
  auto text = f.text(name);
  if (!text || text->empty()) f.fail(name, text ? "must not be empty" : "is missing");
  return text.value_or("");
}

std::vector<std::string> texts(api::Fields& f, std::string_view name) {
  log_texts(f, name);
  const Json* list = f.array(name);
  if (!list) return {};
  if (list->size() > kListMost) return f.fail(name, "has more than 100 elements"), std::vector<std::string>();
  std::vector<std::string> all;
  for (const Json& one : *list) {
    if (!one.is_string()) return f.fail(name, "must be a list of strings"), all;
    all.push_back(one.get<std::string>());
  }
  return all;
}

std::optional<std::vector<Role>> roles(api::Fields& f, std::string_view name) {
  const std::vector<std::string> names = texts(f, name);
  if (names.empty() && (f.is_null(name) || !f.object().contains(std::string(name)))) return {};
  std::vector<Role> all;
  for (const std::string& text : names) {
    const auto role = role_named(text);
    if (!role) f.fail({.message = f.path_of(name) + ": " + role.error().message, .param = f.path_of(name)});
    if (role) all.push_back(*role);
  }
  return all;
}

std::optional<Micros> moment(api::Fields& f, std::string_view name, Micros now) {
  const auto text = f.text(name);
  if (!text) return {};
  const auto time = parse_moment(*text, now);
  if (time) return *time;
  f.fail({.message = f.path_of(name) + ": " + time.error().message, .param = f.path_of(name)});
  return {};
}

std::optional<Money> sum(api::Fields& f, std::string_view name) {
  log_sum(f, name);
  const Json* given = f.find(name);
  if (!given) return {};
  if (given->is_string()) return sum_of(f, name, given->get<std::string>());
  if (!given->is_object()) {
    f.fail(name, "must be a sum such as \"20CNY\"");
    return {};
  }
  api::Fields inner(*given, f.path_of(name) + ".");
  const std::string amount = needed(inner, "amount"), currency = needed(inner, "currency");
  const auto checked = finished(inner, true);
  if (const auto* fault = std::get_if<api::ApiError>(&checked)) f.fail(*fault);
  return f.fault() ? std::nullopt : sum_of(f, name, amount + currency);
}

}  // namespace autark::platform::admin
