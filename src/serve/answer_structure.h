// Enforces Request::structure on one answer: an engine::Constraint over text::StructureMasks. The structure
// begins after the reasoning. While the model reasons, only tokens that end the answer, or that join the end of
// the reasoning and other text, are held back. After </think> it may write line feeds, which the reader of the
// answer drops.
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
// "</think>". The structure of the text could not hold them back: its masks are about whole tokens.
using ReasoningJoins = std::array<std::vector<int32_t>, 8>;
ReasoningJoins reasoning_joins(const text::Tokenizer& tokenizer);

class AnswerStructure final : public engine::Constraint {
 public:
  struct Place {
    int64_t vocabulary = 0;         // of the engine
    std::vector<int32_t> ends;      // tokens that end an answer
    const ReasoningJoins* joins;    // of the tokenizer; must outlive this object
    bool in_reasoning = false;      // the prompt ends inside reasoning
    std::optional<int32_t> thinks;  // a first token that opens reasoning
    std::optional<int32_t> calls;   // a token that opens a call instead of content: all is free after it
  };
  // The tokenizer must outlive it. Without masks every answer fails.
  AnswerStructure(std::unique_ptr<text::StructureMasks> masks, const text::Tokenizer& tokenizer, Place place);

  void prepare(std::span<const int32_t> answer) override;
  Result<engine::TokenMask> after(std::span<const int32_t> answer) override;

 private:
  void read(std::span<const int32_t> answer);
  void read(int32_t id);
  bool is_feed(int32_t id) const;
  engine::TokenMask reasoning_mask();

  const std::unique_ptr<text::StructureMasks> masks_;
  const text::Tokenizer& tokenizer_;
  const Place place_;
  std::vector<int32_t> seen_;  // the part of the answer that was read
  std::string reasoning_;      // the end of the reasoning so far, or more of it
  bool reasons_ = false;       // the answer so far ends inside reasoning
  bool free_ = false;          // a call was opened
  size_t begin_ = 0;           // index of the first token of the structure, unless reasons_
  int feeds_ = 0;              // line feeds that may still come before the structure
  std::vector<uint32_t> bits_;
};

// The masks of a request's structure if it was compiled before, else null. Does not block.
std::unique_ptr<text::StructureMasks> known_masks(const text::Structures& structures,
                                                  const api::Structure& s);
// Compiles the structure of a request, which may take seconds. On failure returns null and sets `fault`.
std::unique_ptr<text::StructureMasks> compiled(const text::Structures& structures, const api::Structure& s,
                                               api::ApiError& fault);

}  // namespace autark::serve
