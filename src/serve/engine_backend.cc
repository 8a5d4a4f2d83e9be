#include "serve/engine_backend.h"
#include <algorithm>
#include "api/caller.h"
#include "serve/attribution.h"
#include "serve/engine_state.h"
#include "serve/fingerprint.h"
#include "serve/sampling_defaults.h"

namespace autark::serve {
using Kind = api::ApiError::Kind;
namespace {

// Compilations take seconds at most. More of them than these are refused, so that none waits for long.
constexpr http::Workers::Limits kCompilers{.threads = 2, .jobs = 6};

}  // namespace

EngineBackend::EngineBackend(std::unique_ptr<engine::Engine> engine, text::ModelText text, Options options)
    : text_(std::move(text)),
      prompts_(text_),
      forms_(text_, engine->card().vocabulary, options.trial),
      public_(prompts_, options.public_texts),
      engine_(std::move(engine)),
      options_(std::move(options)),
      fingerprint_(fingerprint_of(engine_->card())),
      next_seed_(options_.seed),
      compilers_(kCompilers) {}

// Structures that wait to be compiled are refused.
EngineBackend::~EngineBackend() {
  stopping_ = true;
}

std::vector<api::ModelEntry> EngineBackend::models() const {
  std::vector<api::ModelEntry> all;
  const auto add = [&](const std::string& id) {
    all.push_back({id, engine_->card().name, options_.created, engine_->card().context, text_.chat != nullptr,
                   prompts_.traits().thinks, id == options_.id ? "" : options_.id});
  };
  add(options_.id);
  for (const std::string& alias : options_.aliases) add(alias);
  return all;
}

std::optional<api::ApiError> EngineBackend::fault() const {
  const auto fault = engine_->fault();
  return fault ? std::optional(fault_of(*fault)) : std::nullopt;
}

bool EngineBackend::serves(const std::string& model) const {
  return model.empty() || model == options_.id || std::ranges::count(options_.aliases, model) > 0;
}

// For a conversation, puts back what the client left out of earlier turns (replay.h) before rendering.
api::ApiResult<std::vector<Prompt>> EngineBackend::prompts_of(const api::Request& request) const {
  if (!request.prompts.empty()) return prompts_.of(request, options_.reasoning);
  api::Request restored = request;
  replay_.restore(restored);
  return prompts_.of(restored, options_.reasoning);
}

namespace {

engine::PrefixHints prefix_hints(const api::Request& request, CacheIsolation isolation) {
  const int64_t now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count();
  const int64_t keep = request.keep_seconds;
  return {.domain = cache_domain(isolation, request.caller ? request.caller->key : "", request.user),
          .value = request.returns ? 2.f : 1.f,
          .arrived = now,
          .keep_until = keep > 0 ? now + keep : 0,
          .diagnostics = request.cache_diagnostics};
}

// Tokens of the text that a client expects. It only feeds drafts, so what cannot be read is left out.
std::vector<int32_t> prediction_of(const text::Tokenizer& tokenizer, std::string_view text) {
  constexpr size_t kBytesMax = size_t{1} << 20;
  size_t bytes = std::min(text.size(), kBytesMax);
  while (bytes < text.size() && bytes > 0 && (uint8_t(text[bytes]) & 0xc0) == 0x80) --bytes;
  if (bytes == 0) return {};
  auto ids = tokenizer.encode(text.substr(0, bytes), {.add_special = false});
  return ids ? std::move(*ids) : std::vector<int32_t>();
}

engine::ServiceClass class_of(api::Tier tier) {
  if (tier == api::Tier::priority) return engine::ServiceClass::priority;
  return tier == api::Tier::flex ? engine::ServiceClass::flex : engine::ServiceClass::standard;
}

}  // namespace

// What the choices of a request have in common; Submission adds prompts and seeds.
engine::Request EngineBackend::common_of(const api::Request& request) const {
  return {.max_tokens = request.max_tokens.value_or(-1),
          .sampling = merged(request.sampling, options_.defaults, 0),
          .stop_tokens = request.stop_tokens,
          .ignore_end = request.ignore_end,
          .min_tokens = request.min_tokens,
          .logprobs = request.logprobs,
          .prompt_logprobs = request.echo && request.logprobs >= 0,
          .prefix = prefix_hints(request, options_.isolation),
          .service = {.tier = class_of(request.tier),
                      .priority = request.priority,
                      .seconds_max = request.seconds_max},
          .prediction = prediction_of(*text_.tokenizer, request.prediction)};
}

void EngineBackend::compile(Work& work) {
  if (stopping_)
    return work.sink(
        {.payload = api::ApiError{.kind = Kind::unavailable, .message = "the server is stopping"}});
  auto masks = forms_.compile(work.asked);
  if (auto* fault = std::get_if<api::ApiError>(&masks)) return work.sink({.payload = std::move(*fault)});
  begin(work, std::move(std::get<AnswerMasks>(masks)));
}

void EngineBackend::begin(Work& work, AnswerMasks masks) {
  const auto submission =
      std::make_shared<Submission>(*engine_, *text_.tokenizer, work.request, std::move(work.prompts), replay_,
                                   std::move(work.sink), allowances());
  submission->submit(common_of(work.request),
                     work.request.sampling.seed.value_or(next_seed_ += 0x9e3779b97f4a7c15),
                     forms_.constrain(work.asked, std::move(masks)));
  work.pending->made(submission);
}

std::optional<api::ApiError> EngineBackend::not_served(const std::string& model) const {
  if (serves(model)) return {};
  return api::ApiError{
      .kind = Kind::not_found,
      .message = "the model '" + model.substr(0, 200) + "' is not served here; '" + options_.id + "' is",
      .param = "model",
      .code = "model_not_found"};
}

// Refuses a prompt that does not fit before it reaches the engine, because a dialect reports both numbers.
std::optional<api::ApiError> EngineBackend::too_long(const api::Request& request,
                                                     const std::vector<Prompt>& prompts) const {
  const int64_t context = engine_->card().context, room = context - (request.max_tokens == 0 ? 0 : 1);
  for (const Prompt& p : prompts) {
    if (std::ssize(p.ids) <= room) continue;
    return api::ApiError{.kind = Kind::context_length,
                         .message = "the prompt is too long",
                         .param = request.prompts.empty() ? "messages" : "prompt",
                         .tokens = std::ssize(p.ids),
                         .limit = context};
  }
  return {};
}

// Refuses what the engine would, because a dialect reports the field.
std::optional<api::ApiError> EngineBackend::not_in_vocabulary(const api::Request& request,
                                                              const std::vector<Prompt>& prompts) const {
  const int64_t size = engine_->card().vocabulary;
  const auto outside = [&](int64_t id) { return id < 0 || id >= size; };
  const auto fault = [&](std::string message, const char* param) {
    return api::ApiError{.message = std::move(message), .param = param};
  };
  for (const auto& [id, bias] : request.sampling.logit_bias)
    if (outside(id))
      return fault("logit_bias names the token " + std::to_string(id) + "; there are " + std::to_string(size),
                   "logit_bias");
  if (request.prompts.empty()) return {};
  for (const Prompt& p : prompts) {
    if (p.ids.empty()) return fault("prompt has no tokens", "prompt");
    if (const auto id = std::ranges::find_if(p.ids, outside); id != p.ids.end())
      return fault("prompt has the token " + std::to_string(*id) + "; there are " + std::to_string(size),
                   "prompt");
  }
  return {};
}

namespace {

// The prompts of a request, for its submission.
struct PreparedPrompts final : api::Prepared {
  explicit PreparedPrompts(std::vector<Prompt> made) : prompts(std::move(made)) {}
  std::vector<Prompt> prompts;
};

}  // namespace

api::ApiResult<api::Extent> EngineBackend::prepare(api::Request& request) const {
  if (auto fault = not_served(request.model)) return std::move(*fault);
  if (auto changed = fault()) return std::move(*changed);
  if (!options_.keep_attribution) drop_attribution(request);
  auto made = prompts_of(request);
  if (auto* fault = std::get_if<api::ApiError>(&made)) return std::move(*fault);
  auto& prompts = std::get<std::vector<Prompt>>(made);
  if (auto fault = too_long(request, prompts)) return std::move(*fault);
  if (auto fault = not_in_vocabulary(request, prompts)) return std::move(*fault);
  api::Extent extent;
  for (Prompt& p : prompts) {
    p.public_tokens = public_.shared(p.ids);
    const int64_t room = engine_->card().context - std::ssize(p.ids);
    extent.prompt_tokens += std::ssize(p.ids);
    extent.answer_max += request.n * std::min(room, request.max_tokens.value_or(room));
  }
  request.prepared = std::make_shared<PreparedPrompts>(std::move(prompts));
  return extent;
}

// Of the queue's own bound. When it will be empty is not known.
std::vector<api::Allowance> EngineBackend::allowances() const {
  if (options_.requests_max == 0) return {};
  const engine::Stats s = engine_->stats();
  const int64_t left = options_.requests_max - s.running - s.waiting;
  return {{.of = "requests", .limit = options_.requests_max, .remaining = std::max<int64_t>(0, left)}};
}

// A new structure is compiled on another thread, so that it does not hold up other requests.
api::Backend::Handle EngineBackend::submit(api::Request request, Sink sink) {
  if (!request.prepared) {
    auto extent = prepare(request);
    if (auto* fault = std::get_if<api::ApiError>(&extent)) return sink({.payload = std::move(*fault)}), [] {};
  }
  auto prompts = std::move(dynamic_cast<PreparedPrompts&>(*request.prepared).prompts);
  auto asked = forms_.asked(request, prompts.front().answer);
  if (auto* fault = std::get_if<api::ApiError>(&asked)) return sink({.payload = std::move(*fault)}), [] {};
  const auto work = std::make_shared<Work>(Work{std::move(request), std::move(prompts),
                                                std::move(std::get<AnswerForms::Asked>(asked)),
                                                std::move(sink), std::make_shared<PendingSubmission>()});
  const auto pending = work->pending;
  if (auto masks = forms_.known(work->asked))
    begin(*work, std::move(*masks));
  else if (!compilers_.post(0, [this, work] { compile(*work); }))
    work->sink({.payload = api::ApiError{.kind = Kind::overloaded,
                                         .message = "too many structures are being compiled; try again"}});
  Handle handle([pending] { pending->cancel(); });
  handle.place = [pending] { return pending->place(); };
  return handle;
}

Json EngineBackend::state() const {
  Json j = engine_state(engine_->stats());
  const engine::ModelCard& card = engine_->card();
  j["model"] = {{"id", options_.id}, {"architecture", card.architecture}, {"weights", card.weights},
                {"chip", card.chip}, {"rounding", card.rounding},         {"context", card.context}};
  return j;
}

api::ApiResult<int64_t> EngineBackend::count_tokens(const api::Request& request) const {
  const auto tokens = tokenize(request);
  if (const auto* fault = std::get_if<api::ApiError>(&tokens)) return *fault;
  return std::ssize(std::get<std::vector<int32_t>>(tokens));
}

api::ApiResult<std::vector<int32_t>> EngineBackend::tokenize(const api::Request& request) const {
  if (auto fault = not_served(request.model)) return std::move(*fault);
  api::Request counted = request;
  if (!options_.keep_attribution) drop_attribution(counted);
  const auto prompts = prompts_of(counted);
  if (const auto* fault = std::get_if<api::ApiError>(&prompts)) return *fault;
  std::vector<int32_t> ids;
  for (const Prompt& p : std::get<std::vector<Prompt>>(prompts))
    ids.insert(ids.end(), p.ids.begin(), p.ids.end());
  return ids;
}

api::ApiResult<std::string> EngineBackend::detokenize(std::span<const int32_t> ids) const {
  for (const int32_t id : ids)
    if (id >= text_.tokenizer->size())
      return api::ApiError{.message = std::to_string(id) + " is no token; there are " +
                                      std::to_string(text_.tokenizer->size()),
                           .param = "tokens"};
  return text_.tokenizer->decode(ids, false);
}

api::ApiResult<Json> EngineBackend::tokenizer_info() const {
  Json info{{"vocab_size", text_.tokenizer->size()}, {"model_max_length", engine_->card().context}};
  for (const auto& [name, text] : text_.tokenizer->special_texts()) info[name] = text;
  if (std::string source = text_.chat ? text_.chat->source() : ""; !source.empty())
    info["chat_template"] = std::move(source);
  return info;
}

Json EngineBackend::about() const {
  const engine::ModelCard& c = engine_->card();
  return {{"model", options_.id},
          {"architecture", c.architecture},
          {"weights", c.weights},
          {"parameters", c.parameters},
          {"max_model_len", c.context},
          {"chip", c.chip},
          {"rounding", c.rounding},
          {"fingerprint", fingerprint_},
          {"running", engine_->stats().running},
          {"waiting", engine_->stats().waiting}};
}

namespace {

void expose_disk(const engine::DiskStats& s, Exposition& out) {
  if (s.bytes_max == 0) return;
  out.gauge("prefix_disk_entries", "Entries of the disk tier that this program can read.", s.entries);
  out.gauge("prefix_disk_bytes", "Bytes of the files in --cache-dir.", s.bytes);
  out.gauge("prefix_disk_queued_bytes", "Bytes that wait for being written.", s.queued_bytes);
  out.family("prefix_disk_total", "counter", "Entries of the disk tier by what became of them.");
  out.sample(double(s.written), {{"what", "written"}});
  out.sample(double(s.read), {{"what", "read"}});
  out.sample(double(s.evicted), {{"what", "evicted"}});
  out.sample(double(s.skipped), {{"what", "skipped"}});
  out.sample(double(s.failed), {{"what", "failed"}});
  out.sample(double(s.damaged), {{"what", "damaged"}});
}

// Drafters that have drafted nothing are left out.
void expose_drafts(const engine::DraftTally& drafts, Exposition& out) {
  const auto family = [&](const char* name, const char* help, uint64_t engine::DraftCounts::*count) {
    out.family(name, "counter", help);
    for (int s = 0; s < engine::kDraftSources; ++s)
      if (drafts[s].drafted > 0)
        out.sample(double(drafts[s].*count), {{"drafter", name_of(engine::DraftSource(s))}});
  };
  family("spec_decode_num_drafts_total", "Times that a drafter drafted for a choice.",
         &engine::DraftCounts::proposals);
  family("spec_decode_num_draft_tokens_total", "Drafted tokens that were verified.",
         &engine::DraftCounts::drafted);
  family("spec_decode_num_accepted_tokens_total", "Drafted tokens that held.",
         &engine::DraftCounts::accepted);
}

void expose_prefix_tokens(const engine::PrefixTokens& tokens, Exposition& out) {
  out.family("prefix_tokens_total", "counter",
             "Prompt tokens that were, or could have been, taken from earlier state.");
  for (int tier = 0; tier < engine::kTiers; ++tier) {
    for (int why = 0; why < engine::kWhys; ++why) {
      if (const uint64_t n = tokens.by[tier][why])
        out.sample(double(n), {{"tier", name_of(engine::Tier(tier))}, {"why", name_of(engine::Why(why))}});
    }
  }
}

}  // namespace

void EngineBackend::expose(Exposition& out) const {
  const engine::Stats s = engine_->stats();
  const engine::ModelCard& card = engine_->card();
  out.family("model_info", "gauge", "What is served, and by what.");
  out.sample(1, {{"model", options_.id},
                 {"architecture", card.architecture},
                 {"weights", card.weights},
                 {"chip", card.chip},
                 {"rounding", card.rounding}});
  out.gauge("context_tokens", "Tokens of one request, prompt and answer.", card.context);
  out.gauge("engine_running", "Choices being computed.", s.running);
  out.gauge("engine_waiting", "Choices waiting for their place.", s.waiting);
  out.gauge("engine_pages_used", "Pages of state in use.", s.pages_used);
  out.gauge("engine_pages", "Pages of state there are.", s.pages_total);
  out.counter("engine_steps_total", "Steps of the engine.", s.steps);
  out.counter("engine_prompt_tokens_total", "Prompt tokens computed.", s.prompt_tokens);
  out.gauge("engine_pages_kept", "Pages of state that are only kept for later requests.", s.pages_kept);
  expose_prefix_tokens(s.prefix_tokens, out);
  expose_disk(s.disk, out);
  out.counter("engine_generation_tokens_total", "Tokens generated, also for requests that were cancelled.",
              s.generation_tokens);
  out.counter("engine_drafted_tokens_total", "Tokens that were drafted and that the model verified.",
              s.drafted);
  out.counter("engine_drafts_accepted_total", "Drafts that were accepted.", s.drafts_accepted);
  expose_drafts(s.drafts, out);
  out.counter("engine_rejected_total", "Choices refused because the queue was full.", s.rejected);
  out.family("engine_finished_total", "counter", "Choices finished, by reason.");
  for (const auto& [reason, count] : s.finished) out.sample(count, {{"reason", reason}});
  out.counter("engine_preemptions_total", "How often a choice lost its state to another one.", s.preemptions);
  out.counter("engine_rows_total", "Rows computed: of prompts, answers and drafts.", s.rows_computed);
  expose_durations(s.step, "step_seconds", "Duration of the engine's steps.", out);
  expose_durations(s.queue, "queue_seconds", "How long choices waited for their state.", out);
  expose_durations(s.prefill, "prefill_seconds", "How long prompts were read.", out);
}

void EngineBackend::expose_vllm(Exposition& out) const {
  expose_as_vllm(engine_->stats(), out);
}

}  // namespace autark::serve
