#include "serve/engine_backend.h"
#include <algorithm>
#include "serve/fingerprint.h"
#include "serve/sampling_defaults.h"

namespace autark::serve {
namespace {

using Kind = api::Fault::Kind;

api::Fault invalid(const Error& error, const char* param) {
  api::Fault f = fault_of(error);
  if (f.kind != Kind::internal) f.kind = Kind::invalid;
  f.param = param;
  return f;
}

const api::Tool* named_tool(const api::Request& request) {
  for (const api::Tool& t : request.tools)
    if (request.tool_choice.mode == api::ToolChoice::Mode::named && t.name == request.tool_choice.name)
      return &t;
  return nullptr;
}

bool wants_calls(const api::Request& request) {
  return !request.tools.empty() && request.tool_choice.mode != api::ToolChoice::Mode::none;
}

std::vector<int32_t> preamble_of(const text::Tokenizer& tokenizer) {
  auto all = tokenizer.encode("a"), own = tokenizer.encode("a", {.add_special = false});
  if (!all || !own) return {};
  const auto at = std::search(all->begin(), all->end(), own->begin(), own->end());
  return at == all->end() ? std::vector<int32_t>() : std::vector<int32_t>(all->begin(), at);
}

// A text that spells the preamble itself gets no second one.
void drop_second(const std::vector<int32_t>& preamble, std::vector<int32_t>& ids) {
  const auto n = std::ssize(preamble);
  if (std::ssize(ids) < 2 * n) return;
  if (std::equal(preamble.begin(), preamble.end(), ids.begin()) &&
      std::equal(preamble.begin(), preamble.end(), ids.begin() + n))
    ids.erase(ids.begin(), ids.begin() + n);
}

std::vector<std::string> names_of(const std::vector<api::Tool>& tools) {
  std::vector<std::string> names;
  for (const api::Tool& t : tools) names.push_back(t.name);
  return names;
}

}  // namespace

EngineBackend::EngineBackend(std::unique_ptr<engine::Engine> engine, Options options)
    : engine_(std::move(engine)),
      options_(std::move(options)),
      form_(engine_->chat() ? TemplateForm{engine_->chat()->syntax(), traits_of(*engine_->chat())}
                            : TemplateForm{}),
      preamble_(preamble_of(engine_->tokenizer())),
      fingerprint_(fingerprint_of(engine_->card())),
      next_seed_(options_.seed) {}

std::vector<api::ModelEntry> EngineBackend::models() const {
  std::vector<api::ModelEntry> all;
  const auto add = [&](const std::string& id) {
    all.push_back(
        {id, engine_->card().name, options_.created, engine_->card().context, engine_->chat() != nullptr});
  };
  add(options_.id);
  for (const std::string& alias : options_.aliases) add(alias);
  return all;
}

std::optional<api::Fault> EngineBackend::fault() const {
  const auto fault = engine_->fault();
  return fault ? std::optional(fault_of(*fault)) : std::nullopt;
}

bool EngineBackend::serves(const std::string& model) const {
  return model.empty() || model == options_.id || std::ranges::count(options_.aliases, model) > 0;
}

api::Outcome<Tokenized> EngineBackend::rendered(api::Request request) const {
  if (!engine_->chat())
    return api::Fault{
        .message = "this model has no chat template (" + engine_->chat_fault() + "); use /v1/completions",
        .param = "messages"};
  if (auto fault = refused_tools(request)) return *fault;
  replay_.restore(request);
  auto prompt = engine_->chat()->render(conversation_of(request, options_.manner, form_));
  if (!prompt) return invalid(prompt.error(), "messages");
  auto opening = opening_of(request, prompt->in_reasoning);
  if (auto* fault = std::get_if<api::Fault>(&opening)) return std::move(*fault);
  const std::string& begun = std::get<std::string>(opening);
  prompt->text += begun;
  auto ids = text::ids_of(*prompt, engine_->tokenizer());
  if (!ids) return invalid(ids.error(), "messages");
  Tokenized t{.ids = std::move(*ids)};
  if (form_.syntax != text::OutputSyntax::plain)
    t.answer = AnswerReader::Rules{.syntax = form_.syntax,
                                   .in_reasoning = prompt->in_reasoning,
                                   .continues = prompt->continues,
                                   .opening = begun,
                                   .stop = request.stop,
                                   .include_stop = request.include_stop,
                                   .calls = wants_calls(request),
                                   .parallel_calls = request.parallel_calls,
                                   .tools = names_of(request.tools)};
  return t;
}

std::optional<api::Fault> EngineBackend::refused_tools(const api::Request& request) const {
  if (!wants_calls(request)) return {};
  const auto refuse = [](const char* why) {
    return api::Fault{.kind = Kind::unsupported, .message = why, .param = "tools"};
  };
  if (!form_.traits.takes_tools) return refuse("the chat template of this model does not take tools");
  if (form_.syntax != text::OutputSyntax::plain) return {};
  return refuse(
      "this model writes its calls in a way that this server does not read; leave tools out, or set "
      "tool_choice to none");
}

// A call that must come is begun in the prompt, where the syntax has a beginning for it.
api::Outcome<std::string> EngineBackend::opening_of(const api::Request& request, bool in_reasoning) const {
  using Mode = api::ToolChoice::Mode;
  const api::ToolChoice& choice = request.tool_choice;
  if (choice.mode == Mode::automatic || choice.mode == Mode::none) return std::string();
  const auto refuse = [](const char* why) {
    return api::Fault{
        .kind = Kind::unsupported, .message = std::string("tool_choice: ") + why, .param = "tool_choice"};
  };
  std::string opening = call_opening(form_.syntax, named_tool(request));
  if (opening.empty()) return refuse("a call cannot be forced with this model; use auto");
  if (in_reasoning)
    return refuse("a call cannot be forced while the model thinks; turn thinking off, or use auto");
  return opening;
}

api::Outcome<Tokenized> EngineBackend::plain(const api::Request& request, const std::string& text) const {
  auto ids = engine_->tokenizer().encode(
      text, {.add_special = request.add_special, .parse_special = request.parse_special});
  if (!ids) return invalid(ids.error(), "prompt");
  if (request.add_special && request.parse_special) drop_second(preamble_, *ids);
  return Tokenized{.ids = std::move(*ids), .text = request.echo ? text : std::string()};
}

Tokenized EngineBackend::given(const api::Request& request, const std::vector<int32_t>& ids) const {
  Tokenized t{.ids = ids};
  if (!request.echo) return t;
  const auto stream = engine_->tokenizer().stream(request.skip_special);
  for (const int32_t id : ids) t.text += stream->push(id);
  t.text += stream->flush();
  return t;
}

api::Outcome<std::vector<Tokenized>> EngineBackend::prompts_of(const api::Request& request) const {
  std::vector<api::Outcome<Tokenized>> read;
  if (request.prompts.empty()) read.push_back(rendered(request));
  for (const auto& p : request.prompts) {
    if (const auto* text = std::get_if<std::string>(&p))
      read.push_back(plain(request, *text));
    else
      read.push_back(given(request, std::get<std::vector<int32_t>>(p)));
  }
  std::vector<Tokenized> prompts;
  for (auto& r : read) {
    if (auto* fault = std::get_if<api::Fault>(&r)) return std::move(*fault);
    prompts.push_back(std::move(std::get<Tokenized>(r)));
  }
  return prompts;
}

engine::Request EngineBackend::common_of(const api::Request& request) const {
  return {.max_tokens = request.max_tokens.value_or(-1),
          .sampling = merged(request.sampling, options_.defaults, 0),
          .stop = request.stop,
          .include_stop = request.include_stop,
          .stop_tokens = request.stop_tokens,
          .ignore_end = request.ignore_end,
          .min_tokens = request.min_tokens,
          .logprobs = request.logprobs,
          .prompt_logprobs = request.echo && request.logprobs >= 0,
          .skip_special = request.skip_special};
}

api::Backend::Cancel EngineBackend::submit(api::Request request, Sink sink) {
  if (!serves(request.model)) {
    sink({.what = api::Fault{.kind = Kind::not_found,
                             .message = "the model '" + request.model.substr(0, 200) +
                                        "' is not served here; '" + options_.id + "' is",
                             .param = "model",
                             .code = "model_not_found"}});
    return [] {};
  }
  if (auto changed = fault()) return sink({.what = std::move(*changed)}), [] {};
  auto prompts = prompts_of(request);
  if (auto* fault = std::get_if<api::Fault>(&prompts)) return sink({.what = std::move(*fault)}), [] {};
  const char* field = request.prompts.empty() ? "messages" : "prompt";
  const int64_t context = engine_->card().context, room = context - (request.max_tokens == 0 ? 0 : 1);
  for (const Tokenized& p : std::get<std::vector<Tokenized>>(prompts)) {
    if (std::ssize(p.ids) <= room) continue;
    sink({.what = api::Fault{.kind = Kind::context_length,
                             .message = "the prompt is too long",
                             .param = field,
                             .tokens = std::ssize(p.ids),
                             .limit = context}});
    return [] {};
  }
  const auto submission = std::make_shared<Submission>(
      *engine_, request, std::move(std::get<std::vector<Tokenized>>(prompts)), replay_, std::move(sink));
  submission->submit(common_of(request), request.sampling.seed.value_or(next_seed_ += 0x9e3779b97f4a7c15));
  return [weak = submission->weak_from_this()] {
    if (const auto s = weak.lock()) s->cancel();
  };
}

api::Outcome<int64_t> EngineBackend::count_tokens(const api::Request& request) const {
  if (!serves(request.model))
    return api::Fault{.kind = Kind::not_found,
                      .message = "the model '" + request.model.substr(0, 200) + "' is not served here",
                      .param = "model",
                      .code = "model_not_found"};
  const auto prompts = prompts_of(request);
  if (const auto* fault = std::get_if<api::Fault>(&prompts)) return *fault;
  int64_t count = 0;
  for (const Tokenized& p : std::get<std::vector<Tokenized>>(prompts)) count += std::ssize(p.ids);
  return count;
}

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
  out.counter("engine_generation_tokens_total", "Tokens generated, also for requests that were cancelled.",
              s.generation_tokens);
  out.counter("engine_drafted_tokens_total", "Tokens that the draft head guessed and the model verified.",
              s.drafted);
  out.counter("engine_drafts_held_total", "Guesses that were right.", s.drafts_held);
  out.counter("engine_rejected_total", "Choices refused because the queue was full.", s.rejected);
  out.family("engine_finished_total", "counter", "Choices finished, by reason.");
  for (const auto& [reason, count] : s.finished) out.sample(count, {{"reason", reason}});
}

}  // namespace autark::serve
