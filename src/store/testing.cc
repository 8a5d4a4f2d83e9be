#include "store/testing.h"
#include <string_view>
#include <utility>

namespace autark::storage {
namespace {

class TextReader final : public FileReader {
 public:
  explicit TextReader(std::string text) : text_(std::move(text)) {}
  Result<std::string> read(size_t most) override {
    std::string piece = text_.substr(at_, most);
    at_ += piece.size();
    return piece;
  }

 private:
  const std::string text_;
  size_t at_ = 0;
};

Error none() {
  return {Code::not_found, "there is no such file"};
}

}  // namespace

class MemoryFiles::Writer final : public FileWriter {
 public:
  Writer(MemoryFiles& files, File first) : files_(files) { file = std::move(first); }
  std::optional<Error> write(std::string_view bytes) override {
    text_ += bytes;
    return {};
  }
  Result<File> commit() override { return files_.keep(file, text_); }

 private:
  MemoryFiles& files_;
  std::string text_;
};

MemoryFiles::MemoryFiles() = default;
MemoryFiles::~MemoryFiles() = default;

Result<std::unique_ptr<FileWriter>> MemoryFiles::create(File file) {
  if (refusal) return *refusal;
  return std::unique_ptr<FileWriter>(std::make_unique<Writer>(*this, std::move(file)));
}

Result<File> MemoryFiles::find(const std::string& id, const std::string& owner, int64_t now) {
  const std::lock_guard lock(mutex_);
  const auto at = files_.find(id);
  if (at == files_.end() || at->second.file.owner != owner) return none();
  if (at->second.file.expires && at->second.file.expires < now) return none();
  return at->second.file;
}

Result<std::unique_ptr<FileReader>> MemoryFiles::open(const std::string& id, const std::string& owner,
                                                      int64_t now) {
  AUTARK_TRY(const File file, find(id, owner, now));
  return std::unique_ptr<FileReader>(std::make_unique<TextReader>(text(file.id)));
}

Result<std::vector<File>> MemoryFiles::list(const std::string& owner, const FilePage&, int64_t) {
  const std::lock_guard lock(mutex_);
  std::vector<File> all;
  for (const auto& [id, kept] : files_)
    if (kept.file.owner == owner) all.push_back(kept.file);
  return all;
}

std::optional<Error> MemoryFiles::erase(const std::string& id, const std::string& owner, int64_t now) {
  const auto found = find(id, owner, now);
  if (!found) return found.error();
  const std::lock_guard lock(mutex_);
  files_.erase(id);
  return {};
}

std::string MemoryFiles::add(const std::string& text, const std::string& owner, const std::string& purpose) {
  return keep({.owner = owner, .name = "in.jsonl", .purpose = purpose}, text).id;
}

std::string MemoryFiles::text(const std::string& id) {
  const std::lock_guard lock(mutex_);
  return files_[id].text;
}

File MemoryFiles::keep(File file, const std::string& text) {
  const std::lock_guard lock(mutex_);
  file.id = "file-" + std::to_string(++last_);
  file.bytes = int64_t(text.size());
  files_[file.id] = {file, text};
  return file;
}

}  // namespace autark::storage
