#include "models/v4_release.h"
#include <algorithm>
#include <charconv>
#include <map>
#include <string>
#include <vector>
#include "models/v4_tensors.h"

namespace autark {
namespace {

constexpr const char* kArchitecture = "deepseek_v4";
constexpr int64_t kExpertsMax = 1 << 20;  // limit for all layers together; a config with more is false

std::string text(std::string_view dtype, const std::vector<int64_t>& shape) {
  std::string t;
  for (int64_t d : shape) t += (t.empty() ? "" : ", ") + std::to_string(d);
  return std::string(dtype) + " [" + t + "]";
}

const char* name_of(V4Draft d) {
  return d == V4Draft::mtp ? "mtp" : d == V4Draft::dspark ? "dspark" : "none";
}

std::string described(V4Draft d) {
  return d == V4Draft::mtp ? "an MTP block (preview)" : "DSpark stages (0731, 0813)";
}

// The 7 of "layers.7.attn.wkv.weight".
std::optional<int64_t> number_after(std::string_view prefix, std::string_view name) {
  int64_t n = 0;
  if (!name.starts_with(prefix)) return {};
  const auto read = std::from_chars(name.data() + prefix.size(), name.data() + name.size(), n);
  return read.ec == std::errc() ? std::optional(n) : std::nullopt;
}

// The only kind of draft head that has a tensor of this name, or none, if MTP has `blocks` blocks.
V4Draft draft_of(std::string_view name, int64_t blocks) {
  const auto number = number_after("mtp.", name);
  if (!number) return V4Draft::none;
  const auto piece = name.substr(std::min(name.find('.', 4), name.size() - 1) + 1);
  for (const char* p : {"e_proj.", "h_proj.", "enorm.", "hnorm."})
    if (piece.starts_with(p)) return V4Draft::mtp;
  for (const char* p : {"main_proj.", "main_norm.", "markov_head.", "confidence_head."})
    if (piece.starts_with(p)) return V4Draft::dspark;
  return *number < std::max<int64_t>(blocks, 1) ? V4Draft::none : V4Draft::dspark;
}

struct Size {
  const char* name;
  const char* later;
  int64_t dim, layers, heads, experts;
};
constexpr Size kSizes[] = {{"DeepSeek-V4-Flash", "DeepSeek-V4-Flash-0731", 4096, 43, 64, 256},
                           {"DeepSeek-V4-Pro", "DeepSeek-V4-Pro-0813", 7168, 61, 128, 384}};

void name_release(const V4Config& c, const V4Contents& with, ReleaseListing& l) {
  std::string name = "a DeepSeek-V4 of no published size", later = name;
  for (const Size& s : kSizes)
    if (s.dim == c.dim && s.layers == c.layers && s.heads == c.heads && s.experts == c.experts) {
      name = s.name, later = s.later;
      l.published = true;
    }
  std::string about;
  const auto say = [&](const char* more) { about += (about.empty() ? "" : ", ") + std::string(more); };
  if (l.published && with.draft == V4Draft::dspark)
    name = later;
  else if (l.published && !with.fp4_experts)
    name += "-Base";
  else if (with.draft == V4Draft::dspark)
    say("with DSpark");
  else if (!with.fp4_experts)
    say("Base");
  else if (with.draft == V4Draft::mtp)
    say("preview");
  if (with.draft == V4Draft::none) say("trunk only");
  l.release = about.empty() ? name : name + " (" + about + ")";
}

void compare(const std::vector<V4Tensor>& promised, const Checkpoint& c, ReleaseListing& l) {
  std::map<std::string_view, const Checkpoint::Entry*> there;
  for (const auto& t : c.tensors) there[t.name] = &t;
  for (const V4Tensor& t : promised) {
    ++l.tensors;
    l.bytes += t.bytes();
    const std::string expected = text(t.dtype, t.shape);
    const auto it = there.find(t.name);
    const std::string is = it == there.end() ? "" : text(it->second->stored, it->second->shape);
    if (is != expected) l.differences.push_back({t.name, is, expected});
    if (it != there.end()) there.erase(it);
  }
  for (const auto& [name, t] : there)
    l.differences.push_back({std::string(name), text(t->stored, t->shape), ""});
}

// Checks that layers are as in the config, all experts are alike and there is one kind of draft head.
class OneRelease {
 public:
  OneRelease(const V4Config& config, const V4Contents& with, bool gguf)
      : c(config), with_(with), gguf_(gguf) {}

