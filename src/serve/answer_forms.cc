#include "serve/answer_forms.h"
#include <algorithm>
#include "text/dialect.h"

namespace autark::serve {
namespace {

// The spelling of a marker of reasoning; empty if the syntax has none. A variant is told by its shape.
std::string_view spelling_of(text::OutputSyntax syntax, text::Mark mark) {
  const bool variant = syntax == text::OutputSyntax::hy3_opensource;
  for (const text::Marker& m : text::dialect_of(syntax).markers)
    if (m.mark == mark && m.text.ends_with(":opensource>") == variant) return m.text;
  return {};
}

// The marker that opens reasoning if the answer begins with it; in DSML and plain answers it is content.
std::string_view opens_reasoning(text::OutputSyntax syntax) {
  return syntax == text::OutputSyntax::dsml ? "" : spelling_of(syntax, text::Mark::think);
}

using Kind = api::ApiError::Kind;
using Mode = api::ToolChoice::Mode;

bool forced(const api::Request& request) {
  return request.tool_choice.mode == Mode::required || request.tool_choice.mode == Mode::named;
}

// The tools that an answer may call.
std::vector<const api::Tool*> callable(const api::Request& request) {
  std::vector<const api::Tool*> tools;
  for (const api::Tool& t : request.tools)
    if (request.tool_choice.mode != Mode::named || t.name == request.tool_choice.name) tools.push_back(&t);
  return tools;
}

std::string schema_of(const api::Tool& tool) {
  const auto schema = tool.function.find("parameters");
  return schema == tool.function.end() || schema->is_null() ? R"({"type":"object"})" : dump_json(*schema);
}

// The tokens of an opening behind those that open calls.
std::vector<int32_t> begun_of(const std::string& opening, const std::vector<int32_t>& opens,
                              const text::Tokenizer& tokenizer) {
  std::string marks;
  for (const int32_t id : opens) marks += tokenizer.bytes_of(id);
  const size_t at = opening.find(marks);
  if (marks.empty() || at == opening.npos) return {};
  const auto ids =
      tokenizer.encode(opening.substr(at + marks.size()), {.add_special = false, .parse_special = true});
  return ids ? *ids : std::vector<int32_t>();
}

}  // namespace

AnswerForms::AnswerForms(const text::ModelText& text, int64_t vocabulary, std::vector<std::string> trial)
    : text_(text), vocabulary_(vocabulary), trial_(std::move(trial)) {}

const text::Structures* AnswerForms::structures(api::ApiError& fault) {
  std::call_once(once_, [&] {
    auto made = text::Structures::make(*text_.tokenizer, text_.end_tokens, trial_);
    joins_ = reasoning_joins(*text_.tokenizer);
    made ? void(structures_ = std::move(*made)) : void(fault_ = made.error().message);
    made_ = true;
  });
  if (!structures_) fault = {.kind = Kind::unsupported, .message = fault_};
  return structures_.get();
}

std::string AnswerForms::calls_of(const api::Request& request, text::OutputSyntax syntax, bool all) const {
  std::vector<text::CallForm> forms;
  for (const api::Tool* t : callable(request))
    forms.push_back({t->name, t->strict || all ? std::optional(schema_of(*t)) : std::nullopt});
  return text::calls_text(syntax, *text_.tokenizer, text_.end_tokens, forms, request.parallel_calls);
}

// Calls are held to a form if a tool is strict, if a call is forced, or if there may be one call only. A forced call
// fits its schema as far as that can be kept: some clients get structured output so.
api::ApiResult<AnswerForms::Asked> AnswerForms::asked(const api::Request& request,
                                                      const AnswerReader::Rules& rules) const {
  Asked a{.content = request.structure};
  const std::string_view think = opens_reasoning(rules.syntax);
  if (request.prompts.empty() && request.thinking != false && !think.empty() && !rules.in_reasoning)
    a.thinks = text_.tokenizer->id_of(think);
  if (!rules.calls) return a;
  a.opens = text::call_tokens(rules.syntax, *text_.tokenizer);
  const auto tools = callable(request);
  const bool strict = std::ranges::any_of(tools, [](const api::Tool* t) { return t->strict; });
  if (strict && a.opens.empty())
    return api::ApiError{
        .kind = Kind::unsupported,
        .message = "tools: the calls of this model cannot be held to a schema; leave strict and grammars out",
        .param = "tools"};
  if (a.opens.empty() || !(strict || forced(request) || !request.parallel_calls)) return a;
  a.calls = calls_of(request, rules.syntax, forced(request));
  if (forced(request)) a.looser = calls_of(request, rules.syntax, false);
  a.only_calls = forced(request) && rules.opening.empty();
  a.must_hold = strict || (a.only_calls && request.tool_choice.mode == Mode::named);
  return a;
}

std::optional<AnswerMasks> AnswerForms::known(const Asked& asked) const {
  AnswerMasks masks{.content = {}, .calls = {}, .only_calls = asked.only_calls};
  if (!asked.content && asked.calls.empty()) return masks;
  if (!made_ || !structures_) return {};
  if (asked.content) masks.content = known_masks(*structures_, *asked.content);
  if (!asked.calls.empty()) masks.calls = structures_->known(text::StructureKind::calls, asked.calls);
  const bool all = (masks.content || !asked.content) && (masks.calls || asked.calls.empty());
  return all ? std::optional(std::move(masks)) : std::nullopt;
}

api::ApiResult<AnswerMasks> AnswerForms::compile(const Asked& asked) {
  AnswerMasks masks{.content = {}, .calls = {}, .only_calls = asked.only_calls};
  api::ApiError fault;
  const text::Structures* all = structures(fault);
  if (asked.content) {
    if (all) masks.content = compiled(*all, *asked.content, fault);
    if (!masks.content) return fault;
  }
  if (!asked.calls.empty()) {
    if (all) masks.calls = compiled_calls(*all, asked.calls, fault);
    const bool looser = !asked.looser.empty() && asked.looser != asked.calls && fault.kind == Kind::invalid;
    if (all && !masks.calls && looser) masks.calls = compiled_calls(*all, asked.looser, fault);
    if (!masks.calls && asked.must_hold) return fault;
  }
  return masks;
}

Submission::Constrain AnswerForms::constrain(const Asked& asked, AnswerMasks masks) const {
  if (!masks.content && !masks.calls && !masks.only_calls) return {};
  const AnswerStructure::Place place{.vocabulary = vocabulary_,
                                     .ends = text_.end_tokens,
                                     .joins = &joins_,
                                     .thinks = asked.thinks,
                                     .opens = asked.opens,
                                     .begun = {},
                                     .bare = {}};
  return [this, place, masks = std::move(masks)](const Prompt& p) {
    AnswerStructure::Place own = place;
    own.in_reasoning = p.answer.in_reasoning;
    const std::string_view end = spelling_of(p.answer.syntax, text::Mark::think_end);
    if (!end.empty()) own.think_end = end;
    own.opener = text::call_opener(p.answer.syntax);
    own.in_thoughts = !own.opener.empty() && text::dialect_of(p.answer.syntax).thoughts_hold_calls;
    own.at_start = text::dialect_of(p.answer.syntax).bare_object;
    const std::string& opening = p.answer.opening;
    if (!opening.empty()) own.begun = begun_of(opening, own.opens, *text_.tokenizer);
    if (p.answer.syntax == text::OutputSyntax::hermes && !own.in_reasoning) own.bare = p.answer.tools;
    return std::make_shared<AnswerStructure>(masks, *text_.tokenizer, std::move(own));
  };
}

}  // namespace autark::serve
