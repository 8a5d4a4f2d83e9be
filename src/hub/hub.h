// Getting models: the catalogue of names, the sources they come from, and downloads that resume, verify and
// show how far they are. Knows HTTP and files, nothing of what is in them.
//
//   hf:org/name[@revision][:file]   modelscope:org/name…   https://…   /a/path   a name of the catalogue
//
// org/name…, hf.co/org/name… and the addresses of a hub's pages mean the repository where no model of the
// catalogue and no path has that name.
#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>
#include "base/result.h"

namespace autark::hub {

// ~/.cache/autark/models, or AUTARK_MODELS.
std::filesystem::path model_folder();
inline constexpr const char* kDefaultModel = "qwen2.5-coder-0.5b";

// Where a path, or a name under the model folder, leads; empty: the default model. A file, or a folder that
// holds the model. Code::not_found says which command gets it.
Result<std::filesystem::path> place_of_model(const std::string& name_or_path);
// The file or folder to open there.
Result<std::filesystem::path> find_model(const std::string& name_or_path);
// Of the root of an entry in a hub's cache (models--org--name) the snapshot that refs/main names, or the only
// one; any other path is itself.
Result<std::filesystem::path> snapshot_in(const std::filesystem::path& path);

struct CatalogueEntry {
  std::string name, title, licence, file, sha256;
  int64_t bytes = 0;
  bool chat = true;
};
std::vector<CatalogueEntry> catalogue();

struct Progress {
  std::string what;             // "qwen2.5-coder-0.5b", "verifying"
  int64_t done = 0, total = 0;  // bytes; total 0: not known
};

struct PullOptions {
  std::string hf_host, modelscope_host;  // empty: HF_ENDPOINT / MODELSCOPE_ENDPOINT, else the public hosts
  std::filesystem::path into;            // empty: model_folder()
  int tries = 5;                         // in a row that bring not one byte
  std::chrono::milliseconds pause{500};  // before a second try; doubles
  std::function<void(const Progress&)> progress;
  // Free bytes on the disk of a folder that is there; empty: what the file system says.
  std::function<int64_t(const std::filesystem::path&)> free_bytes;
};

// Fetches what is missing or not of the revision asked for, verifies, and renames into place; the path to
// open. A sum that differs, and a file that is not what its name says, is deleted and an Error. Interrupted:
// the next call goes on where this one stopped, and what was in place before stays until all of the new is
// there.
Result<std::filesystem::path> pull(const std::string& reference, const PullOptions& options = {});

}  // namespace autark::hub
