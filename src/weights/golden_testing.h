// For tests: the folders of the reference checkpoints. $AUTARK_GOLDEN has all of them,
// tests/golden a selection.
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

// The folders with a config.json.
inline std::vector<std::filesystem::path> golden_directories() {
  std::vector<std::filesystem::path> all;
  std::error_code none;
  for (const auto& e : std::filesystem::directory_iterator(golden_models(), none))
    if (std::filesystem::exists(e.path() / "config.json")) all.push_back(e.path());
  std::ranges::sort(all);
  return all;
}

// The GGUF files made from them: FOLDER.FORMAT.gguf.
inline std::vector<std::filesystem::path> golden_ggufs() {
  std::vector<std::filesystem::path> all;
  std::error_code none;
  for (const auto& e : std::filesystem::directory_iterator(golden_models() / "gguf", none))
    if (e.path().extension() == ".gguf") all.push_back(e.path());
  std::ranges::sort(all);
  return all;
}

}  // namespace autark
