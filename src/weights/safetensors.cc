#include "weights/safetensors.h"
#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include "base/json.h"
#include "tensor/bf16.h"
#include "tensor/minifloat.h"

namespace autark {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are read as they lie in the file");

constexpr uint64_t kHeaderBytesMax = 100'000'000;
constexpr size_t kRankMax = 16;

// A name from the file in quotation marks, cut to 120 bytes, for messages.
std::string in_quotes(std::string_view name) {
  return dump_json(Json(std::string(name.substr(0, 120))));
}

using Tensors = std::map<std::string, Safetensors::Entry, std::less<>>;

// Reads the header's JSON without building a tree, so its cost is linear and repeated names are detected. Any
// deviation from the format stops the parser with a fault.
class HeaderReader final : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return wrong("null"); }
  bool boolean(bool) override { return wrong("a truth value"); }
  bool number_integer(number_integer_t) override { return wrong("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { return wrong("a fraction"); }
  bool binary(binary_t&) override { return wrong("binary"); }

  bool number_unsigned(number_unsigned_t v) override {
    if (at_ == At::shape) {
      if (v > uint64_t{1} << 62 || entry_.shape.size() == kRankMax) return broken("has an impossible shape");
      entry_.shape.push_back(static_cast<int64_t>(v));
      return true;
    }
    if (at_ == At::offsets && offsets_.size() < 2) {
      offsets_.push_back(v);
      return true;
    }
    return wrong("a number");
  }
  bool string(string_t& v) override {
    if (at_ == At::metadata) return true;
    if (at_ != At::field || field_ != "dtype") return wrong("text");
    entry_.dtype = v;
    return true;
  }
  bool start_object(std::size_t) override {
    if (at_ == At::start) return at_ = At::names, true;
    if (at_ == At::names && name_ == "__metadata__") return at_ = At::metadata, true;
    if (at_ != At::names) return wrong("an object");
    at_ = At::field;
    entry_ = {};
    offsets_.clear();
    seen_ = 0;
    return true;
  }
  bool key(string_t& v) override {
    if (at_ == At::metadata) return true;
    if (at_ == At::names) return name_ = v, true;
    field_ = v;
    const int bit = v == "dtype" ? 1 : v == "shape" ? 2 : v == "data_offsets" ? 4 : 0;
    if (!bit || seen_ & bit)
      return broken("has the field " + in_quotes(v) + (bit ? " twice" : ", which is unknown"));
    seen_ |= bit;
    return true;
  }
  bool end_object() override {
    if (at_ == At::metadata || at_ == At::names) return at_ = at_ == At::names ? At::end : At::names, true;
    at_ = At::names;
    if (seen_ != 7 || offsets_.size() != 2 || offsets_[0] > offsets_[1])
      return broken("needs a dtype, a shape and data_offsets [from, to]");
    entry_.offset = offsets_[0];
    entry_.bytes = offsets_[1] - offsets_[0];
    return tensors.emplace(name_, std::move(entry_)).second || broken("is there twice");
  }
  bool start_array(std::size_t) override {
    if (at_ != At::field || field_ == "dtype") return wrong("a list");
    at_ = field_ == "shape" ? At::shape : At::offsets;
    return true;
  }
  bool end_array() override { return at_ = At::field, true; }
  bool parse_error(std::size_t at, const std::string&, const nlohmann::detail::exception&) override {
    fault = "the header is not JSON at byte " + std::to_string(at);
    return false;
  }

  Tensors tensors;
  std::string fault;

 private:
  // The place in the header where the parser is.
  enum class At { start, names, metadata, field, shape, offsets, end };

  // Faults: a value where the format has none of this type, and a tensor with an invalid description.
  bool wrong(const std::string& what) {
    fault = (name_.empty() ? "the header" : "tensor " + in_quotes(name_)) + " has " + what +
            " in a place of no such thing";
    return false;
  }
  bool broken(const std::string& what) {
    fault = "tensor " + in_quotes(name_) + " " + what;
    return false;
  }

  At at_ = At::start;
  std::string name_, field_;
  Safetensors::Entry entry_;
  std::vector<uint64_t> offsets_;
  int seen_ = 0;
};

std::string text(const std::vector<int64_t>& shape) {
  std::string t;
  for (int64_t d : shape) t += (t.empty() ? "" : ", ") + std::to_string(d);
  return "[" + t + "]";
}

// Bytes of a tensor of that shape; none if the number overflows or is not whole.
std::optional<uint64_t> bytes_needed(const Safetensors::Entry& e) {
  uint64_t bits = bits_of_dtype(e.dtype);
  for (int64_t d : e.shape)
    if (__builtin_mul_overflow(bits, static_cast<uint64_t>(d), &bits)) return {};
  return bits % 8 ? std::nullopt : std::optional(bits / 8);
}

// The fault of a directory whose offsets count from the start of the data; empty if there is none.
std::string fault_of(const Tensors& tensors, uint64_t data_bytes) {
  std::vector<std::pair<const std::string*, const Safetensors::Entry*>> by_offset;
  for (const auto& [name, e] : tensors) {
    if (e.offset > data_bytes || e.bytes > data_bytes - e.offset)
      return "tensor " + in_quotes(name) + " ends at byte " + std::to_string(e.offset + e.bytes) +
             " of the data, which has " + std::to_string(data_bytes) + "; a broken download?";
    if (bits_of_dtype(e.dtype) && bytes_needed(e) != e.bytes)
      return "tensor " + in_quotes(name) + " is " + e.dtype + " " + text(e.shape) + ", which does not take " +
             std::to_string(e.bytes) + " bytes";
    if (e.bytes) by_offset.push_back({&name, &e});
  }
  std::ranges::sort(by_offset, {}, [](const auto& p) { return p.second->offset; });
  for (size_t i = 1; i < by_offset.size(); ++i)
    if (by_offset[i].second->offset < by_offset[i - 1].second->offset + by_offset[i - 1].second->bytes)
      return "tensors " + in_quotes(*by_offset[i - 1].first) + " and " + in_quotes(*by_offset[i].first) +
             " overlap";
  return {};
}

template <class T, class Out>
void convert(std::span<const std::byte> from, std::vector<Out>& to) {
  for (size_t i = 0; i + sizeof(T) <= from.size(); i += sizeof(T)) {
    T v;
    std::memcpy(&v, &from[i], sizeof v);
    to.push_back(static_cast<Out>(v));
  }
}

}  // namespace

