// The form of POST /v1/files: writes the part "file" to the store while it is read, and reads the fields beside it,
// in any order. Not thread-safe; may block for disk access.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include "api/item.h"
#include "http/multipart.h"
#include "store/files.h"

namespace autark::serve {

// What `purpose` may be, and the seconds after which a file may expire.
inline constexpr std::string_view kFilePurposes[] = {"assistants", "batch",     "fine-tune",
                                                     "vision",     "user_data", "evals"};
inline constexpr int64_t kExpiryMin = 3600, kExpiryMax = 2'592'000;

class FileForm final : public http::PartSink {
 public:
  // `files` must outlive the form. `now`: when the file is created. `bytes_max`: of its content.
  FileForm(storage::Files& files, std::string owner, int64_t now, int64_t bytes_max);

  bool begin(http::PartHead head) override;
  bool put(std::string_view bytes) override;
  bool end() override;
  // Keeps the file of a form that was read to its end.
  api::ApiResult<storage::File> commit();
  // Why a call returned false. REQUIRES: one did.
  const api::ApiError& fault() const { return *fault_; }

 private:
  bool fail(api::ApiError fault);
  bool set_purpose();
  bool set_seconds();
  bool set_anchor();

  storage::Files& files_;
  const std::string owner_;
  const int64_t now_, bytes_max_;
  std::unique_ptr<storage::FileWriter> writer_;  // set with the file's part
  std::string name_, value_;                     // of the part that is read
  std::string purpose_;
  bool in_file_ = false, anchored_ = false;
  int64_t seconds_ = 0, bytes_ = 0;  // until it expires, 0: never; of the file
  std::optional<api::ApiError> fault_;
};

// The fault of a store of files.
api::ApiError fault_of_files(const Error& error);

}  // namespace autark::serve
