// Enforces on one answer what its request asks of the form of the content (Request::structure) and of the calls
// (strict and forced tools): an engine::Constraint over text::StructureMasks.
//
//   reasoning   free. If the content has a form, tokens that end the answer, or that join the end of the
//               reasoning and other text, are held back. After </think> line feeds may follow, which the reader
//               of the answer drops.
//   content     free, or of its form. Calls may begin anywhere in free content, else only instead of it. A call
//               without the tokens that open it is one if the reader reads it as one (bare_call_repair.h).
//   calls       from behind what opens them, in reasoning too: of their form to the end of the answer, or free.
#pragma once
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include "api/item.h"
#include "engine/constraint.h"
#include "text/structure.h"

namespace autark::serve {

// Tokens that end the reasoning and go on with text. Those at index n do so after the first n characters of
// "</think>". The form of the text could not hold them back: its masks are about whole tokens.
using ReasoningJoins = std::array<std::vector<int32_t>, 8>;
ReasoningJoins reasoning_joins(const text::Tokenizer& tokenizer);

// The forms that were compiled for a request; a null one is free.
struct AnswerMasks {
  std::shared_ptr<text::StructureMasks> content, calls;
  bool only_calls = false;  // the content must be calls
};

class AnswerStructure final : public engine::Constraint {
 public:
  struct Place {
    int64_t vocabulary = 0;                   // of the engine
    std::vector<int32_t> ends;                // tokens that end an answer
    const ReasoningJoins* joins;              // of the tokenizer; must outlive this object
    bool in_reasoning = false;                // the prompt ends inside reasoning
    std::optional<int32_t> thinks;            // a first token that opens reasoning
    std::string_view think_end = "</think>";  // the text that ends it; static
    std::vector<int32_t> opens;               // tokens that open calls, in order; empty: there are none
    // The prompt ends inside calls, behind `opens` and these tokens.
    std::optional<std::vector<int32_t>> begun;
    std::vector<std::string> bare;  // tools whose calls may begin free content without `opens`
    std::string_view opener = {};   // the text of `opens`, if other tokens may write it, too; static
    bool in_thoughts = false;       // `opener` also opens calls in reasoning
    bool at_start = false;          // and only at the start of free content
  };
  // The tokenizer must outlive it. If a form cannot be copied, every answer fails.
  AnswerStructure(const AnswerMasks& masks, const text::Tokenizer& tokenizer, Place place);

  void prepare(std::span<const int32_t> answer) override;
  Result<engine::TokenMask> after(std::span<const int32_t> answer) override;

 private:
  enum class Phase : uint8_t { reasoning, content, calls };
  void restart();
  void read(std::span<const int32_t> answer);
  void read(int32_t id);
  void read_reasoning(int32_t id);
  void read_content(int32_t id);
  bool opened() const;
  void look_for_bare_call(int32_t id);
  bool look_for_opener(int32_t id);
  bool is_feed(int32_t id) const;
  bool holds_content() const { return content_ || only_calls_; }
  std::span<const int32_t> call_ids(std::span<const int32_t> answer);
  engine::TokenMask reasoning_mask();
  Result<engine::TokenMask> content_mask(std::span<const int32_t> answer);

  const std::unique_ptr<text::StructureMasks> content_, calls_;
  const bool only_calls_, broken_;
  const text::Tokenizer& tokenizer_;
  const Place place_;
  std::vector<int32_t> seen_;  // the answer that was read
  std::string reasoning_;      // the end of the reasoning so far, or more of it
  Phase phase_ = Phase::content;
  size_t begin_ = 0;  // index of the first token of the content or of what is behind `opens`
  int feeds_ = 0;     // line feeds that may still come before the content
  std::string bare_;  // the content, as long as it may become a call without `opens`
  bool may_be_bare_ = false;
  std::string tail_;                           // text that may end with a part of the opener
  std::optional<std::vector<int32_t>> begun_;  // tokens of calls before begin_
  std::vector<int32_t> call_ids_;
  std::vector<uint32_t> bits_;
};

// The masks of a request's structure if it was compiled before, else null. Does not block.
std::unique_ptr<text::StructureMasks> known_masks(const text::Structures& structures,
                                                  const api::Structure& s);
// Compiles the structure of a request, which may take seconds. On failure returns null and sets `fault`.
std::unique_ptr<text::StructureMasks> compiled(const text::Structures& structures, const api::Structure& s,
                                               api::ApiError& fault);
// The same for calls; `text`: text::calls_text(). A fault is one of `tools`.
std::unique_ptr<text::StructureMasks> compiled_calls(const text::Structures& structures,
                                                     const std::string& text, api::ApiError& fault);

}  // namespace autark::serve
