// Reads the fields of one protobuf message from its wire format. Nothing is copied: texts are views of the
// message. Private to text/. Not thread-safe.
#pragma once
#include <cstdint>
#include <string_view>
#include "base/result.h"

namespace autark::text {

struct WireField {
  enum class Type : uint8_t { number, bytes };
  uint32_t name = 0;            // the field's number in the schema
  Type type = Type::number;     // varints and fixed widths are numbers
  uint64_t number = 0;          // zero-extended; a float's bits
  std::string_view bytes = {};  // a string, bytes or a message
};

class WireReader {
 public:
  explicit WireReader(std::string_view message) : rest_(message) {}
  bool done() const { return rest_.empty(); }
  // The next field. Code::invalid: the message is cut off, or is none. REQUIRES: !done().
  Result<WireField> next();

 private:
  Result<uint64_t> varint();
  Result<uint64_t> fixed(size_t size);
  Result<std::string_view> bytes();

  std::string_view rest_;
};

}  // namespace autark::text
