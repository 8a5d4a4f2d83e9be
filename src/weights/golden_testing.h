// For tests: where the reference checkpoints lie. $AUTARK_GOLDEN has the whole set, tests/golden a selection.
#pragma once
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <vector>

namespace autark {

inline std::filesystem::path golden_models() {
  const char* whole = std::getenv("AUTARK_GOLDEN");
  const std::filesystem::path root = whole && *whole ? whole : AUTARK_SOURCE_DIR "/tests/golden";
  return root / "models";
}

// Directories with a config.json.
inline std::vector<std::filesystem::path> golden_directories() {
  std::vector<std::filesystem::path> all;
  std::error_code none;
  for (const auto& e : std::filesystem::directory_iterator(golden_models(), none))
    if (std::filesystem::exists(e.path() / "config.json")) all.push_back(e.path());
  std::ranges::sort(all);
  return all;
}

// GGUF files made from them: <name of the directory>.<format>.gguf
inline std::vector<std::filesystem::path> golden_ggufs() {
  std::vector<std::filesystem::path> all;
  std::error_code none;
  for (const auto& e : std::filesystem::directory_iterator(golden_models() / "gguf", none))
    if (e.path().extension() == ".gguf") all.push_back(e.path());
  std::ranges::sort(all);
  return all;
}

}  // namespace autark
