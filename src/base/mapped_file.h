// A file mapped for reading. Owns the mapping; views of bytes() die with it. Movable, thread-safe to read.
// A file that shrinks while mapped raises SIGBUS on touch: checkpoints are replaced by rename, never
// rewritten in place.
#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include "base/result.h"

namespace autark {

class MappedFile {
 public:
  static Result<MappedFile> open(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {at_, size_}; }
  const std::filesystem::path& path() const { return path_; }

 private:
  MappedFile(std::filesystem::path path, const std::byte* at, size_t size)
      : path_(std::move(path)), at_(at), size_(size) {}

  std::filesystem::path path_;
  const std::byte* at_ = nullptr;
  size_t size_ = 0;
};

// The whole of a small file, as text. `bytes_max` guards against a wrong path.
Result<std::string> read_file(const std::filesystem::path& path, size_t bytes_max = size_t{256} << 20);

}  // namespace autark
