// For tests: builds GGUF files with correct or false contents. Keys and tensors are written in the order of
// the calls; `tensor` takes the shape slowest dimension first, as Gguf returns it.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>
#include "base/gguf.h"

namespace autark {

class GgufBytes {
 public:
  template <class T>
  static std::string raw(const T& v) {
    return {reinterpret_cast<const char*>(&v), sizeof v};
  }
  static std::string raw_text(std::string_view s);

  GgufBytes& key(std::string_view name, Gguf::Type type, const std::string& value);
  GgufBytes& key(std::string_view name, uint32_t v);
  GgufBytes& key(std::string_view name, float v);
  GgufBytes& key(std::string_view name, bool v);
  GgufBytes& key(std::string_view name, std::string_view v);
  GgufBytes& key(std::string_view name, const char* v);
  GgufBytes& key(std::string_view name, const std::vector<std::string>& v);
  template <class T>
  GgufBytes& array(std::string_view name, Gguf::Type of, const std::vector<T>& v) {
    std::string all = raw(static_cast<uint32_t>(of)) + raw(uint64_t{v.size()});
    for (const T& e : v) all += raw(e);
    return key(name, Gguf::Type::array, all);
  }

  GgufBytes& tensor(std::string_view name, uint32_t type, std::vector<int64_t> shape, std::string_view bytes);
  // As tensor(), with a freely chosen offset into the data section.
  GgufBytes& tensor_at(std::string_view name, uint32_t type, const std::vector<int64_t>& shape,
                       uint64_t offset, std::string_view bytes);

  std::string bytes() const;
  void write(const std::filesystem::path& path) const;

  uint32_t version = 3;
  uint64_t tensor_count = 0, key_count = 0;  // the counts in the header
  size_t alignment = 32;

 private:
  std::string keys_, index_, data_;
};

}  // namespace autark
