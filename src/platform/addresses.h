// Addresses of clients and networks of them, IPv4 and IPv6. An IPv4 address that is mapped into IPv6 is the IPv4 address.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include "base/result.h"

namespace autark::platform {

using Address = std::array<uint8_t, 16>;  // IPv4 as ::ffff:a.b.c.d

// Unset if the text is no address. A zone behind % is left out.
std::optional<Address> address_from(std::string_view text);
// Whose tries are counted together: the IPv4 address, or the /64 of an IPv6 address.
std::string neighbourhood(std::string_view address);

class Network {
 public:
  // "10.0.0.0/8", "2001:db8::/32" or one address. An Error if bits behind the prefix are set.
  static Result<Network> parse(const std::string& text);
  bool has(const Address& address) const;

 private:
  Address base_{};
  int bits_ = 128;
};

}  // namespace autark::platform
