#include "weights/checkpoint.h"
#include "weights/gguf/open.h"
#include "weights/hf/open.h"

namespace autark {

Result<Checkpoint> open_checkpoint(const std::filesystem::path& path, int rank, int ranks) {
  std::error_code failed;
  const auto status = std::filesystem::status(path, failed);
  if (!std::filesystem::exists(status))
    return Error{Code::not_found, path.string() + ": there is no such model"};
  if (std::filesystem::is_directory(status)) return open_safetensors(path, rank, ranks);
  const std::string name = path.filename().string();
  const auto beside = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  if (name.ends_with(".index.json") || name.find(".safetensors") != name.npos) {
    const auto index = beside / "model.safetensors.index.json";
    const bool sharded = name != "model.safetensors" && std::filesystem::exists(index, failed);
    return open_safetensors(sharded ? index : path, rank, ranks);
  }
  return open_gguf(path, rank, ranks);
}

}  // namespace autark
