// Goal: a query's parameters are found and decoded, and no text breaks the reader. Method: cases.
#include "http/query.h"
#include <gtest/gtest.h>

namespace autark::http {
namespace {

TEST(Query, FindsAndDecodes) {
  EXPECT_EQ(query_value("a=1&b=2", "b"), "2");
  EXPECT_EQ(query_value("a=1&a=2", "a"), "1");
  EXPECT_EQ(query_value("a=x%2Fy+z%", "a"), "x/y z%");
  EXPECT_EQ(query_value("a=%zz%4", "a"), "%zz%4");
  EXPECT_EQ(query_value("a=%-1%+1% 1%0x", "a"), "%-1% 1% 1%0x") << "a sign is no digit";
  EXPECT_EQ(query_value("a=%2B%2b", "a"), "++");
  EXPECT_EQ(query_value("a", "a"), "");
  EXPECT_EQ(query_value("a=b=c", "a"), "b=c");
  for (const char* query : {"", "&", "=", "&&=&", "ab=1", "%61=1"})
    EXPECT_FALSE(query_value(query, "a")) << query;
}

}  // namespace
}  // namespace autark::http
