// Structured output: masks over the vocabulary that keep an answer in a form, such as a JSON schema.
// Implemented by the Rust crate `llguidance` behind text/crates.h. Schemas, patterns and grammars are hostile:
// a helper process compiles them first, with at most 2 s of processor time and 256 MB. A mask takes at most
// some milliseconds.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "base/result.h"
#include "text/output_parser.h"
#include "text/tokenizer.h"

namespace autark::text {

enum class StructureKind : uint8_t {
  schema,   // a JSON schema; `true` and {} are any JSON value
  regex,    // the whole text matches it, in Rust's syntax
  choice,   // a JSON list of strings, of which the text is one
  grammar,  // Lark, in llguidance's variant, or EBNF as llama.cpp and vLLM write it (`root ::= …`)
  calls     // tool calls behind the token that opens them; JSON, see calls_text()
};

// Why a structure was refused.
struct StructureFault {
  enum class Why : uint8_t {
    invalid,  // it is wrong, or asks what cannot be kept
    complex,  // it exceeds a limit
    busy      // the machine has no time or place for it now
  } why = Why::invalid;
  std::string place = {};  // the JSON pointer of the keyword at fault; may be empty
  std::string message = {};
};

// A tool whose calls are held to a form.
struct CallForm {
  std::string name;
  std::optional<std::string> schema = {};  // JSON schema of the arguments; empty: any object
};
// The text of StructureKind::calls, for the tokens of `tokenizer`. `ends`: tokens that end an answer. `parallel`: more
// than one call may follow.
std::string calls_text(OutputSyntax syntax, const Tokenizer& tokenizer, std::span<const int32_t> ends,
                       std::span<const CallForm> tools, bool parallel);
// The tokens that open calls in a syntax, as the tokenizer writes them. Empty: StructureKind::calls cannot be used
// with this tokenizer.
std::vector<int32_t> call_tokens(OutputSyntax syntax, const Tokenizer& tokenizer);
// The text that opens calls in a syntax that is a table (text/dialect.h), in whatever tokens; else empty.
std::string_view call_opener(OutputSyntax syntax);

// The masks of one answer. One thread at a time.
class StructureMasks {
 public:
  struct Mask {
    std::span<const uint32_t> bits;  // bit i % 32 of bits[i / 32]: token i may follow
    bool finished = false;           // the text may end here; then the end tokens are allowed
  };
  virtual ~StructureMasks() = default;
  // Begins to compute the mask after the tokens `ids` of the text, on a thread of its own.
  virtual void prepare(std::span<const int32_t> ids) = 0;
  // The mask after `ids`, a pure function of them; valid until the next call. An error if they do not fit.
  virtual Result<Mask> after(std::span<const int32_t> ids) = 0;
  // Masks of another answer with the same structure; null if the crate fails.
  virtual std::unique_ptr<StructureMasks> another() const = 0;
};

// Compiles structures for one vocabulary and caches them. Thread-safe.
class Structures {
 public:
  // `ends`: tokens that end an answer, at least one. The tokenizer is not used after this. `trial`: a program
  // and its first arguments. It gets the name of a kind as its last argument and a text on its standard input,
  // and writes what try_structure() returns. Without it only structures from a friend may be compiled.
  static Result<std::unique_ptr<Structures>> make(const Tokenizer& tokenizer, std::span<const int32_t> ends,
                                                  std::span<const std::string> trial = {});
  virtual ~Structures() = default;
  // Masks of a structure that was compiled before and is still cached; else null. Does not block.
  virtual std::unique_ptr<StructureMasks> known(StructureKind kind, std::string_view text) const = 0;
  // Blocks while it compiles, at most some seconds. On failure returns null and sets `fault`.
  virtual std::unique_ptr<StructureMasks> compile(StructureKind kind, std::string_view text,
                                                  StructureFault& fault) const = 0;
};

// For the helper process: compiles a structure for no vocabulary. Limits the processor time of this process for
// the rest of its life; the compilation may also crash it. `kind`: the name of a StructureKind.
std::string try_structure(std::string_view kind, std::string_view text);

}  // namespace autark::text
