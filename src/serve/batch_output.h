// A file that a batch leaves behind: its output file has the answers with the status 200; its error file has the other
// answers and, if the batch expired or was cancelled, a line for each request that has no answer. Not thread-safe; may
// block for disk access.
#pragma once
#include <memory>
#include <optional>
#include <set>
#include <string>
#include "base/json.h"
#include "serve/batch_input.h"
#include "serve/ids.h"
#include "store/batches.h"

namespace autark::serve {

class BatchOutput {
 public:
  struct Stores {
    storage::Files& files;
    storage::Batches& batches;
    Ids& ids;
  };
  enum class Kind { output, errors };

  // `object`: the batch object, whose ending is known. `now`: when the file is created. The stores must outlive it.
  BatchOutput(Stores stores, const storage::Batch& batch, const Json& object, Kind kind, int64_t now);
  ~BatchOutput();

  // Writes the next part. Unset: there is more. Else the id of the file, which is empty if there was nothing to write.
  // After an Error nothing stays of it.
  Result<std::optional<std::string>> write_some();
  int64_t not_run() const { return not_run_; }  // requests without an answer that were written
  // Why not all of them could be written, as a sentence for the client; empty if all were.
  const std::string& gap() const { return gap_; }

  // Removes what a process that was killed wrote for the batch and could not enter in its object any more.
  static void remove_orphans(storage::Files& files, const storage::Batch& batch, const Json& object,
                             int64_t now);

 private:
  Result<bool> write_answers();
  Result<bool> write_not_run();
  Result<bool> open_input();
  std::optional<Error> write(const std::string& line);

  const Stores stores_;
  const std::string batch_, owner_, input_id_, endpoint_;
  const Kind kind_;
  const char *code_ = nullptr, *message_ = nullptr;  // of requests without an answer; null: none is written
  storage::File file_;                               // as it is created
  std::unique_ptr<storage::FileWriter> writer_;      // set with the first line
  int64_t written_ = 0;                              // the number of the last answer
  bool all_answers_ = false;
  std::unique_ptr<BatchInput> input_;
  std::set<std::string> seen_;  // custom_id of answers, and of requests that were written
  int64_t not_run_ = 0;
  std::string gap_;
};

// The line of an answer, without a line break.
std::string answer_line(Ids& ids, const std::string& custom_id, int status, const std::string& request_id,
                        const std::string& body);

}  // namespace autark::serve
