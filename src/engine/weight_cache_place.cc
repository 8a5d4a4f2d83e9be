#include "engine/weight_cache_place.h"
#include <unistd.h>
#include <algorithm>
#include <cstdlib>

namespace autark::engine {
namespace {

namespace fs = std::filesystem;

bool can_be_written(const fs::path& folder) {
  return ::access(folder.c_str(), W_OK | X_OK) == 0;
}

fs::path user_cache() {
  const char* xdg = std::getenv("XDG_CACHE_HOME");
  if (xdg && *xdg == '/') return xdg;
  const char* home = std::getenv("HOME");
  return home && *home ? fs::path(home) / ".cache" : fs::path();
}

}  // namespace

std::vector<fs::path> weight_files_in(const fs::path& folder, const std::string& beginning) {
  std::vector<fs::path> found;
  std::error_code failed;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with(beginning) && name.ends_with(kWeightFileEnding)) found.push_back(at->path());
  }
  std::ranges::sort(found);
  return found;
}

WeightCachePlace default_weight_cache(const fs::path& model) {
  std::error_code failed;
  const fs::path whole = fs::weakly_canonical(model, failed);
  const fs::path folder = fs::is_directory(whole, failed) ? whole : whole.parent_path();
  if (can_be_written(folder)) return {folder / ".autark", kWeightCacheLeast};
  const fs::path user = user_cache();
  if (user.empty()) return {};
  return {user / "autark" / "weights", kWeightCacheLeast};
}

int64_t weight_cache_bytes(const fs::path& folder, const std::string& model_name) {
  int64_t all = 0;
  std::error_code failed;
  for (const fs::path& f : weight_files_in(folder, model_name.empty() ? "" : model_name + "."))
    if (const auto size = fs::file_size(f, failed); !failed) all += int64_t(size);
  return all;
}

}  // namespace autark::engine
