#include "models/planned_checkpoint.h"
#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <set>
#include <utility>
#include "models/dry_step.h"
#include "models/v4_tensors.h"
#include "weights/quantisation.h"
#include "weights/safetensors.h"

namespace autark {
namespace {

using Stored = Checkpoint::Entry;

constexpr size_t kTensorsMax = size_t{1} << 20;   // a config that describes more is false
constexpr int64_t kValuesMax = int64_t{1} << 40;  // of one tensor

bool ends(const std::string& name, std::initializer_list<const char*> endings) {
  return std::ranges::any_of(endings, [&](const char* e) { return name.ends_with(e); });
}

// How the files of one family store their tensors, from the config.
class Storage {
 public:
  explicit Storage(const Checkpoint& c) : architecture_(c.architecture), codes_(read_quantisation(c.config)) {
    const ConfigFile f(c.config);
    plain_modules_ = f.texts("quantization_config.modules_to_not_convert");
    const std::string dtype = f.value(f.has("dtype") ? "dtype" : "torch_dtype", "bfloat16");
    plain_ = dtype == "float32" ? Format::f32 : dtype == "float16" ? Format::f16 : Format::bf16;
    if (architecture_ == "deepseek_v4") list_v4(f);
  }

  // The tensors of other releases of this family, which these files lack.
  bool lacks(const std::string& name) const {
    if (name == "rope_freqs.weight") return true;
    return architecture_.starts_with("qwen3_5") && ends(name, {"in_proj_qkvz.weight", "in_proj_ba.weight"});
  }

  Format format_of(const std::string& name, const Shape& shape) const {
    if (const auto it = v4_.find(name); it != v4_.end()) return it->second;
    if (is_float32(name)) return Format::f32;
    if (!is_quantised(name, shape)) return plain_;
    if (codes_.method == "mxfp4") return Format::e2m1_b32;
    if (codes_.is_int4()) return Format::int4_b32;
    return codes_.method == "fp8" ? Format::fp8_e4m3_b128x128_f32 : plain_;
  }
  bool is_quantised(const std::string& name, const Shape& shape) const {
    if (codes_.method.empty() && codes_.fault.empty()) return false;
    if (codes_.experts_only) return name.find(".experts.") != name.npos && name.ends_with(".weight");
    const bool matrix = shape.rank == 2 && ends(name, {"_proj.weight", "_proj_with_mqa.weight", ".w1.weight",
                                                       ".w2.weight", ".w3.weight"});
    return matrix && !is_plain(name);
  }
  const Quantisation& codes() const { return codes_; }
  // Whether it is known which matrices are codes, and how many bytes these have.
  bool is_counted() const {
    if (codes_.is_int4()) return codes_.experts_only;
    return codes_.fault.empty() || (codes_.method == "fp8" && codes_.block_rows);
  }
  // Why a config alone does not say what the files have, to follow the name of a matrix; empty: it does.
  std::string fault() const {
    return codes_.fault.empty() && !is_counted() ? "may be INT4 or not, which only the files tell"
                                                 : codes_.fault;
  }

  bool fuses_experts() const { return architecture_ == "gpt_oss"; }
  const std::vector<V4Tensor>& listed() const { return listed_; }

