// Saves a conversation to a file, which only its owner can read, and loads it:
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

// A chat.
struct Conversation {
  std::string system;            // the system message; may be empty
  std::vector<api::Item> items;  // turns of user and assistant
};

// Writes the whole file and then replaces an earlier saved conversation at `path`. Any other existing file is
// kept, which is an Error.
std::optional<Error> save(const Conversation& c, const std::filesystem::path& path);
// Reads a saved conversation. An Error names the file and the fault.
Result<Conversation> load_conversation(const std::filesystem::path& path);

}  // namespace autark::apps
