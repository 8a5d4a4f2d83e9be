// A file mapped for reading. Owns the mapping: views of bytes() end with it. Movable; reading is thread-safe.
// A change to the file while it is mapped shows through: removed pages read as zeros, rewritten ones as the
// new bytes, and change() reports it. Call change() after computing on bytes() and before using the result;
// copy bytes that are validated once and used later.
#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include "base/file_watch.h"
#include "base/mapping_guard.h"
#include "base/result.h"

namespace autark {

class MappedFile {
 public:
  static Result<MappedFile> open(const std::filesystem::path& path);
  // Maps a regular file of any size. Code::not_found if there is none.
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }
  const std::filesystem::path& path() const { return path_; }
  // Time of the last write when the file was opened, in ns since 1970; 0 for an empty file.
  int64_t written_ns() const { return written_ns_; }
  // Code::io if the file was changed since it was mapped, and from then on. Renaming another file over it or
  // deleting it is not a change. Thread-safe; costs a system call.
  std::optional<Error> change() const;

 private:
  MappedFile(std::filesystem::path path, std::span<const std::byte> bytes, std::unique_ptr<FileWatch> watch,
             int64_t written_ns);

  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
  int64_t written_ns_ = 0;
  std::unique_ptr<FileWatch> watch_;  // null for an empty file
  MappingGuard guard_;
};

// The whole of a small file as text. A file above `bytes_max` is an error: the path is probably wrong.
Result<std::string> read_file(const std::filesystem::path& path, size_t bytes_max = size_t{256} << 20);

}  // namespace autark
