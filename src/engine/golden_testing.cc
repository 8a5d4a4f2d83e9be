#include "engine/golden_testing.h"
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <ostream>
#include <string_view>
#include "base/json.h"
#include "base/mapped_file.h"
#include "chips/registry.h"
#include "tensor/format.h"
#include "weights/checkpoint.h"

namespace autark::engine {

std::filesystem::path golden(const char* kind) {
  const char* whole = std::getenv("AUTARK_GOLDEN");
  const std::filesystem::path root = whole && *whole ? whole : AUTARK_SOURCE_DIR "/tests/golden";
  return root / kind;
}

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> all;
  std::error_code none;
  for (const auto& e : std::filesystem::directory_iterator(folder, none)) all.push_back(e.path());
  std::ranges::sort(all);
  return all;
}

std::vector<std::filesystem::path> golden_checkpoints(int most, const char* all) {
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

std::ostream& operator<<(std::ostream& to, const Place& p) {
  return to << p.chip << (p.isa.empty() ? "" : "_" + p.isa);
}

std::vector<Place> places() {
  std::vector<Place> all{{"ref", ""}};
  for (const auto& isa : cpu_isas()) all.push_back({"cpu", isa});
  return all;
}

std::map<std::string, Expected> read_expected(const std::filesystem::path& path) {
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

double rms(const std::vector<float>& x) {
  double sum = 0;
  for (float v : x) sum += double(v) * v;
  return std::sqrt(sum / double(x.size()));
}

double worst_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return INFINITY;
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(double(a[i]) - b[i]);
    worst = d <= worst ? worst : d;  // a NaN stays
  }
  return worst;
}

}  // namespace autark::engine
