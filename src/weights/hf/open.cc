#include "weights/hf/open.h"
#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>
#include "weights/hf/config.h"
#include "weights/hf/fused_experts.h"
#include "weights/hf/shards.h"
#include "weights/quantisation.h"

namespace autark {
namespace {

// Multimodal checkpoints call the text model's "model.layers…" "model.language_model.layers…" or
// "language_model.model.layers…".
std::string plain_name(const std::string& stored) {
  constexpr std::string_view kNew = "model.language_model.", kOld = "language_model.";
  if (stored.starts_with(kNew)) return "model." + stored.substr(kNew.size());
  if (stored.starts_with(kOld)) return stored.substr(kOld.size());
  return stored;
}

std::string text(const std::vector<int64_t>& shape) {
  std::string t;
  for (int64_t d : shape) t += (t.empty() ? "" : ", ") + std::to_string(d);
  return "[" + t + "]";
}

struct Stored {
  const Safetensors* file;
  const Safetensors::Entry* entry;
  bool read = false;  // something has asked for it
};
using Names = std::map<std::string, Stored, std::less<>>;

// "x.weight" → "x.scale": scales as powers of two; "x.weight_scale_inv": as float32.
std::string scale_name(const std::string& name) {
  return name.substr(0, name.rfind('.')) + ".scale";
}
std::string float_scale_name(const std::string& name) {
  return name + "_scale_inv";
}
// The format of numbers that are stored one by one.
std::optional<Format> plain_format(const std::string& dtype) {
  if (dtype == "F32") return Format::f32;
  if (dtype == "F16") return Format::f16;
  return dtype == "BF16" ? std::optional(Format::bf16) : std::nullopt;
}
// Whether a tensor only says what the codes of another one mean.
bool explains_codes(const std::string& name, const std::string& dtype) {
  if (name.ends_with(".weight_scale") || name.ends_with(".weight_shape")) return true;
  return dtype == "F8_E8M0" || name.ends_with("_scale_inv") || name.ends_with("_proj_scales");
}

// Finds tensors by their plain names and converts dtypes to Formats.
class SafetensorsWeights final : public Weights {
 public:
  SafetensorsWeights(Shards shards, const Checkpoint& about, int rank, int ranks)
      : Weights(rank, ranks),
        shards_(std::move(shards)),
        alternating_(about.architecture == "gpt_oss"),
        float_scales_(about.architecture != "deepseek_v4"),
        quantisation_(read_quantisation(about.config)) {
    for (const auto& [name, file] : shards_.file_of)
      names_.emplace(plain_name(name), Stored{&shards_.files[file], &shards_.files[file].tensors().at(name)});
  }
  const Names& names() const { return names_; }
  std::vector<std::string> unread() const override {
    std::vector<std::string> all;
    for (const auto& [name, stored] : names_)
      if (!stored.read) all.push_back(name);
    return all;
  }
  std::vector<const MappedFile*> files() const override {
    std::vector<const MappedFile*> all;
    for (const Safetensors& s : shards_.files) all.push_back(&s.file());
    return all;
  }

 protected:
  std::optional<Entry> open(const std::string& name, const Shape& expected) override {
    if (!quantisation_.fault.empty() && is_quantised(name)) {  // named once
      const bool named = std::exchange(named_, true);
      return named ? Entry{Format::f32, expected, {}} : refuse(name, expected, quantisation_.fault);
    }
    const Stored* stored = take(name);
    if (!stored && quantisation_.is_int4() && names_.contains(name + "_packed")) return int4(name, expected);
    if (!stored) return fused(name, expected);
    const Safetensors::Entry* e = stored->entry;
    if (e->shape.size() > 4 || e->bytes == 0) return refuse(name, expected, "has an unusable shape");
    Shape shape;
    for (int64_t d : e->shape) shape.d[shape.rank++] = d;
    if (shape.rank == 0) shape = {1};
    const std::byte* at = stored->file->bytes(*e).data();
    const std::string& dtype = e->dtype;
    if (const auto f = plain_format(dtype)) return Entry{*f, shape, {aligned(*stored, row_bytes(*f, 1))}};
    if (dtype == "I32") return Entry{Format::i32, shape, {aligned(*stored, 4)}};
    if (dtype == "I64") return convert(name, shape, Source::i64, at);
    if (dtype == "I16") return convert(name, shape, Source::i16, at);
    if (dtype == "U8") return convert(name, shape, Source::u8, at);
    if (dtype == "F64") return convert(name, shape, Source::f64, at);
    if (dtype == "F8_E4M3" && names_.contains(float_scale_name(name)))
      return float_scaled(name, expected, shape, at);
    if (dtype == "F8_E4M3" && float_scales_ && shape.rank == 2 && !names_.contains(scale_name(name)))
      return refuse(name, expected,
                    "has no scales, " + float_scale_name(name) + " as F32 " +
                        text(std::vector{tiles(shape[0]), tiles(shape[1])}) + " is expected");
    if (dtype == "F8_E4M3") return scaled(name, expected, shape, Format::fp8_e4m3_b128x128, at);
    if (dtype == "I8" && (names_.contains(scale_name(name)) || lacks_scales(shape, expected)))
      return scaled(name, expected, shape, Format::e2m1_b32, at);
    if (dtype == "I8") return convert(name, shape, Source::i8, at);
    return refuse(name, expected, "is stored as " + dtype + ", which is not supported");
  }

