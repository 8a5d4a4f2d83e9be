#include "serve/answer_reader.h"
#include <algorithm>
#include "text/dialect.h"

namespace autark::serve {

using text::OutputPiece;
using text::OutputSyntax;

namespace {

// Markup tokens, which the parser must see even if they are special tokens.
std::vector<std::string_view> markup_of(const AnswerReader::Rules& r) {
  if (r.syntax != OutputSyntax::plain) return text::markup_of(r.syntax);
  return r.in_reasoning ? std::vector<std::string_view>{"</think>"} : std::vector<std::string_view>{};
}

bool has_arguments(const api::Tool& tool) {
  const Json& f = tool.function;
  const auto schema = f.find("parameters");
  if (schema == f.end() || !schema->is_object()) return false;
  const auto properties = schema->find("properties");
  return properties != schema->end() && !properties->empty();
}

// Only Hermes models leave the tag out, and only at the beginning of an answer.
bool may_miss_tags(const AnswerReader::Rules& r) {
  return r.syntax == OutputSyntax::hermes && !r.in_reasoning && r.opening.empty() && r.calls;
}

// Leaves out a call that the model began and did not end by itself: no client could execute it.
std::vector<OutputPiece> without_open_call(std::vector<OutputPiece> pieces) {
  int ended = -1;
  for (const OutputPiece& p : pieces)
    if (p.kind == OutputPiece::Kind::call_end) ended = p.call;
  std::erase_if(pieces, [&](const OutputPiece& p) { return p.call > ended; });
  return pieces;
}

// The sampled turn begins with the opening, as if the model had written it and not the prompt.
SampledTurn begun(const text::Tokenizer& tokenizer, const AnswerReader::Rules& rules) {
  SampledTurn s{.in_reasoning = rules.in_reasoning};
  if (rules.opening.empty()) return s;
  auto ids = tokenizer.encode(rules.opening, {.add_special = false, .parse_special = true});
  if (ids) s.answer = {rules.opening, std::move(*ids)};
  return s;
}

}  // namespace

AnswerReader::AnswerReader(const text::Tokenizer& tokenizer, Rules rules, NewId new_id)
    : tokenizer_(tokenizer),
      rules_(std::move(rules)),
      new_id_(std::move(new_id)),
      markup_(markup_of(rules_)),
      decoder_(tokenizer.stream(rules_.skip_special && markup_.empty())),
      sampled_(begun(tokenizer, rules_)),
      repair_(may_miss_tags(rules_) ? rules_.tools : std::vector<std::string>{}),
      parser_(text::make_output_parser(rules_.syntax, {.in_reasoning = rules_.in_reasoning,
                                                       .reasoned = rules_.reasoned,
                                                       .continues = rules_.continues,
                                                       .calls = rules_.calls,
                                                       .types = rules_.types})),
      stops_(rules_.stop, rules_.include_stop) {}

AnswerReader::Payloads AnswerReader::opening() {
  Payloads out;
  if (!rules_.opening.empty()) read(out, parser_->push(rules_.opening));
  return out;
}

AnswerReader::Payloads AnswerReader::push(int32_t id) {
  const std::string text = decoder_->push(id);
  sampled_.add(id, text);
  return read_text(readable(id, text));
}

AnswerReader::Payloads AnswerReader::end(int32_t id) {
  return rules_.include_stop ? read_text(readable(id, decoder_->push(id))) : Payloads{};
}

// Removes a special token that is no markup from the end of `text`, which push(id) returned. Without any
// markup the decoder already skips special tokens.
std::string_view AnswerReader::readable(int32_t id, std::string_view text) const {
  if (!rules_.skip_special || markup_.empty() || !tokenizer_.is_special(id)) return text;
  const std::string own = tokenizer_.bytes_of(id);
  if (std::ranges::count(markup_, own) > 0 || !text.ends_with(own)) return text;
  return text.substr(0, text.size() - own.size());
}

AnswerReader::Payloads AnswerReader::read_text(std::string_view text) {
  Payloads out;
  repair_.push(text);
  read_held(out);
  return out;
}

AnswerReader::Payloads AnswerReader::finish(bool cut) {
  Payloads out = read_text(decoder_->flush());
  read(out, parser_->push(repair_.finish()));
  std::vector<OutputPiece> rest = parser_->finish(cut);
  read(out, cut ? std::move(rest) : without_open_call(std::move(rest)));
  if (!ended_) end_of_content(out);
  return out;
}

// Feeds the parser piece by piece, and tells the tag repair when the parser has seen the end of a call.
void AnswerReader::read_held(Payloads& out) {
  while (!ended_) {
    const auto piece = repair_.next();
    if (!piece) return;
    const int calls = whole_calls_;
    read(out, parser_->push(*piece));
    if (whole_calls_ > calls) repair_.call_ended();
  }
}

void AnswerReader::read(Payloads& out, std::vector<OutputPiece> pieces) {
  for (OutputPiece& p : pieces)
    if (!ended_) read(out, p);
}

void AnswerReader::read(Payloads& out, OutputPiece& p) {
  if (p.kind == OutputPiece::Kind::content) return content(out, p.text);
  end_of_content(out);
  switch (p.kind) {
    case OutputPiece::Kind::reasoning:
      out.push_back(api::Event::Reasoned{std::move(p.text)});
      return;
    case OutputPiece::Kind::call:
      out.push_back(api::Event::CallBegun{p.call, new_id_(), std::move(p.text)});
      return;
    case OutputPiece::Kind::arguments:
      out.push_back(api::Event::CallArguments{p.call, std::move(p.text)});
      return;
    default:
      out.push_back(api::Event::CallEnded{p.call});
      ++whole_calls_;
      if (!rules_.parallel_calls) ended_ = api::Finish::tool_calls;
  }
}

void AnswerReader::content(Payloads& out, std::string_view text) {
  if (std::string shown = stops_.push(text); !shown.empty())
    out.push_back(api::Event::Delta{std::move(shown)});
  if (stops_.found()) ended_ = api::Finish::stop_sequence;
}

// Ends the search for stop strings: a match cannot continue after reasoning or a call.
void AnswerReader::end_of_content(Payloads& out) {
  std::string held = stops_.flush();
  if (held.empty()) return;
  out.push_back(api::Event::Delta{std::move(held)});
  stops_ = text::StopStrings(rules_.stop, rules_.include_stop);
}

std::string call_opening(OutputSyntax syntax, const api::Tool* tool) {
  const text::CallShape& shape = text::dialect_of(syntax).shape;
  if (!tool || shape.named.empty()) return std::string(shape.any);
  std::string call(shape.named);
  call += shape.json_name ? dump_json(tool->name) : tool->name;
  if (!shape.loose_lines) call += shape.after_name;
  // Ends where a token of the model is likely to end: a brace and the quote after it are often one token.
  if (shape.json_arguments) call += has_arguments(*tool) ? "{\"" : "{";
  return call;
}

}  // namespace autark::serve
