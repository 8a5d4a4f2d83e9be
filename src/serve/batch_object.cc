#include "serve/batch_object.h"
#include <algorithm>
#include <charconv>
#include "api/fields.h"
#include "api/openai_fields.h"
#include "serve/file_form.h"

namespace autark::serve {
namespace {

constexpr int64_t kDay = 86400, kWindowMax = 30 * kDay;  // seconds
constexpr const char* kTimes[] = {"in_progress_at", "finalizing_at", "completed_at", "failed_at",
                                  "expired_at",     "cancelling_at", "cancelled_at"};

// Seconds of a text like "24h", "7d", "30m" or "90s"; 0 if it is none.
int64_t seconds_of(const std::string& text) {
  int64_t count = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), count);
  if (read.ec != std::errc() || text.data() + text.size() - read.ptr != 1) return 0;
  const int64_t unit = *read.ptr == 's'   ? 1
                       : *read.ptr == 'm' ? 60
                       : *read.ptr == 'h' ? 3600
                       : *read.ptr == 'd' ? kDay
                                          : 0;
  return count < 1 || count > kWindowMax || count * unit > kWindowMax ? 0 : count * unit;
}

int64_t read_expiry(api::Fields& f) {
  const Json* given = f.object("output_expires_after");
  if (!given) return 0;
  api::Fields e(*given, "output_expires_after.");
  const auto anchor = e.text("anchor");
  const auto seconds = e.integer("seconds", kExpiryMin, kExpiryMax);
  if (!e.fault() && anchor != "created_at") e.fail("anchor", "must be created_at");
  if (!e.fault() && !seconds) e.fail("seconds", "is missing");
  if (e.fault()) f.fail(*e.fault());
  return seconds.value_or(0);
}

std::string read_endpoint(api::Fields& f) {
  const std::string endpoint = f.text("endpoint").value_or("");
  if (std::ranges::find(kBatchEndpoints, endpoint) == std::end(kBatchEndpoints))
    f.fail("endpoint", "must be /v1/chat/completions, /v1/completions or /v1/responses");
  return endpoint;
}

Json no_usage() {
  return {{"input_tokens", 0},
          {"input_tokens_details", {{"cached_tokens", 0}}},
          {"output_tokens", 0},
          {"output_tokens_details", {{"reasoning_tokens", 0}}},
          {"total_tokens", 0}};
}

// Adds a number to one that is there.
void add(Json& to, const std::string& name, const Json& from, const std::string& of) {
  const auto sum = to.find(name);
  const auto number = from.is_object() ? from.find(of) : from.end();
  if (sum == to.end() || !from.is_object() || number == from.end() || !number->is_number_integer()) return;
  *sum = sum->get<int64_t>() + number->get<int64_t>();
}

}  // namespace

api::ApiResult<Json> read_batch(std::string_view body, const std::string& id, int64_t now) {
  const auto json = parse_json(body, "the request body");
  if (!json) return api::ApiError{.message = json.error().message};
  api::Fields f(*json);
  const std::string input = f.text("input_file_id").value_or("");
  if (input.empty()) f.fail("input_file_id", "is missing");
  const std::string endpoint = read_endpoint(f);
  const std::string window = f.text("completion_window").value_or("24h");
  const int64_t seconds = seconds_of(window);
  if (seconds == 0) f.fail("completion_window", "must be a time like 24h, of at most 30 days");
  api::Request read;
  api::read_openai_metadata(f, read);
  const int64_t output = read_expiry(f);
  if (f.fault()) return *f.fault();
  Json batch{{"id", id},
             {"object", "batch"},
             {"endpoint", endpoint},
             {"errors", nullptr},
             {"input_file_id", input},
             {"completion_window", window},
             {"status", "validating"},
             {"output_file_id", nullptr},
             {"error_file_id", nullptr},
             {"created_at", now},
             {"expires_at", now + seconds}};
  for (const char* time : kTimes) batch[time] = nullptr;
  batch["request_counts"] = {{"total", 0}, {"completed", 0}, {"failed", 0}};
  batch["usage"] = no_usage();
  batch["metadata"] = json->value("metadata", Json());
  batch["own"] = {{"output_seconds", output}, {"ending", ""}};
  return batch;
}

void set_status(Json& batch, const std::string& status, int64_t now) {
  batch["status"] = status;
  batch[status + "_at"] = now;
}

void add_usage(Json& batch, const std::string& body) {
  const auto answer = parse_json(body, "an answer");
  if (!answer || !answer->is_object() || !answer->contains("usage")) return;
  const Json& used = (*answer)["usage"];
  if (!used.is_object()) return;
  Json& all = batch["usage"];
  if (!all.is_object()) all = no_usage();  // of a batch from an older server
  for (const auto& [ours, theirs] : {std::pair{"input", "prompt"}, std::pair{"output", "completion"}}) {
    for (const std::string of : {ours, theirs}) {
      const Json details = used.value(of + "_tokens_details", Json::object());
      add(all, std::string(ours) + "_tokens", used, of + "_tokens");
      for (const char* part : {"cached_tokens", "reasoning_tokens"})
        add(all[std::string(ours) + "_tokens_details"], part, details, part);
    }
  }
  add(all, "total_tokens", used, "total_tokens");
}

void add_error(Json& batch, const std::string& code, const std::string& message, const std::string& param,
               int64_t line) {
  if (batch["errors"].is_null()) batch["errors"] = {{"object", "list"}, {"data", Json::array()}};
  Json& all = batch["errors"]["data"];
  if (all.size() >= kBatchErrorsMax) return;
  all.push_back({{"code", code},
                 {"line", line ? Json(line) : Json()},
                 {"message", message},
                 {"param", param.empty() ? Json() : Json(param)}});
}

bool is_over(const Json& batch) {
  constexpr const char* kLast[] = {"completed", "failed", "expired", "cancelled"};
  return std::ranges::any_of(kLast, [&](const char* last) { return batch["status"] == last; });
}

std::string ending_of(const Json& batch) {
  return batch["own"]["ending"];
}

void set_ending(Json& batch, const std::string& status) {
  batch["own"]["ending"] = status;
}

int64_t output_seconds(const Json& batch) {
  return batch["own"]["output_seconds"];
}

// Batches of servers without accounts have no member for it.
std::string key_of(const Json& batch) {
  return batch["own"].value("key", "");
}

void set_key(Json& batch, const std::string& key) {
  if (!key.empty()) batch["own"]["key"] = key;
}

Json shown(Json batch) {
  batch.erase("own");
  return batch;
}

}  // namespace autark::serve