  // Why this tensor must not be there; empty if it may.
  std::string fault(const Checkpoint::Entry& t) {
    const V4Draft draft = draft_of(t.name, with_.stages);
    if (draft != V4Draft::none && with_.draft != V4Draft::none && draft != with_.draft)
      return "is of " + described(draft) + ", config.json says " + described(with_.draft);
    if (const auto layer = number_after("layers.", t.name)) {
      const std::string why = misplaced(*layer, t.name);
      if (!why.empty()) return why;
    }
    return gguf_ || t.name.find(".ffn.experts.") == std::string::npos || !t.name.ends_with(".weight")
               ? ""
               : other(t);
  }

 private:
  std::string misplaced(int64_t layer, std::string_view name) const {
    const auto has = [&](std::string_view piece) { return name.find(piece) != name.npos; };
    const std::string here = " for layer " + std::to_string(layer);
    if (layer >= c.layers || layer < 0)
      return gguf_ ? "" : "is there, config.json has num_hidden_layers " + std::to_string(c.layers);
    const int64_t ratio = c.ratios[layer];
    if ((has(".attn.compressor.") && !ratio) || (has(".attn.indexer.") && ratio != 4))
      return "is there, config.json has compress_ratios " + std::to_string(ratio) + here;
    if (has(".gate.tid2eid") && layer >= c.hash_layers)
      return "is there, config.json has num_hash_layers " + std::to_string(c.hash_layers);
    return "";
  }

  std::string other(const Checkpoint::Entry& t) {
    if (first_.name.empty()) first_ = t;
    if (t.stored != first_.stored)
      return "is " + t.stored + ", " + first_.name + " is " + first_.stored + " and experts are all alike";
    const std::string_view promised = with_.fp4_experts ? "I8" : "F8_E4M3";
    if (with_.experts_named && t.stored != promised && (t.stored == "I8" || t.stored == "F8_E4M3"))
      return "is " + t.stored + ", config.json's expert_dtype says " + std::string(promised);
    return "";
  }

  const V4Config& c;
  const V4Contents& with_;
  const bool gguf_;
  Checkpoint::Entry first_;
};

struct Described {
  V4Config config;
  V4Contents with;
};
std::optional<Described> describe(const Checkpoint& c) {
  if (c.architecture != kArchitecture) return {};
  const ConfigFile f(c.config);
  const V4Config config(f);
  V4Contents with = read_v4_contents(f, config);
  if (f.fault() || (config.layers + with.stages) > kExpertsMax / config.experts) return {};
  return Described{config, with};
}

}  // namespace

std::optional<ReleaseListing> list_v4(const Checkpoint& c) {
  auto d = c.kind == "safetensors" ? describe(c) : std::nullopt;
  if (!d) return {};
  const auto draft = std::ranges::any_of(c.tensors, [](const auto& t) { return t.name.starts_with("mtp."); });
  if (!draft) d->with.draft = V4Draft::none;
  if (!d->with.experts_named) {
    const auto first =
        std::ranges::find(c.tensors, "layers.0.ffn.experts.0.w1.weight", &Checkpoint::Entry::name);
    d->with.fp4_experts = first == c.tensors.end() || first->stored != "F8_E4M3";
  }
  ReleaseListing l;
  name_release(d->config, d->with, l);
  l.draft = name_of(d->with.draft);
  compare(v4_tensors(d->config, d->with), c, l);
  return l;
}

std::optional<Error> fault_of_v4(const Checkpoint& c) {
  const auto d = describe(c);
  if (!d) return {};
  OneRelease one(d->config, d->with, c.kind == "gguf");
  for (const auto& t : c.tensors)
    if (const std::string why = one.fault(t); !why.empty())
      return Error{Code::invalid, "weights: " + t.name + " " + why + "; files of two releases?"};
  return {};
}

}  // namespace autark
