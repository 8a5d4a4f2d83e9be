// Keys and limits.
#include "platform/admin/bodies.h"
#include "platform/admin/limit_view.h"
#include "platform/admin/operation.h"
#include "platform/admin/query_fields.h"

namespace autark::platform::admin {
namespace {

using api::ApiError;

// Runs `make` with the view of the limits, which needs the database.
template <class Make>
Answered with_view(Visit& v, Make make) {
  auto view = LimitView::of(v);
  if (auto* fault = std::get_if<ApiError>(&view)) return std::move(*fault);
  return make(std::get<LimitView>(view));
}

// A key with its limits; `secret` is empty but for the answer that makes it.
Answered key_with_limits(Visit& v, const LimitView& view, const Key& key, const std::string& secret = {},
                         int status = 200) {
  return shown(
      v.directory().limits(v.actor, "key", key.id),
      [&](const std::vector<Limit>& limits) {
        auto lists = LimitView::by_key(view, limits);
        Json j = key_json(key, lists.contains(key.id) ? lists[key.id] : Json::array());
        if (!secret.empty()) j["secret"] = secret;
        return j;
      },
      status);
}

Answered with_limits(Visit& v, api::ApiResult<Key> found) {
  if (auto* fault = std::get_if<ApiError>(&found)) return std::move(*fault);
  return with_view(v, [&](const LimitView& view) { return key_with_limits(v, view, std::get<Key>(found)); });
}

Answered with_limits(Visit& v, api::ApiResult<MadeKey> made, int status) {
  if (auto* fault = std::get_if<ApiError>(&made)) return std::move(*fault);
  const MadeKey& key = std::get<MadeKey>(made);
  return with_view(
      v, [&](const LimitView& view) { return key_with_limits(v, view, key.key, key.secret, status); });
}

Answered list_keys(Visit& v) {
  QueryFields q(v.request.query);
  const KeyFilter filter{q.text("workspace"), q.flag("include_disabled")};
  const Page page = page_of(q);
  if (auto fault = q.fault()) return std::move(*fault);
  auto keys = v.directory().keys(v.actor, filter);
  if (auto* fault = std::get_if<ApiError>(&keys)) return std::move(*fault);
  auto limits = v.directory().limits(v.actor, "key");
  if (auto* fault = std::get_if<ApiError>(&limits)) return std::move(*fault);
  return with_view(v, [&](const LimitView& view) {
    auto lists = LimitView::by_key(view, std::get<std::vector<Limit>>(limits));
    return listed(std::move(keys), page, [&](const Key& key) {
      return key_json(key, lists.contains(key.id) ? lists[key.id] : Json::array());
    });
  });
}

Answered create_key(Visit& v) {
  return with_view(v, [&](const LimitView& view) -> Answered {
    auto draft = read_key(v.body, v.now, view.currency());
    if (auto* fault = std::get_if<ApiError>(&draft)) return std::move(*fault);
    return with_limits(v, v.directory().create_key(v.actor, std::get<KeyDraft>(draft)), 201);
  });
}

Answered show_key(Visit& v) {
  return with_limits(v, v.directory().key(v.actor, v.ids[0]));
}

template <bool enabled>
Answered enable_key(Visit& v) {
  return with_limits(v, v.directory().enable_key(v.actor, v.ids[0], enabled));
}

Answered rotate_key(Visit& v) {
  auto read = read_rotation(v.body);
  if (auto* fault = std::get_if<ApiError>(&read)) return std::move(*fault);
  Micros overlap = 0;
  if (const std::string& text = std::get<std::string>(read); !text.empty()) {
    const auto duration = parse_duration(text);
    if (!duration) return ApiError{.message = "overlap: " + duration.error().message, .param = "overlap"};
    overlap = *duration;
  }
  return with_limits(v, v.directory().rotate_key(v.actor, v.ids[0], overlap), 200);
}

Answered list_limits(Visit& v) {
  QueryFields q(v.request.query);
  const std::string level = q.text("level"), subject = q.text("subject");
  const Page page = page_of(q);
  if (auto fault = q.fault()) return std::move(*fault);
  return with_view(v, [&](const LimitView& view) {
    return listed(v.directory().limits(v.actor, level, subject), page,
                  [&](const Limit& limit) { return view.json(limit); });
  });
}

Answered set_limit(Visit& v) {
  return with_view(v, [&](const LimitView& view) -> Answered {
    auto read = read_limit(v.body, view.currency());
    if (auto* fault = std::get_if<ApiError>(&read)) return std::move(*fault);
    const LimitChange& change = std::get<LimitChange>(read);
    if (change.remove) return done(v.directory().clear_limit(v.actor, change.limit));
    return shown(v.directory().set_limit(v.actor, change.limit),
                 [&](const Limit& limit) { return view.json(limit); });
  });
}

Answered raise_limit(Visit& v) {
  return with_view(v, [&](const LimitView& view) -> Answered {
    auto read = read_raise(v.body, v.now, view.currency());
    if (auto* fault = std::get_if<ApiError>(&read)) return std::move(*fault);
    return shown(v.directory().raise_limit(v.actor, std::get<Limit>(read)),
                 [&](const Limit& limit) { return view.json(limit); });
  });
}

}  // namespace

std::vector<Operation> key_operations() {
  return {{.method = "GET",
           .path = "/keys",
           .summary = "The keys",
           .roles = kAll,
           .handler = list_keys,
           .answer = "KeyList",
           .parameters = {{"workspace", "text", "an id or a name"}, {"include_disabled", "flag"}}},
          {"POST", "/keys", "Makes a key; its secret is in this answer only", kKeys, create_key, "MadeKey",
           201, "NewKey", Takes::json},
          {"GET", "/keys/{id}", "One key", kAll, show_key, "Key"},
          {"POST", "/keys/{id}/disable", "Disables a key", kKeys, enable_key<false>, "Key", 200, "Nothing",
           Takes::json},
          {"POST", "/keys/{id}/enable", "Enables it again", kKeys, enable_key<true>, "Key", 200, "Nothing",
           Takes::json},
          {"POST", "/keys/{id}/rotate", "A new secret under the same id; the old one works for the overlap",
           kKeys, rotate_key, "MadeKey", 200, "Rotation", Takes::json}};
}

std::vector<Operation> limit_operations() {
  return {{.method = "GET",
           .path = "/limits",
           .summary = "The limits",
           .roles = kAll,
           .handler = list_limits,
           .answer = "LimitList",
           .parameters = {{"level", "level"}, {"subject", "text", "an id or a name"}}},
          {"PUT", "/limits", "Sets a limit, or removes it with the amount null", kSystem, set_limit, "Limit",
           200, "NewLimit", Takes::json},
          {"POST", "/limits/raise", "Raises a limit until a moment", kSystem, raise_limit, "Limit", 200,
           "NewRaise", Takes::json}};
}

}  // namespace autark::platform::admin
