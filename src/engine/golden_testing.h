// For golden tests: the paths of the references, the chips a model can run on, and a reader of
// expected.safetensors.
#pragma once
#include <gtest/gtest.h>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/sanitized.h"
#include "chips/registry.h"
#include "tensor/format.h"
#include "weights/checkpoint.h"

namespace autark::engine {

inline std::filesystem::path golden(const char* kind) {
  const char* whole = std::getenv("AUTARK_GOLDEN");
  const std::filesystem::path root = whole && *whole ? whole : AUTARK_SOURCE_DIR "/tests/golden";
  return root / kind;
}

inline std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> all;
  std::error_code none;
  for (const auto& e : std::filesystem::directory_iterator(folder, none)) all.push_back(e.path());
  std::ranges::sort(all);
  return all;
}

// Golden checkpoints in the order of their names: up to `most` of each architecture, or all if the environment variable
// `all` says so; and all that cannot be opened, so that a test of them fails.
inline std::vector<std::filesystem::path> golden_checkpoints(int most, const char* all) {
  const char* which = std::getenv(all);
  if (which && which == std::string_view("all")) most = std::numeric_limits<int>::max();
  std::vector<std::filesystem::path> found, chosen;
  for (const auto& path : files_in(golden("deepseek-v4"))) {
    found.push_back(path / "hf");
    for (const auto& file : files_in(path)) found.push_back(file);
  }
  for (const char* kind : {"models", "families"}) {
    for (const auto& path : files_in(golden(kind))) found.push_back(path);
    for (const auto& path : files_in(golden(kind) / "gguf")) found.push_back(path);
  }
  std::map<std::string, int> seen;
  for (const auto& path : found) {
    if (!std::filesystem::exists(path / "config.json") && path.extension() != ".gguf") continue;
    const auto checkpoint = open_checkpoint(path);
    if (!checkpoint || ++seen[checkpoint->architecture] <= most) chosen.push_back(path);
  }
  return chosen;
}

struct Place {  // a chip, and which of its instruction sets
  std::string chip, isa;
};
inline std::ostream& operator<<(std::ostream& to, const Place& p) {
  return to << p.chip << (p.isa.empty() ? "" : "_" + p.isa);
}
inline std::vector<Place> places() {
  std::vector<Place> all{{"ref", ""}};
  for (const auto& isa : cpu_isas()) all.push_back({"cpu", isa});
  return all;
}

struct Expected {  // one tensor of expected.safetensors
  std::vector<int64_t> shape;
  std::vector<float> values;      // F32, F16, BF16
  std::vector<int32_t> integers;  // I32
};

inline std::map<std::string, Expected> read_expected(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  if (!file) return {};
  const auto bytes = (*file).bytes();
  uint64_t size = 0;
  std::memcpy(&size, bytes.data(), 8);
  const auto header = parse_json({reinterpret_cast<const char*>(bytes.data()) + 8, size}, path.string());
  std::map<std::string, Expected> all;
  for (const auto& [name, entry] : (*header).items()) {
    if (name == "__metadata__") continue;
    Expected e{.shape = entry["shape"].get<std::vector<int64_t>>()};
    const int64_t from = entry["data_offsets"][0], end = entry["data_offsets"][1];
    const std::byte* at = bytes.data() + 8 + size + from;
    if (entry["dtype"] == "I32") {
      e.integers.resize((end - from) / 4);
      std::memcpy(e.integers.data(), at, end - from);
    } else {
      const Format f = entry["dtype"] == "F16"    ? Format::f16
                       : entry["dtype"] == "BF16" ? Format::bf16
                                                  : Format::f32;
      e.values.resize((end - from) / row_bytes(f, 1));
      decode(f, at, e.values);
    }
    all[name] = std::move(e);
  }
  return all;
}

inline double rms(const std::vector<float>& x) {
  double sum = 0;
  for (float v : x) sum += double(v) * v;
  return std::sqrt(sum / double(x.size()));
}

inline double worst_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return INFINITY;
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(double(a[i]) - b[i]);
    worst = d <= worst ? worst : d;  // a NaN stays
  }
  return worst;
}

}  // namespace autark::engine
