// Goal: counts and their text. Method: known samples against exact lines; a client that invents names.
#include "serve/metrics.h"
#include <gtest/gtest.h>

namespace autark::serve {
namespace {

TEST(Metrics, HistogramBucketsAreCumulative) {
  static constexpr double kBounds[] = {1, 2};
  Histogram h(kBounds);
  for (const double v : {0.5, 1.0, 1.5, 9.0}) h.add(v);
  Exposition out;
  out.family("h", "histogram", "Help.");
  h.expose(out);
  EXPECT_EQ(
      out.text(),
      "# HELP autark_h Help.\n# TYPE autark_h histogram\nautark_h_bucket{le=\"1\"} 2\n"
      "autark_h_bucket{le=\"2\"} 3\nautark_h_bucket{le=\"+Inf\"} 4\nautark_h_sum 12\nautark_h_count 4\n");
}

TEST(Metrics, NamesThatClientsInventAreBounded) {
  Metrics m;
  int said = 0;
  for (int i = 0; i < 10'000; ++i) said += m.ignored("field" + std::to_string(i)).has_value();
  EXPECT_EQ(said, 101) << "a hundred names and 'other'";
  EXPECT_FALSE(m.ignored("field1"));
  EXPECT_LE(m.ignored(std::string(1000, 'x')).value_or("").size(), 64u);
  Exposition out;
  m.expose(out);
  EXPECT_NE(out.text().find("autark_ignored_fields_total{field=\"other\"} 9901\n"), std::string::npos);
}

TEST(Exposition, LabelsAreEscaped) {
  Exposition out;
  out.family("x", "gauge", "X.");
  out.sample(1.5, {{"a", "q\"b\\n\n"}});
  EXPECT_TRUE(out.text().ends_with("autark_x{a=\"q\\\"b\\\\n\\n\"} 1.5\n")) << out.text();
}

}  // namespace
}  // namespace autark::serve
