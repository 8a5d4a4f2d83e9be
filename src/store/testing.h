// For tests: files in memory.
#pragma once
#include <map>
#include <mutex>
#include <string>
#include "store/files.h"

namespace autark::storage {

class MemoryFiles final : public Files {
 public:
  MemoryFiles();
  ~MemoryFiles() override;
  Result<std::unique_ptr<FileWriter>> create(File file) override;
  Result<File> find(const std::string& id, const std::string& owner, int64_t now) override;
  Result<std::unique_ptr<FileReader>> open(const std::string& id, const std::string& owner,
                                           int64_t now) override;
  Result<std::vector<File>> list(const std::string& owner, const FilePage&, int64_t) override;
  std::optional<Error> erase(const std::string& id, const std::string& owner, int64_t now) override;

  // Adds a file and returns its id.
  std::string add(const std::string& text, const std::string& owner, const std::string& purpose = "batch");
  std::string text(const std::string& id);

  std::optional<Error> refusal;  // of every create()

 private:
  struct Kept {
    File file;
    std::string text;
  };
  class Writer;
  File keep(File file, const std::string& text);

  std::mutex mutex_;
  std::map<std::string, Kept> files_;
  int last_ = 0;
};

}  // namespace autark::storage
