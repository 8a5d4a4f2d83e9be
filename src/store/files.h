// Files that clients upload, or that the server writes for them: a name, a purpose, and bytes on the disk. Every file
// belongs to one owner; for all others it does not exist. Thread-safe; the functions may block for disk access.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "base/result.h"

namespace autark::storage {

struct File {
  std::string id, owner;      // the id is unique over all owners
  std::string name, purpose;  // texts of the client
  int64_t bytes = 0;
  int64_t created = 0, expires = 0;  // seconds since 1970; expires 0: never
  int64_t number = 0;                // set by commit(); grows from file to file
};

// Which files to list, and in what order. `after` is the id of the last file of the page before; empty: from the start.
struct FilePage {
  std::string purpose, after;  // an empty purpose means all
  size_t limit = 100;
  bool ascending = false;  // oldest first
};

// A file that is being written. Nobody sees it before commit(); without commit() nothing of it stays.
class FileWriter {
 public:
  virtual ~FileWriter() = default;
  File file;  // what commit() keeps; name, purpose and expires may be changed before it
  // Error exhausted beyond the limits or if the disk is full; the writer is of no use after an Error.
  virtual std::optional<Error> write(std::string_view bytes) = 0;
  // The file is durable before this returns.
  virtual Result<File> commit() = 0;
};

class FileReader {
 public:
  virtual ~FileReader() = default;
  // The next bytes, at most `most`; empty at the end. A file that is erased meanwhile can still be read.
  virtual Result<std::string> read(size_t most) = 0;
};

class Files {
 public:
  virtual ~Files() = default;
  // `file`: owner, name, purpose, created and expires; id and bytes are set by commit().
  virtual Result<std::unique_ptr<FileWriter>> create(File file) = 0;
  // Error not_found if there is none with this id and owner, or if it expired before `now`; as below.
  virtual Result<File> find(const std::string& id, const std::string& owner, int64_t now) = 0;
  virtual Result<std::unique_ptr<FileReader>> open(const std::string& id, const std::string& owner,
                                                   int64_t now) = 0;
  // At most page.limit + 1 files: one more than asked says that there are more.
  virtual Result<std::vector<File>> list(const std::string& owner, const FilePage& page, int64_t now) = 0;
  virtual std::optional<Error> erase(const std::string& id, const std::string& owner, int64_t now) = 0;
};

}  // namespace autark::storage
