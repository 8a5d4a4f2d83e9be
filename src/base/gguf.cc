#include "base/gguf.h"
#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <limits>
#include "base/file_kind.h"

namespace autark {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are read as they lie in the file");

constexpr uint64_t kEntriesMax = uint64_t{1} << 20;  // limit for the keys and for the tensors of one file
constexpr uint64_t kNameBytesMax = 65535;
constexpr uint64_t kDirectoryBytesMax = uint64_t{1} << 30;
constexpr int kNestingMax = 4;  // depth of arrays of arrays

// A name from the file in quotation marks, cut and without control characters, for error messages.
std::string shown(std::string_view name) {
  std::string s(name.substr(0, 120));
  for (char& c : s)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return "'" + s + "'";
}

// Bytes of one number of this type; 0 for strings and arrays.
uint64_t size_of(Gguf::Type t) {
  switch (t) {
    case Gguf::Type::u8:
    case Gguf::Type::i8:
    case Gguf::Type::boolean:
      return 1;
    case Gguf::Type::u16:
    case Gguf::Type::i16:
      return 2;
    case Gguf::Type::u32:
    case Gguf::Type::i32:
    case Gguf::Type::f32:
      return 4;
    case Gguf::Type::u64:
    case Gguf::Type::i64:
    case Gguf::Type::f64:
      return 8;
    default:
      return 0;
  }
}

template <class T>
T load(const std::byte* at) {
  T v;
  std::memcpy(&v, at, sizeof v);
  return v;
}

// REQUIRES: t is a number type or boolean, and size_of(t) bytes are there.
Gguf::Value number_at(Gguf::Type t, const std::byte* at) {
  switch (t) {
    case Gguf::Type::u8:
      return uint64_t{load<uint8_t>(at)};
    case Gguf::Type::i8:
      return int64_t{load<int8_t>(at)};
    case Gguf::Type::u16:
      return uint64_t{load<uint16_t>(at)};
    case Gguf::Type::i16:
      return int64_t{load<int16_t>(at)};
    case Gguf::Type::u32:
      return uint64_t{load<uint32_t>(at)};
    case Gguf::Type::i32:
      return int64_t{load<int32_t>(at)};
    case Gguf::Type::f32:
      return double{load<float>(at)};
    case Gguf::Type::u64:
      return load<uint64_t>(at);
    case Gguf::Type::i64:
      return load<int64_t>(at);
    case Gguf::Type::f64:
      return load<double>(at);
    default:
      return load<uint8_t>(at) != 0;
  }
}

std::optional<double> as_number(const Gguf::Value& v) {
  if (const auto* u = std::get_if<uint64_t>(&v)) return double(*u);
  if (const auto* i = std::get_if<int64_t>(&v)) return double(*i);
  if (const auto* d = std::get_if<double>(&v)) return *d;
  return {};
}

// The keys and tensors of one file.
struct Directory {
  std::map<std::string, Gguf::Value, std::less<>> keys;
  std::map<std::string, Gguf::TensorEntry, std::less<>> tensors;  // offsets from the file's start

  // A whole number; -1 if the key has another type or a value beyond int64.
  int64_t whole(std::string_view key, int64_t fallback) const {
    const auto it = keys.find(key);
    if (it == keys.end()) return fallback;
    if (const auto* u = std::get_if<uint64_t>(&it->second))
      return *u > uint64_t(std::numeric_limits<int64_t>::max()) ? -1 : int64_t(*u);
    const auto* i = std::get_if<int64_t>(&it->second);
    return i ? *i : -1;
  }
};

// Parses one file's directory. Every method that reads returns an Error if the bytes end too early.
class Reader {
 public:
  explicit Reader(const MappedFile& file) : Reader(file, file.bytes()) {}
  // `bytes` starts at the file's start and reaches at least to the end of the directory.
  Reader(const MappedFile& file, std::span<const std::byte> bytes)
      : name_(file.path().string()), bytes_(bytes), file_bytes_(file.bytes().size()) {}

