// What is in a checkpoint, what it needs to run, and whether this machine has it.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>
#include "base/json.h"
#include "base/result.h"
#include "engine/memory.h"
#include "models/release_listing.h"
#include "weights/checkpoint.h"

namespace autark::apps {

struct Inspection {
  std::string path, kind, architecture;
  std::string fault;  // why it cannot run; empty: it can
  int64_t parameters = 0, bytes = 0;

  struct Share {  // of one format
    std::string format;
    int64_t tensors = 0, bytes = 0;
  };
  std::vector<Share> formats;  // most bytes first

  Json dimensions;  // the config's numbers that a reader looks for; absent ones are left out
  std::vector<int32_t> end_tokens;
  bool tokenizer = false, chat_template = false;
  int64_t context = 0;  // tokens; 0: it cannot run

  // State of one sequence at full speed: rows that grow with the text, and windows that do not.
  int64_t state_bytes_per_1k_tokens = 0, state_bytes_of_windows = 0;

  // With so many tokens behind it: what a sequence keeps, and what its next token costs, counted by running
  // the model file on the chip that only counts.
  struct Behind {
    int64_t tokens = 0;
    int64_t record_bytes = 0, working_bytes = 0;  // rows of history; what later rows are still made of
    double flops = 0, weight_bytes = 0, record_bytes_read = 0;
  };
  std::vector<Behind> behind;

  // The files against the list of their release, where the architecture has one.
  std::optional<ReleaseListing> listing;

  engine::Memory memory;  // of this machine, now
  std::vector<Checkpoint::Entry> tensors;

  int64_t bytes_needed(int64_t tokens) const {
    return bytes + state_bytes_of_windows + state_bytes_per_1k_tokens * tokens / 1000;
  }
};

// Tokens of state a model should have room for before we say that it fits.
inline constexpr int64_t kUsefulTokens = 4096;

// A checkpoint of an architecture nobody runs, or with tensors missing, is inspected all the same.
Result<Inspection> inspect(const std::filesystem::path& path);

Json to_json(const Inspection& in, bool with_tensors);

}  // namespace autark::apps
