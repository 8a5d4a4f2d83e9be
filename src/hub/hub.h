// Finds and fetches models: the catalogue of names, the sources behind them, and downloads that resume,
// verify and report progress. A model can be named in these ways:
//
//   qwen2.5-coder-0.5b, gpt-oss-20b          a name of the catalogue: of a file, or of a repository on a hub
//   hf:org/name[@revision][:file]            a repository on Hugging Face
//   modelscope:org/name[@revision][:file]    a repository on ModelScope
//   https://…                                a .gguf file, or a page of a hub
//   /a/path, ./a/path, ~/a/path              a file or folder here
//
// org/name… and hf.co/org/name… mean the repository unless the catalogue or a path has that name.
#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>
#include "base/result.h"

namespace autark::hub {

// The folder that holds the models: AUTARK_MODELS, or ~/.cache/autark/models.
std::filesystem::path model_folder();
// The model that is meant if none is named.
inline constexpr const char* kDefaultModel = "qwen2.5-coder-0.5b";

// The file or folder that a path or the name of a pulled model means; an empty name is the default model.
// Code::not_found says which command fetches the model.
Result<std::filesystem::path> place_of_model(const std::string& name_or_path);
// The same, and in a folder with a single GGUF file that file: the path to open.
Result<std::filesystem::path> find_model(const std::string& name_or_path);
// If `path` is an entry of the Hugging Face cache (models--org--name): the snapshot that refs/main names,
// else the only one. Any other path is returned as it is.
Result<std::filesystem::path> snapshot_in(const std::filesystem::path& path);

// A model of the catalogue: one file, or a whole repository of a hub, whose files and sums the hub knows.
struct CatalogueEntry {
  std::string name, title, licence;
  std::string file, sha256;  // of one file: its name in the model's folder; empty: a repository
  int64_t bytes = 0;         // of the file; 0: a repository
  int64_t parameters = 0;    // of a repository's model, without draft layers and vision towers
  bool chat = true;          // false: a base model for completions
};
// All models of the catalogue.
std::vector<CatalogueEntry> catalogue();

// How far a pull is.
struct Progress {
  std::string what;             // "qwen2.5-coder-0.5b", "verifying FILE"
  int64_t done = 0, total = 0;  // bytes; total 0: not known
};

struct PullOptions {
  std::string hf_host, modelscope_host;  // empty: HF_ENDPOINT, MODELSCOPE_ENDPOINT or the public hosts
  std::filesystem::path into;            // empty: model_folder()
  int tries = 5;                         // gives up after so many without a new byte
  std::chrono::milliseconds pause{500};  // before the second try; doubles each time
  std::function<void(const Progress&)> progress;  // called on the calling thread
  // Free bytes on the disk of an existing folder; if not set, the file system is asked.
  std::function<int64_t(const std::filesystem::path&)> free_bytes;
};

// Fetches the files that are missing or of another revision, verifies them, renames them into place and
// returns the path to open. A file with a wrong checksum, or one that is not what its name says, is deleted
// and is an Error. An interrupted pull is continued by the next call. Files that were in place before stay
// until all new ones are there.
Result<std::filesystem::path> pull(const std::string& reference, const PullOptions& options = {});

}  // namespace autark::hub