  Result<Directory> directory() {
    AUTARK_TRY(const Counts n, header());
    Directory d;
    for (uint64_t i = 0; i < n.keys; ++i) {
      AUTARK_TRY(const std::string_view key, name("key"));
      AUTARK_TRY(const Type type, kind(key));
      AUTARK_TRY(Gguf::Value value, read(type, key));
      if (!d.keys.emplace(key, std::move(value)).second)
        return fault("key " + shown(key) + " is there twice");
    }
    for (uint64_t i = 0; i < n.tensors; ++i) {
      AUTARK_TRY(const std::string_view tensor, name("tensor"));
      AUTARK_TRY(Gguf::TensorEntry entry, tensor_entry(tensor));
      if (!d.tensors.emplace(tensor, std::move(entry)).second)
        return fault("tensor " + shown(tensor) + " is there twice");
    }
    if (auto e = place(d)) return *e;
    return d;
  }
  uint64_t end() const { return at_; }  // offset of the first byte behind the directory

 private:
  using Type = Gguf::Type;
  struct Counts {
    uint64_t tensors, keys;
  };

  Error fault(const std::string& what) const { return Error{Code::invalid, name_ + ": " + what}; }
  uint64_t left() const { return bytes_.size() - at_; }

  Result<std::span<const std::byte>> take(uint64_t n, std::string_view what) {
    if (n > left())
      return fault("ends within " + std::string(what) + " at byte " + std::to_string(at_) + ", " +
                   std::to_string(n) + " more bytes are expected; a broken download?");
    const auto part = bytes_.subspan(at_, n);
    at_ += n;
    return part;
  }

  template <class T>
  Result<T> number(std::string_view what) {
    AUTARK_TRY(const auto part, take(sizeof(T), what));
    return load<T>(part.data());
  }

  Result<std::string_view> string(std::string_view what) {
    AUTARK_TRY(const uint64_t n, number<uint64_t>(what));
    AUTARK_TRY(const auto part, take(n, what));
    return std::string_view(reinterpret_cast<const char*>(part.data()), part.size());
  }

  Result<Counts> header() {
    AUTARK_TRY(const auto magic, take(4, "the header"));
    if (std::memcmp(magic.data(), "GGUF", 4)) return fault("is not a GGUF file");
    AUTARK_TRY(const uint32_t version, number<uint32_t>("the header"));
    if (version != 2 && version != 3)
      return fault((version & 0xffff) == 0
                       ? std::string("is a big-endian GGUF file, only little-endian ones are read")
                       : "has GGUF version " + std::to_string(version) + ", versions 2 and 3 are read");
    AUTARK_TRY(const uint64_t tensors, number<uint64_t>("the header"));
    AUTARK_TRY(const uint64_t keys, number<uint64_t>("the header"));
    if (tensors > kEntriesMax || keys > kEntriesMax)
      return fault("claims " + std::to_string(tensors) + " tensors and " + std::to_string(keys) +
                   " keys, more than any model has; a broken file?");
    return Counts{tensors, keys};
  }

  Result<std::string_view> name(const char* what) {
    AUTARK_TRY(const std::string_view s, string(std::string("the name of a ") + what));
    if (s.empty() || s.size() > kNameBytesMax || s.find('\0') != s.npos)
      return fault(std::string("has a ") + what + " whose name is empty, too long or not text");
    return s;
  }

  Result<Type> kind(std::string_view key) {
    AUTARK_TRY(const uint32_t t, number<uint32_t>("key " + shown(key)));
    if (t > static_cast<uint32_t>(Type::f64))
      return fault("key " + shown(key) + " has the unknown type " + std::to_string(t));
    return static_cast<Type>(t);
  }

  Result<Gguf::Value> read(Type type, std::string_view key) {
    const std::string what = "key " + shown(key);
    if (type == Type::string) {
      AUTARK_TRY(const std::string_view s, string(what));
      return Gguf::Value(s);
    }
    if (type == Type::array) {
      AUTARK_TRY(const Gguf::Array a, array(key, 1));
      return Gguf::Value(a);
    }
    AUTARK_TRY(const auto part, take(size_of(type), what));
    if (type == Type::boolean && load<uint8_t>(part.data()) > 1)
      return fault(what + " is neither true nor false");
    return number_at(type, part.data());
  }

