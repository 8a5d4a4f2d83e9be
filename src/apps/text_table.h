// A table for people: aligned columns, two spaces apart.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace autark::apps {

class TextTable {
 public:
  // One title a column. Columns whose title begins with '>' are aligned to the right; the sign is not shown.
  explicit TextTable(const std::vector<std::string>& titles);
  // REQUIRES: one cell a column. Control characters, which might come from a database, are shown as '?'; an empty cell
  // is shown as '-'.
  void add(const std::vector<std::string>& cells);
  // All lines, the titles first. Without rows the text `empty` alone, as one line.
  std::string text(std::string_view empty) const;

 private:
  std::string line(const std::vector<std::string>& cells, const std::vector<size_t>& widths) const;

  std::vector<bool> right_;
  std::vector<std::vector<std::string>> lines_;  // the titles first
};

// Names and values of one thing.
using Facts = std::vector<std::pair<std::string, std::string>>;
// A line each, values aligned.
std::string fact_lines(const Facts& facts);
// The columns that a text takes in a terminal: two for characters of Chinese, Japanese and Korean, else one.
size_t display_width(std::string_view utf8);
// 1234567 as "1,234,567".
std::string grouped(int64_t number);

}  // namespace autark::apps