 private:
  // True for a matrix of codes, and for one that is there under other names only: x.qweight, x.weight_packed.
  bool is_quantised(const std::string& name) const {
    if (const auto it = names_.find(name); it != names_.end()) {
      const std::string& dtype = it->second.entry->dtype;
      return dtype == "I8" || dtype == "U8" || dtype.starts_with("F8_");
    }
    const std::string_view stem = std::string_view(name).substr(0, name.rfind('.') + 1);
    if (stem.empty() || !name.ends_with(".weight")) return false;
    for (auto it = names_.lower_bound(stem); it != names_.end() && it->first.starts_with(stem); ++it)
      if (!it->first.ends_with(".bias")) return true;
    return false;
  }
  // The stored tensor of that name, which now counts as read; null if there is none.
  const Stored* take(const std::string& name) {
    const auto it = names_.find(name);
    if (it == names_.end()) return nullptr;
    it->second.read = true;
    return &it->second;
  }

  const std::byte* aligned(const Stored& s, size_t to) {
    const auto bytes = s.file->bytes(*s.entry);
    return reinterpret_cast<uintptr_t>(bytes.data()) % to ? keep(bytes) : bytes.data();
  }

  // True if the scales are missing, that is, if the shape fits two codes per byte.
  static bool lacks_scales(const Shape& stored, const Shape& expected) {
    return stored.rank == 2 && expected == Shape{stored[0], 2 * stored[1]};
  }

  // A matrix of codes whose power-of-two scales are in a tensor of their own; e2m1 has two codes per byte.
  Entry scaled(const std::string& name, const Shape& expected, Shape shape, Format f,
               const std::byte* codes) {
    const bool nibbles = f == Format::e2m1_b32;
    if (shape.rank != 2) return refuse(name, expected, "has scales but is not a matrix");
    if (nibbles) shape.d[1] *= 2;
    const std::vector<int64_t> scales = nibbles ? std::vector{shape[0], shape[1] / kRunLength}
                                                : std::vector{tiles(shape[0]), tiles(shape[1])};
    const std::string want = scale_name(name) + " as F8_E8M0 " + text(scales) + " is expected";
    const Stored* stored = take(scale_name(name));
    if (!stored) return refuse(name, expected, "has no scales, " + want);
    const Safetensors::Entry* e = stored->entry;
    if (e->dtype != "F8_E8M0" || e->shape != scales || (nibbles && shape[1] % kRunLength))
      return refuse(name, expected, "has scales " + e->dtype + " " + text(e->shape) + ", " + want);
    return {f, shape, {codes, stored->file->bytes(*e).data()}};
  }

  // E4M3 codes with a float32 scale for each tile.
  Entry float_scaled(const std::string& name, const Shape& expected, const Shape& shape,
                     const std::byte* codes) {
    if (shape.rank != 2) return refuse(name, expected, "has scales but is not a matrix");
    const std::vector<int64_t> scales{tiles(shape[0]), tiles(shape[1])};
    const Stored& stored = *take(float_scale_name(name));
    if (stored.entry->dtype != "F32" || stored.entry->shape != scales)
      return refuse(name, expected,
                    "has scales " + stored.entry->dtype + " " + text(stored.entry->shape) + ", " +
                        float_scale_name(name) + " as F32 " + text(scales) + " is expected");
    return {Format::fp8_e4m3_b128x128_f32, shape, {codes, aligned(stored, 4)}};
  }