 private:
  bool is_float32(const std::string& name) const {
    if (ends(name, {"e_score_correction_bias", "expert_bias"})) return true;
    if (architecture_ == "ernie4_5_moe") return name.ends_with("mlp.gate.weight");
    if (architecture_ == "hunyuan_v1_moe") return name.ends_with("gate.wg.weight");
    return name.ends_with("A_log") ||
           (architecture_.starts_with("qwen3_5") && name.ends_with("linear_attn.norm.weight"));
  }
  bool is_plain(const std::string& name) const {
    return name.ends_with("lm_head.weight") || std::ranges::any_of(plain_modules_, [&](const std::string& m) {
             return name.starts_with(m + ".") || name == m;
           });
  }
  void list_v4(const ConfigFile& f) {
    const V4Config c(f);
    const V4Contents with = read_v4_contents(f, c);
    if (f.fault() || c.experts > int64_t(kTensorsMax) / c.layers) return;
    listed_ = v4_tensors(c, with);
    for (const V4Tensor& t : listed_) v4_[t.name] = format_of_dtype(t.dtype);
  }
  static Format format_of_dtype(const std::string& dtype) {
    if (dtype == "F8_E4M3") return Format::fp8_e4m3_b128x128;
    if (dtype == "I8") return Format::e2m1_b32;
    if (dtype == "I64" || dtype == "I32") return Format::i32;
    return dtype == "F32" ? Format::f32 : Format::bf16;
  }

  const std::string architecture_;
  const Quantisation codes_;
  Format plain_ = Format::bf16;
  std::vector<std::string> plain_modules_;
  std::vector<V4Tensor> listed_;
  std::map<std::string, Format> v4_;
};

// Which of the tensors that a model can do without the files lack.
struct Absent {
  bool biases, head;
};

class PlannedWeights final : public Weights {
 public:
  PlannedWeights(const Checkpoint& c, Absent absent, std::optional<Format> as)
      : storage_(c), absent_(absent), as_(as) {}

  // From now on, matrices that this program cannot read are faults.
  void be_strict() { strict_ = true; }

  // Whether the model asked for more than any model has.
  bool is_too_large() const { return is_too_large_; }
  // What the files have; empty if that is not known.
  std::vector<Stored> tensors() const {
    std::vector<Stored> all;
    if (!as_ && !storage_.is_counted()) return all;
    for (const V4Tensor& t : listed()) all.push_back({t.name, t.dtype, t.shape, t.bytes()});
    for (const auto& [name, t] : stored_)
      if (listed().empty()) all.push_back(t);
    return all;
  }
  int64_t parameters() const {
    int64_t n = listed().empty() ? parameters_ : 0;
    for (const V4Tensor& t : listed()) n += values_of(t);
    return n;
  }

 private:
  std::optional<Entry> open(const std::string& name, const Shape& shape) override {
    if (storage_.lacks(name) || (absent_.biases && name.ends_with(".bias")) ||
        (absent_.head && name == "lm_head.weight"))
      return {};
    if (seen_.size() >= kTensorsMax || shape.numel() > kValuesMax) {
      is_too_large_ = true;
      return refuse(name, shape, "is beyond what any model has");
    }
    if (strict_ && !as_ && !storage_.fault().empty() && storage_.is_quantised(name, shape)) {  // named once
      const bool named = std::exchange(named_, true);
      return named ? Entry{Format::f32, shape, {}} : refuse(name, shape, storage_.fault());
    }
    Format f = storage_.format_of(name, shape);
    if (as_ && shape.rank == 2 && f != Format::f32 && f != Format::i32) f = fitting(*as_, shape);
    if (seen_.insert(name).second) add(name, f, shape);
    return Entry{f, shape, {}};
  }

  // DeepSeek V4's files have a list of their own, with draft heads.
  std::span<const V4Tensor> listed() const {
    return as_ ? std::span<const V4Tensor>() : std::span(storage_.listed());
  }
  static int64_t values_of(const V4Tensor& t) {
    const std::string_view dtype = t.dtype;
    const int64_t n = std::accumulate(t.shape.begin(), t.shape.end(), int64_t{1}, std::multiplies<>());
    return dtype == "F8_E8M0" ? 0 : dtype == "I8" ? 2 * n : n;
  }

  static Format fitting(Format as, const Shape& shape) {
    for (const Format f : {as, Format::q8_0})
      if (shape[-1] % block_values(f) == 0) return f;
    return Format::f16;
  }

