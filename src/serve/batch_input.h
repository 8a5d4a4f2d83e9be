// The input file of a batch: one request a line, {"custom_id", "method", "url", "body"}. Read in pieces, so that a large
// file costs no memory. Hostile: whatever a line holds becomes a request or a fault of that line.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include "base/json.h"
#include "store/files.h"

namespace autark::serve {

inline constexpr int64_t kBatchRequestsMax = 50'000;  // of one batch

struct BatchRequest {
  std::string custom_id;
  std::string body;  // JSON text of the request
};

// Why a line is no request.
struct BatchFault {
  std::string code, message, param;
};

// Reads one line. `endpoint`: the only url that is allowed.
std::variant<BatchRequest, BatchFault> read_batch_line(const std::string& line, const std::string& endpoint);

// How much of a file is read before others have their turn.
class BatchTurn {
 public:
  bool lasts() const { return lines_ < kLines && bytes_ < kBytes; }
  void use(const std::string& line) {
    ++lines_;
    bytes_ += line.size();
  }

 private:
  static constexpr int kLines = 256;
  static constexpr size_t kBytes = size_t{4} << 20;
  int lines_ = 0;
  size_t bytes_ = 0;
};

// Lines without a request are allowed.
bool is_blank(const std::string& line);

class BatchInput {
 public:
  static constexpr size_t kLineBytesMax = size_t{32} << 20;  // as of the body of an HTTP request

  explicit BatchInput(std::unique_ptr<storage::FileReader> reader) : reader_(std::move(reader)) {}

  // The next line; unset at the end of the file. Error exhausted for a line beyond kLineBytesMax.
  Result<std::optional<std::string>> next();
  // The number of the line that next() returned last, from 1 on.
  int64_t number() const { return number_; }

 private:
  std::unique_ptr<storage::FileReader> reader_;
  std::string buffer_;  // bytes that were read
  size_t at_ = 0;       // where the next line begins in it
  bool ended_ = false;
  int64_t number_ = 0;
};

}  // namespace autark::serve
