// Goal: the keys of a request and the address of its client are read as they were sent, whatever the headers hold.
// Method: headers and peers with what must come out.
#include "http/credentials.h"
#include <gtest/gtest.h>

namespace autark::http {
namespace {

using Keys = std::vector<std::string_view>;

TEST(Credentials, KeysOfBothHeaders) {
  const std::pair<Headers, Keys> tries[] = {
      {{}, {}},
      {{{"authorization", "Bearer a"}}, {"a"}},
      {{{"authorization", "bEARER   a b"}}, {"a b"}},
      {{{"authorization", "Bearer "}}, {}},
      {{{"authorization", "Bearer"}}, {}},
      {{{"authorization", "Basic a"}}, {}},
      {{{"authorization", "a"}}, {}},
      {{{"x-api-key", "b"}}, {"b"}},
      {{{"x-api-key", "b"}, {"authorization", "Bearer a"}}, {"a", "b"}},
      {{{"x-api-key", "a"}, {"authorization", "Bearer a"}}, {"a"}},
  };
  for (const auto& [headers, keys] : tries) {
    Request request;
    request.headers = headers;
    EXPECT_EQ(keys_of(request), keys);
  }
}

TEST(Credentials, AnAddressHasNoPort) {
  const std::pair<const char*, const char*> tries[] = {
      {"127.0.0.1:54321", "127.0.0.1"}, {"[::1]:5", "::1"}, {"[fe80::1%eth0]:5", "fe80::1%eth0"}, {"", ""}};
  for (const auto& [peer, address] : tries) {
    Request request;
    request.peer = peer;
    EXPECT_EQ(address_of(request), address);
  }
}

}  // namespace
}  // namespace autark::http