  Result<Gguf::Array> array(std::string_view key, int nesting) {
    const std::string what = "key " + shown(key);
    if (nesting > kNestingMax) return fault(what + " is nested too deeply");
    AUTARK_TRY(const Type of, kind(key));
    AUTARK_TRY(const uint64_t count, number<uint64_t>(what));
    const uint64_t from = at_;
    if (const uint64_t size = size_of(of)) {
      if (count > left() / size)
        return fault(what + " claims " + std::to_string(count) + " elements, more than fit");
      AUTARK_TRY(const auto part, take(count * size, what));
      return Gguf::Array{of, count, part};
    }
    // An element has at least 8 bytes, so a false count ends at the end of the file.
    for (uint64_t i = 0; i < count; ++i)
      if (of == Type::string) {
        AUTARK_TRY([[maybe_unused]] const auto s, string(what));
      } else {
        AUTARK_TRY([[maybe_unused]] const auto a, array(key, nesting + 1));
      }
    return Gguf::Array{of, count, bytes_.subspan(from, at_ - from)};
  }

  Result<Gguf::TensorEntry> tensor_entry(std::string_view tensor) {
    const std::string what = "tensor " + shown(tensor);
    AUTARK_TRY(const uint32_t rank, number<uint32_t>(what));
    if (rank < 1 || rank > 4)
      return fault(what + " has " + std::to_string(rank) + " dimensions, 1 to 4 are expected");
    Gguf::TensorEntry entry;
    int64_t numel = 1;
    for (uint32_t i = 0; i < rank; ++i) {
      AUTARK_TRY(const int64_t n, number<int64_t>(what));
      if (n < 1 || __builtin_mul_overflow(numel, n, &numel)) return fault(what + " has an impossible shape");
      entry.shape.insert(entry.shape.begin(), n);
    }
    AUTARK_TRY(entry.type, number<uint32_t>(what));
    AUTARK_TRY(entry.offset, number<uint64_t>(what));
    return entry;
  }

  // Turns offsets relative to the data section into offsets from the file's start, and checks them.
  std::optional<Error> place(Directory& d) const {
    const int64_t alignment = d.whole("general.alignment", 32);
    if (alignment < 8 || alignment > int64_t{1} << 30 || !std::has_single_bit(uint64_t(alignment)))
      return fault("key 'general.alignment' is not a power of two from 8 up");
    const uint64_t start = (at_ + alignment - 1) / alignment * alignment;
    for (auto& [tensor, entry] : d.tensors) {
      if (entry.offset % alignment)
        return fault("tensor " + shown(tensor) + " lies at " + std::to_string(entry.offset) +
                     ", not at a multiple of " + std::to_string(alignment));
      if (start >= file_bytes_ || entry.offset >= file_bytes_ - start)
        return fault("tensor " + shown(tensor) + " lies beyond the end of the file; a broken download?");
      entry.offset += start;
    }
    return {};
  }

  std::string name_;
  std::span<const std::byte> bytes_;
  uint64_t file_bytes_, at_ = 0;
};

// Parses the directory twice: first in the file to learn its length, then in a private copy that later writes
// to the file cannot change. All views point into the copy.
Result<Directory> lasting_directory(const MappedFile& file, std::vector<std::byte>* copy) {
  Reader whole(file);
  const auto seen = whole.directory();
  if (auto e = file.change()) return *e;  // a change explains any result of the first pass
  if (!seen) return seen.error();
  if (whole.end() > kDirectoryBytesMax)
    return Error{Code::invalid, file.path().string() + ": has " + std::to_string(whole.end()) +
                                    " bytes of keys, more than any model has; a broken file?"};
  const auto bytes = file.bytes().first(whole.end());
  copy->assign(bytes.begin(), bytes.end());
  return Reader(file, *copy).directory();
}

// "name-00002-of-00003.gguf" → "name-0000i-of-00003.gguf" in the same folder; text behind the numbers is
// kept. Empty if the name does not have this form.
std::filesystem::path sibling(const std::filesystem::path& path, int64_t i, int64_t count) {
  std::string file = path.filename().string();
  const size_t at = shard_number_at(file);
  char number[32];
  std::snprintf(number, sizeof number, "-of-%05lld", static_cast<long long>(count));
  if (at == file.npos || file.compare(at + 5, std::strlen(number), number) != 0) return {};
  std::snprintf(number, sizeof number, "%05lld", static_cast<long long>(i + 1));
  return path.parent_path() / file.replace(at, 5, number);
}

}  // namespace

