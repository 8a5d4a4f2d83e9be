#include "weights/bare_config.h"
#include "base/file_kind.h"
#include "weights/hf/config.h"

namespace autark {
namespace {
namespace fs = std::filesystem;
}  // namespace

std::optional<fs::path> folder_of_bare_config(const fs::path& path) {
  std::error_code failed;
  if (path.filename() == "config.json" && fs::is_regular_file(path, failed))
    return path.has_parent_path() ? path.parent_path() : fs::path(".");
  const bool config = fs::is_directory(path, failed) && fs::exists(path / "config.json", failed);
  return config && !has_safetensors(path) && ggufs_in(path).empty() ? std::optional(path) : std::nullopt;
}

Result<Checkpoint> open_bare_config(const fs::path& folder) {
  AUTARK_TRY(HfConfig about, read_hf_config(folder));
  Checkpoint c;
  c.kind = "config";
  c.architecture = std::move(about.architecture);
  c.config = std::move(about.config);
  c.end_tokens = std::move(about.end_tokens);
  return c;
}

}  // namespace autark
