// Goal: networks have exactly the addresses of their prefix, IPv4 and IPv6; wrong ones are refused.
// Method: random networks against an oracle on bits as text; examples of mapped addresses and of bad texts.
#include "platform/addresses.h"
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <random>

namespace autark::platform {
namespace {

std::string bits_of(const Address& address) {
  std::string bits;
  for (const uint8_t b : address)
    for (int i = 7; i >= 0; --i) bits += b >> i & 1 ? '1' : '0';
  return bits;
}

std::string text_of(const Address& address) {
  char text[INET6_ADDRSTRLEN];
  return ::inet_ntop(AF_INET6, address.data(), text, sizeof text);
}

TEST(Addresses, NetworkHasWhatBeginsLikeIt) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    const size_t bits = random() % 129;
    Address base{}, other{};
    for (size_t i = 0; i < 128; ++i)
      if (i < bits && random() % 2) base[i / 8] |= uint8_t(128 >> i % 8);
    other = base;
    const size_t flipped = random() % 128;
    other[flipped / 8] ^= uint8_t(128 >> flipped % 8);
    const auto network = Network::parse(text_of(base) + "/" + std::to_string(bits));
    ASSERT_TRUE(network) << text_of(base) << " " << bits;
    EXPECT_TRUE(network->has(base));
    EXPECT_EQ(network->has(other), bits_of(other).substr(0, bits) == bits_of(base).substr(0, bits));
  }
}

TEST(Addresses, ExamplesOfNetworks) {
  const auto has = [](const char* network, const char* address) {
    return Network::parse(network)->has(*address_from(address));
  };
  EXPECT_TRUE(has("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(has("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(has("10.0.0.0/8", "::ffff:10.1.2.3"));
  EXPECT_TRUE(has("::ffff:10.0.0.0/104", "10.1.2.3"));
  EXPECT_FALSE(has("10.0.0.0/8", "2001:db8::1"));
  EXPECT_TRUE(has("0.0.0.0/0", "192.0.2.1"));
  EXPECT_FALSE(has("0.0.0.0/0", "::1"));
  EXPECT_TRUE(has("::/0", "192.0.2.1"));
  EXPECT_TRUE(has("192.0.2.7", "192.0.2.7"));
  EXPECT_FALSE(has("192.0.2.7", "192.0.2.6"));
  EXPECT_TRUE(has("fe80::/10", "fe80::1%eth0"));
}

TEST(Addresses, BadNetworksAreRefused) {
  for (const char* text :
       {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.1/8", "10.0.0",
        "2001:db8::/129", "2001:db8::1/32", "fe80::1%eth0", "host", "1.2.3.4 ", "01.2.3.4.5"})
    EXPECT_FALSE(Network::parse(text)) << text;
}

TEST(Addresses, NeighboursShareTheirTries) {
  EXPECT_EQ(neighbourhood("2001:db8:0:1::1"), neighbourhood("2001:db8:0:1:ffff::2"));
  EXPECT_NE(neighbourhood("2001:db8:0:1::1"), neighbourhood("2001:db8:0:2::1"));
  EXPECT_NE(neighbourhood("192.0.2.1"), neighbourhood("192.0.2.2"));
  EXPECT_EQ(neighbourhood("192.0.2.1"), neighbourhood("::ffff:192.0.2.1"));
}

}  // namespace
}  // namespace autark::platform
