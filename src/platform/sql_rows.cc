#include "platform/sql_rows.h"

namespace autark::platform {

std::string rows_text(size_t rows, size_t columns) {
  std::string text;
  for (size_t row = 0; row < rows; ++row)
    text += (row ? ",(" : "(") + list_text(row * columns + 1, columns) + ")";
  return text;
}

std::string list_text(size_t first, size_t count) {
  std::string text;
  for (size_t i = first; i < first + count; ++i) text += (i > first ? ",$" : "$") + std::to_string(i);
  return text;
}

std::optional<Error> in_pieces(size_t rows, const std::function<std::optional<Error>(size_t, size_t)>& work) {
  for (size_t first = 0; first < rows;) {
    const size_t left = rows - first, count = left >= 64 ? 64 : left >= 16 ? 16 : left >= 4 ? 4 : 1;
    if (auto fault = work(first, count)) return fault;
    first += count;
  }
  return std::nullopt;
}

}  // namespace autark::platform
