#include "serve/exchange.h"
#include <fmt/format.h>
#include <algorithm>
#include <map>
#include "api/faults.h"
#include "base/log.h"

namespace autark::serve {
namespace {

using std::chrono::duration;
using std::chrono::duration_cast;

constexpr double kPatienceMax = 86400;   // seconds
constexpr double kLeastSeconds = 0.001;  // of a request whose client has hardly any patience left
constexpr int kDeepSeekQuota = 402;      // below DeepSeek's base path
constexpr int kClientLeft = 499;         // status in the log and the metrics; it is never sent

const api::ApiError kStopped{.kind = api::ApiError::Kind::unavailable,
                             .message = "the server stopped before the answer was whole"};
const api::ApiError kEndedByOperator{.kind = api::ApiError::Kind::unavailable,
                                     .message = "an operator of this server ended the request",
                                     .code = "ended_by_operator"};

int64_t unix_seconds() {
  return duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// About the size of an answer's body.
size_t bytes_of(const api::Answer& answer) {
  size_t bytes = 0;
  for (const api::Choice& choice : answer.choices)
    for (const api::Block& b : choice.blocks) bytes += b.text.size();
  return bytes;
}

// Encrypts a text once, so that every event of an answer and its kept object carry the same. Thread-safe.
std::function<std::string(const std::string&)> sealed_once(
    std::function<std::string(const std::string&)> seal) {
  struct Sealed {
    std::mutex mutex;
    std::map<std::string, std::string> by_text;
  };
  if (!seal) return {};
  return [seal = std::move(seal), sealed = std::make_shared<Sealed>()](const std::string& text) {
    const std::lock_guard lock(sealed->mutex);
    auto at = sealed->by_text.find(text);
    if (at == sealed->by_text.end()) at = sealed->by_text.emplace(text, seal(text)).first;
    return at->second;
  };
}

// A fault about content that is not text, with the name of the model that cannot read it.
api::ApiError named(api::ApiError fault, const api::Backend& backend) {
  if (fault.code == api::kNotText)
    fault.message += "; the model '" + backend.models().front().id + "' reads text only";
  return fault;
}

}  // namespace

Exchange::Exchange(const Terms& terms, const api::Dialect& dialect, std::string route, std::string id,
                   http::StreamPtr stream, Hooks hooks)
    : terms_(terms),
      dialect_(dialect),
      route_(std::move(route)),
      id_(std::move(id)),
      begun_(terms.clock()),
      hooks_(std::move(hooks)),
      stream_(std::move(stream)),
      last_write_(begun_),
      silence_(terms.keep_alive) {}

Exchange::~Exchange() = default;

void Exchange::set_patience(double seconds) {
  patience_ = seconds;
  if (seconds <= 0) return;
  silence_ =
      std::min(silence_, std::chrono::milliseconds(int64_t(std::min(seconds, kPatienceMax) * 1000 / 3)));
}

// Called before the request is handed to the backend, whose time begins then.
void Exchange::apply_patience(api::Request& request) const {
  if (patience_ <= 0 || request.stream) return;
  request.seconds_max =
      std::max(kLeastSeconds, patience_ - duration<double>(terms_.clock() - begun_).count());
}

void Exchange::watch() {
  stream_->on_close([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->client_left();
  });
}

// Parses and decodes a body. A body that is not valid is answered here.
std::optional<api::Request> Exchange::read(std::string_view body, api::Backend& backend) {
  if (over()) return {};
  auto json = parse_json(body, "the request body");
  if (!json) return refuse({.message = json.error().message}), std::nullopt;
  if (hooks_.expand)
    if (auto fault = hooks_.expand(*json)) return refuse(std::move(*fault)), std::nullopt;
  auto decoded = dialect_.decode(*json);
  if (auto* fault = std::get_if<api::ApiError>(&decoded)) return refuse(named(*fault, backend)), std::nullopt;
  api::Request& request = std::get<api::Request>(decoded);
  if (auto fault = admit(request, backend)) return refuse(std::move(*fault)), std::nullopt;
  for (const std::string& field : request.ignored)
    if (const auto name = terms_.metrics.ignored(field))
      log_warning(
          fmt::format("{}: the field '{}' is not known here and was ignored; said once", route_, *name));
  return std::move(request);
}

namespace {

// Claude Code asks for a window of a million tokens with a suffix of the name. A model has the window that it has.
void drop_window(std::string& model, const api::Backend& backend) {
  constexpr std::string_view kWindow = "[1m]";
  if (!model.ends_with(kWindow)) return;
  if (std::ranges::any_of(backend.models(), [&](const auto& m) { return m.id == model; })) return;
  model.resize(model.size() - kWindow.size());
}

}  // namespace

// What a caller may not name looks like what is not there.
std::optional<api::ApiError> Exchange::admit(api::Request& request, const api::Backend& backend) const {
  request.caller = caller_;
  drop_window(request.model, backend);
  if (!caller_ || caller_->models.empty()) return {};
  if (request.model.empty()) {
    const auto models = backend.models();
    const auto first = std::ranges::find_if(models, [&](const auto& m) { return caller_->may_name(m.id); });
    if (first != models.end()) request.model = first->id;
  }
  if (!request.model.empty() && caller_->may_name(request.model)) return {};
  return api::ApiError{.kind = api::ApiError::Kind::not_found,
                       .message = "the model '" + request.model.substr(0, 200) +
                                  "' is not served here, or this API key may not use it",
                       .param = "model",
                       .code = "model_not_found"};
}

void Exchange::run(std::string_view body, api::Backend& backend) {
  auto request = read(body, backend);
  if (!request) return;
  if (request->background && hooks_.detach) return hooks_.detach(*this, std::move(*request), backend);
  submit(std::move(*request), backend);
}

void Exchange::submit(api::Request request, api::Backend& backend) {
  if (request.model.empty()) request.model = backend.models().front().id;
  request.id = id_, request.route = route_;
  apply_patience(request);
  prepare(request, backend.fingerprint());
  api::Backend::Handle handle = backend.submit(
      std::move(request), [self = shared_from_this()](api::Event&& e) { self->on_event(std::move(e)); });
  {
    const std::lock_guard lock(mutex_);
    if (!over_) return handle_ = std::move(handle), void();
  }
  if (handle.cancel) handle.cancel();  // the client left or the time ran out while submit() ran
}

void Exchange::count(std::string_view body, api::Backend& backend) {
  if (over()) return;
  auto json = parse_json(body, "the request body");
  if (!json) return refuse({.message = json.error().message});
  auto decoded = api::decode_count_tokens(*json);
  if (auto* fault = std::get_if<api::ApiError>(&decoded)) return refuse(named(*fault, backend));
  if (auto fault = admit(std::get<api::Request>(decoded), backend)) return refuse(std::move(*fault));
  auto counted = backend.count_tokens(std::get<api::Request>(decoded));
  if (auto* fault = std::get_if<api::ApiError>(&counted)) return refuse(std::move(*fault));
  answer({{"input_tokens", std::get<int64_t>(counted)}});
}

void Exchange::count_input(std::string_view body, api::Backend& backend) {
  const auto request = read(body, backend);
  if (!request) return;
  auto counted = backend.count_tokens(*request);
  if (auto* fault = std::get_if<api::ApiError>(&counted)) return refuse(std::move(*fault));
  answer({{"object", "response.input_tokens"}, {"input_tokens", std::get<int64_t>(counted)}});
}

void Exchange::answer(const Json& body) {
  const std::lock_guard lock(mutex_);
  if (!over_) respond(dump_json(body));
}

http::StreamPtr Exchange::hand_over() {
  const std::lock_guard lock(mutex_);
  if (over_) return {};
  account(200);
  http::StreamPtr stream = std::move(stream_);
  end();
  return stream;
}

// Everything that events need must be set before submit(): they may come before it returns.
void Exchange::prepare(const api::Request& request, std::string fingerprint) {
  const std::lock_guard lock(mutex_);
  const int prompts = request.prompts.empty() ? 1 : int(request.prompts.size());
  envelope_ = {.id = id_,
               .created = unix_seconds(),
               .model = request.model,
               .fingerprint = std::move(fingerprint),
               .choices = prompts * request.n,
               .n = request.n,
               .include_usage = request.include_usage,
               .logprobs = request.logprobs,
               .repeated = request.repeated,
               .tools = request.tools};
  if (request.seals_reasoning) envelope_.seal = sealed_once(hooks_.seal);
  keeps_ = request.store && hooks_.keep;
  tally_.emplace(envelope_.choices, envelope_.n);
  max_tokens_ = request.max_tokens;
  spoken_.assign(envelope_.choices, {});
  submitted_ = true;
  if (request.stream) encoder_ = dialect_.stream(envelope_);
  if (!request.stream || keeps_) answer_ = std::make_unique<api::Answer>(envelope_.choices);
}

void Exchange::refuse(api::ApiError fault) {
  const std::lock_guard lock(mutex_);
  if (!over_) fail(fault);
}

void Exchange::client_left() {
  std::function<void()> cancel;
  {
    const std::lock_guard lock(mutex_);
    if (over_) return;
    cancel = std::move(handle_.cancel);
    terms_.metrics.cancelled();
    account(kClientLeft);
    end();
  }
  if (cancel) cancel();
}

std::optional<api::ApiError> Exchange::begin() {
  const std::lock_guard lock(mutex_);
  if (!over_) begin_stream(terms_.clock());
  return refused_;
}

// The end of a cancelled answer is the same as if the backend had said it.
void Exchange::cancel() {
  std::function<void()> cancel;
  {
    const std::lock_guard lock(mutex_);
    if (over_) return;
    cancel = std::move(handle_.cancel);
    terms_.metrics.cancelled();
    const api::Event last{.payload = api::Event::Finished{.why = api::Finish::cancelled}};
    if (answer_) answer_->add(last);
    if (keeps_) keep();
    account(kClientLeft);
    if (encoder_) send(encoder_->encode(last, *tally_));
    stream_->finish();
    end();
  }
  if (cancel) cancel();
}

// The body is made by the thread that needs it first, because a long one takes time. The encoder has its own
// envelope.
void Exchange::keep() {
  const size_t bytes = bytes_of(*answer_);
  hooks_.keep(bytes, [&dialect = dialect_, envelope = std::move(envelope_), tally = *tally_,
                      answer = std::make_shared<const api::Answer>(std::move(*answer_))] {
    return dump_json(dialect.body(envelope, *answer, tally));
  });
}

// The place is asked for only if it is told, because asking takes the engine's mutex.
void Exchange::tick() {
  const Time now = terms_.clock();
  if (now - begun_ < terms_.request_time) {
    if (!is_silent(now)) return;
    const auto place = this->place();
    const std::lock_guard lock(mutex_);
    return keep_alive(now, admitted_ ? std::nullopt : place);
  }
  give_up(
      {.kind = api::ApiError::Kind::timeout, .message = "the request took longer than this server allows"});
}

// Whether a stream has said nothing for so long that its client may leave.
bool Exchange::is_silent(Time now) const {
  const std::lock_guard lock(mutex_);
  return !over_ && now - last_write_ >= silence_ && (started_ || (encoder_ && handle_.cancel));
}

// A stream whose request still waits begins here, without x-autark-cache.
void Exchange::keep_alive(Time now, const std::optional<api::QueuePlace>& place) {
  if (over_ || now - last_write_ < silence_) return;
  if (encoder_ && handle_.cancel) begin_stream(now, place);
  if (!started_) return;
  last_write_ = now;
  const api::Frame ping = dialect_.keep_alive();
  if (!ping.data.empty()) return void(stream_->write(http::sse(ping.data, ping.event)));
  stream_->write(place ? fmt::format(": queued position={} wait_ms={}\n\n", place->position, place->wait_ms)
                       : ": keep-alive\n\n");
}

// Asks outside the mutex, as cancelling does. Unset once the backend has begun the answer.
std::optional<api::QueuePlace> Exchange::place() const {
  std::function<std::optional<api::QueuePlace>()> ask;
  {
    const std::lock_guard lock(mutex_);
    if (!over_ && !admitted_) ask = handle_.place;
  }
  return ask ? ask() : std::nullopt;
}

const char* Exchange::stage(bool queued) const {
  if (any_token_) return "writing";
  if (admitted_) return "reading";
  return queued ? "queued" : submitted_ ? "submitted" : "preparing";
}

Json Exchange::state() const {
  const auto place = this->place();
  const std::lock_guard lock(mutex_);
  const api::Usage usage = tally_ ? tally_->total() : api::Usage{};
  Json j{{"id", id_},
         {"route", route_},
         {"state", stage(place.has_value())},
         {"ms", milliseconds(terms_.clock())},
         {"prompt_tokens", usage.prompt_tokens},
         {"cached_tokens", usage.cached_tokens},
         {"completion_tokens", usage.completion_tokens}};
  if (place) j["queue"] = {{"position", place->position}, {"wait_ms", place->wait_ms}};
  return j;
}

void Exchange::end_by_operator() {
  give_up(kEndedByOperator);
}

void Exchange::stop() {
  give_up(kStopped);
}

// Cancels outside the mutex, because the backend calls on_event() under a lock that cancelling takes, too.
void Exchange::give_up(const api::ApiError& fault) {
  std::function<void()> cancel;
  {
    const std::lock_guard lock(mutex_);
    if (over_) return;
    cancel = std::move(handle_.cancel);
    fail(fault);
  }
  if (cancel) cancel();
}

bool Exchange::over() const {
  const std::lock_guard lock(mutex_);
  return over_;
}

// Runs on the backend's thread. A cancelled choice whose client is still there means that the server stops.
void Exchange::on_event(api::Event&& event) {
  const std::lock_guard lock(mutex_);
  if (over_) return;
  if (const auto* fault = std::get_if<api::ApiError>(&event.payload)) return fail(*fault);
  const auto* done = std::get_if<api::Event::Finished>(&event.payload);
  if (done && done->why == api::Finish::cancelled) return fail(kStopped);
  const Time now = terms_.clock();
  const bool late = started_ && !admitted_;
  admitted_ = true;
  measure(event, now);
  tally_->add(event);
  if (auto* s = std::get_if<api::Event::Started>(&event.payload); s && !s->allowances.empty())
    allowances_ = std::move(s->allowances);
  if (late) tell_cache();
  encoder_ ? stream_event(event, now) : gather_event(std::move(event));
}

// Measures tokens, not events: one token may yield several events.
void Exchange::measure(const api::Event& event, Time now) {
  Spoken& spoken = spoken_.at(event.choice);
  if (event.usage.completion_tokens <= spoken.tokens) return;
  spoken.tokens = event.usage.completion_tokens;
  if (std::holds_alternative<api::Event::Finished>(event.payload)) return;
  if (!std::exchange(any_token_, true)) terms_.metrics.first_token(duration<double>(now - begun_).count());
  if (spoken.last != Time{}) terms_.metrics.inter_token(duration<double>(now - spoken.last).count());
  spoken.last = now;
}

void Exchange::begin_stream(Time now, const std::optional<api::QueuePlace>& place) {
  if (std::exchange(started_, true)) return;
  http::Headers h = headers(now, "text/event-stream; charset=utf-8");
  h.emplace_back("cache-control", "no-cache");
  h.emplace_back("x-accel-buffering", "no");
  if (place)
    h.emplace_back("x-autark-queue", fmt::format("position={};wait_ms={}", place->position, place->wait_ms));
  stream_->start(200, std::move(h));
}

// What x-autark-cache would say, as a comment in a stream that began while its request waited.
void Exchange::tell_cache() {
  if (!dialect_.keep_alive().data.empty()) return;
  if (const auto cache = tally_->total().prompt_cache)
    stream_->write(": x-autark-cache: " + api::header_text(*cache) + "\n\n");
}

void Exchange::stream_event(const api::Event& event, Time now) {
  begin_stream(now);
  last_write_ = now;
  if (keeps_) answer_->add(event);
  if (tally_->complete()) {
    if (keeps_) keep();
    account(200);
  }
  send(encoder_->encode(event, *tally_));
  if (!tally_->complete()) return;
  stream_->finish();
  end();
}

void Exchange::gather_event(api::Event event) {
  answer_->add(std::move(event));
  if (!tally_->complete()) return;
  std::string body = dump_json(dialect_.body(envelope_, *answer_, *tally_));
  if (keeps_) hooks_.keep(body.size(), [body] { return body; });
  respond(std::move(body));
}

void Exchange::respond(std::string body) {
  account(200);
  stream_->respond({200, headers(terms_.clock(), "application/json"), std::move(body)});
  end();
}

// In a stream that has started, the error is an event; else it is the response.
void Exchange::fail(const api::ApiError& fault) {
  api::Reply reply = dialect_.error(fault, "req_" + id_);
  if (fault.kind == api::ApiError::Kind::quota && route_.starts_with("/beta/")) reply.status = kDeepSeekQuota;
  if (fault.kind == api::ApiError::Kind::unavailable) log_warning("req_" + id_ + ": " + fault.message);
  account(reply.status);
  if (!started_) refused_ = fault;
  if (keeps_ && started_) {
    answer_->add({.payload = fault});
    keep();
  }
  if (started_) {
    send(encoder_->encode({.payload = fault}, *tally_));
    stream_->finish();
  } else {
    http::Headers h = headers(terms_.clock(), "application/json");
    for (auto& header : reply.headers)
      if (header.first != "content-type") h.push_back(std::move(header));
    stream_->respond({reply.status, std::move(h), std::move(reply.body)});
  }
  end();
}

void Exchange::send(const std::vector<api::Frame>& frames) {
  std::string bytes;
  for (const api::Frame& f : frames) {
    std::string event = http::sse(f.data, f.event);
    bytes.empty() ? bytes.swap(event) : void(bytes += event);
  }
  if (!bytes.empty()) stream_->write(std::move(bytes));
}

// Call before the last write, so that /metrics already includes an answer the client has read.
void Exchange::account(int status) {
  const api::Usage usage = tally_ ? tally_->total() : api::Usage{};
  const Time now = terms_.clock();
  if (tally_) terms_.metrics.answered({envelope_.n, max_tokens_, tally_->longest()}, usage);
  terms_.metrics.answered(route_, status);
  terms_.metrics.finished(duration<double>(now - begun_).count(), usage);
  log_info(fmt::format("req_{} {} {}: {} + {} tokens, {} ms", id_, route_, status, usage.prompt_tokens,
                       usage.completion_tokens, milliseconds(now)));
}

// Drops the stream and the cancel function, which hold references back to this object, and what an ended
// exchange needs no more.
void Exchange::end() {
  over_ = true;
  stream_.reset();
  handle_ = {};
  encoder_.reset();
  answer_.reset();
}

http::Headers Exchange::headers(Time now, const char* content_type) const {
  http::Headers h{{"content-type", content_type}, {std::string(dialect_.request_id_header()), "req_" + id_}};
  if (const auto cache = tally_ ? tally_->total().prompt_cache : std::nullopt)
    h.emplace_back("x-autark-cache", api::header_text(*cache));
  for (auto& header : dialect_.allowances(allowances_, unix_seconds())) h.push_back(std::move(header));
  if (dialect_.request_id_header() == "x-request-id")
    h.emplace_back("openai-processing-ms", std::to_string(milliseconds(now)));
  return h;
}

int64_t Exchange::milliseconds(Time now) const {
  return duration_cast<std::chrono::milliseconds>(now - begun_).count();
}

}  // namespace autark::serve
