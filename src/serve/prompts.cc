#include "serve/prompts.h"
#include <algorithm>
#include "text/structure.h"
#include "text/tool_types.h"

namespace autark::serve {
namespace {

using Kind = api::ApiError::Kind;

api::ApiError invalid(const Error& error, const char* param) {
  api::ApiError f = fault_of(error);
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

// Found by encoding a letter with and without special tokens.
std::vector<int32_t> preamble_of(const text::Tokenizer& tokenizer) {
  auto all = tokenizer.encode("a"), own = tokenizer.encode("a", {.add_special = false});
  if (!all || !own) return {};
  const auto at = std::search(all->begin(), all->end(), own->begin(), own->end());
  return at == all->end() ? std::vector<int32_t>() : std::vector<int32_t>(all->begin(), at);
}

// If the text itself began with the preamble, removes the one that the tokenizer added.
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

std::shared_ptr<const text::ToolTypes> types_of(const std::vector<api::Tool>& tools) {
  auto types = std::make_shared<text::ToolTypes>();
  for (const api::Tool& t : tools) {
    Json function = t.function;
    function["name"] = t.name;
    types->add(function);
  }
  return types;
}

// In a raw completion all text is content: no reasoning, no calls.
AnswerReader::Rules raw_rules(const api::Request& request) {
  return {.stop = request.stop,
          .include_stop = request.include_stop,
          .skip_special = request.skip_special,
          .calls = false};
}

}  // namespace

api::ApiError fault_of(const Error& error) {
  using Kind = api::ApiError::Kind;
  switch (error.code) {
    case Code::invalid:
      return {.kind = Kind::invalid, .message = error.message};
    case Code::unsupported:
      return {.kind = Kind::unsupported, .message = error.message};
    case Code::exhausted:
      return {.kind = Kind::overloaded, .message = error.message};
    case Code::io:  // the engine's only I/O error: a file of its model was changed
      return {.kind = Kind::unavailable, .message = error.message, .code = "model_changed"};
    case Code::cancelled:
      return {.kind = Kind::unavailable, .message = error.message};
    default:
      return {.kind = Kind::internal, .message = error.message};
  }
}

Prompts::Prompts(const text::ModelText& text)
    : text_(text),
      traits_(text.chat ? traits_of(*text.chat) : TemplateTraits{}),
      gap_(gap_tokens(*text.tokenizer)),
      preamble_(preamble_of(*text.tokenizer)) {}

api::ApiResult<std::vector<Prompt>> Prompts::of(const api::Request& request,
                                                const ReasoningDefaults& usual) const {
  std::vector<api::ApiResult<Prompt>> read;
  if (request.prompts.empty()) read.push_back(rendered(request, usual));
  for (const auto& p : request.prompts) {
    if (const auto* text = std::get_if<std::string>(&p))
      read.push_back(plain(request, *text));
    else
      read.push_back(given(request, std::get<std::vector<int32_t>>(p)));
  }
  std::vector<Prompt> prompts;
  for (auto& r : read) {
    if (auto* fault = std::get_if<api::ApiError>(&r)) return std::move(*fault);
    if (request.suffix)
      if (auto fault = add_gap(request, std::get<Prompt>(r))) return std::move(*fault);
    prompts.push_back(std::move(std::get<Prompt>(r)));
  }
  return prompts;
}

// PREAMBLE before-token PROMPT after-token SUFFIX fill-token
std::optional<api::ApiError> Prompts::add_gap(const api::Request& request, Prompt& prompt) const {
  if (!gap_)
    return api::ApiError{.kind = Kind::unsupported,
                         .message = "this model has no tokens for filling a gap; leave suffix out",
                         .param = "suffix"};
  const auto suffix = text_.tokenizer->encode(*request.suffix, {.add_special = false});
  if (!suffix) return invalid(suffix.error(), "suffix");
  std::vector<int32_t>& ids = prompt.ids;
  const bool begins =
      ids.size() >= preamble_.size() && std::equal(preamble_.begin(), preamble_.end(), ids.begin());
  ids.insert(ids.begin() + (begins ? std::ssize(preamble_) : 0), gap_->before);
  ids.push_back(gap_->after);
  ids.insert(ids.end(), suffix->begin(), suffix->end());
  ids.push_back(gap_->fill);
  return {};
}

// A forced opening is part of the prompt, and the reader gets it too, because it belongs to the answer.
api::ApiResult<Prompt> Prompts::rendered(const api::Request& request, const ReasoningDefaults& usual) const {
  if (!text_.chat)
    return api::ApiError{
        .message = "this model has no chat template (" + text_.chat_fault + "); use /v1/completions",
        .param = "messages"};
  if (auto fault = refused_tools(request)) return *fault;
  auto prompt = text_.chat->render(conversation_of(request, usual, traits_));
  if (!prompt) return invalid(prompt.error(), "messages");
  auto opening = opening_of(request, prompt->in_reasoning);
  if (auto* fault = std::get_if<api::ApiError>(&opening)) return std::move(*fault);
  const std::string& begun = std::get<std::string>(opening);
  prompt->text += begun;
  auto ids = text::ids_of(*prompt, *text_.tokenizer);
  if (!ids) return invalid(ids.error(), "messages");
  PromptParts parts(request, prompt->text);
  parts.count_in_tokens(*ids, *text_.tokenizer);
  auto marks = parts.ends_of(request.cache_marks);
  return Prompt{.ids = std::move(*ids),
                .text = {},
                .answer = {.syntax = traits_.syntax,
                           .in_reasoning = prompt->in_reasoning,
                           .reasoned = prompt->reasoned,
                           .continues = prompt->continues,
                           .opening = begun,
                           .stop = request.stop,
                           .include_stop = request.include_stop,
                           .skip_special = request.skip_special,
                           .calls = wants_calls(request),
                           .parallel_calls = request.parallel_calls,
                           .tools = names_of(request.tools),
                           .types = types_of(request.tools)},
                .parts = std::move(parts),
                .marks = std::move(marks)};
}

std::optional<api::ApiError> Prompts::refused_tools(const api::Request& request) const {
  if (!wants_calls(request)) return {};
  const auto refuse = [](const char* why) {
    return api::ApiError{.kind = Kind::unsupported, .message = why, .param = "tools"};
  };
  if (!traits_.takes_tools) return refuse("the chat template of this model does not take tools");
  if (traits_.syntax != text::OutputSyntax::plain) return {};
  return refuse(
      "this model writes its calls in a way that this server does not read; leave tools out, or set "
      "tool_choice to none");
}

// Forced tool calls: the prompt ends with the opening of a call, if this syntax has one. While the model
// thinks, the masks of the answer force it (answer_forms.h).
api::ApiResult<std::string> Prompts::opening_of(const api::Request& request, bool in_reasoning) const {
  using Mode = api::ToolChoice::Mode;
  const api::ToolChoice& choice = request.tool_choice;
  if (choice.mode == Mode::automatic || choice.mode == Mode::none) return std::string();
  const auto refuse = [](const char* why) {
    return api::ApiError{
        .kind = Kind::unsupported, .message = std::string("tool_choice: ") + why, .param = "tool_choice"};
  };
  std::string opening = call_opening(traits_.syntax, named_tool(request));
  if (opening.empty()) return refuse("a call cannot be forced with this model; use auto");
  if (in_reasoning && text::call_tokens(traits_.syntax, *text_.tokenizer).empty())
    return refuse("a call cannot be forced while the model thinks; turn thinking off, or use auto");
  return in_reasoning ? std::string() : opening;
}

api::ApiResult<Prompt> Prompts::plain(const api::Request& request, const std::string& text) const {
  auto ids = text_.tokenizer->encode(
      text, {.add_special = request.add_special, .parse_special = request.parse_special});
  if (!ids) return invalid(ids.error(), "prompt");
  if (request.add_special && request.parse_special) drop_second(preamble_, *ids);
  return Prompt{
      .ids = std::move(*ids), .text = request.echo ? text : std::string(), .answer = raw_rules(request)};
}

// Ids are used unchanged. They are decoded only if the request wants the prompt echoed.
Prompt Prompts::given(const api::Request& request, const std::vector<int32_t>& ids) const {
  Prompt t{.ids = ids, .text = {}, .answer = raw_rules(request)};
  if (!request.echo) return t;
  const auto stream = text_.tokenizer->stream(request.skip_special);
  for (const int32_t id : ids) t.text += stream->push(id);
  t.text += stream->flush();
  return t;
}

}  // namespace autark::serve
