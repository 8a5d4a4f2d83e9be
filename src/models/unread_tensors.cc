#include "models/unread_tensors.h"
#include <charconv>
#include <set>
#include <string_view>

namespace autark {
namespace {

struct Place {
  int64_t layer;
  std::string_view piece;  // the name in the layer: "mlp.up_proj.weight"
};

// The layer of a tensor; that of the head or the final norm is 0. Names that begin with "blk." are those of GGUF
// files for which there is no published name. Other tensors, such as those of a vision tower, have no layer.
std::optional<Place> place_of(std::string_view name) {
  if (name.starts_with("lm_head.") || name.starts_with("model.norm.")) return Place{0, name};
  for (const std::string_view start : {"model.layers.", "blk."}) {
    if (!name.starts_with(start)) continue;
    int64_t layer = 0;
    const char* end = name.data() + name.size();
    const auto read = std::from_chars(name.data() + start.size(), end, layer);
    if (read.ec == std::errc() && read.ptr != end && *read.ptr == '.')
      return Place{layer, name.substr(read.ptr + 1 - name.data())};
  }
  return {};
}

// Whether results are the same without a tensor: frequencies of RoPE; scales for 8-bit inputs and caches; kv_b of
// DeepSeek-V3 in its other form, which some GGUF files have besides.
bool may_be_left(std::string_view piece) {
  for (const std::string_view part :
       {"rotary_emb.", "attn_rot_embd.", "rope_freqs.", "k_b_proj.", "v_b_proj."})
    if (piece.find(part) != piece.npos) return true;
  return piece.ends_with("_scale") || piece.ends_with("_scale_inv");
}

// Draft layers join the embedding of a token to the stream.
bool marks_drafts(std::string_view piece) {
  return piece.find("eh_proj.") != piece.npos;
}

}  // namespace

std::optional<Error> fault_of_unread(const Weights& w, int64_t layers) {
  const std::vector<std::string> names = w.unread();
  std::set<int64_t> drafts;
  for (const std::string& name : names)
    if (const auto at = place_of(name); at && at->layer >= layers && marks_drafts(at->piece))
      drafts.insert(at->layer);
  std::string first;
  int64_t found = 0;
  for (const std::string& name : names) {
    const auto at = place_of(name);
    if (!at || drafts.contains(at->layer) || may_be_left(at->piece) || found++) continue;
    first = name + (at->layer < layers
                        ? " is there, a model of this config has no use for it"
                        : " is there, config says that there are " + std::to_string(layers) + " layers");
  }
  if (!found) return {};
  return Error{Code::invalid, "weights: " + first +
                                  (found > 1 ? "; and " + std::to_string(found - 1) + " more" : "") +
                                  "; wrong config.json?"};
}

}  // namespace autark
