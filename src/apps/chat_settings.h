// How a chat in the terminal is answered, and how /set changes it: one table of names, each with its range,
// its reading and its writing.
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
  int64_t max_tokens = -1;  // −1: what the context holds
  serve::Manner manner;
};

// "top_p" or "top-p"; "default" is the value in `usual`. Nothing changes on an error.
std::optional<Error> set(ChatSettings& settings, const ChatSettings& usual, std::string_view name,
                         std::string_view value);
std::string listed(const ChatSettings& settings);  // "temperature  0.7" …, a line each
std::string names_of_settings();                   // "temperature, top_p …"

}  // namespace autark::apps
