#include "weights/testing.h"
#include <fstream>

namespace autark {

TestDirectory::TestDirectory() : path_(std::filesystem::path(::testing::TempDir()) / name()) {
  std::filesystem::create_directories(path_);
}
TestDirectory::~TestDirectory() {
  std::filesystem::remove_all(path_);
}
std::filesystem::path TestDirectory::operator/(const std::string& file) const {
  return path_ / file;
}
void TestDirectory::write(const std::string& file, const std::string& bytes) const {
  std::ofstream(path_ / file, std::ios::binary | std::ios::trunc) << bytes;
}

std::string TestDirectory::name() {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  return std::string("autark_") + test->test_suite_name() + "_" + test->name();
}

SafetensorsBytes& SafetensorsBytes::tensor(const std::string& name, const std::string& dtype,
                                           const std::vector<int64_t>& shape, const std::string& bytes) {
  return entry(name, dtype, shape, data_.size(), data_.size() + bytes.size()).data(bytes);
}

SafetensorsBytes& SafetensorsBytes::entry(const std::string& name, const std::string& dtype,
                                          const std::vector<int64_t>& shape, uint64_t from, uint64_t to) {
  std::string dims;
  for (int64_t d : shape) dims += (dims.empty() ? "" : ",") + std::to_string(d);
  return field("\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":[" + dims + "],\"data_offsets\":[" +
               std::to_string(from) + "," + std::to_string(to) + "]}");
}

SafetensorsBytes& SafetensorsBytes::field(const std::string& json) {
  fields_ += (fields_.empty() ? "" : ",") + json;
  return *this;
}

SafetensorsBytes& SafetensorsBytes::data(const std::string& bytes) {
  data_ += bytes;
  return *this;
}

std::string SafetensorsBytes::bytes(int pad) const {
  const std::string json = "{" + fields_ + "}" + std::string(pad, ' ');
  const uint64_t n = json.size();
  return std::string(reinterpret_cast<const char*>(&n), 8) + json + data_;
}

}  // namespace autark
