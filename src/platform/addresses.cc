#include "platform/addresses.h"
#include <arpa/inet.h>
#include <charconv>
#include <cstring>

namespace autark::platform {
namespace {

constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255};

bool is_v4(const Address& address) {
  return std::memcmp(address.data(), kMapped, sizeof kMapped) == 0;
}

// The first `bits` bits.
Address first_bits(Address address, int bits) {
  for (int i = 0; i < 16; ++i) {
    const int kept = std::min(8, std::max(0, bits - 8 * i));
    address[size_t(i)] &= uint8_t(0xff00 >> kept);
  }
  return address;
}

}  // namespace

std::optional<Address> address_from(std::string_view text) {
  const std::string plain(text.substr(0, text.find('%')));
  Address address{};
  if (::inet_pton(AF_INET6, plain.c_str(), address.data()) == 1) return address;
  std::memcpy(address.data(), kMapped, sizeof kMapped);
  if (::inet_pton(AF_INET, plain.c_str(), address.data() + sizeof kMapped) == 1) return address;
  return {};
}

std::string neighbourhood(std::string_view address) {
  const auto known = address_from(address);
  if (!known) return std::string(address.substr(0, 64));
  const Address kept = is_v4(*known) ? *known : first_bits(*known, 64);
  return {reinterpret_cast<const char*>(kept.data()), kept.size()};
}

Result<Network> Network::parse(const std::string& text) {
  const Error fault{Code::invalid, "'" + text.substr(0, 64) +
                                       "' is no address or network; write one as 10.0.0.0/8, 192.0.2.7 or "
                                       "2001:db8::/32, with zeros behind the prefix"};
  const size_t slash = text.find('/');
  const auto base = address_from(std::string_view(text).substr(0, slash));
  if (!base || text.find('%') != text.npos) return fault;
  const bool short_form = text.find(':') == text.npos;
  int bits = short_form ? 32 : 128;
  if (slash != text.npos) {
    int given = -1;
    const char *begin = text.data() + slash + 1, *end = text.data() + text.size();
    const auto [at, failed] = std::from_chars(begin, end, given);
    if (failed != std::errc() || at != end || given < 0 || given > bits) return fault;
    bits = given;
  }
  Network network;
  network.base_ = *base;
  network.bits_ = short_form ? 96 + bits : bits;
  if (first_bits(*base, network.bits_) != *base) return fault;
  return network;
}

bool Network::has(const Address& address) const {
  return first_bits(address, bits_) == base_;
}

}  // namespace autark::platform
