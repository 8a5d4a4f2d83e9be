#include "serve/batch_runner.h"
#include <algorithm>
#include "base/log.h"
#include "serve/batch_object.h"
#include "serve/pages.h"

namespace autark::serve {
namespace {

using Kind = api::ApiError::Kind;

constexpr int64_t kDaysKept = 30;

api::ApiError unknown(const std::string& id) {
  return {.kind = Kind::not_found,
          .message = "No batch found with id '" + id.substr(0, 100) + "'.",
          .code = "not_found"};
}

// Clients are told that the store failed, the log says how.
api::ApiError fault_of(const Error& fault, const std::string& id) {
  if (fault.code == Code::not_found) return unknown(id);
  log_error(fault.message);
  return {.kind = Kind::internal, .message = "the server's store of batches failed"};
}

std::optional<Json> object_of(const storage::Batch& batch) {
  auto json = parse_json(batch.body, "a batch");
  if (!json) return {};
  return std::move(*json);
}

// Whether the file of a job is being checked: one at a time, because the ids of its lines take memory.
template <class Jobs>
bool any_validates(const Jobs& jobs) {
  return std::ranges::any_of(
      jobs, [](const auto& job) { return job->input && job->object["status"] == "validating"; });
}

// A refusal that says nothing of the request: the server is full, it stops, or a limit is reached that waiting helps
// against.
bool is_not_now(const BatchOutcome& outcome) {
  if (outcome.status != 429 && outcome.status != 503) return false;
  const auto body = parse_json(outcome.body, "an answer");
  const Json* error = body && body->is_object() && body->contains("error") ? &(*body)["error"] : nullptr;
  const Json code = error && error->is_object() ? error->value("code", Json()) : Json();
  return code != "ended_by_operator" && code != "insufficient_quota";
}

}  // namespace

BatchRunner::BatchRunner(Options options) : options_(std::move(options)) {
  load();
  thread_ = std::thread([this] { work(); });
}

BatchRunner::~BatchRunner() {
  inbox_->stop();
  thread_.join();
}

void BatchRunner::load() {
  auto open = options_.batches->open();
  if (!open) return log_error(open.error().message);
  for (storage::Batch& batch : *open) {
    auto job = std::make_unique<Job>(Job{.kept = std::move(batch)});
    auto object = object_of(job->kept);
    if (!object) {
      log_error("batches: " + job->kept.id + " cannot be read and is left out");
      continue;
    }
    job->object = std::move(*object);
    BatchOutput::remove_orphans(*options_.files, job->kept, job->object, options_.now());
    jobs_.push_back(std::move(job));
  }
}

void BatchRunner::work() {
  while (!inbox_->stopped()) {
    bool busy;
    {
      const std::lock_guard lock(mutex_);
      busy = work_once();
    }
    if (!busy) inbox_->wait(options_.retry);
    std::this_thread::yield();  // to those who wait for the mutex
  }
}

// True if there is more to do at once.
bool BatchRunner::work_once() {
  take_answers();
  bool busy = false;
  for (const auto& job : jobs_) busy |= step(*job);
  send_some();
  std::erase_if(jobs_, [](const auto& job) { return is_over(job->object) && !job->unsaved; });
  return busy;
}

bool BatchRunner::step(Job& job) {
  if (job.unsaved && (paused() || !save(job))) return false;
  if (is_over(job.object)) return false;
  if (!ending_of(job.object).empty()) return job.running.empty() && !paused() && finish(job);
  if (options_.now() >= job.object["expires_at"].get<int64_t>())
    return end_early(job, "expired", "finalizing"), true;
  if (job.object["status"] == "validating") return (job.input || !any_validates(jobs_)) && validate(job);
  if (!job.read_all || !job.running.empty() || !job.again.empty()) return false;
  end_early(job, "completed", "finalizing");
  return true;
}

// Opens the input from its first line. Fails the batch if the file is gone.
bool BatchRunner::open_input(Job& job) {
  if (job.input) return true;
  const std::string file = job.object["input_file_id"];
  auto reader = options_.files->open(file, job.kept.owner, options_.now());
  if (!reader)
    return fail(job, "input_file_not_found", "The input file was deleted, has expired or cannot be read."),
           false;
  job.input = std::make_unique<BatchInput>(std::move(*reader));
  return true;
}

// Reads some lines. True: there is more to do.
bool BatchRunner::validate(Job& job) {
  if (!open_input(job)) return true;
  for (BatchTurn turn; turn.lasts();) {
    auto line = job.input->next();
    if (!line) return fail(job, "invalid_line", line.error().message, job.input->number()), true;
    if (!*line) return begin(job), true;
    turn.use(**line);
    if (is_blank(**line)) continue;
    if (std::ssize(job.seen) == kBatchRequestsMax)
      return fail(job, "too_many_requests", "A batch has at most 50000 requests.", job.input->number()), true;
    check_line(job, **line);
  }
  return true;
}

void BatchRunner::check_line(Job& job, const std::string& line) {
  auto read = read_batch_line(line, job.object["endpoint"]);
  if (auto* request = std::get_if<BatchRequest>(&read)) {
    if (job.seen.insert(std::move(request->custom_id)).second) return;
    read = BatchFault{"duplicate_custom_id", "This custom_id was used in an earlier line.", "custom_id"};
  }
  const BatchFault& fault = std::get<BatchFault>(read);
  add_error(job.object, fault.code, fault.message, fault.param, job.input->number());
}

// All lines were read: the requests begin, or the batch has failed.
void BatchRunner::begin(Job& job) {
  if (job.seen.empty() && job.object["errors"].is_null())
    return fail(job, "empty_file", "The input file has no requests.");
  if (!job.object["errors"].is_null()) return end_early(job, "failed", "");
  job.object["request_counts"]["total"] = job.seen.size();
  job.seen.clear();
  job.input.reset();
  set_status(job.object, "in_progress", options_.now());
  save(job);
}

void BatchRunner::take_answers() {
  for (BatchInbox::Answer& a : inbox_->take()) answers_.push_back(std::move(a));
  while (!answers_.empty() && take(answers_.front())) answers_.pop_front();
}

// False if the answer could not be kept and has to wait.
bool BatchRunner::take(const BatchInbox::Answer& a) {
  const auto at = std::ranges::find_if(jobs_, [&](const auto& job) { return job->kept.id == a.batch; });
  if (at == jobs_.end()) return true;
  Job& job = **at;
  const auto sent = job.running.find(a.custom_id);
  if (sent == job.running.end()) return true;
  const bool not_now = is_not_now(a.outcome);
  if (!not_now && a.outcome.status != 0 && !keep(job, a.custom_id, a.outcome)) return false;
  if (not_now && ending_of(job.object).empty()) {
    job.again.push_back(std::move(sent->second.request));
    job.paused_until = std::chrono::steady_clock::now() + options_.retry;
  }
  job.running.erase(sent);
  --running_;
  return true;
}

bool BatchRunner::keep(Job& job, const std::string& custom_id, const BatchOutcome& outcome) {
  if (paused()) return false;
  const bool is_error = outcome.status != 200;
  Json object = job.object;
  Json& count = object["request_counts"][is_error ? "failed" : "completed"];
  count = count.get<int64_t>() + 1;
  if (!is_error) add_usage(object, outcome.body);
  storage::Batch changed = job.kept;
  changed.body = dump_json(object);
  if (const auto fault = options_.batches->keep(
          changed,
          {.custom_id = custom_id,
           .is_error = is_error,
           .line = answer_line(ids_, custom_id, outcome.status, outcome.request_id, outcome.body)})) {
    log_error(fault->message);
    return pause(), fault->code == Code::invalid;
  }
  job.object = std::move(object);
  return true;
}

// Batches take turns. The one that the server refuses keeps its turn, so that only its line waits in memory.
void BatchRunner::send_some() {
  for (size_t tried = 0; tried < jobs_.size() && running_ < kRunningMax && !paused();) {
    const auto job = jobs_.begin();
    tried = send_one(**job) ? 0 : tried + 1;
    if (paused()) return;
    jobs_.splice(jobs_.end(), jobs_, job);
  }
}

bool BatchRunner::send_one(Job& job) {
  if (job.object["status"] != "in_progress" || !ending_of(job.object).empty()) return false;
  if (std::chrono::steady_clock::now() < job.paused_until) return false;
  const CallerPtr caller = options_.find_caller ? options_.find_caller(key_of(job.object)) : nullptr;
  if (options_.find_caller && !caller)
    return fail(job, "key_disabled", "The API key that made the batch was disabled, has expired or is gone."),
           inbox_->wake(), false;
  auto request = next_request(job);
  if (!request) return false;
  const auto answered = [inbox = inbox_, batch = job.kept.id, id = request->custom_id](BatchOutcome outcome) {
    inbox->add({batch, id, std::move(outcome)});
  };
  auto cancel = options_.send(caller, job.object["endpoint"], request->body, answered);
  if (!cancel) {
    job.again.push_front(std::move(*request));
    return pause(), false;
  }
  const std::string id = request->custom_id;
  job.running[id] = {std::move(*request), std::move(*cancel)};
  ++running_;
  return true;
}

// The next request without an answer. Unset: there is none, or not yet.
std::optional<BatchRequest> BatchRunner::next_request(Job& job) {
  if (!job.again.empty()) {
    BatchRequest request = std::move(job.again.front());
    job.again.pop_front();
    return request;
  }
  if (job.read_all) return {};
  if (!job.input) {
    auto answered = options_.batches->answered(job.kept.id);
    if (!answered) return log_error(answered.error().message), pause(), std::nullopt;
    if (!open_input(job)) return {};
    job.seen = {std::make_move_iterator(answered->begin()), std::make_move_iterator(answered->end())};
  }
  for (BatchTurn turn; turn.lasts();) {
    auto line = job.input->next();
    if (line && *line) turn.use(**line);
    if (line && *line && is_blank(**line)) continue;
    auto read = line && *line ? read_batch_line(**line, job.object["endpoint"]) : BatchFault{};
    if (auto* request = std::get_if<BatchRequest>(&read)) {
      if (job.seen.contains(request->custom_id)) continue;
      return std::move(*request);
    }
    job.read_all = line && !*line;
    if (!job.read_all) fail(job, "input_file_changed", "The input file cannot be read as it was.");
    break;
  }
  inbox_->wake();
  return {};
}

// Ends what runs, and says what the batch becomes once its files are written. An empty `status` stays as it is.
void BatchRunner::end_early(Job& job, const std::string& ending, const std::string& status) {
  set_ending(job.object, ending);
  if (!status.empty()) set_status(job.object, status, options_.now());
  job.again.clear();
  job.input.reset();
  save(job);
  for (const auto& [id, sent] : job.running)
    if (sent.cancel) sent.cancel();
}

void BatchRunner::fail(Job& job, const std::string& code, const std::string& message, int64_t line) {
  add_error(job.object, code, message, "", line);
  end_early(job, "failed", "");
}

// Writes the next part of the files. True: there is more to do.
bool BatchRunner::finish(Job& job) {
  if (job.files_done == 0 && job.object["output_file_id"].is_string()) job.files_done = 1;
  if (job.object["error_file_id"].is_string()) job.files_done = 2;
  using Of = BatchOutput::Kind;
  if (job.files_done < 2) return write_some(job, job.files_done == 0 ? Of::output : Of::errors);
  set_status(job.object, ending_of(job.object), options_.now());
  save(job);
  return false;
}

bool BatchRunner::write_some(Job& job, BatchOutput::Kind kind) {
  if (!job.output)
    job.output = std::make_unique<BatchOutput>(BatchOutput::Stores{*options_.files, *options_.batches, ids_},
                                               job.kept, job.object, kind, options_.now());
  const auto file = job.output->write_some();
  if (!file) {
    log_error(file.error().message);
    add_error(job.object, "output_not_written", "The output could not be written: " + file.error().message,
              "", 0);
    set_ending(job.object, "failed");
    job.output.reset();
    job.files_done = 2;
    return true;
  }
  if (!*file) return true;
  if (!(*file)->empty())
    job.object[kind == BatchOutput::Kind::errors ? "error_file_id" : "output_file_id"] = **file;
  count_not_run(job);
  job.output.reset();
  ++job.files_done;
  return save(job);
}

// Requests that were not run have failed; of a batch that ended before its file was checked, these are all.
void BatchRunner::count_not_run(Job& job) {
  if (!job.output->gap().empty()) add_error(job.object, "input_file_not_found", job.output->gap(), "", 0);
  Json& counts = job.object["request_counts"];
  const int64_t failed = counts["failed"].get<int64_t>() + job.output->not_run();
  counts["failed"] = failed;
  counts["total"] = std::max(counts["total"].get<int64_t>(), counts["completed"].get<int64_t>() + failed);
}

bool BatchRunner::save(Job& job) {
  job.kept.body = dump_json(job.object);
  job.kept.over = is_over(job.object);
  const auto fault = options_.batches->update(job.kept);
  job.unsaved = fault.has_value();
  if (fault) log_error(fault->message), pause();
  return !fault;
}

void BatchRunner::pause() {
  paused_until_ = std::chrono::steady_clock::now() + options_.retry;
}

bool BatchRunner::paused() const {
  return std::chrono::steady_clock::now() < paused_until_;
}

api::ApiResult<Json> BatchRunner::create(const CallerPtr& caller, std::string_view body) {
  const std::string owner = owner_of(caller);
  auto read = read_batch(body, "batch_" + ids_.next(), options_.now());
  if (std::holds_alternative<api::ApiError>(read)) return read;
  Json& object = std::get<Json>(read);
  if (caller) set_key(object, caller->key);
  const auto file = options_.files->find(object["input_file_id"], owner, options_.now());
  if (!file || file->purpose != "batch")
    return api::ApiError{.message = file ? "the input file must have the purpose 'batch'"
                                         : "there is no file with this input_file_id",
                         .param = "input_file_id"};
  const std::lock_guard lock(mutex_);
  const auto open = std::ranges::count_if(jobs_, [&](const auto& job) { return job->kept.owner == owner; });
  if (open >= kOpenMax)
    return api::ApiError{.kind = Kind::overloaded,
                         .message = "64 batches are under way; wait for the end of one, or cancel one",
                         .code = "batch_limit_exceeded"};
  storage::Batch batch{.id = object["id"],
                       .owner = owner,
                       .created = object["created_at"],
                       .over = false,
                       .body = dump_json(object)};
  if (const auto fault = options_.batches->create(batch)) return fault_of(*fault, batch.id);
  jobs_.push_back(std::make_unique<Job>(Job{.kept = std::move(batch), .object = object}));
  inbox_->wake();
  return shown(std::move(object));
}

api::ApiResult<Json> BatchRunner::find(const std::string& owner, const std::string& id) {
  const auto found = options_.batches->find(id, owner);
  if (!found) return fault_of(found.error(), id);
  auto object = object_of(*found);
  return object ? api::ApiResult<Json>(shown(std::move(*object))) : unknown(id);
}

api::ApiResult<Json> BatchRunner::list(const std::string& owner, const std::string& query) {
  const auto read = read_page(query, "desc");
  if (auto* fault = std::get_if<api::ApiError>(&read)) return *fault;
  const Page& page = std::get<Page>(read);
  const auto found = options_.batches->list(owner, page.after, page.limit + 1);
  if (!found) return fault_of(found.error(), "");
  Json all = Json::array();
  for (const storage::Batch& batch : *found)
    if (auto object = object_of(batch); object && std::ssize(all) < page.limit)
      all.push_back(shown(std::move(*object)));
  return page_json(std::move(all), std::ssize(*found) > page.limit);
}

api::ApiResult<Json> BatchRunner::cancel(const std::string& owner, const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto at = std::ranges::find_if(
      jobs_, [&](const auto& job) { return job->kept.id == id && job->kept.owner == owner; });
  if (at == jobs_.end() || is_over((*at)->object)) {
    auto found = find(owner, id);
    if (const auto* object = std::get_if<Json>(&found); object && (*object)["status"] != "cancelled")
      return api::ApiError{
          .kind = Kind::conflict,
          .message = "Cannot cancel a batch with status '" + (*object)["status"].get<std::string>() + "'.",
          .code = "batch_not_cancellable"};
    return found;
  }
  Job& job = **at;
  if (ending_of(job.object).empty()) end_early(job, "cancelled", "cancelling");
  inbox_->wake();
  return shown(job.object);
}

void BatchRunner::tidy() {
  if (const auto fault = options_.batches->tidy(options_.now() - kDaysKept * 86400))
    log_error(fault->message);
}

}  // namespace autark::serve