  // INT4 codes, eight in a word, and their scales. A third tensor has the shape of the matrix.
  Entry int4(const std::string& name, const Shape& expected) {
    for (const char* more : {"_zero_point", "_g_idx"})
      if (names_.contains(name + more))
        return refuse(name, expected, "has " + name + more + ", which is not supported");
    const auto is = [](const Stored* s) {
      return s ? s->entry->dtype + " " + text(s->entry->shape) : std::string("absent");
    };
    const Stored* sides = take(name + "_shape");
    if (is(sides) != "I64 [2]" && is(sides) != "I32 [2]")
      return refuse(name, expected, "needs " + name + "_shape as I64 [2], which is " + is(sides));
    const Shape shape = sides_of(*sides);
    if (shape[0] < 1 || shape[1] < 1 || shape[1] % kRunLength)
      return refuse(name, expected,
                    "is " + text({shape[0], shape[1]}) + " by its weight_shape, whole runs of " +
                        std::to_string(kRunLength) + " columns are expected");
    const Stored *codes = take(name + "_packed"), *scales = take(name + "_scale");
    for (const auto& [ending, tensor, dtype, each] :
         {std::tuple{"_packed", codes, "I32 ", 8}, {"_scale", scales, "BF16 ", int(kRunLength)}})
      if (const std::string want = dtype + text({shape[0], shape[1] / each}); is(tensor) != want)
        return refuse(name, expected, "needs " + name + ending + " as " + want + ", which is " + is(tensor));
    return {Format::int4_b32,
            shape,
            {codes->file->bytes(*codes->entry).data(), scales->file->bytes(*scales->entry).data()}};
  }

  // The two numbers in a tensor I64 or I32.
  static Shape sides_of(const Stored& s) {
    const std::byte* at = s.file->bytes(*s.entry).data();
    int64_t wide[2];
    int32_t narrow[2];
    std::memcpy(narrow, at, sizeof narrow);
    if (s.entry->dtype == "I32") return {narrow[0], narrow[1]};
    std::memcpy(wide, at, sizeof wide);
    return {wide[0], wide[1]};
  }

  // A part of a tensor that has all experts, or gate and up together.
  std::optional<Entry> fused(const std::string& name, const Shape& expected) {
    const auto part = fused_part(name);
    if (!part) return {};
    if (part->bias) return fused_bias(*part, name, expected);
    if (const Stored* blocks = take(part->tensor + "_blocks"))
      return fused_blocks(*part, *blocks, name, expected);
    const Stored* all = take(part->tensor);
    if (!all || all->entry->shape.size() != 3) return {};
    return fused_plain(*part, *all, name, expected);
  }

  // The rows of `part` among `all` rows of an expert.
  RowChoice rows_of(const FusedPart& part, int64_t all, int64_t bytes) const {
    if (!part.fused) return {0, all, 1, bytes};
    if (alternating_) return {part.up, all / 2, 2, bytes};
    return {part.up * (all / 2), all / 2, 1, bytes};
  }

  Entry fused_plain(const FusedPart& part, const Stored& s, const std::string& name, const Shape& expected) {
    const auto& dims = s.entry->shape;
    const std::string& dtype = s.entry->dtype;
    const auto plain = plain_format(dtype);
    if (!plain) return refuse(name, expected, "is in " + part.tensor + ", which is stored as " + dtype);
    const Format f = *plain;
    if (part.expert >= dims[0]) return refuse(name, expected, lacks(part, dims[0]));
    const std::byte* at = aligned(s, 4) + part.expert * row_bytes(f, dims[1] * dims[2]);
    if (alternating_) {
      const RowChoice columns = rows_of(part, dims[2], block_bytes(f));
      return {f, {columns.count, dims[1]}, {keep(copy_columns(at, dims[1], dims[2], columns))}};
    }
    const RowChoice rows = rows_of(part, dims[1], row_bytes(f, dims[2]));
    return {f, {rows.count, dims[2]}, {at + rows.first * rows.bytes}};
  }

