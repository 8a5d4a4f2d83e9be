// Collects what is in a checkpoint, or what a config.json without weights describes, what it needs to run, and
// whether this machine has it.
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

// The result of an inspection. Sizes are in bytes.
struct Inspection {
  std::string path, kind,
      architecture;   // kind: "gguf", "safetensors" or "config": a config.json without weights
  std::string fault;  // why the model cannot run; empty: it can
  int64_t parameters = 0, bytes = 0;  // of all tensors

  // All tensors of one number format.
  struct Share {
    std::string format;
    int64_t tensors = 0, bytes = 0;
  };
  std::vector<Share> formats;  // most bytes first

  // Of a config only: parameters that a token meets, and the model with its matrices in other formats.
  struct StoredAs {
    std::string format;           // "as published", "Q8_0" …
    int64_t bytes = 0;            // of all tensors
    double bytes_of_a_token = 0;  // weights and state that the token after kFewTokens others reads
  };
  int64_t active_parameters = 0;
  std::vector<StoredAs> stored_as;  // first as published
  double read_gb_per_second = 0;    // of this machine's memory; 0: not measured
  // Tensors that no model file asks for: draft layers behind the model's own, and vision towers.
  Share drafts_not_run{"draft layers"}, vision_not_run{"vision tower"};

  Json dimensions;  // well-known numbers of the config, such as hidden_size; absent ones are left out
  std::vector<int32_t> end_tokens;
  bool tokenizer = false, chat_template = false;  // whether the checkpoint has them
  int64_t context = 0;                            // tokens; 0: the model cannot run

  // State of one sequence in the formats used at full speed: rows that grow with the text, and windows that
  // do not.
  int64_t state_bytes_per_1k_tokens = 0, state_bytes_of_windows = 0;

  // What a sequence of so many tokens keeps and what its next token costs. Counted by running the model file
  // on the `dry` chip, which only counts.
  struct Behind {
    int64_t tokens = 0;
    int64_t record_bytes = 0,
            working_bytes = 0;  // rows of the history; inputs from which later rows are made
    double flops = 0, weight_bytes = 0, record_bytes_read = 0;  // of the next token
  };
  std::vector<Behind> behind;

  // The files compared with the list of their release, if the architecture has one.
  std::optional<ReleaseListing> listing;

  // The folder of the weight cache by default, the bytes of its files now, and all of it in one line.
  std::string weight_cache_folder, weight_cache_line;
  int64_t weight_cache_bytes = 0;

  engine::Memory memory;                   // of this machine at the time of the inspection
  std::vector<Checkpoint::Entry> tensors;  // all tensors of the checkpoint

  // Tokens per second if reading memory takes all the time; 0 if the speed of memory was not measured.
  double tokens_per_second(const StoredAs& s) const {
    return s.bytes_of_a_token > 0 ? read_gb_per_second * 1e9 / s.bytes_of_a_token : 0;
  }
  // Memory for the weights and one sequence of `tokens` tokens.
  int64_t bytes_needed(int64_t tokens) const {
    return bytes + state_bytes_of_windows + state_bytes_per_1k_tokens * tokens / 1000;
  }
};

// A model "fits here" if there is memory for a sequence of so many tokens.
inline constexpr int64_t kUsefulTokens = 4096;

// Tokens behind the one whose cost is told for each StoredAs.
inline constexpr int64_t kFewTokens = 1024;

// Inspects a checkpoint, or a config.json without weights: a file, or a folder that has one. It need not be
// runnable: an unknown architecture or a missing tensor becomes the `fault`. The speed of memory is not measured.
Result<Inspection> inspect(const std::filesystem::path& path);

// The output of `inspect --json`.
Json to_json(const Inspection& in, bool with_tensors);

}  // namespace autark::apps
