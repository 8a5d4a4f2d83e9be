// A safetensors file: its directory, checked, and the bytes of its tensors in the mapped file.
//
//   u64 n
//   | n bytes of JSON: {"name": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [from, to]}, …}
//   | data
//
// Offsets count from the end of the JSON. Every count, shape and offset is checked against the file before it
// is used; a false one is an Error that names the tensor.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "base/mapped_file.h"
#include "tensor/tensor.h"

namespace autark {

class Safetensors {
 public:
  // One tensor. A tensor of an unknown dtype is listed but cannot be read.
  struct Entry {
    std::string dtype;  // "F32", "BF16", "F8_E4M3" …
    std::vector<int64_t> shape;
    uint64_t offset = 0;  // of the first byte from the start of the file
    uint64_t bytes = 0;
  };

  // Maps and checks a file.
  static Result<Safetensors> open(const std::filesystem::path& path);

  const std::map<std::string, Entry, std::less<>>& tensors() const { return tensors_; }
  const std::filesystem::path& path() const { return file_.path(); }
  const MappedFile& file() const { return file_; }
  std::span<const std::byte> bytes(const Entry& e) const { return file_.bytes().subspan(e.offset, e.bytes); }

  // Copies for tools and tests: F32, F16, BF16 and F64 as float; I8 … I64, U8 and BOOL as whole numbers.
  Result<std::vector<float>> floats(std::string_view name) const;
  Result<std::vector<int64_t>> ints(std::string_view name) const;

 private:
  Safetensors(MappedFile file, std::map<std::string, Entry, std::less<>> tensors)
      : file_(std::move(file)), tensors_(std::move(tensors)) {}

  MappedFile file_;
  std::map<std::string, Entry, std::less<>> tensors_;
};

// Bits of one element; 0 for an unknown dtype.
int bits_of_dtype(std::string_view dtype);

struct NamedTensor {
  std::string name;
  Tensor tensor;  // f32 or i32
};

// Writes a file completely before it replaces an old one at `path`.
std::optional<Error> write_safetensors(const std::filesystem::path& path,
                                       std::span<const NamedTensor> tensors);

}  // namespace autark
