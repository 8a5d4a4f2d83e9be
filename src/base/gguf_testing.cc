#include "base/gguf_testing.h"
#include <fstream>

namespace autark {

std::string GgufBytes::raw_text(std::string_view s) {
  return raw(uint64_t{s.size()}) + std::string(s);
}

GgufBytes& GgufBytes::key(std::string_view name, Gguf::Type type, const std::string& value) {
  keys_ += raw_text(name) + raw(static_cast<uint32_t>(type)) + value;
  ++key_count;
  return *this;
}

GgufBytes& GgufBytes::key(std::string_view name, uint32_t v) {
  return key(name, Gguf::Type::u32, raw(v));
}
GgufBytes& GgufBytes::key(std::string_view name, float v) {
  return key(name, Gguf::Type::f32, raw(v));
}
GgufBytes& GgufBytes::key(std::string_view name, bool v) {
  return key(name, Gguf::Type::boolean, raw(uint8_t{v}));
}
GgufBytes& GgufBytes::key(std::string_view name, std::string_view v) {
  return key(name, Gguf::Type::string, raw_text(v));
}
GgufBytes& GgufBytes::key(std::string_view name, const char* v) {
  return key(name, std::string_view(v));
}

GgufBytes& GgufBytes::key(std::string_view name, const std::vector<std::string>& v) {
  std::string all = raw(static_cast<uint32_t>(Gguf::Type::string)) + raw(uint64_t{v.size()});
  for (const auto& s : v) all += raw_text(s);
  return key(name, Gguf::Type::array, all);
}

GgufBytes& GgufBytes::tensor(std::string_view name, uint32_t type, std::vector<int64_t> shape,
                             std::string_view bytes) {
  return tensor_at(name, type, shape, data_.size(), bytes);
}

GgufBytes& GgufBytes::tensor_at(std::string_view name, uint32_t type, const std::vector<int64_t>& shape,
                                uint64_t offset, std::string_view bytes) {
  index_ += raw_text(name) + raw(static_cast<uint32_t>(shape.size()));
  for (auto d = shape.rbegin(); d != shape.rend(); ++d) index_ += raw(*d);
  index_ += raw(type) + raw(offset);
  ++tensor_count;
  data_ += bytes;
  data_.resize((data_.size() + alignment - 1) / alignment * alignment);
  return *this;
}

std::string GgufBytes::bytes() const {
  std::string all = "GGUF" + raw(version) + raw(tensor_count) + raw(key_count) + keys_ + index_;
  if (!data_.empty()) all.resize((all.size() + alignment - 1) / alignment * alignment);
  return all + data_;
}

void GgufBytes::write(const std::filesystem::path& path) const {
  std::ofstream(path, std::ios::binary) << bytes();
}

}  // namespace autark