  Entry fused_blocks(const FusedPart& part, const Stored& s, const std::string& name, const Shape& expected) {
    constexpr int64_t kBytes = kRunLength / 2;
    const auto& dims = s.entry->shape;
    const Stored* factors = take(part.tensor + "_scales");
    const bool fits = s.entry->dtype == "U8" && dims.size() == 4 && dims[3] == kBytes;
    if (!fits || !factors || factors->entry->dtype != "U8" ||
        factors->entry->shape != std::vector(dims.begin(), dims.begin() + 3))
      return refuse(name, expected,
                    "needs " + part.tensor + "_blocks as U8 [experts, rows, runs, 16] and its _scales");
    if (part.expert >= dims[0]) return refuse(name, expected, lacks(part, dims[0]));
    const RowChoice codes = rows_of(part, dims[1], dims[2] * kBytes),
                    scales = rows_of(part, dims[1], dims[2]);
    const std::byte* at = s.file->bytes(*s.entry).data() + part.expert * dims[1] * codes.bytes;
    const std::byte* by = factors->file->bytes(*factors->entry).data() + part.expert * dims[1] * scales.bytes;
    const Shape shape{codes.count, dims[2] * kRunLength};
    if (codes.step == 1)
      return {Format::e2m1_b32, shape, {at + codes.first * codes.bytes, by + scales.first * scales.bytes}};
    return {Format::e2m1_b32, shape, {keep(copy_rows(at, codes)), keep(copy_rows(by, scales))}};
  }

  std::optional<Entry> fused_bias(const FusedPart& part, const std::string& name, const Shape& expected) {
    const Stored* stored = take(part.tensor + "_bias");
    if (!stored) return {};
    const auto& dims = stored->entry->shape;
    const auto plain = plain_format(stored->entry->dtype);
    if (dims.size() != 2 || !plain)
      return refuse(name, expected,
                    "is in " + part.tensor + "_bias, " + stored->entry->dtype + " " + text(dims));
    const Format f = *plain;
    const std::byte* at = aligned(*stored, 4);
    if (!part.fused) return Entry{f, {dims[0], dims[1]}, {at}};
    RowChoice all = rows_of(part, dims[1], block_bytes(f));
    if (!alternating_) return refuse(name, expected, "is half of a bias whose halves do not alternate");
    all.count *= dims[0];
    return Entry{f, {dims[0], dims[1] / 2}, {keep(copy_rows(at, all))}};
  }

  static std::string lacks(const FusedPart& part, int64_t experts) {
    return "is not in " + part.tensor + ", which has " + std::to_string(experts) + " experts";
  }

  Shards shards_;
  Names names_;
  bool named_ = false;       // a matrix that cannot be read
  const bool alternating_;   // fused tensors have gate and up rows in turn
  const bool float_scales_;  // scales are float32, not powers of two
  const Quantisation quantisation_;
};

}  // namespace

Result<Checkpoint> open_safetensors(const std::filesystem::path& path, int rank, int ranks) {
  std::error_code failed;
  const bool directory = std::filesystem::is_directory(path, failed);
  AUTARK_TRY(HfConfig about, read_hf_config(directory ? path : path.parent_path()));
  AUTARK_TRY(Shards shards, open_shards(path));
  Checkpoint c{.kind = "safetensors",
               .architecture = std::move(about.architecture),
               .config = std::move(about.config),
               .end_tokens = std::move(about.end_tokens)};
  auto weights = std::make_unique<SafetensorsWeights>(std::move(shards), c, rank, ranks);
  for (const auto& [name, stored] : weights->names()) {
    const auto& e = *stored.entry;
    c.bytes += static_cast<int64_t>(e.bytes);
    c.tensors.push_back({name, e.dtype, e.shape, static_cast<int64_t>(e.bytes)});
    if (explains_codes(name, e.dtype)) continue;
    const int64_t bits = bits_of_dtype(e.dtype);
    const int64_t values = bits ? static_cast<int64_t>(e.bytes) * 8 / bits : 0;
    const bool pairs =
        e.dtype == "I8" ? weights->names().contains(scale_name(name)) : name.ends_with("_blocks");
    c.parameters += values * (pairs ? 2 : name.ends_with(".weight_packed") ? 8 : 1);
  }
  c.weights = std::move(weights);
  return c;
}

}  // namespace autark
