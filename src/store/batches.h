// Batches: long lists of requests that clients hand in as a file, and the answers that are there so far. Every batch
// belongs to one owner; for all others it does not exist. Thread-safe; the functions may block for a disk access.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include "base/result.h"

namespace autark::storage {

struct Batch {
  std::string id, owner;  // the id is unique over all owners
  int64_t created = 0;    // seconds since 1970
  bool over = false;      // nothing will change any more
  std::string body;       // JSON text of the batch object
};

// The answer to one request of a batch, as a line of its output file or of its error file.
struct BatchAnswer {
  std::string custom_id;  // unique in the batch
  bool is_error = false;
  std::string line;    // without a line break
  int64_t number = 0;  // set by answers(): grows in the order of keeping
};

class Batches {
 public:
  virtual ~Batches() = default;
  // Error invalid if there is one with this id. Whatever changes is durable before a function returns.
  virtual std::optional<Error> create(const Batch& batch) = 0;
  // Error not_found if there is none with this id and owner.
  virtual Result<Batch> find(const std::string& id, const std::string& owner) = 0;
  // Up to `most` batches, newest first, from behind the one with the id `after` on; an empty `after`: from the first.
  virtual Result<std::vector<Batch>> list(const std::string& owner, const std::string& after, int most) = 0;
  // The batches of all owners that are not over, oldest first.
  virtual Result<std::vector<Batch>> open() = 0;
  // Replaces `over` and `body`. The answers of a batch that is over are removed. Error not_found as for find().
  virtual std::optional<Error> update(const Batch& batch) = 0;
  // Adds an answer and updates its batch, both or none. Error invalid if there is an answer with this custom_id.
  virtual std::optional<Error> keep(const Batch& batch, const BatchAnswer& answer) = 0;
  // The custom_id of every answer.
  virtual Result<std::vector<std::string>> answered(const std::string& batch) = 0;
  // Up to `most` answers of one kind with a number above `after`, in the order of their numbers.
  virtual Result<std::vector<BatchAnswer>> answers(const std::string& batch, bool is_error, int64_t after,
                                                   int most) = 0;
  // Removes the batches that are over and were created before this time.
  virtual std::optional<Error> tidy(int64_t before) = 0;
};

// In the SQLite file of open_store(), or in memory until the process ends.
Result<std::unique_ptr<Batches>> open_batches(const std::filesystem::path& file);
Result<std::unique_ptr<Batches>> memory_batches();

}  // namespace autark::storage
