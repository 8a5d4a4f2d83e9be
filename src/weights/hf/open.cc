#include "weights/hf/open.h"
#include <algorithm>
#include "weights/hf/config.h"
#include "weights/hf/shards.h"

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
};
using Names = std::map<std::string, Stored, std::less<>>;

// "x.weight" → "x.scale"
std::string scale_name(const std::string& name) {
  return name.substr(0, name.rfind('.')) + ".scale";
}

// Finds tensors by their plain names and converts dtypes to Formats.
class SafetensorsWeights final : public Weights {
 public:
  SafetensorsWeights(Shards shards, int rank, int ranks) : Weights(rank, ranks), shards_(std::move(shards)) {
    for (const auto& [name, file] : shards_.file_of)
      names_.emplace(plain_name(name), Stored{&shards_.files[file], &shards_.files[file].tensors().at(name)});
  }
  const Names& names() const { return names_; }
  std::vector<const MappedFile*> files() const override {
    std::vector<const MappedFile*> all;
    for (const Safetensors& s : shards_.files) all.push_back(&s.file());
    return all;
  }

 protected:
  std::optional<Entry> open(const std::string& name, const Shape& expected) override {
    const auto it = names_.find(name);
    if (it == names_.end()) return {};
    const auto& [file, e] = it->second;
    if (e->shape.size() > 4 || e->bytes == 0) return refuse(name, expected, "has an unusable shape");
    Shape shape;
    for (int64_t d : e->shape) shape.d[shape.rank++] = d;
    if (shape.rank == 0) shape = {1};
    const std::byte* at = file->bytes(*e).data();
    const std::string& dtype = e->dtype;
    if (dtype == "F32") return Entry{Format::f32, shape, {aligned(it->second, 4)}};
    if (dtype == "F16") return Entry{Format::f16, shape, {aligned(it->second, 2)}};
    if (dtype == "BF16") return Entry{Format::bf16, shape, {aligned(it->second, 2)}};
    if (dtype == "I32") return Entry{Format::i32, shape, {aligned(it->second, 4)}};
    if (dtype == "I64") return convert(name, shape, Source::i64, at);
    if (dtype == "I16") return convert(name, shape, Source::i16, at);
    if (dtype == "U8") return convert(name, shape, Source::u8, at);
    if (dtype == "F64") return convert(name, shape, Source::f64, at);
    if (dtype == "F8_E4M3") return scaled(name, expected, shape, Format::fp8_e4m3_b128x128, at);
    if (dtype == "I8" && (names_.contains(scale_name(name)) || lacks_scales(shape, expected)))
      return scaled(name, expected, shape, Format::e2m1_b32, at);
    if (dtype == "I8") return convert(name, shape, Source::i8, at);
    return refuse(name, expected, "is stored as " + dtype + ", which is not supported");
  }

 private:
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
    const auto it = names_.find(scale_name(name));
    if (it == names_.end()) return refuse(name, expected, "has no scales, " + want);
    const auto& [file, e] = it->second;
    if (e->dtype != "F8_E8M0" || e->shape != scales || (nibbles && shape[1] % kRunLength))
      return refuse(name, expected, "has scales " + e->dtype + " " + text(e->shape) + ", " + want);
    return {f, shape, {codes, file->bytes(*e).data()}};
  }

  Shards shards_;
  Names names_;
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
  auto weights = std::make_unique<SafetensorsWeights>(std::move(shards), rank, ranks);
  for (const auto& [name, stored] : weights->names()) {
    const auto& e = *stored.entry;
    c.bytes += static_cast<int64_t>(e.bytes);
    c.tensors.push_back({name, e.dtype, e.shape, static_cast<int64_t>(e.bytes)});
    if (e.dtype == "F8_E8M0") continue;  // scales
    const int64_t bits = bits_of_dtype(e.dtype);
    const int64_t values = bits ? static_cast<int64_t>(e.bytes) * 8 / bits : 0;
    c.parameters += e.dtype == "I8" && weights->names().contains(scale_name(name)) ? 2 * values : values;
  }
  c.weights = std::move(weights);
  return c;
}

}  // namespace autark
