// A conversation as a file that only its owner can read:
//
//   {"autark_conversation": 1, "system": "…",
//    "messages": [{"role": "user", "content": "…"},
//                 {"role": "assistant", "content": "…", "reasoning": "…"}, …]}
#pragma once
#include <filesystem>
#include <string>
#include <vector>
#include "api/item.h"
#include "base/result.h"

namespace autark::apps {

struct Conversation {
  std::string system;            // what the model is told first; may be empty
  std::vector<api::Item> items;  // of users and assistants
};

// Replaces a saved conversation when all of it is written; what is none is left alone and an Error.
std::optional<Error> save(const Conversation& c, const std::filesystem::path& path);
Result<Conversation> load_conversation(const std::filesystem::path& path);

}  // namespace autark::apps
