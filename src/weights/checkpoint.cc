#include "weights/checkpoint.h"
#include <algorithm>
#include "weights/gguf/open.h"
#include "weights/hf/open.h"

namespace autark {
namespace {

// The one GGUF file of a directory, or the first of its one split set; empty where there is none, or several.
std::filesystem::path gguf_in(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> found;
  std::error_code failed;
  for (std::filesystem::directory_iterator f(directory, failed), end; !failed && f != end;
       f.increment(failed)) {
    const std::string name = f->path().filename().string();
    const bool later_part = name.find("-of-") != name.npos && name.find("-00001-of-") == name.npos;
    if (name.ends_with(".gguf") && !later_part) found.push_back(f->path());
  }
  return found.size() == 1 ? found[0] : std::filesystem::path{};
}

Result<Checkpoint> open_directory(const std::filesystem::path& path, int rank, int ranks) {
  std::error_code failed;
  if (std::filesystem::exists(path / "config.json", failed)) return open_safetensors(path, rank, ranks);
  if (const auto gguf = gguf_in(path); !gguf.empty()) return open_gguf(gguf, rank, ranks);
  return Error{Code::not_found,
               path.string() + ": has neither config.json with safetensors nor one .gguf file"};
}

}  // namespace

Result<Checkpoint> open_checkpoint(const std::filesystem::path& path, int rank, int ranks) {
  std::error_code failed;
  const auto status = std::filesystem::status(path, failed);
  if (!std::filesystem::exists(status))
    return Error{Code::not_found, path.string() + ": there is no such model"};
  if (std::filesystem::is_directory(status)) return open_directory(path, rank, ranks);
  const std::string name = path.filename().string();
  const auto beside = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  if (name.ends_with(".index.json") || name.find(".safetensors") != name.npos) {
    const bool sharded = name != "model.safetensors" &&
                         std::filesystem::exists(beside / "model.safetensors.index.json", failed);
    return open_safetensors(sharded ? beside : path, rank, ranks);
  }
  return open_gguf(path, rank, ranks);
}

}  // namespace autark