Result<Gguf> Gguf::open(const std::filesystem::path& path) {
  AUTARK_TRY(MappedFile file, MappedFile::open(path));
  Gguf g;
  AUTARK_TRY(Directory first, lasting_directory(file, &g.directory_));
  const auto fault = [](const std::filesystem::path& at, const std::string& what) {
    return Error{Code::invalid, at.string() + ": " + what};
  };
  const int64_t count = first.whole("split.count", 1);
  if (count < 0 || count > 65535) return fault(path, "key 'split.count' is not a number of files");
  if (count <= 1) {
    g.files_.push_back(std::move(file));
    g.keys_ = std::move(first.keys);
    g.tensors_ = std::move(first.tensors);
    return g;
  }
  if (sibling(path, 0, count).empty())
    return fault(path, "is one of " + std::to_string(count) + " files, but is not named like name-00001-of-" +
                           std::to_string(100000 + count).substr(1) + ".gguf; the others cannot be found");
  const int64_t tensors = first.whole("split.tensors.count", -1);
  for (int64_t i = 0; i < count; ++i) {
    const auto at = sibling(path, i, count);
    AUTARK_TRY(MappedFile part, MappedFile::open(at));
    AUTARK_TRY(Directory d, i == 0 ? lasting_directory(part, &g.directory_) : Reader(part).directory());
    if (d.whole("split.count", 1) != count || d.whole("split.no", -1) != i)
      return fault(at, "does not call itself file " + std::to_string(i) + " of " + std::to_string(count));
    for (auto& [name, entry] : d.tensors) {
      entry.file = static_cast<int>(i);
      if (!g.tensors_.emplace(name, std::move(entry)).second)
        return fault(at, "tensor " + shown(name) + " is in another file of the set too");
    }
    if (i == 0) g.keys_ = std::move(d.keys);
    g.files_.push_back(std::move(part));
  }
  if (tensors >= 0 && tensors != std::ssize(g.tensors_))
    return fault(path, "the set has " + std::to_string(g.tensors_.size()) + " tensors, " +
                           std::to_string(tensors) + " are promised");
  return g;
}

std::optional<std::string_view> Gguf::text(std::string_view key) const {
  const auto it = keys_.find(key);
  const auto* s = it == keys_.end() ? nullptr : std::get_if<std::string_view>(&it->second);
  return s ? std::optional(*s) : std::nullopt;
}

std::optional<int64_t> Gguf::integer(std::string_view key) const {
  const auto it = keys_.find(key);
  if (it == keys_.end()) return {};
  if (const auto* i = std::get_if<int64_t>(&it->second)) return *i;
  const auto* u = std::get_if<uint64_t>(&it->second);
  if (!u || *u > uint64_t(std::numeric_limits<int64_t>::max())) return {};
  return int64_t(*u);
}

std::optional<double> Gguf::number(std::string_view key) const {
  const auto it = keys_.find(key);
  return it == keys_.end() ? std::nullopt : as_number(it->second);
}

std::optional<bool> Gguf::flag(std::string_view key) const {
  const auto it = keys_.find(key);
  const auto* b = it == keys_.end() ? nullptr : std::get_if<bool>(&it->second);
  return b ? std::optional(*b) : std::nullopt;
}

std::optional<std::vector<std::string_view>> Gguf::texts(std::string_view key) const {
  const auto it = keys_.find(key);
  const auto* a = it == keys_.end() ? nullptr : std::get_if<Array>(&it->second);
  if (!a || a->of != Type::string) return {};
  std::vector<std::string_view> all;
  all.reserve(a->count);  // each element was seen when the file was opened
  for (const std::byte* at = a->bytes.data(); all.size() < a->count;) {
    const uint64_t n = load<uint64_t>(at);
    all.emplace_back(reinterpret_cast<const char*>(at + 8), n);
    at += 8 + n;
  }
  return all;
}

std::optional<std::vector<double>> Gguf::numbers(std::string_view key) const {
  const auto it = keys_.find(key);
  const auto* a = it == keys_.end() ? nullptr : std::get_if<Array>(&it->second);
  if (!a || a->of == Type::boolean || !size_of(a->of)) return {};
  std::vector<double> all;
  all.reserve(a->count);
  const uint64_t size = size_of(a->of);
  for (uint64_t i = 0; i < a->count; ++i)
    all.push_back(*as_number(number_at(a->of, a->bytes.data() + i * size)));
  return all;
}

std::span<const std::byte> Gguf::bytes_from(const TensorEntry& t) const {
  return files_[t.file].bytes().subspan(t.offset);
}

}  // namespace autark
