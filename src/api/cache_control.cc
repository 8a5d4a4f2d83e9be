#include "api/cache_control.h"
#include <algorithm>

namespace autark::api {
namespace {

constexpr size_t kMarksMax = 8;

// Seconds that a tool, a part or a request asks to be kept: `ttl` is "5m", the default, or "1h". 0: it does not ask.
int64_t kept_seconds(const Json& of) {
  if (!of.is_object()) return 0;
  const auto control = of.find("cache_control");
  if (control == of.end() || !control->is_object()) return 0;
  const auto time = control->find("ttl");
  return time != control->end() && *time == "1h" ? 3600 : 300;
}

// The same of a list: the longest.
int64_t longest_kept(const Json& list) {
  int64_t longest = 0;
  for (size_t i = 0; list.is_array() && i < list.size(); ++i)
    longest = std::max(longest, kept_seconds(list[i]));
  return longest;
}

void add(Request& r, int64_t seconds, std::string place) {
  if (seconds == 0) return;
  r.keep_seconds = std::max(r.keep_seconds, seconds);
  if (r.cache_marks.size() == kMarksMax) r.cache_marks.erase(r.cache_marks.begin());
  r.cache_marks.push_back(std::move(place));
}

}  // namespace

void read_cache_control(const Json& body, Request& r) {
  if (!body.is_object()) return;
  for (const char* list : {"tools", "system"})
    if (const auto found = body.find(list); found != body.end()) add(r, longest_kept(*found), list);
  const auto messages = body.find("messages");
  if (messages == body.end() || !messages->is_array()) return;
  const auto place = [](size_t i) { return "messages[" + std::to_string(i) + "]"; };
  for (size_t i = 0; i < messages->size(); ++i) {
    const Json& m = (*messages)[i];
    if (!m.is_object()) continue;
    const auto content = m.find("content");
    add(r, std::max(kept_seconds(m), content == m.end() ? 0 : longest_kept(*content)), place(i));
  }
  if (!messages->empty()) add(r, kept_seconds(body), place(messages->size() - 1));  // behind all of it
}

}  // namespace autark::api
