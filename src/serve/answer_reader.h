// Turns the token ids of one answer into reasoning, content and calls. This is the only place that makes the
// text of an answer: for chats, for raw completions and for the terminal. It decodes the ids, removes special
// tokens, cuts at stop strings, adds missing call tags and runs the parser of the model's syntax
// (text/output_parser.h).
//
// It applies the rules of the request. Stop strings are searched in content only. Without calls, everything
// but reasoning is content. With parallel_calls off, the answer ends after its first call. A call is passed
// on whatever its name is; the client decides what to do with an unknown one.
//
// If the pieces of one kind and call are joined, the result does not depend on how the text was cut into
// tokens. Depends on neither engine nor HTTP. Not thread-safe; one object per answer.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include "api/item.h"
#include "base/sampled_turn.h"
#include "serve/bare_call_repair.h"
#include "text/output_parser.h"
#include "text/stop_strings.h"
#include "text/tokenizer.h"

namespace autark::serve {

class AnswerReader {
 public:
  // The rules of a request. The defaults, with calls off, are those of a raw completion.
  struct Rules {
    text::OutputSyntax syntax = text::OutputSyntax::plain;
    bool in_reasoning = false;       // the prompt ends inside the model's reasoning
    bool reasoned = false;           // the prompt ends behind it
    bool continues = false;          // the prompt ends inside content
    std::string opening;             // the beginning of the answer, which the prompt already contains
    std::vector<std::string> stop;   // each ends the content where it is found
    bool include_stop = false;       // show the stop string, or the token that ended the answer
    bool skip_special = true;        // remove special tokens, except the markup of the syntax
    bool calls = true;               // false: the markup of calls is content
    bool parallel_calls = true;      // false: the answer ends after its first call
    std::vector<std::string> tools;  // names of the tools: their calls may lack the tag (bare_call_repair.h)
    std::shared_ptr<const text::ToolTypes> types = nullptr;  // what their schemas say; may be null
  };
  using Payloads = std::vector<api::Event::Payload>;  // pieces of the answer, in order
  using NewId = std::function<std::string()>;

  // `new_id` makes the id of each call. The tokenizer must outlive the reader.
  AnswerReader(const text::Tokenizer& tokenizer, Rules rules, NewId new_id);

  // Each of these returns the pieces that have become readable. Call opening() first, then push() for each
  // token, end() for the token that ended the answer if there is one, and finish() last.
  Payloads opening();         // the pieces of Rules::opening
  Payloads push(int32_t id);  // the next token
  Payloads end(int32_t id);   // shows the end token, with include_stop only
  // Returns what was held back. `cut`: a limit or the client ended the answer, not the model; without it no call
  // stays open.
  Payloads finish(bool cut);

  // Set once the answer is complete although the model could go on: at a stop string, or after the only call
  // that is allowed. All further text is ignored.
  std::optional<api::Finish> ended() const { return ended_; }
  const std::string& stop_sequence() const { return stops_.which(); }  // the stop string that was found
  bool called() const { return whole_calls_ > 0; }                     // true after the first complete call
  // The opening and all pushed tokens, as the model wrote them. REQUIRES: called once
  SampledTurn take_sampled() { return std::move(sampled_); }

 private:
  std::string_view readable(int32_t id, std::string_view text) const;
  Payloads read_text(std::string_view text);
  void read_held(Payloads& out);
  void read(Payloads& out, std::vector<text::OutputPiece> pieces);
  void read(Payloads& out, text::OutputPiece& piece);
  void content(Payloads& out, std::string_view text);
  void end_of_content(Payloads& out);

  const text::Tokenizer& tokenizer_;
  const Rules rules_;
  const NewId new_id_;
  const std::vector<std::string_view> markup_;  // spellings of tokens that the parser must see
  std::unique_ptr<text::StreamDecoder> decoder_;
  SampledTurn sampled_;
  BareCallRepair repair_;
  std::unique_ptr<text::OutputParser> parser_;
  text::StopStrings stops_;
  int whole_calls_ = 0;
  std::optional<api::Finish> ended_;
};

// The text that begins a call of `tool`, or of any tool if it is null. A prompt ends with it to force a call.
// Empty if calls of this syntax cannot be forced.
std::string call_opening(text::OutputSyntax syntax, const api::Tool* tool);

}  // namespace autark::serve
