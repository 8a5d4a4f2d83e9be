#include "serve/background_answers.h"
#include <algorithm>

namespace autark::serve {

bool BackgroundAnswers::add(Answer answer) {
  const std::lock_guard lock(mutex_);
  if (answers_.size() >= kAnswersMax) {
    const auto over = std::ranges::find_if(answers_, [](const Answer& a) { return a.exchange->over(); });
    if (over == answers_.end()) return false;
    answers_.erase(over);
  }
  answers_.push_back(std::move(answer));
  return true;
}

std::optional<BackgroundAnswers::Answer> BackgroundAnswers::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto at = std::ranges::find(answers_, id, &Answer::id);
  return at == answers_.end() ? std::nullopt : std::optional(*at);
}

void BackgroundAnswers::forget(const std::string& id) {
  const std::lock_guard lock(mutex_);
  std::erase_if(answers_, [&](const Answer& a) { return a.id == id; });
}

}  // namespace autark::serve
