#include "serve/batch_output.h"
#include "base/log.h"
#include "serve/batch_object.h"

namespace autark::serve {
namespace {

constexpr int kAnswersAtOnce = 64;
constexpr const char* kPurpose = "batch_output";  // which no upload may have

std::string name_of(const std::string& batch, BatchOutput::Kind kind) {
  return batch + (kind == BatchOutput::Kind::errors ? "_error.jsonl" : "_output.jsonl");
}

std::string head_of(Ids& ids, const std::string& custom_id) {
  std::string line = dump_json({{"custom_id", custom_id}, {"id", "batch_req_" + ids.next()}});
  line.pop_back();
  return line;
}

}  // namespace

std::string answer_line(Ids& ids, const std::string& custom_id, int status, const std::string& request_id,
                        const std::string& body) {
  return head_of(ids, custom_id) + R"(,"response":{"status_code":)" + std::to_string(status) +
         R"(,"request_id":)" + dump_json(Json(request_id)) + R"(,"body":)" + (body.empty() ? "null" : body) +
         R"(},"error":null})";
}

BatchOutput::BatchOutput(Stores stores, const storage::Batch& batch, const Json& object, Kind kind,
                         int64_t now)
    : stores_(stores),
      batch_(batch.id),
      owner_(batch.owner),
      input_id_(object["input_file_id"]),
      endpoint_(object["endpoint"]),
      kind_(kind) {
  const int64_t seconds = output_seconds(object);
  file_.owner = owner_;
  file_.name = name_of(batch_, kind);
  file_.purpose = kPurpose;
  file_.created = now;
  file_.expires = seconds ? now + seconds : 0;
  if (kind != Kind::errors) return;
  const std::string ending = ending_of(object);
  if (ending == "expired") {
    code_ = "batch_expired";
    message_ = "This request could not be executed before the completion window expired.";
  } else if (ending == "cancelled") {
    code_ = "batch_cancelled";
    message_ = "This request was not executed, because the batch was cancelled.";
  }
}

BatchOutput::~BatchOutput() = default;

Result<std::optional<std::string>> BatchOutput::write_some() {
  AUTARK_TRY(const bool more, !all_answers_ ? write_answers() : write_not_run());
  if (more) return std::optional<std::string>();
  if (!writer_) return std::optional<std::string>("");
  AUTARK_TRY(const storage::File file, writer_->commit());
  return std::optional<std::string>(file.id);
}

// True: there is more to do.
Result<bool> BatchOutput::write_answers() {
  AUTARK_TRY(const auto answers,
             stores_.batches.answers(batch_, kind_ == Kind::errors, written_, kAnswersAtOnce));
  for (const storage::BatchAnswer& answer : answers) {
    if (auto fault = write(answer.line)) return *fault;
    written_ = answer.number;
  }
  all_answers_ = std::ssize(answers) < kAnswersAtOnce;
  return !all_answers_ || code_ != nullptr;
}

// The input was checked before, unless the batch ended early; a line that is no request is left out.
Result<bool> BatchOutput::write_not_run() {
  AUTARK_TRY(const bool open, open_input());
  if (!open) return false;
  for (BatchTurn turn; turn.lasts();) {
    const auto line = input_->next();
    if (!line) gap_ = "The input file cannot be read to its end; its requests are not listed from there on.";
    if (!line || !*line) return false;
    turn.use(**line);
    const auto read = read_batch_line(**line, endpoint_);
    const auto* request = std::get_if<BatchRequest>(&read);
    if (!request || !seen_.insert(request->custom_id).second) continue;
    if (std::ssize(seen_) > kBatchRequestsMax) return false;
    const Json error{{"code", code_}, {"message", message_}};
    if (auto fault = write(head_of(stores_.ids, request->custom_id) + R"(,"response":null,"error":)" +
                           dump_json(error) + "}"))
      return *fault;
    ++not_run_;
  }
  return true;
}

// False if the file is gone.
Result<bool> BatchOutput::open_input() {
  if (input_) return true;
  auto reader = stores_.files.open(input_id_, owner_, file_.created);
  if (!reader) {
    gap_ = "The input file was deleted or has expired; its requests without an answer are not listed.";
    return false;
  }
  AUTARK_TRY(const auto answered, stores_.batches.answered(batch_));
  seen_.insert(answered.begin(), answered.end());
  input_ = std::make_unique<BatchInput>(std::move(*reader));
  return true;
}

std::optional<Error> BatchOutput::write(const std::string& line) {
  if (!writer_) {
    auto made = stores_.files.create(file_);
    if (!made) return made.error();
    writer_ = std::move(*made);
  }
  return writer_->write(line + "\n");
}

void BatchOutput::remove_orphans(storage::Files& files, const storage::Batch& batch, const Json& object,
                                 int64_t now) {
  constexpr size_t kAll = 1'000'000;
  const auto found = files.list(batch.owner, {.purpose = kPurpose, .after = "", .limit = kAll}, now);
  if (!found) return log_error(found.error().message);
  const std::string output = name_of(batch.id, Kind::output), errors = name_of(batch.id, Kind::errors);
  for (const storage::File& file : *found) {
    if (file.purpose != kPurpose || (file.name != output && file.name != errors)) continue;
    if (file.id == object["output_file_id"] || file.id == object["error_file_id"]) continue;
    log_info("batches: removing a file of " + batch.id + " that was not entered before the server ended");
    if (const auto fault = files.erase(file.id, batch.owner, now)) log_error(fault->message);
  }
}

}  // namespace autark::serve
