// A repository on a model hub: which files it has, which of them a model needs, and where each lies. Speaks
// the layouts of Hugging Face and of ModelScope:
//
//   Hugging Face   /api/models/ORG/NAME/revision/REV?blobs=true → siblings, else
//   /api/models/ORG/NAME/tree/REV
//                  /ORG/NAME/resolve/REV/FILE
//   ModelScope     /api/v1/models/ORG/NAME/repo/files?Revision=REV&Recursive=true
//                  /api/v1/models/ORG/NAME/repo?Revision=REV&FilePath=FILE
#pragma once
#include <string>
#include <vector>
#include "base/json.h"
#include "http/stream.h"
#include "hub/hub.h"
#include "hub/names.h"

namespace autark::hub {

struct RemoteFile {
  std::string path;
  int64_t bytes = 0;    // 0: not known
  std::string sha256;   // empty: not known (on Hugging Face, of files that are not in large-file storage)
  std::string blob;     // git's name for the bytes; empty: not known
  std::string version;  // another one may mean other bytes; counts where there is no sum; empty: not known
  bool has_sum() const { return !sha256.empty() || !blob.empty(); }
};

class Repository {
 public:
  // REQUIRES: `where.kind` is a hub.
  Repository(const Reference& where, const PullOptions& options);

  Result<std::vector<RemoteFile>> files() const;  // of one commit
  std::string url(const std::string& file) const;
  http::Headers headers() const;  // HF_TOKEN, MODELSCOPE_API_TOKEN

 private:
  Result<std::vector<RemoteFile>> huggingface_files() const;
  Result<std::vector<RemoteFile>> modelscope_files() const;
  Result<Json> get(const std::string& path) const;

  const Reference where_;
  const std::string host_;  // "https://host", no slash at the end
};

// What to fetch: the file that is asked for (with the other pieces of a split GGUF); or a safetensors
// checkpoint with its configuration, tokenizer and template; or the only GGUF. Unsafe paths are refused.
Result<std::vector<RemoteFile>> files_needed(const std::vector<RemoteFile>& all, const Reference& where);

}  // namespace autark::hub
