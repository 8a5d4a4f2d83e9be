// The settings of a terminal chat. /set changes them; one table holds each name with its range and how its
// value is read and written.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include "base/result.h"
#include "engine/engine.h"
#include "serve/conversation.h"

namespace autark::apps {

struct ChatSettings {
  engine::Sampling sampling;
  int64_t max_tokens = -1;             // of one answer; −1: as many as the context holds
  serve::ReasoningDefaults reasoning;  // thinking and effort
};

// Sets one value. `name` is "top_p" or "top-p"; the value "default" restores the one in `usual`. An error
// changes nothing.
std::optional<Error> set(ChatSettings& settings, const ChatSettings& usual, std::string_view name,
                         std::string_view value);
std::string listed(const ChatSettings& settings);  // all values, "temperature  0.7", one per line
std::string names_of_settings();                   // "temperature, top_p …"

}  // namespace autark::apps
