// The text of one answer, taken apart into what a client gets: reasoning, content, calls. Around the model's
// parser (text/output_parser.h) it keeps the rules of a request: stop strings end content and nothing else,
// where no calls are wanted what the model writes is content, one call is enough where only one is wanted. A
// call is passed on whatever its name: the client that offered the tools knows best what to say of one that
// it does not have.
// Belongs to one answer and one thread at a time.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include "api/item.h"
#include "engine/engine.h"
#include "engine/stop_strings.h"
#include "serve/missing_tag.h"
#include "text/output_parser.h"

namespace autark::serve {

class AnswerReader {
 public:
  struct Rules {
    text::OutputSyntax syntax = text::OutputSyntax::plain;
    bool in_reasoning = false;  // the prompt ends inside the model's reasoning
    bool continues = false;     // it ends inside content
    std::string opening;        // the beginning of the answer that the prompt already holds
    std::vector<std::string> stop;
    bool include_stop = false;
    bool calls = true;               // false: their markup is text
    bool parallel_calls = true;      // false: the first call is the last
    std::vector<std::string> tools;  // names on offer: a call of one may come without its tag (missing_tag.h)
  };
  using Whats = std::vector<api::Event::What>;
  using NewId = std::function<std::string()>;

  AnswerReader(Rules rules, NewId new_id);

  Whats opening();  // what the opening says; first
  Whats push(std::string_view text);
  Whats finish(bool cut);

  // Why the answer is over although the model would go on; nothing follows.
  std::optional<api::Finish> ended() const { return ended_; }
  const std::string& stop_sequence() const { return stops_.which(); }
  bool called() const { return whole_calls_ > 0; }

 private:
  void read_held(Whats& out);
  void read(Whats& out, std::vector<text::OutputPiece> pieces);
  void read(Whats& out, text::OutputPiece& piece);
  void content(Whats& out, std::string_view text);
  void end_of_content(Whats& out);

  const Rules rules_;
  const NewId new_id_;
  std::unique_ptr<text::OutputParser> parser_;
  MissingTag missing_tag_;
  engine::StopStrings stops_;
  int whole_calls_ = 0;
  std::optional<api::Finish> ended_;
};

// A token's text for push(), from a request with skip_special off: special tokens are left out as a decoder
// would, but for those that are markup of this syntax.
std::string readable(const engine::Event::Token& token, const text::Tokenizer& tokenizer,
                     text::OutputSyntax syntax);

// How a prompt begins an answer that must be a call: of `tool`, or of any where it is empty. Empty: this
// syntax has no such beginning.
std::string call_opening(text::OutputSyntax syntax, const api::Tool* tool);

}  // namespace autark::serve