int bits_of_dtype(std::string_view dtype) {
  static constexpr std::pair<std::string_view, int> kBits[] = {
      {"F64", 64},    {"F32", 32}, {"F16", 16}, {"BF16", 16}, {"F8_E4M3", 8}, {"F8_E5M2", 8},
      {"F8_E8M0", 8}, {"I64", 64}, {"I32", 32}, {"I16", 16},  {"I8", 8},      {"U64", 64},
      {"U32", 32},    {"U16", 16}, {"U8", 8},   {"BOOL", 8},  {"F4", 4}};
  for (const auto& [name, bits] : kBits)
    if (name == dtype) return bits;
  return 0;
}

Result<Safetensors> Safetensors::open(const std::filesystem::path& path) {
  AUTARK_TRY(MappedFile file, MappedFile::open(path));
  const auto fault = [&](const std::string& what) {
    return Error{Code::invalid, path.string() + ": " + what};
  };
  const auto bytes = file.bytes();
  if (bytes.size() < 8)
    return fault("has " + std::to_string(bytes.size()) +
                 " bytes, too few for a safetensors file; a broken download?");
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), 8);
  if (header > kHeaderBytesMax)
    return fault("claims a header of " + std::to_string(header) + " bytes; not a safetensors file?");
  if (header > bytes.size() - 8) return fault("ends within its header; a broken download?");
  HeaderReader reader;
  const auto* json = reinterpret_cast<const char*>(bytes.data()) + 8;
  if (!sax_parse_json({json, header}, reader))
    return fault(reader.fault.empty() ? "the header is not JSON" : reader.fault);
  const uint64_t data = bytes.size() - 8 - header;
  if (auto what = fault_of(reader.tensors, data); !what.empty()) return fault(what);
  for (auto& [name, e] : reader.tensors) e.offset += 8 + header;
  return Safetensors(std::move(file), std::move(reader.tensors));
}

