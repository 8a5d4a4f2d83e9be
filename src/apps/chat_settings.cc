#include "apps/chat_settings.h"
#include <fmt/format.h>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <vector>
#include "api/thinking.h"
#include "apps/value_rule.h"

namespace autark::apps {
namespace {

// One setting: `read` parses a value into the settings and returns false if it is not allowed, `write`
// returns the value as text, `copy` takes it from other settings.
struct Setting {
  const char *name, *takes;  // `takes` describes the allowed values
  std::function<bool(ChatSettings&, std::string_view)> read;
  std::function<std::string(const ChatSettings&)> write;
  std::function<void(ChatSettings&, const ChatSettings&)> copy;
};

// Parses the whole text as a number in [least, most].
template <class T>
bool parse(std::string_view text, double least, double most, T* to) {
  T v{};
  const auto end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, v);
  if (error != std::errc() || at != end || !(double(v) >= least) || !(double(v) <= most)) return false;
  *to = v;
  return true;
}

// A setting that is a number. at(settings) returns a reference to it.
template <class At>
Setting number_setting(const char* name, const char* takes, double least, double most, At at) {
  return {name, takes, [=](ChatSettings& s, std::string_view v) { return parse(v, least, most, &at(s)); },
          [=](const ChatSettings& s) { return fmt::format("{}", at(s)); },
          [=](ChatSettings& s, const ChatSettings& from) { at(s) = at(from); }};
}

bool read_thinking(ChatSettings& s, std::string_view v) {
  if (v != "on" && v != "off") return false;
  s.reasoning.thinking = v == "on";
  return true;
}

bool read_effort(ChatSettings& s, std::string_view v) {
  const auto all = api::efforts();
  if (std::ranges::find(all, v) == all.end()) return false;
  s.reasoning.effort = v;
  return true;
}

std::vector<Setting> manner_settings() {
  const auto thinking = [](const ChatSettings& s) -> std::string {
    return !s.reasoning.thinking ? "default" : *s.reasoning.thinking ? "on" : "off";
  };
  const auto effort = [](const ChatSettings& s) {
    return s.reasoning.effort.empty() ? "default" : s.reasoning.effort;
  };
  return {{"thinking", "on or off", read_thinking, thinking,
           [](ChatSettings& s, const ChatSettings& from) { s.reasoning.thinking = from.reasoning.thinking; }},
          {"effort", "minimal, low, medium, high, xhigh or max", read_effort, effort,
           [](ChatSettings& s, const ChatSettings& from) { s.reasoning.effort = from.reasoning.effort; }}};
}

const std::vector<Setting>& settings() {
  static const std::vector<Setting> all = [] {
    std::vector<Setting> s = {
        number_setting(
            "temperature", "a number from 0 to 2", 0, 2,
            [](auto& c) -> auto& { return c.sampling.temperature; }),
        number_setting(
            "top_p", "a number from 0 to 1", 0, 1, [](auto& c) -> auto& { return c.sampling.top_p; }),
        number_setting(
            "top_k", "a whole number, 0: all tokens", 0, INT32_MAX,
            [](auto& c) -> auto& { return c.sampling.top_k; }),
        number_setting(
            "min_p", "a number from 0 to 1", 0, 1, [](auto& c) -> auto& { return c.sampling.min_p; }),
        number_setting(
            "repetition_penalty", "a number from 0.01 to 100", 0.01, 100,
            [](auto& c) -> auto& { return c.sampling.repetition_penalty; }),
        number_setting(
            "seed", "a whole number", 0, double(INT64_MAX), [](auto& c) -> auto& { return c.sampling.seed; }),
        number_setting(
            "max_tokens", "a whole number from 1, -1: what the context holds", -1, double(kTokensMax),
            [](auto& c) -> auto& { return c.max_tokens; })};
    for (Setting& m : manner_settings()) s.push_back(std::move(m));
    return s;
  }();
  return all;
}

}  // namespace

std::optional<Error> set(ChatSettings& to, const ChatSettings& usual, std::string_view name,
                         std::string_view value) {
  std::string plain(name);
  std::ranges::replace(plain, '-', '_');
  const auto s = std::ranges::find_if(settings(), [&](const Setting& each) { return each.name == plain; });
  if (s == settings().end())
    return Error{Code::invalid, fmt::format("there is no setting '{}'; the names are {}", name.substr(0, 100),
                                            names_of_settings())};
  if (value == "default") return s->copy(to, usual), std::nullopt;
  ChatSettings changed = to;
  if (!s->read(changed, value) || changed.max_tokens == 0)
    return Error{Code::invalid,
                 fmt::format("{} must be {}, or default; not '{}'", s->name, s->takes, value.substr(0, 100))};
  to = std::move(changed);
  return {};
}

std::string listed(const ChatSettings& of) {
  std::string lines;
  for (const Setting& s : settings())
    lines += fmt::format("{}  {:<20}{}", lines.empty() ? "" : "\n", s.name, s.write(of));
  return lines;
}

std::string names_of_settings() {
  std::string all;
  for (const Setting& s : settings()) all += (all.empty() ? "" : ", ") + std::string(s.name);
  return all;
}

}  // namespace autark::apps
