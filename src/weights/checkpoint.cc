#include "weights/checkpoint.h"
#include "base/file_kind.h"
#include "weights/gguf/open.h"
#include "weights/hf/open.h"

namespace autark {

Result<Checkpoint> open_checkpoint(const std::filesystem::path& path, int rank, int ranks) {
  const FileKind kind = kind_of_file(path);
  if (kind == FileKind::missing) return Error{Code::not_found, path.string() + ": there is no such model"};
  if (kind == FileKind::directory) return open_safetensors(path, rank, ranks);
  if (kind == FileKind::gguf) return open_gguf(path, rank, ranks);
  const std::string name = path.filename().string();
  if (kind == FileKind::other && !name.ends_with(".index.json"))
    return Error{Code::invalid, path.string() + ": " + said_of_file(path)};
  const auto beside = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  std::error_code failed;
  if (!std::filesystem::exists(beside / "config.json", failed))
    return Error{Code::not_found, folder_wanted(path)};
  const auto index = beside / "model.safetensors.index.json";
  const bool sharded = name != "model.safetensors" && std::filesystem::exists(index, failed);
  return open_safetensors(sharded ? index : path, rank, ranks);
}

}  // namespace autark
