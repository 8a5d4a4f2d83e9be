#include "serve/answer_structure.h"
#include <algorithm>
#include <utility>
#include "serve/bare_call_repair.h"

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

namespace {

std::unique_ptr<text::StructureMasks> own(const std::shared_ptr<text::StructureMasks>& masks) {
  return masks ? masks->another() : nullptr;
}

}  // namespace

AnswerStructure::AnswerStructure(const AnswerMasks& masks, const text::Tokenizer& tokenizer, Place place)
    : content_(own(masks.content)),
      calls_(own(masks.calls)),
      only_calls_(masks.only_calls),
      broken_((masks.content && !content_) || (masks.calls && !calls_)),
      tokenizer_(tokenizer),
      place_(std::move(place)) {
  restart();
}

bool AnswerStructure::is_feed(int32_t id) const {
  const std::string bytes = tokenizer_.bytes_of(id);
  return !bytes.empty() && bytes.find_first_not_of('\n') == std::string::npos;
}

void AnswerStructure::restart() {
  seen_.clear();
  reasoning_.clear();
  phase_ = place_.begun ? Phase::calls : place_.in_reasoning ? Phase::reasoning : Phase::content;
  begin_ = 0;
  feeds_ = 0;
  begun_ = place_.begun;
  bare_.clear();
  tail_.clear();
  may_be_bare_ = calls_ && !holds_content() && !place_.bare.empty();
}

// Follows the answer; starts again if tokens were taken back.
void AnswerStructure::read(std::span<const int32_t> answer) {
  const bool continues =
      answer.size() >= seen_.size() && std::equal(seen_.begin(), seen_.end(), answer.begin());
  if (!continues) restart();
  for (size_t i = seen_.size(); i < answer.size(); ++i) read(answer[i]);
}

void AnswerStructure::read(int32_t id) {
  const bool first = seen_.empty();
  seen_.push_back(id);
  if (phase_ == Phase::reasoning)
    read_reasoning(id);
  else if (phase_ == Phase::content && first && id == place_.thinks)
    phase_ = Phase::reasoning;
  else if (phase_ == Phase::content)
    read_content(id);
}

void AnswerStructure::read_reasoning(int32_t id) {
  if (place_.in_thoughts && !content_ && look_for_opener(id)) return;
  reasoning_ += tokenizer_.bytes_of(id);
  if (reasoning_.find(place_.think_end) == std::string::npos) {
    if (reasoning_.size() > 256) reasoning_.erase(0, reasoning_.size() - place_.think_end.size());
    return;
  }
  phase_ = Phase::content;
  tail_.clear();
  feeds_ = kFeeds;
  begin_ = seen_.size();
}

void AnswerStructure::read_content(int32_t id) {
  if (begin_ + 1 == seen_.size() && feeds_ > 0 && is_feed(id)) {
    --feeds_;
    begin_ = seen_.size();
  } else if (!place_.opener.empty() && !holds_content()) {
    look_for_opener(id);
  } else if (opened()) {
    phase_ = Phase::calls;
    begin_ = seen_.size();
  } else if (may_be_bare_) {
    look_for_bare_call(id);
  }
}

// The tag that the repair adds stands for `opens`. What comes after it is given to the grammar in other tokens.
void AnswerStructure::look_for_bare_call(int32_t id) {
  constexpr std::string_view kTag = "<tool_call>";
  bare_ += tokenizer_.bytes_of(id);
  BareCallRepair repair(place_.bare);
  repair.push(bare_);
  std::string text;
  while (const auto piece = repair.next()) text += *piece;
  if (text.empty()) return;
  may_be_bare_ = false;
  if (!text.starts_with(kTag)) return;
  auto ids = tokenizer_.encode(text.substr(kTag.size()), {.add_special = false});
  if (!ids || !calls_->after(*ids)) return;
  begun_ = std::move(*ids);
  phase_ = Phase::calls;
  begin_ = seen_.size();
}

// Follows the text of free content or reasoning. The token that ends the opener may hold more: that is the
// beginning of the calls, unless it does not fit them.
bool AnswerStructure::look_for_opener(int32_t id) {
  tail_ += tokenizer_.bytes_of(id);
  const size_t at = tail_.find(place_.opener);
  if (at == tail_.npos) {
    const size_t kept = place_.at_start ? tail_.size() : place_.opener.size() - 1;
    if (tail_.size() > kept) tail_.erase(0, tail_.size() - kept);
    return false;
  }
  if (place_.at_start && tail_.find_first_not_of(" \t\r\n") != at) return false;
  auto behind = tokenizer_.encode(tail_.substr(at + place_.opener.size()), {.add_special = false});
  tail_.clear();
  if (!behind || (calls_ && !calls_->after(*behind))) return false;
  begun_ = std::move(*behind);
  phase_ = Phase::calls;
  begin_ = seen_.size();
  return true;
}