  void add(const std::string& name, Format f, const Shape& shape) {
    parameters_ += shape.numel();
    const std::vector<int64_t> dims(shape.d.begin(), shape.d.begin() + shape.rank);
    const int64_t rows = shape.rank > 1 ? shape[-2] : 1, columns = shape[-1];
    if (f == Format::e2m1_b32) {
      const std::string fused = fused_name(name);
      put(fused + "_blocks", "U8", {rows, columns / kRunLength, kRunLength / 2}, shape.numel() / 2);
      put(fused + "_scales", "U8", {rows, columns / kRunLength}, shape.numel() / kRunLength);
    } else if (f == Format::int4_b32) {
      put(name + "_packed", "I32", {rows, columns / 8}, shape.numel() / 2);
      put(name + "_scale", "BF16", {rows, columns / kRunLength}, shape.numel() / kRunLength * 2);
      put(name + "_shape", "I32", {2}, 8);
    } else if (f == Format::fp8_e4m3_b128x128_f32) {
      const Quantisation& q = storage_.codes();
      const auto blocks = [](int64_t n, int64_t side) { return side ? (n + side - 1) / side : 0; };
      const int64_t high = blocks(rows, q.block_rows), wide = blocks(columns, q.block_columns);
      put(name, "F8_E4M3", dims, shape.numel());
      put(name + "_scale_inv", "F32", {high, wide}, 4 * high * wide);
    } else {
      const std::string as = storage_.fuses_experts() ? fused_name(name) : name;
      put(as, name_of(f), dims, row_bytes(f, shape.numel()));
    }
  }

  // A tensor of the files. One that the model asks for in parts has no shape here.
  void put(const std::string& name, const char* dtype, const std::vector<int64_t>& shape, int64_t bytes) {
    const auto [it, first] = stored_.try_emplace(name, Stored{name, dtype, shape, 0});
    if (!first) it->second.shape.clear();
    it->second.bytes += bytes;
  }

  // gpt-oss has one tensor for gate and up of all experts of a layer, and one for down.
  static std::string fused_name(const std::string& name) {
    const size_t at = name.find(".experts.");
    if (at == name.npos) return name;
    const bool down = name.find("down_proj") != name.npos, bias = name.ends_with(".bias");
    return name.substr(0, at) + ".experts." + (down ? "down_proj" : "gate_up_proj") + (bias ? "_bias" : "");
  }

  const Storage storage_;
  const Absent absent_;
  const std::optional<Format> as_;
  bool strict_ = false, named_ = false, is_too_large_ = false;
  std::set<std::string> seen_;
  std::map<std::string, Stored> stored_;
  int64_t parameters_ = 0;
};

}  // namespace

// A model asks for a head or a bias either because it needs it or because a file may have it. The files have no more
// than what a model needs.
Result<Checkpoint> plan_checkpoint(Checkpoint c, std::optional<Format> as) {
  AUTARK_TRY(const Architecture* a, find_architecture(c.architecture));
  std::optional<Error> fault;
  for (const Absent absent : {Absent{true, true}, {true, false}, {false, true}, {false, false}}) {
    auto weights = std::make_unique<PlannedWeights>(c, absent, as);
    const auto model = a->make(c.config, *weights);
    if (!model) {
      fault = model.error();
      if (weights->is_too_large()) break;
      continue;
    }
    c.tensors = weights->tensors();
    c.parameters = weights->parameters();
    c.bytes = 0;
    for (const Stored& t : c.tensors) c.bytes += t.bytes;
    weights->be_strict();
    c.weights = std::move(weights);
    return c;
  }
  return *fault;
}

Result<int64_t> active_parameters(const Checkpoint& config) {
  Checkpoint c;
  c.kind = config.kind, c.architecture = config.architecture, c.config = config.config;
  AUTARK_TRY(c, plan_checkpoint(std::move(c), Format::f32));
  AUTARK_TRY(const auto model, find_architecture(c.architecture).value()->make(c.config, *c.weights));
  return static_cast<int64_t>(cost_of_token(*model, 0).weight_bytes / 4);
}

}  // namespace autark
