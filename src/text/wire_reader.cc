// A field is a varint (name << 3 | kind) and a value: kind 0 a varint, 1 eight bytes, 2 a length and that many
// bytes, 5 four bytes. Kinds 3 and 4 (groups) are long out of use and refused.
#include "text/wire_reader.h"

namespace autark::text {
namespace {

Error broken(const char* what) {
  return {Code::invalid, std::string("protobuf: ") + what};
}

}  // namespace

Result<uint64_t> WireReader::varint() {
  uint64_t value = 0;
  for (size_t i = 0; i < 10 && i < rest_.size(); ++i) {
    const auto byte = uint8_t(rest_[i]);
    if (i == 9 && byte > 1) break;
    value |= uint64_t(byte & 0x7f) << (7 * i);
    if (byte & 0x80) continue;
    rest_.remove_prefix(i + 1);
    return value;
  }
  return broken("a number is cut off or too long");
}

Result<uint64_t> WireReader::fixed(size_t size) {
  if (rest_.size() < size) return broken("a number is cut off");
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value |= uint64_t(uint8_t(rest_[i])) << (8 * i);
  rest_.remove_prefix(size);
  return value;
}

Result<std::string_view> WireReader::bytes() {
  AUTARK_TRY(const uint64_t size, varint());
  if (size > rest_.size()) return broken("a text or message is cut off");
  const std::string_view found = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return found;
}

Result<WireField> WireReader::next() {
  AUTARK_TRY(const uint64_t tag, varint());
  if (tag >> 3 == 0 || tag >> 3 > 0x1fffffff) return broken("a field's number is out of range");
  WireField field{.name = uint32_t(tag >> 3)};
  switch (tag & 7) {
    case 0: {
      AUTARK_TRY(field.number, varint());
      return field;
    }
    case 1:
    case 5: {
      AUTARK_TRY(field.number, fixed((tag & 7) == 1 ? 8 : 4));
      return field;
    }
    case 2: {
      field.type = WireField::Type::bytes;
      AUTARK_TRY(field.bytes, bytes());
      return field;
    }
    default:
      return broken("a field has a type that is not known");
  }
}

}  // namespace autark::text
