// For tests: a temporary folder, and safetensors files built by hand with correct or false contents.
#pragma once
#include <gtest/gtest.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace autark {

// A folder named after the running test, deleted at its end.
class TestDirectory {
 public:
  TestDirectory() : path_(std::filesystem::path(::testing::TempDir()) / name()) {
    std::filesystem::create_directories(path_);
  }
  ~TestDirectory() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const std::string& file) const { return path_ / file; }
  const std::filesystem::path& path() const { return path_; }
  void write(const std::string& file, const std::string& bytes) const {
    std::ofstream(path_ / file, std::ios::binary | std::ios::trunc) << bytes;
  }

 private:
  static std::string name() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    return std::string("autark_") + test->test_suite_name() + "_" + test->name();
  }
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
                           const std::vector<int64_t>& shape, const std::string& bytes) {
    return entry(name, dtype, shape, data_.size(), data_.size() + bytes.size()).data(bytes);
  }
  SafetensorsBytes& entry(const std::string& name, const std::string& dtype,
                          const std::vector<int64_t>& shape, uint64_t from, uint64_t to) {
    std::string dims;
    for (int64_t d : shape) dims += (dims.empty() ? "" : ",") + std::to_string(d);
    return field("\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":[" + dims + "],\"data_offsets\":[" +
                 std::to_string(from) + "," + std::to_string(to) + "]}");
  }
  SafetensorsBytes& field(const std::string& json) {
    fields_ += (fields_.empty() ? "" : ",") + json;
    return *this;
  }
  SafetensorsBytes& data(const std::string& bytes) {
    data_ += bytes;
    return *this;
  }
  // `pad` adds spaces to the end of the header, which moves the data.
  std::string bytes(int pad = 0) const {
    const std::string json = "{" + fields_ + "}" + std::string(pad, ' ');
    const uint64_t n = json.size();
    return std::string(reinterpret_cast<const char*>(&n), 8) + json + data_;
  }

 private:
  std::string fields_, data_;
};

}  // namespace autark
