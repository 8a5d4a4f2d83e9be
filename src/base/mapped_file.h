// A file mapped for reading. Owns the mapping; views of bytes() die with it. Movable, thread-safe to read.
// A file that is truncated or rewritten under it shows through: what is gone reads as zeros, what is new as
// it is, and change() says so. Whoever computed on bytes() asks it afterwards, before the result goes out;
// what is checked once and used later is copied.
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
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }
  const std::filesystem::path& path() const { return path_; }
  // Code::io once the file is no longer what was mapped, and from then on. A file that was renamed over this
  // one or its deletion is no change. From any thread; costs a system call.
  std::optional<Error> change() const;

 private:
  MappedFile(std::filesystem::path path, std::span<const std::byte> bytes, std::unique_ptr<FileWatch> watch);

  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
  std::unique_ptr<FileWatch> watch_;  // none of an empty file
  MappingGuard guard_;
};

// The whole of a small file, as text. `bytes_max` guards against a wrong path.
Result<std::string> read_file(const std::filesystem::path& path, size_t bytes_max = size_t{256} << 20);

}  // namespace autark
