// For tests: a temporary folder, and safetensors files built by hand with correct or false contents.
#pragma once
#include <gtest/gtest.h>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace autark {

// A folder named after the running test, deleted at its end.
class TestDirectory {
 public:
  TestDirectory();
  ~TestDirectory();
  std::filesystem::path operator/(const std::string& file) const;
  const std::filesystem::path& path() const { return path_; }
  void write(const std::string& file, const std::string& bytes) const;

 private:
  static std::string name();
  std::filesystem::path path_;
};

template <class T>
std::string raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

// The bytes of a safetensors file. tensor() adds a correct entry with its data; entry() takes any offsets.
class SafetensorsBytes {
 public:
  SafetensorsBytes& tensor(const std::string& name, const std::string& dtype,
                           const std::vector<int64_t>& shape, const std::string& bytes);
  SafetensorsBytes& entry(const std::string& name, const std::string& dtype,
                          const std::vector<int64_t>& shape, uint64_t from, uint64_t to);
  SafetensorsBytes& field(const std::string& json);
  SafetensorsBytes& data(const std::string& bytes);
  // `pad` adds spaces to the end of the header, which moves the data.
  std::string bytes(int pad = 0) const;

 private:
  std::string fields_, data_;
};

}  // namespace autark
