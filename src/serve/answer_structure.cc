#include "serve/answer_structure.h"
#include <algorithm>
#include <utility>

namespace autark::serve {
namespace {

constexpr std::string_view kEnd = "</think>";
constexpr int kFeeds = 2;  // tokens of line feeds between reasoning and content

void allow(std::vector<uint32_t>& bits, int32_t id, bool allowed) {
  const auto word = static_cast<size_t>(id) / 32;
  if (id < 0 || word >= bits.size()) return;
  const uint32_t bit = uint32_t{1} << (id % 32);
  bits[word] = allowed ? bits[word] | bit : bits[word] & ~bit;
}

// Whether a text has more than line feeds after the first `end` bytes.
bool goes_on(std::string_view text, size_t end) {
  return text.find_first_not_of('\n', end) != text.npos;
}

// A structure as the text layer takes it.
std::pair<text::StructureKind, std::string> written(const api::Structure& s) {
  using Kind = api::Structure::Kind;
  using text::StructureKind;
  if (s.kind == Kind::json_object) return {StructureKind::schema, R"({"type":"object"})"};
  if (s.kind == Kind::json_schema) return {StructureKind::schema, dump_json(s.schema)};
  if (s.kind == Kind::regex) return {StructureKind::regex, s.text};
  if (s.kind == Kind::choice) return {StructureKind::choice, dump_json(Json(s.choices))};
  return {StructureKind::grammar, s.text};
}

}  // namespace

ReasoningJoins reasoning_joins(const text::Tokenizer& tokenizer) {
  ReasoningJoins all;
  for (int32_t id = 0; id < tokenizer.size(); ++id) {
    const std::string bytes = tokenizer.bytes_of(id);
    const size_t whole = bytes.find(kEnd);
    if (whole != bytes.npos && goes_on(bytes, whole + kEnd.size())) all[0].push_back(id);
    for (size_t n = 1; n < kEnd.size(); ++n) {
      const std::string_view rest = kEnd.substr(n);
      if (bytes.starts_with(rest) && goes_on(bytes, rest.size())) all[n].push_back(id);
    }
  }
  return all;
}

AnswerStructure::AnswerStructure(std::unique_ptr<text::StructureMasks> masks,
                                 const text::Tokenizer& tokenizer, Place place)
    : masks_(std::move(masks)), tokenizer_(tokenizer), place_(std::move(place)) {
  read(std::span<const int32_t>{});
}

bool AnswerStructure::is_feed(int32_t id) const {
  const std::string bytes = tokenizer_.bytes_of(id);
  return !bytes.empty() && bytes.find_first_not_of('\n') == std::string::npos;
}

// Follows the answer; starts again if tokens were taken back.
void AnswerStructure::read(std::span<const int32_t> answer) {
  const bool continues =
      answer.size() >= seen_.size() && std::equal(seen_.begin(), seen_.end(), answer.begin());
  if (!continues || answer.empty()) {
    seen_.clear();
    reasoning_.clear();
    reasons_ = place_.in_reasoning;
    free_ = false;
    begin_ = 0;
    feeds_ = 0;
  }
  for (size_t i = seen_.size(); i < answer.size(); ++i) read(answer[i]);
}

void AnswerStructure::read(int32_t id) {
  const bool first = seen_.empty();
  seen_.push_back(id);
  if (free_) return;
  if (first && id == place_.thinks) {
    reasons_ = true;
  } else if (reasons_) {
    reasoning_ += tokenizer_.bytes_of(id);
    if (reasoning_.find(kEnd) == std::string::npos) {
      if (reasoning_.size() > 256) reasoning_.erase(0, reasoning_.size() - kEnd.size());
      return;
    }
    reasons_ = false;
    feeds_ = kFeeds;
    begin_ = seen_.size();
  } else if (begin_ + 1 == seen_.size() && feeds_ > 0 && is_feed(id)) {
    --feeds_;
    begin_ = seen_.size();
  } else if (begin_ + 1 == seen_.size() && id == place_.calls) {
    free_ = true;
  }
}

engine::TokenMask AnswerStructure::reasoning_mask() {
  bits_.assign(size_t(place_.vocabulary + 31) / 32, ~uint32_t{0});
  for (const int32_t id : place_.ends) allow(bits_, id, false);
  for (size_t n = 0; n < kEnd.size(); ++n) {
    if (!reasoning_.ends_with(kEnd.substr(0, n))) continue;
    for (const int32_t id : (*place_.joins)[n]) allow(bits_, id, false);
  }
  return {bits_};
}

void AnswerStructure::prepare(std::span<const int32_t> answer) {
  read(answer);
  if (masks_ && !reasons_ && !free_) masks_->prepare(answer.subspan(begin_));
}

Result<engine::TokenMask> AnswerStructure::after(std::span<const int32_t> answer) {
  if (!masks_) return Error{Code::internal, "structure: its masks could not be copied"};
  read(answer);
  if (free_) return engine::TokenMask{};
  if (reasons_) return reasoning_mask();
  AUTARK_TRY(const auto mask, masks_->after(answer.subspan(begin_)));
  const bool opens = begin_ == answer.size();
  if (!opens) return engine::TokenMask{mask.bits};
  bits_.assign(mask.bits.begin(), mask.bits.end());
  if (answer.empty() && place_.thinks) allow(bits_, *place_.thinks, true);
  if (place_.calls) allow(bits_, *place_.calls, true);
  for (const char* feeds : {"\n", "\n\n"}) {
    const auto ids = tokenizer_.encode(feeds, {.add_special = false});
    if (feeds_ > 0 && ids && ids->size() == 1) allow(bits_, (*ids)[0], true);
  }
  return engine::TokenMask{bits_};
}

std::unique_ptr<text::StructureMasks> known_masks(const text::Structures& structures,
                                                  const api::Structure& s) {
  const auto [kind, text] = written(s);
  return structures.known(kind, text);
}

std::unique_ptr<text::StructureMasks> compiled(const text::Structures& structures, const api::Structure& s,
                                               api::ApiError& fault) {
  using Why = text::StructureFault::Why;
  using api::ApiError;
  const auto [kind, text] = written(s);
  text::StructureFault why;
  if (auto masks = structures.compile(kind, text, why)) return masks;
  const std::string place = why.place.empty() ? "" : " at " + why.place;
  fault = {.kind = why.why == Why::busy ? ApiError::Kind::overloaded : ApiError::Kind::invalid,
           .message = s.param + place + ": " + why.message,
           .param = s.param,
           .code = why.why == Why::complex ? "schema_too_complex" : ""};
  return nullptr;
}

}  // namespace autark::serve
