#include "text/tools/hermes_call.h"
#include <algorithm>
#include <utility>
#include "base/json.h"
#include "text/tools/characters.h"
#include "text/tools/json_text.h"

namespace autark::text {
namespace {

using Step = JsonRepair::Step;

constexpr std::string_view kFence = "```";

bool is_space(char c) {
  return kSpace.find(c) != std::string_view::npos;
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
// Of characters that are not ASCII, those that begin with C2, E2 or EF are mostly signs.
bool begins_word(char c) {
  return is_letter(c) || (c < 0 && c != '\xC2' && c != '\xE2' && c != '\xEF');
}
bool begins_key(char c) {
  return c == '"' || c == '\'' || begins_word(c);
}
void drop_space_behind(std::string& text) {
  text.erase(text.find_last_not_of(kSpace) + 1);
}

// The value of a JSON string; empty for other values.
std::string inside_quotes(std::string_view text) {
  if (!text.starts_with('"')) return {};
  return unescaped(text.substr(1, text.size() - 2));
}

}  // namespace

HermesCall::State HermesCall::push(char c) {
  const State state = step(c);
  if (state == State::open || state == State::done) raw_ += c;
  has_ended_ = state == State::done || state == State::done_before;
  if (has_ended_ && !arguments_) arguments_ = loose_.value_or("{" + others_ + "}");
  return state;
}

HermesCall::State HermesCall::step(char c) {
  switch (at_) {
    case At::begin:
      return begin_byte(c);
    case At::value:
      return value_byte(c);
    case At::astray:
      return astray_byte(c);
    case At::ended:
      return ended_byte(c);
    case At::rest:
      return State::open;
    case At::remark:
      if (const auto step = remark_.push(c); step != Remark::Step::more) at_ = behind_remark_;
      return State::open;
    default:
      return structure_byte(c);
  }
}

// Accepts space and a ``` fence with a language name before the brace.
HermesCall::State HermesCall::begin_byte(char c) {
  constexpr size_t kGapMax = 256;
  const size_t from = std::min(raw_.find_first_not_of(kSpace), raw_.size());
  const std::string_view fence = std::string_view(raw_).substr(from);
  if (c == '{' && (fence.empty() || fence.starts_with(kFence))) return at_ = At::key_or_end, State::open;
  const bool more_fence = fence.size() < kFence.size() ? c == '`' : is_letter(c) && !is_space(raw_.back());
  return raw_.size() < kGapMax && (is_space(c) || more_fence) ? State::open : State::no_call;
}

HermesCall::State HermesCall::structure_byte(char c) {
  if (is_space(c)) return State::open;
  if (only_arguments_) return lose();
  if (Remark::begins(c)) return begin_remark(c);
  if (at_ == At::colon) {
    begin_value(role_of_key());
    return c == ':' ? State::open : value_byte(c);
  }
  if (c == '}') return end_object();
  if (at_ == At::after && c == ',') return at_ = At::key, State::open;
  const bool junk = at_ == At::after && arguments_ && begins_word(c);
  if (begins_key(c) && !junk) return begin_value(Role::key), value_byte(c);
  return lose();
}

HermesCall::State HermesCall::begin_remark(char c) {
  behind_remark_ = at_;
  at_ = At::remark;
  remark_ = {};
  remark_.push(c);
  return State::open;
}

HermesCall::Role HermesCall::role_of_key() const {
  if (key_ == "name" && !named()) return Role::name;
  const bool due = !arguments_ && !arguments_from_;
  return due && (key_ == "arguments" || key_ == "parameters") ? Role::arguments : Role::other;
}

// The brace of the call's own object.
HermesCall::State HermesCall::end_object() {
  if (!named()) return State::no_call;
  if (!any_astray_) return State::done;
  return at_ = At::ended, State::open;
}

// Handles a byte that begins no member. After an arguments object the call has ended. After a string the
// string probably contained a quote, so the arguments go on.
HermesCall::State HermesCall::lose() {
  if (!named()) return State::no_call;
  if (string_from_)
    arguments_from_ = std::exchange(string_from_, {}), arguments_.reset();
  else if (arguments_)
    return State::done_before;
  if (!arguments_from_) arguments_from_ = raw_.size();
  return at_ = At::rest, State::open;
}

void HermesCall::begin_value(Role role) {
  at_ = At::value;
  role_ = role;
  value_begun_ = false;
  has_arguments_ |= role == Role::arguments;
}

// Reads a value with JsonRepair; from its first fault on the value is astray.
HermesCall::State HermesCall::value_byte(char c) {
  if (!value_begun_) {
    if (is_space(c)) return State::open;
    if (Remark::begins(c)) return begin_remark(c);
    if (c == ',' || c == '}') return at_ = At::after, structure_byte(c);
    value_ = JsonRepair(role_ == Role::key || role_ == Role::name);
    value_from_ = raw_.size();
    value_begun_ = true;
  }
  switch (value_.push(c)) {
    case Step::more:
      return State::open;
    case Step::done:
      return end_value(raw_.substr(value_from_) + c), State::open;
    case Step::done_before:
      return end_value(raw_.substr(value_from_)), structure_byte(c);
    default:
      go_astray();
      return astray_byte(c);
  }
}

void HermesCall::end_value(std::string written) {
  const std::string& text = value_.text();
  if (role_ == Role::key) key_ = inside_quotes(text);
  if (role_ == Role::name) name_ = inside_quotes(text);
  if (role_ == Role::arguments) end_arguments(std::move(written));
  if (role_ == Role::other && key_ != "id" && key_ != "type")
    others_ += (others_.empty() ? "" : ", ") + dump_json(key_) + ": " + text;
  at_ = role_ == Role::key ? At::colon : At::after;
}

// A string may contain the object. Arguments that are no object stay as written.
void HermesCall::end_arguments(std::string written) {
  const std::string& text = value_.text();
  if (text == "null") return;
  if (text[0] == '{') return arguments_ = text, void();
  const std::string inside = inside_quotes(text);
  if (text[0] == '"' && is_blank(inside)) return;
  if (text[0] == '"') string_from_ = value_from_;
  if (auto object = repaired_object(inside)) return arguments_ = std::move(object), void();
  drop_space_behind(written);
  arguments_ = std::move(written);
}

void HermesCall::go_astray() {
  if (role_ == Role::arguments) arguments_from_ = value_from_, firm_ = streams() ? value_.settled() : 0;
  astray_ = {.depth = value_.depth(), .structured = value_.depth() > 0};
  at_ = At::astray;
  any_astray_ = true;
}

HermesCall::Astray::Step HermesCall::Astray::push(char c) {
  if (quote) {
    if (!escaped && c == '"') quote = false;
    escaped = !escaped && c == '\\';
    return Step::more;
  }
  quote = c == '"';
  if (c == '{' || c == '[') ++depth;
  if (c == ',' && depth == 0) return Step::done_before;
  if (c != '}' && c != ']') return Step::more;
  if (depth == 0) return Step::done_before;
  return --depth == 0 && structured ? Step::done : Step::more;
}

HermesCall::State HermesCall::astray_byte(char c) {
  const auto step = astray_.push(c);
  if (step == Astray::Step::more) return State::open;
  at_ = At::after;
  if (role_ == Role::arguments) {
    loose_ = raw_.substr(value_from_);
    if (step == Astray::Step::done) *loose_ += c;
    drop_space_behind(*loose_);
  }
  return step == Astray::Step::done ? State::open : structure_byte(c);
}

HermesCall::State HermesCall::ended_byte(char c) {
  if (c == '\n') return State::done;
  if (is_space(c) || c == '}') return State::open;
  return arguments_from_ ? lose() : State::done_before;
}

// The arguments are, in this order: repaired, up to their probable end, as written, the other members.
bool HermesCall::close() {
  sound_ = !in_string();
  if (at_ == At::value && value_begun_ && role_ != Role::key && role_ != Role::name) end_open_value();
  if (!named()) return false;
  has_ended_ = true;
  if (arguments_) return true;
  if (loose_ && (at_ == At::after || at_ == At::ended)) {
    arguments_ = loose_;
  } else if (arguments_from_) {
    arguments_ = as_written();
    sound_ = false;
  } else {
    arguments_ = "{" + others_ + "}";
  }
  return true;
}

void HermesCall::end_open_value() {
  const size_t firm = streams() ? value_.settled() : 0;
  if (value_.finish()) return end_value(raw_.substr(value_from_));
  if (role_ == Role::arguments) arguments_from_ = value_from_, firm_ = firm;
  at_ = At::rest;
}

// The arguments as written, up to the call's own brace at the end.
std::string HermesCall::as_written() const {
  std::string text = raw_.substr(*arguments_from_);
  drop_space_behind(text);
  if (!only_arguments_ && text.ends_with('}')) text.pop_back();
  drop_space_behind(text);
  if (text.size() < firm_) text = raw_.substr(*arguments_from_, firm_);
  const bool quoted = text.size() > 1 && text.starts_with('"') && text.ends_with('"');
  if (auto object = repaired_object(quoted ? text.substr(1, text.size() - 2) : text))
    return std::move(*object);
  return is_blank(text) ? "{}" : text;
}

bool HermesCall::streams() const {
  return at_ == At::value && role_ == Role::arguments && value_begun_ && raw_[value_from_] == '{';
}

std::string_view HermesCall::settled() const {
  if (!named()) return {};
  if (arguments_) return string_from_ && !has_ended_ ? std::string_view() : *arguments_;
  if (arguments_from_) return std::string_view(raw_).substr(*arguments_from_, firm_);
  if (!streams()) return {};
  return std::string_view(value_.text()).substr(0, value_.settled());
}

std::string HermesCall::so_far() const {
  if (arguments_) return *arguments_;
  if (arguments_from_) return raw_.substr(*arguments_from_);
  return streams() ? value_.text() : std::string();
}

std::string HermesCall::cut_name() const {
  const bool in_name = at_ == At::value && role_ == Role::name && value_begun_ && value_.in_string();
  return in_name ? unescaped(std::string_view(value_.text()).substr(1)) : std::string();
}

bool HermesCall::in_string() const {
  if (at_ == At::value && value_begun_) return value_.in_string();
  return at_ == At::astray && astray_.quote;
}

}  // namespace autark::text