Result<std::vector<float>> Safetensors::floats(std::string_view name) const {
  const auto it = tensors_.find(name);
  if (it == tensors_.end())
    return Error{Code::not_found, path().string() + ": has no tensor " + in_quotes(name)};
  const auto from = bytes(it->second);
  std::vector<float> to;
  const std::string& dtype = it->second.dtype;
  if (dtype == "F32") {
    convert<float>(from, to);
  } else if (dtype == "F64") {
    convert<double>(from, to);
  } else if (dtype == "F16" || dtype == "BF16") {
    std::vector<uint16_t> codes;
    convert<uint16_t>(from, codes);
    for (uint16_t c : codes) to.push_back(dtype == "F16" ? decode_f16(c) : decode_bf16(c));
  } else {
    return Error{Code::unsupported, path().string() + ": tensor " + in_quotes(name) + " is " + dtype +
                                        ", F32, F16, BF16 or F64 is expected"};
  }
  return to;
}

Result<std::vector<int64_t>> Safetensors::ints(std::string_view name) const {
  const auto it = tensors_.find(name);
  if (it == tensors_.end())
    return Error{Code::not_found, path().string() + ": has no tensor " + in_quotes(name)};
  const auto from = bytes(it->second);
  std::vector<int64_t> to;
  const std::string& dtype = it->second.dtype;
  if (dtype == "I64") {
    convert<int64_t>(from, to);
  } else if (dtype == "I32") {
    convert<int32_t>(from, to);
  } else if (dtype == "I16") {
    convert<int16_t>(from, to);
  } else if (dtype == "I8") {
    convert<int8_t>(from, to);
  } else if (dtype == "U8" || dtype == "BOOL") {
    convert<uint8_t>(from, to);
  } else {
    return Error{Code::unsupported, path().string() + ": tensor " + in_quotes(name) + " is " + dtype +
                                        ", whole numbers are expected"};
  }
  return to;
}

std::optional<Error> write_safetensors(const std::filesystem::path& path,
                                       std::span<const NamedTensor> tensors) {
  Json header = Json::object();
  uint64_t at = 0;
  for (const auto& [name, t] : tensors) {
    AUTARK_CHECK(t.format == Format::f32 || t.format == Format::i32);
    const uint64_t bytes = t.shape.numel() * 4;
    header[name] = {{"dtype", name_of(t.format)},
                    {"shape", std::vector<int64_t>(t.shape.d.begin(), t.shape.d.begin() + t.shape.rank)},
                    {"data_offsets", {at, at + bytes}}};
    at += bytes;
  }
  std::string json = dump_json(header);
  json.resize((json.size() + 7) / 8 * 8, ' ');
  const uint64_t size = json.size();
  // A pipe or a device cannot be replaced, so it is written directly.
  std::error_code failed;
  const auto status = std::filesystem::status(path, failed);
  const bool straight = std::filesystem::exists(status) && !std::filesystem::is_regular_file(status);
  const std::filesystem::path to = path.string() + (straight ? "" : ".part");
  errno = 0;
  std::ofstream out(to, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(&size), 8).write(json.data(), json.size());
  for (const auto& [name, t] : tensors) out.write(static_cast<const char*>(t.data), t.shape.numel() * 4);
  out.close();
  if (out && straight) return {};
  if (out) std::filesystem::rename(to, path, failed);
  if (out && !failed) return {};
  const std::string why = out ? failed.message() : std::strerror(errno);
  std::error_code ignored;
  if (!straight) std::filesystem::remove(to, ignored);
  return Error{Code::io, path.string() + ": cannot be written: " + why};
}

}  // namespace autark
