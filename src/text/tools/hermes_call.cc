#include "text/tools/hermes_call.h"
#include "base/json.h"

namespace autark::text {
namespace {

using Kind = OutputPiece::Kind;
using Step = JsonScanner::Step;

constexpr std::string_view kSpace = " \t\r\n";

bool is_space(char c) {
  return kSpace.find(c) != std::string_view::npos;
}

std::string inside_quotes(std::string_view text) {
  return unescaped(text.substr(1, text.size() - 2));
}

}  // namespace

HermesCall::State HermesCall::push(char c) {
  const State s = at_ == At::value ? value_byte(c) : structure_byte(c);
  if (s != State::fault && !named_) raw_ += c;
  return s;
}

HermesCall::State HermesCall::structure_byte(char c) {
  if (is_space(c)) return State::open;
  if (at_ == At::begin && c == '{') return at_ = At::key_or_end, State::open;
  if ((at_ == At::key_or_end || at_ == At::key) && c == '"') return begin_value(Role::key), value_byte(c);
  if (at_ == At::after && c == ',') return at_ = At::key, State::open;
  if (at_ == At::after && c == '}' && named_) return end(), State::done;
  if (at_ != At::colon || c != ':') return State::fault;
  const bool about_arguments = key_ == "arguments" || key_ == "parameters";
  begin_value(key_ == "name" && !named_            ? Role::name
              : about_arguments && !has_arguments_ ? Role::arguments
                                                   : Role::other);
  return State::open;
}

void HermesCall::begin_value(Role role) {
  at_ = At::value;
  role_ = role;
  scanner_ = {};
  captured_.clear();
  begun_ = streams_ = false;
}

bool HermesCall::begins_well(char c) const {
  if (role_ == Role::name) return c == '"';
  return role_ != Role::arguments || c == '{' || c == '"' || c == 'n';
}

HermesCall::State HermesCall::value_byte(char c) {
  if (!begun_) {
    if (is_space(c)) return State::open;
    if (!begins_well(c)) return State::fault;
    begun_ = true;
    streams_ = role_ == Role::arguments && c == '{' && named_;
    has_arguments_ |= streams_;
  }
  std::string text;
  const Step step = scanner_.push(c, text);
  if (step == Step::fault) return State::fault;
  if (streams_)
    pieces_.add(Kind::arguments, call_, text);
  else
    captured_ += text;
  if (step == Step::more) return State::open;
  if (!end_value()) return State::fault;
  return step == Step::done ? State::open : structure_byte(c);
}

bool HermesCall::end_value() {
  switch (role_) {
    case Role::key:
      key_ = inside_quotes(captured_);
      break;
    case Role::name:
      give_name(inside_quotes(captured_));
      break;
    case Role::arguments:
      if (!streams_ && !end_arguments()) return false;
      break;
    case Role::other:
      break;
  }
  at_ = role_ == Role::key ? At::colon : At::after;
  captured_.clear();
  scanner_ = {};
  return true;
}

// Those that did not go straight out: before the name, or no object.
bool HermesCall::end_arguments() {
  if (captured_ == "null") return true;
  if (captured_[0] == '"') {
    const std::string object = inside_quotes(captured_);
    if (object.find_first_not_of(kSpace) == std::string::npos) return true;
    const auto parsed = parse_json(object, "arguments");
    if (!parsed || !parsed->is_object()) return false;
    captured_ = object;
  }
  has_arguments_ = true;
  if (named_)
    pieces_.add(Kind::arguments, call_, captured_);
  else
    early_ = captured_;
  return true;
}

void HermesCall::give_name(const std::string& name) {
  named_ = true;
  raw_.clear();
  pieces_.add(Kind::call, call_, name);
  pieces_.add(Kind::arguments, call_, early_);
}

void HermesCall::end() {
  if (!has_arguments_) pieces_.add(Kind::arguments, call_, "{}");
  pieces_.add(Kind::call_end, call_, {});
}

void HermesCall::give_cut_name() {
  if (!named_ && at_ == At::value && role_ == Role::name && begun_) give_name(unescaped(captured_.substr(1)));
}

}  // namespace autark::text
