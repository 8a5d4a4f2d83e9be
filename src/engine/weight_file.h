// A file of reordered weights, so that the next start maps them instead of making them again.
//
//   header, 4096 bytes | forms, each from a multiple of 4096 on | table of entries
//
// Both sides map it from its first byte on, so that it lies in 2 MiB pages where the file system has them.
// A file is written under a name of its own and renamed when all of it is on the disk, so that whatever has
// the right name is whole; a form is believed only if its bytes still have the checksum in the table.
#pragma once
#include <array>
#include <compare>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>
#include "base/mapped_file.h"
#include "base/mapping_guard.h"
#include "base/result.h"

namespace autark::engine {

struct Digest {  // 128 bits that name contents; no protection against a forger
  uint64_t low = 0, high = 0;
  auto operator<=>(const Digest&) const = default;
};
Digest digest_of(std::span<const std::byte> bytes);

struct WeightFileNames {
  Digest model;  // of the model's files as they are, and the layout
  Digest owner;  // of the model's place and the family of layouts: stays when the model's files change
};

// A finished file, mapped.
class WeightFile {
 public:
  // Code::invalid where the file is damaged or something else.
  static Result<WeightFile> open(const std::filesystem::path& path);

  const WeightFileNames& names() const { return names_; }
  const MappedFile& file() const { return file_; }
  int64_t bytes() const { return static_cast<int64_t>(file_.bytes().size()); }
  // The form of this name; none where there is none of that size, or its bytes are damaged. Reads all of it.
  std::optional<std::span<const std::byte>> find(const Digest& form, int64_t bytes) const;
  bool holds(const Digest& form) const { return entries_.contains(form); }

 private:
  struct Stored {
    uint64_t at, bytes, sum;
  };
  explicit WeightFile(MappedFile file) : file_(std::move(file)) {}
  std::optional<Error> read_table();

  MappedFile file_;
  WeightFileNames names_;
  std::map<Digest, Stored> entries_;
};

// A file that is being written. Unless it is committed it is deleted in the end; the forms stay where they
// are until then, either way.
class WeightFileWriter {
 public:
  static Result<std::unique_ptr<WeightFileWriter>> create(const std::filesystem::path& path,
                                                          const WeightFileNames& names);
  ~WeightFileWriter();
  WeightFileWriter(const WeightFileWriter&) = delete;

  // Room for a form, zeroed; null when the disk is full.
  std::byte* add(const Digest& form, int64_t bytes);
  // The form at this address is written: takes its checksum and starts writing it to the disk. Returns the form.
  std::span<const std::byte> filled(const std::byte* form);
  // Writes what is left to the disk and gives the file its name. The forms can only be read then.
  std::optional<Error> commit(const std::filesystem::path& name);
  bool committed() const { return committed_; }
  int64_t bytes() const { return end_; }
  bool damaged() const;  // the file was truncated by others: forms read zeros

 private:
  struct Form {
    Digest name;
    int64_t at;  // in the file
    std::span<std::byte> mapped;
    uint64_t sum = 0;
    bool filled = false;
  };
  struct Region {  // of the file, as long as what may come to lie in it
    int64_t at;
    std::span<std::byte> mapped;
    MappingGuard guard;
  };
  WeightFileWriter(std::filesystem::path path, int fd, const WeightFileNames& names)
      : path_(std::move(path)), fd_(fd), names_(names) {}
  bool make_room(int64_t bytes);
  bool map_region(int64_t bytes);
  std::optional<Error> write_table();

  std::filesystem::path path_;
  int fd_;
  WeightFileNames names_;
  int64_t end_ = 0;        // of what is taken
  int64_t allocated_ = 0;  // on the disk
  std::vector<Region> regions_;
  std::vector<Form> forms_;
  bool committed_ = false;
};

}  // namespace autark::engine
