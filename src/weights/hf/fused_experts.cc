#include "weights/hf/fused_experts.h"
#include <charconv>
#include <cstring>
#include <string_view>

namespace autark {
namespace {

// "gate_proj", "up_proj" or "down_proj" as a part of the tensor that has it.
std::optional<FusedPart> part_of(std::string_view stem, std::string_view projection) {
  const std::string at(stem);
  if (projection == "down_proj") return FusedPart{.tensor = at + "down_proj", .fused = false};
  if (projection != "gate_proj" && projection != "up_proj") return {};
  return FusedPart{.tensor = at + "gate_up_proj", .up = projection == "up_proj"};
}

}  // namespace

std::optional<FusedPart> fused_part(const std::string& name) {
  constexpr std::string_view kExperts = ".experts.";
  const size_t at = name.find(kExperts), end = name.rfind('.');
  if (at == name.npos || end < at + kExperts.size()) return {};
  const std::string_view all(name), stem = all.substr(0, at + kExperts.size());
  std::string_view middle = all.substr(stem.size(), end - stem.size());
  if (all.substr(end) == ".bias") {
    auto part = part_of(stem, middle);
    if (part) part->bias = true;
    return part;
  }
  const size_t dot = middle.find('.');
  if (all.substr(end) != ".weight" || dot == middle.npos) return {};
  int64_t expert = -1;
  const auto read = std::from_chars(middle.data(), middle.data() + dot, expert);
  if (read.ec != std::errc() || read.ptr != middle.data() + dot || expert < 0) return {};
  auto part = part_of(stem, middle.substr(dot + 1));
  if (part) part->expert = expert;
  return part;
}

std::vector<std::byte> copy_rows(const std::byte* from, const RowChoice& rows) {
  std::vector<std::byte> all(rows.count * rows.bytes);
  for (int64_t i = 0; i < rows.count; ++i)
    std::memcpy(&all[i * rows.bytes], from + (rows.first + i * rows.step) * rows.bytes, rows.bytes);
  return all;
}

std::vector<std::byte> copy_columns(const std::byte* from, int64_t inputs, int64_t outputs,
                                    const RowChoice& columns) {
  std::vector<std::byte> all(columns.count * inputs * columns.bytes);
  for (int64_t o = 0; o < columns.count; ++o)
    for (int64_t i = 0; i < inputs; ++i)
      std::memcpy(&all[(o * inputs + i) * columns.bytes],
                  from + (i * outputs + columns.first + o * columns.step) * columns.bytes, columns.bytes);
  return all;
}

}  // namespace autark
