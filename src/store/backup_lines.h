// The lines of a backup file, one after the other, and the checksum of those that were read.
#pragma once
#include <cstdio>
#include <filesystem>
#include "base/fnv.h"
#include "base/json.h"

namespace autark::storage {

class BackupLines {
 public:
  static Result<BackupLines> open(const std::filesystem::path& file);
  // The next line as JSON; null at the end of the file. An Error if it is longer than 256 MiB or no JSON.
  Result<Json> next();
  // Of all lines before the last one that was read.
  std::string sum_before() const;
  // An Error about the last line.
  Error wrong(const std::string& what) const;

 private:
  struct Close {
    void operator()(std::FILE* f) const { std::fclose(f); }
  };
  explicit BackupLines(std::string path) : path_(std::move(path)) {}

  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
  int64_t number_ = 0;
  uint64_t sum_ = kFnvSeed, sum_before_ = kFnvSeed;
};

}  // namespace autark::storage
