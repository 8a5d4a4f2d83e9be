#include "serve/background_answers.h"
#include <algorithm>
#include <map>
#include "store/share.h"

namespace autark::serve {
namespace {

bool has_ended(const BackgroundAnswers::Answer& a) {
  return a.exchange->over();
}

// The oldest answer that has ended of the owner whose ended ones weigh the most.
template <class Answers, class Weight>
auto heaviest_owners_oldest(Answers& answers, Weight weight) {
  std::map<std::string, size_t> weights;
  for (const auto& a : answers)
    if (has_ended(a)) weights[a.owner] += weight(a);
  const auto most = std::ranges::max_element(weights, {}, [](const auto& w) { return w.second; });
  return std::ranges::find_if(answers, [&](const auto& a) {
    return has_ended(a) && most != weights.end() && a.owner == most->first;
  });
}

}  // namespace

bool BackgroundAnswers::add(Answer answer) {
  const std::lock_guard lock(mutex_);
  if (shared_ && !has_share(answer.owner)) return false;
  if (answers_.size() >= kAnswersMax && !remove_one_ended()) return false;
  answers_.push_back(std::move(answer));
  return true;
}

// Whether the owner may have one more under way.
bool BackgroundAnswers::has_share(const std::string& owner) const {
  int64_t all = 1, own = 1;
  for (const Answer& a : answers_) {
    if (has_ended(a)) continue;
    ++all;
    own += a.owner == owner;
  }
  return storage::is_within_share(own, int64_t(kAnswersMax) - all);
}

bool BackgroundAnswers::remove_one_ended() {
  const auto oldest = heaviest_owners_oldest(answers_, [](const Answer&) { return size_t{1}; });
  if (oldest == answers_.end()) return false;
  answers_.erase(oldest);
  return true;
}

std::optional<BackgroundAnswers::Answer> BackgroundAnswers::find(const std::string& id,
                                                                 const std::string& owner) const {
  const std::lock_guard lock(mutex_);
  const auto at =
      std::ranges::find_if(answers_, [&](const Answer& a) { return a.id == id && a.owner == owner; });
  return at == answers_.end() ? std::nullopt : std::optional(*at);
}

void BackgroundAnswers::forget(const std::string& id) {
  const std::lock_guard lock(mutex_);
  std::erase_if(answers_, [&](const Answer& a) { return a.id == id; });
}

void BackgroundAnswers::tidy() {
  const std::lock_guard lock(mutex_);
  size_t bytes = 0;
  for (const Answer& a : answers_)
    if (has_ended(a)) bytes += a.recording->bytes();
  while (bytes > kEndedBytesMax) {
    const auto oldest =
        heaviest_owners_oldest(answers_, [](const Answer& a) { return a.recording->bytes(); });
    if (oldest == answers_.end()) return;
    bytes -= std::min(bytes, oldest->recording->bytes());
    answers_.erase(oldest);
  }
}

}  // namespace autark::serve
