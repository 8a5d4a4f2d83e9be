// Which drafters a server may use, and what each of them has drafted.
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace autark::engine {

// Where the drafts of a request come from in a step.
enum class DraftSource : uint8_t {
  lookup,  // what followed the last tokens earlier in the prompt, the answer or the prediction
  mtp,     // the checkpoint's multi-token prediction head
  dspark,  // the checkpoint's DSpark head
  draft    // a second, smaller model
};
inline constexpr int kDraftSources = 4;
inline const char* name_of(DraftSource s) {
  constexpr const char* kNames[kDraftSources] = {"lookup", "mtp", "dspark", "draft"};
  return kNames[int(s)];
}

struct DraftOptions {
  // Empty: what there is, as far as it costs nothing while it is not used: lookup, unless the model has a
  // recurrent state, which is recomputed from its inputs once tokens can be taken back; the checkpoint's draft
  // head; and `model`. Else exactly these; it is an error if the checkpoint lacks a head that is named.
  std::vector<DraftSource> sources = {};
  std::filesystem::path model = {};  // of the source `draft`: a folder or a GGUF file; empty: none
  bool always = false;  // as many drafts as possible in every step, whatever they cost: for measurements
};

// Counters of one source.
struct DraftCounts {
  uint64_t proposals = 0;  // steps of a request with drafts
  uint64_t drafted = 0, accepted = 0;
};
using DraftTally = std::array<DraftCounts, kDraftSources>;

}  // namespace autark::engine
