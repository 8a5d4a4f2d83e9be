#include "serve/background_answers.h"
#include <algorithm>

namespace autark::serve {
namespace {

bool has_ended(const BackgroundAnswers::Answer& a) {
  return a.exchange->over();
}

}  // namespace

bool BackgroundAnswers::add(Answer answer) {
  const std::lock_guard lock(mutex_);
  if (answers_.size() >= kAnswersMax) {
    const auto over = std::ranges::find_if(answers_, has_ended);
    if (over == answers_.end()) return false;
    answers_.erase(over);
  }
  answers_.push_back(std::move(answer));
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
  std::erase_if(answers_, [&](const Answer& a) {
    if (bytes <= kEndedBytesMax || !has_ended(a)) return false;
    bytes -= a.recording->bytes();
    return true;
  });
}

}  // namespace autark::serve
