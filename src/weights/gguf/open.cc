#include "weights/gguf/open.h"
#include <algorithm>
#include <charconv>
#include <unordered_map>
#include "base/gguf.h"
#include "weights/gguf/config.h"
#include "weights/gguf/names.h"
#include "weights/gguf/types.h"

namespace autark {
namespace {

struct Stored {
  const GgufType* type;
  std::vector<int64_t> shape;
  const std::byte* at;
  bool read = false;  // something has asked for it, or for a part of it
};

// Finds tensors by their Hugging Face names. One expert or head of a stack is a slice of the
// stack's tensor.
class GgufWeights final : public Weights {
 public:
  GgufWeights(Gguf file, std::unordered_map<std::string, Stored> tensors, int rank, int ranks)
      : Weights(rank, ranks), file_(std::move(file)), tensors_(std::move(tensors)) {}
  std::vector<const MappedFile*> files() const override {
    std::vector<const MappedFile*> all;
    for (const MappedFile& f : file_.files()) all.push_back(&f);
    return all;
  }
  std::vector<std::string> unread() const override {
    std::vector<std::string> all;
    for (const auto& [name, stored] : tensors_)
      if (!stored.read) all.push_back(name);
    std::ranges::sort(all);
    return all;
  }

 protected:
  std::optional<Entry> open(const std::string& name, const Shape& expected) override {
    if (const auto it = tensors_.find(name); it != tensors_.end())
      return entry(name, expected, it->second, 0, it->second.shape);
    for (const std::string_view stack : {".experts.", ".heads."})
      if (const size_t at = name.find(stack); at != name.npos)
        return slice(name, expected, at + stack.size());
    return {};
  }

 private:
  // One tensor of a stack; its number begins at `from` in the name.
  std::optional<Entry> slice(const std::string& name, const Shape& expected, size_t from) {
    const size_t to = std::min(name.find('.', from), name.size());
    int64_t e = -1;
    const auto read = std::from_chars(name.data() + from, name.data() + to, e);
    const auto it = tensors_.find(name.substr(0, from) + "*" + name.substr(to));
    if (read.ec != std::errc() || read.ptr != name.data() + to || it == tensors_.end()) return {};
    const auto& whole = it->second.shape;
    if (whole.size() != 3 || e < 0 || e >= whole[0]) return {};
    return entry(name, expected, it->second, e, {whole[1], whole[2]});
  }
  // The `index`-th tensor of that shape within the stored one.
  Entry entry(const std::string& name, const Shape& expected, Stored& stored, int64_t index,
              const std::vector<int64_t>& dims) {
    stored.read = true;
    const GgufType& type = *stored.type;
    Shape shape;
    for (int64_t d : dims) shape.d[shape.rank++] = d;
    const std::byte* at = stored.at + index * (shape.numel() / type.values * type.bytes);
    const std::string kind = type.name;
    if (type.format) return {*type.format, shape, {at}};
    if (kind == "I8") return convert(name, shape, Source::i8, at);
    if (kind == "I16") return convert(name, shape, Source::i16, at);
    if (kind == "I64") return convert(name, shape, Source::i64, at);
    if (kind == "F64") return convert(name, shape, Source::f64, at);
    return refuse(name, expected,
                  "is stored as " + kind + ", which is not supported; take a Q4_K_M, Q8_0 or F16 file");
  }

  Gguf file_;
  std::unordered_map<std::string, Stored> tensors_;
};

Error fault(const std::filesystem::path& path, const std::string& tensor, const std::string& what) {
  return Error{Code::invalid, path.string() + ": tensor " + dump_json(Json(tensor)) + " " + what};
}

// Bytes of a tensor; 0 if its rows are not whole blocks or the number overflows.
uint64_t bytes_needed(const GgufType& type, const std::vector<int64_t>& shape) {
  if (shape.back() % type.values) return 0;
  uint64_t bytes = type.bytes;
  for (size_t i = 0; i < shape.size(); ++i)
    if (__builtin_mul_overflow(bytes, uint64_t(i + 1 == shape.size() ? shape[i] / type.values : shape[i]),
                               &bytes))
      return 0;
  return bytes;
}

}  // namespace

Result<Checkpoint> open_gguf(const std::filesystem::path& path, int rank, int ranks) {
  AUTARK_TRY(Gguf file, Gguf::open(path));
  AUTARK_TRY(GgufConfig about, read_gguf_config(file));
  Checkpoint c{.kind = "gguf",
               .architecture = std::move(about.architecture),
               .config = std::move(about.config),
               .end_tokens = std::move(about.end_tokens)};
  std::unordered_map<std::string, Stored> tensors;
  for (const auto& [name, t] : file.tensors()) {
    const auto& in = file.files()[t.file].path();
    const GgufType* type = gguf_type(t.type);
    if (!type)
      return fault(in, name, "has the unknown type " + std::to_string(t.type) + "; a newer kind of file?");
    const uint64_t bytes = bytes_needed(*type, t.shape), room = file.bytes_from(t).size();
    if (!bytes) return fault(in, name, std::string("has a shape that ") + type->name + " cannot store");
    if (bytes > room)
      return fault(in, name,
                   "needs " + std::to_string(bytes) + " bytes, the file has " + std::to_string(room) +
                       " there; a broken download?");
    const std::string full = tensor_name(c.architecture, name);
    if (!tensors.emplace(full, Stored{type, t.shape, file.bytes_from(t).data()}).second)
      return fault(in, name, "stands for " + full + ", which another tensor is too");
    int64_t values = 1;
    for (int64_t d : t.shape) values *= d;
    c.bytes += static_cast<int64_t>(bytes);
    c.parameters += values;
    c.tensors.push_back({full, type->name, t.shape, static_cast<int64_t>(bytes)});
  }
  c.weights = std::make_unique<GgufWeights>(std::move(file), std::move(tensors), rank, ranks);
  return c;
}

}  // namespace autark