// Whether the last token opens calls. The text of the tokens before it may have been joined with other text.
bool AnswerStructure::opened() const {
  const auto& opens = place_.opens;
  if (opens.empty() || seen_.back() != opens.back()) return false;
  if (holds_content()) return std::ranges::equal(std::span(seen_).subspan(begin_), opens);
  if (opens.size() == 1) return true;
  return seen_.size() > begin_ + 1 &&
         tokenizer_.bytes_of(seen_[seen_.size() - 2]).ends_with(tokenizer_.bytes_of(opens[0]));
}

engine::TokenMask AnswerStructure::reasoning_mask() {
  bits_.assign(size_t(place_.vocabulary + 31) / 32, ~uint32_t{0});
  for (const int32_t id : place_.ends) allow(bits_, id, false);
  for (size_t n = 0; n < kEnd.size() && place_.think_end == kEnd; ++n) {
    if (!reasoning_.ends_with(kEnd.substr(0, n))) continue;
    for (const int32_t id : (*place_.joins)[n]) allow(bits_, id, false);
  }
  return {bits_};
}

// The tokens of calls, from behind `opens` on.
std::span<const int32_t> AnswerStructure::call_ids(std::span<const int32_t> answer) {
  if (!begun_) return answer.subspan(begin_);
  call_ids_ = *begun_;
  call_ids_.insert(call_ids_.end(), answer.begin() + std::ptrdiff_t(begin_), answer.end());
  return call_ids_;
}

void AnswerStructure::prepare(std::span<const int32_t> answer) {
  read(answer);
  if (phase_ == Phase::content && content_) content_->prepare(answer.subspan(begin_));
  if (phase_ == Phase::calls && calls_) calls_->prepare(call_ids(answer));
}

Result<engine::TokenMask> AnswerStructure::after(std::span<const int32_t> answer) {
  if (broken_) return Error{Code::internal, "structure: its masks could not be copied"};
  read(answer);
  if (phase_ == Phase::reasoning) return holds_content() ? reasoning_mask() : engine::TokenMask{};
  if (phase_ == Phase::content) return holds_content() ? content_mask(answer) : engine::TokenMask{};
  if (!calls_) return engine::TokenMask{};
  AUTARK_TRY(const auto mask, calls_->after(call_ids(answer)));
  return engine::TokenMask{mask.bits};
}

// What the form of the content allows, and what opens reasoning or calls at its beginning.
Result<engine::TokenMask> AnswerStructure::content_mask(std::span<const int32_t> answer) {
  const auto content = answer.subspan(begin_);
  const auto& opens = place_.opens;
  const bool opening =
      content.size() < opens.size() && std::equal(content.begin(), content.end(), opens.begin());
  bits_.assign(size_t(place_.vocabulary + 31) / 32, 0);
  if (content_) {
    const auto mask = content_->after(content);
    if (!mask && !(opening && !content.empty())) return mask.error();
    if (mask && !opening && !content.empty()) return engine::TokenMask{mask->bits};
    if (mask) bits_.assign(mask->bits.begin(), mask->bits.end());
  }
  if (opening) allow(bits_, opens[content.size()], true);
  if (!content.empty()) return engine::TokenMask{bits_};
  if (answer.empty() && place_.thinks) allow(bits_, *place_.thinks, true);
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

namespace {

constexpr const char* kComplex = "schema_too_complex";

api::ApiError fault_of(const text::StructureFault& why, const std::string& param) {
  using Why = text::StructureFault::Why;
  using api::ApiError;
  const std::string place = why.place.empty() ? "" : " at " + why.place;
  return {.kind = why.why == Why::busy ? ApiError::Kind::overloaded : ApiError::Kind::invalid,
          .message = param + place + ": " + why.message,
          .param = param,
          .code = why.why == Why::complex ? kComplex : ""};
}

}  // namespace

std::unique_ptr<text::StructureMasks> compiled(const text::Structures& structures, const api::Structure& s,
                                               api::ApiError& fault) {
  const auto [kind, text] = written(s);
  text::StructureFault why;
  auto masks = structures.compile(kind, text, why);
  if (!masks) fault = fault_of(why, s.param);
  return masks;
}

std::unique_ptr<text::StructureMasks> compiled_calls(const text::Structures& structures,
                                                     const std::string& text, api::ApiError& fault) {
  text::StructureFault why;
  auto masks = structures.compile(text::StructureKind::calls, text, why);
  if (!masks) fault = fault_of(why, "tools");
  return masks;
}

}  // namespace autark::serve
