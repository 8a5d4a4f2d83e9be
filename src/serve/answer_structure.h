// Enforces Request::structure on one answer: an engine::Constraint over text::StructureMasks. The structure
// begins after the reasoning. While the model reasons, only tokens that end the answer are held back. After
// </think> it may write line feeds, which the reader of the answer drops.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include "api/item.h"
#include "engine/constraint.h"
#include "text/structure.h"

namespace autark::serve {

class AnswerStructure final : public engine::Constraint {
 public:
  struct Place {
    int64_t vocabulary = 0;         // of the engine
    std::vector<int32_t> ends;      // tokens that end an answer
    bool in_reasoning = false;      // the prompt ends inside reasoning
    std::optional<int32_t> thinks;  // a first token that opens reasoning
    std::optional<int32_t> calls;   // a token that opens a call instead of content: all is free after it
  };
  // The tokenizer must outlive it.
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
  std::vector<int32_t> seen_;   // the part of the answer that was read
  std::string reasoning_;       // the end of the reasoning so far
  bool reasons_ = false;        // the answer so far ends inside reasoning
  bool free_ = false;           // a call was opened
  std::optional<Error> fault_;  // text followed </think> in the same token
  size_t begin_ = 0;            // index of the first token of the structure, unless reasons_
  int feeds_ = 0;               // line feeds that may still come before the structure
  std::vector<uint32_t> bits_;
};

// Compiles the structure of a request. On failure returns null and sets `fault`.
std::unique_ptr<text::StructureMasks> compiled(const text::Structures& structures, const api::Structure& s,
                                               api::ApiError& fault);

}  // namespace autark::serve
