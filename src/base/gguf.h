// The directory of a GGUF file: its keys and its tensor index. Knows nothing about models or number formats.
// Reads versions 2 and 3, little-endian; one file or a split set (…-00001-of-00003.gguf). Strings and arrays
// are views into a copy of the directory, so they stay valid and unchanged if the file is rewritten.
//
//   "GGUF" u32 version u64 tensors u64 keys | keys | tensor index | padding to `general.alignment` | data
//
// Every count, length and offset is checked against the file before it is used; a false one is an Error.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>
#include "base/mapped_file.h"

namespace autark {

class Gguf {
 public:
  enum class Type : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

  struct Array {  // elements as they are stored in the file
    Type of = Type::u8;
    uint64_t count = 0;
    std::span<const std::byte> bytes;
  };
  using Value = std::variant<uint64_t, int64_t, double, bool, std::string_view, Array>;

  struct TensorEntry {
    uint32_t type = 0;           // ggml_type number
    std::vector<int64_t> shape;  // slowest dimension first, i.e. [out, in]: reversed from the file's order
    int file = 0;                // index into files()
    uint64_t offset = 0;         // of the tensor's first byte from the start of that file
  };

  // `path` is the file, or any file of a split set; the others are expected in the same folder.
  static Result<Gguf> open(const std::filesystem::path& path);

  // Keys and tensors by name. A split set has the keys of its first file and the tensors of all files.
  const std::map<std::string, Value, std::less<>>& keys() const { return keys_; }
  const std::map<std::string, TensorEntry, std::less<>>& tensors() const { return tensors_; }
  // The mapped files in the order of a split set.
  const std::vector<MappedFile>& files() const { return files_; }

  // Typed look-ups: empty if the key is absent or of another type. integer() accepts whole numbers of any
  // width, number() also floats.
  std::optional<std::string_view> text(std::string_view key) const;
  std::optional<int64_t> integer(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;
  std::optional<bool> flag(std::string_view key) const;
  std::optional<std::vector<std::string_view>> texts(std::string_view key) const;
  std::optional<std::vector<double>> numbers(std::string_view key) const;

  // The bytes from a tensor's first byte to the end of its file. The caller checks that there are enough.
  std::span<const std::byte> bytes_from(const TensorEntry& t) const;

 private:
  Gguf() = default;
  std::vector<MappedFile> files_;
  std::vector<std::byte> directory_;  // of the file that `keys_` is read from
  std::map<std::string, Value, std::less<>> keys_;
  std::map<std::string, TensorEntry, std::less<>> tensors_;
};

}  // namespace autark
