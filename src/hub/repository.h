// A repository on a model hub: its files, which of them a model needs, and their URLs.
//
//   Hugging Face   list  /api/models/ORG/NAME/revision/REV?blobs=true ("siblings"),
//                        or /api/models/ORG/NAME/tree/REV if that does not exist
//                  file  /ORG/NAME/resolve/REV/FILE
//   ModelScope     list  /api/v1/models/ORG/NAME/repo/files?Revision=REV&Recursive=true
//                  file  /api/v1/models/ORG/NAME/repo?Revision=REV&FilePath=FILE
#pragma once
#include <string>
#include <vector>
#include "base/json.h"
#include "http/stream.h"
#include "hub/hub.h"
#include "hub/names.h"

namespace autark::hub {

// A file as the hub lists it.
struct RemoteFile {
  std::string path;     // relative to the repository
  int64_t bytes = 0;    // 0: not known
  std::string sha256;   // empty: not known; Hugging Face has it for files in large-file storage only
  std::string blob;     // git's id of the bytes (git_blob_of); empty: not known
  std::string version;  // if there is no sum: other versions may have other bytes; empty: not known
  bool has_sum() const { return !sha256.empty() || !blob.empty(); }
};

class Repository {
 public:
  // REQUIRES: `where.kind` is a hub.
  Repository(const Reference& where, const PullOptions& options);

  Result<std::vector<RemoteFile>> files() const;   // asks the hub; all files are of one commit
  std::string url(const std::string& file) const;  // where to fetch a file
  http::Headers headers() const;                   // the access token, from HF_TOKEN or MODELSCOPE_API_TOKEN

 private:
  Result<std::vector<RemoteFile>> huggingface_files() const;
  Result<std::vector<RemoteFile>> modelscope_files() const;
  Result<Json> get(const std::string& path) const;

  const Reference where_;
  const std::string host_;  // "https://host", no slash at the end
};

// The files to fetch. If the reference names a file: that file, with the other pieces if it is a split GGUF.
// Otherwise the safetensors checkpoint with its configuration, tokenizer and template, or else the only GGUF
// file. Unsafe paths are refused.
Result<std::vector<RemoteFile>> files_needed(const std::vector<RemoteFile>& all, const Reference& where);

}  // namespace autark::hub
