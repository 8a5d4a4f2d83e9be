// The one owner of an answer's text: token ids become what a client gets, reasoning, content and calls. It
// decodes the ids, leaves special tokens out, cuts at stop strings, mends calls that lack their tag, and runs
// the parser of the model's syntax (text/output_parser.h). It keeps the rules of a request: stop strings end
// content and nothing else, where no calls are wanted what the model writes is content, one call is enough
// where only one is wanted. A call is passed on whatever its name: the client that offered the tools knows
// best what to say of one that it does not have.
//
// Joined by kind and call, what comes out does not depend on how a text was cut into tokens. Chats, raw
// completions and the terminal read their answers with this class. It knows no engine and no HTTP. Belongs to
// one answer and one thread at a time.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include "api/item.h"
#include "base/sampled.h"
#include "serve/missing_tag.h"
#include "text/output_parser.h"
#include "text/stop_strings.h"
#include "text/tokenizer.h"

namespace autark::serve {

class AnswerReader {
 public:
  struct Rules {  // as they are: a raw completion's
    text::OutputSyntax syntax = text::OutputSyntax::plain;
    bool in_reasoning = false;       // the prompt ends inside the model's reasoning
    bool continues = false;          // it ends inside content
    std::string opening;             // the beginning of the answer that the prompt already holds
    std::vector<std::string> stop;   // end content, never shown
    bool include_stop = false;       // show the stop string, and the token that ended the answer
    bool skip_special = true;        // special tokens are left out, except the markup of the syntax
    bool calls = true;               // false: their markup is text
    bool parallel_calls = true;      // false: the first call is the last
    std::vector<std::string> tools;  // names on offer: a call of one may come without its tag (missing_tag.h)
  };
  using Whats = std::vector<api::Event::What>;
  using NewId = std::function<std::string()>;

  // `new_id` makes the id of each call. The tokenizer outlives the reader.
  AnswerReader(const text::Tokenizer& tokenizer, Rules rules, NewId new_id);

  Whats opening();         // what the opening says; first
  Whats push(int32_t id);  // the next token
  Whats end(int32_t id);   // the token that ended the answer; it is shown with include_stop only
  // No more tokens come: what was held back. `cut`: a limit or the client ended the answer, not the model.
  Whats finish(bool cut);

  // Why the answer is over although the model would go on; nothing follows then.
  std::optional<api::Finish> ended() const { return ended_; }
  const std::string& stop_sequence() const { return stops_.which(); }
  bool called() const { return whole_calls_ > 0; }        // a whole call came
  Sampled take_sampled() { return std::move(sampled_); }  // the opening and what was pushed; once

 private:
  std::string_view readable(int32_t id, std::string_view text) const;
  Whats read_text(std::string_view text);
  void read_held(Whats& out);
  void read(Whats& out, std::vector<text::OutputPiece> pieces);
  void read(Whats& out, text::OutputPiece& piece);
  void content(Whats& out, std::string_view text);
  void end_of_content(Whats& out);

  const text::Tokenizer& tokenizer_;
  const Rules rules_;
  const NewId new_id_;
  std::unique_ptr<text::StreamDecoder> decoder_;
  Sampled sampled_;
  MissingTag missing_tag_;
  std::unique_ptr<text::OutputParser> parser_;
  text::StopStrings stops_;
  int whole_calls_ = 0;
  std::optional<api::Finish> ended_;
};

// How a prompt begins an answer that must be a call: of `tool`, or of any where it is empty. Empty: this
// syntax has no such beginning.
std::string call_opening(text::OutputSyntax syntax, const api::Tool* tool);

}  // namespace autark::serve
