#include "text/tools/tagged_call.h"
#include <optional>
#include <utility>
#include "base/json.h"
#include "text/tools/characters.h"
#include "text/tools/json_repair.h"

namespace autark::text {
namespace {

using Step = TaggedCall::Step;

std::string_view trimmed(std::string_view text) {
  const size_t from = text.find_first_not_of(kSpace);
  if (from == text.npos) return {};
  return text.substr(from, text.find_last_not_of(kSpace) - from + 1);
}

// The one JSON value that `text` is, repaired if `repairs`; nothing if it is none.
std::optional<std::string> json_value(std::string_view text, bool repairs) {
  JsonRepair value;
  for (size_t at = 0; at < text.size(); ++at) {
    const auto step = value.push(text[at]);
    if (step == JsonRepair::Step::done && at + 1 == text.size()) break;
    if (step != JsonRepair::Step::more) return {};
    if (at + 1 == text.size() && !value.finish()) return {};
  }
  if (text.empty() || (!repairs && value.text() != text)) return {};
  return value.text();
}

}  // namespace

std::string typed_value(std::string_view written, ToolTypes::Type type) {
  if (type != ToolTypes::Type::text)
    if (auto json = json_value(trimmed(written), type == ToolTypes::Type::other)) return *std::move(json);
  return dump_json(std::string(written));
}

void TaggedCall::text(std::string_view bytes) {
  switch (at_) {
    case At::between:
      if (!has_key_) loose_ += bytes;
      break;
    case At::key:
      key_ += bytes;
      break;
    case At::before_value:
      if (is_blank(bytes)) break;
      at_ = At::value;
      [[fallthrough]];
    case At::value:
      value_ += bytes;
      break;
    case At::behind_value:
      behind_ += bytes;
      if (is_blank(bytes)) break;
      value_ += std::exchange(behind_, {});
      at_ = At::value;
  }
}

Step TaggedCall::marker(const Marker& m) {
  const bool ends =
      m.mark == Mark::call_end || m.mark == Mark::block_end || m.mark == Mark::call || m.mark == Mark::block;
  if (ends) return close(), m.mark == Mark::call_end ? Step::ended : Step::ended_before;
  if (at_ == At::behind_value && m.mark != Mark::key) {
    value_ += std::exchange(behind_, {});
    at_ = At::value;
  }
  if (at_ == At::value) {
    if (m.mark != Mark::value_end) return value_ += m.text, Step::inside;
    behind_ = m.text;
    at_ = At::behind_value;
  } else if (m.mark == Mark::key) {
    begin_key();
  } else if (at_ == At::key && (m.mark == Mark::key_end || m.mark == Mark::value)) {
    at_ = m.mark == Mark::value || !has_value_marker_ ? At::value : At::before_value;
  } else if (at_ == At::before_value && m.mark == Mark::value) {
    at_ = At::value;
  } else if (at_ == At::before_value && m.mark == Mark::value_end) {
    behind_ = m.text;
    at_ = At::behind_value;
  }
  return Step::inside;
}

bool TaggedCall::is_new() const {
  return at_ == At::between && !has_key_ && is_blank(loose_);
}

bool TaggedCall::is_prose() const {
  const size_t at = loose_.find_first_not_of(" \t");
  return !has_key_ && !is_blank(loose_) && loose_[at] != '\n' && loose_[at] != '\r';
}

void TaggedCall::begin_key() {
  has_key_ = true;
  if (at_ == At::before_value || at_ == At::behind_value) end_value();
  key_.clear();
  value_.clear();
  at_ = At::key;
}

void TaggedCall::write_key() {
  out_ += (std::exchange(any_, true) ? ", " : "{") + dump_json(std::string(trimmed(key_))) + ": ";
}

void TaggedCall::end_value() {
  write_key();
  std::string_view value = value_;
  if (on_lines_ && value.starts_with('\n')) value.remove_prefix(1);
  if (on_lines_ && value.ends_with('\n')) value.remove_suffix(1);
  const auto type = types_ ? types_->type(name_, trimmed(key_)) : ToolTypes::Type::unknown;
  out_ += typed_value(value, type);
  behind_.clear();
  at_ = At::between;
}

void TaggedCall::close() {
  if (at_ != At::between && at_ != At::key) end_value();
  at_ = At::between;
  if (any_)
    out_ += '}';
  else if (is_blank(loose_))
    out_ += "{}";
  else
    out_ += repaired_object(loose_).value_or(std::string(trimmed(loose_)));
}

std::string TaggedCall::cut() {
  if (at_ == At::behind_value) end_value();
  if (at_ == At::value) {
    write_key();
    std::string text = dump_json(value_);
    text.pop_back();
    out_ += text;
  }
  return take();
}

}  // namespace autark::text
