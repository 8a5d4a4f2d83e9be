#include "text/tools/marked_reader.h"
#include <algorithm>
#include "text/tools/characters.h"
#include "text/tools/heading.h"

namespace autark::text {
namespace {

using Kind = OutputPiece::Kind;

constexpr size_t kHeadingMax = 512;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// True for the beginning of what may stand between the opening of a call and its object, without spaces: a bracket,
// a ``` fence with a word.
bool is_gap(std::string_view text) {
  if (text.starts_with('[')) text.remove_prefix(1);
  const size_t fence = std::min(text.find_first_not_of('`'), text.size());
  text.remove_prefix(fence);
  if (fence < 3) return text.empty();
  while (!text.empty() && is_letter(text[0])) text.remove_prefix(1);
  return fence == 3 && (text.empty() || text == "[");
}

}  // namespace

// Markers and their spellings, for the scanner.
struct MarkedReader::MarkerSet {
  std::vector<Marker> markers;
  std::vector<std::string_view> texts;
  void add(const Marker& m) {
    markers.push_back(m);
    texts.push_back(m.text);
  }
};

// The markers that count outside of calls, inside a block, and in names.
struct MarkedReader::MarkerSets {
  MarkerSet outer, in_block, all;
};

MarkedReader::MarkedReader(const Dialect& dialect, const ParserOptions& o)
    : dialect_(dialect),
      calls_(o.calls),
      types_(o.types),
      reasoning_(o.in_reasoning),
      has_reasoned_(o.in_reasoning || o.reasoned),
      has_content_(o.continues) {
  auto sets = std::make_shared<MarkerSets>();
  for (const Marker& m : dialect.markers) {
    if (!reads(m.mark)) continue;
    if (!m.inner) sets->outer.add(m);
    if (m.mark != Mark::key_end || !m.inner) sets->in_block.add(m);
    sets->all.add(m);
  }
  gates_[0] = gates_[1] = TextGate(sets->outer.texts);
  sets_ = std::move(sets);
  gate().begin(reasoning_);
  at_start_ = calls_ && dialect.bare_object && !reasoning_ && !o.continues;
  if (is_harmony() && !reasoning_ && !o.continues) at_ = At::first_heading;
}

void MarkedReader::read(char c) {
  std::string freed;
  const MarkerSet& set = markers();
  const int hit = scanner_.push(c, set.texts, freed);
  if (hit < 0) return pass(freed, nullptr);
  const Marker found = set.markers[hit];
  pass(freed, &found);
}

bool MarkedReader::end(bool cut) {
  const std::string waiting = scanner_.take();
  const bool half_marker = cut && waiting.size() > 2;
  if (!half_marker) pass(waiting, nullptr);
  if (!again_) end_output(cut);
  if (again_) return false;
  if (!held_.empty()) gate().drop();
  std::string rest;
  gate().flush(rest);
  add_text(rest);
  return true;
}

void MarkedReader::begin_trial(const Marker& opener) {
  pieces_.take();
  trying_ = true;
  verdict_ = Verdict::undecided;
  mark_outside(opener);
}

bool MarkedReader::is_call_at_end(bool cut) const {
  switch (at_) {
    case At::opening:
      return cut && is_blank(gap_);
    case At::name:
      return cut ? may_be_in_name() : is_offered_name();
    case At::call:
      return is_blank(tagged_->loose()) && (cut || standing_ == Standing::offered);
    case At::body:
      return cut || body_->is_whole();
    default:
      return cut;
  }
}

void MarkedReader::stray(const Marker& m) {
  at_ = At::text;
  if (call_ < 0) verbatim(m.text);
}

const MarkedReader::MarkerSet& MarkedReader::markers() const {
  const bool outside = at_ == At::text || at_ == At::heading || at_ == At::first_heading;
  if (outside) return in_block_ ? sets_->in_block : sets_->outer;
  if (at_ == At::body) return dialect_.reader == CallReader::tagged ? sets_->in_block : sets_->outer;
  const bool has_name = at_ == At::name || (at_ == At::call && tagged_->in_key());
  return has_name ? sets_->all : sets_->in_block;
}

// Handles text, then a marker. If a call had to be given up, what it held is read again first.
void MarkedReader::pass(std::string_view freed, const Marker* marker) {
  for (size_t i = 0; i < freed.size(); ++i) {
    byte(freed[i]);
    if (!again_) continue;
    std::string more = *again_ + std::string(freed.substr(i + 1));
    more += marker ? std::string(marker->text) : scanner_.take();
    again_ = std::move(more);
    return;
  }
  if (marker) mark(*marker);
}

void MarkedReader::byte(char c) {
  switch (at_) {
    case At::text:
      return text_byte(c);
    case At::opening:
    case At::after_call:
      return between_byte(c);
    case At::name:
      return name_byte(c);
    case At::id:
      return;
    case At::before_object:
      return before_object_byte(c);
    case At::body:
      return body_byte(c);
    case At::call:
      return tagged_byte(c);
    case At::heading:
    case At::first_heading:
      return heading_byte(c);
  }
}

void MarkedReader::mark(const Marker& m) {
  switch (at_) {
    case At::body:
      return mark_in_body(m);
    case At::call:
      return mark_in_tagged(m);
    case At::name:
    case At::id:
    case At::before_object:
      return mark_in_name(m);
    default:
      return mark_outside(m);
  }
}

// Text and what is between calls.

void MarkedReader::text_byte(char c) {
  if (at_start_ && c == '{') return begin_bare_object();
  at_start_ &= is_one_of(c, kSpace);
  text({&c, 1});
}

void MarkedReader::between_byte(char c) {
  const bool opening = at_ == At::opening;
  if (c == '{' && (opening || more_objects_ || (objects_ && in_block_))) return begin_object(c);
  constexpr std::string_view kBehindCall = "}]` \t\r\n";
  if (opening && (is_one_of(c, kSpace) || is_gap(gap_ + c))) {
    if (!is_one_of(c, kSpace)) gap_ += c;
    return;
  }
  if (!opening && is_one_of(c, kBehindCall)) return;
  if (!opening && objects_ && is_one_of(c, ",;")) return more_objects_ = true, void();
  at_ = At::text;
  text_byte(c);
}

void MarkedReader::mark_outside(const Marker& m) {
  at_start_ = false;
  if (at_ == At::first_heading && m.mark != Mark::heading) give_up_heading();
  if (on_trial() && !is_opener(m.mark)) return decide(Verdict::text);
  switch (m.mark) {
    case Mark::think:
      return begin_reasoning(m);
    case Mark::think_end:
      return end_reasoning(m);
    case Mark::frame:
      return begin_frame(m);
    case Mark::frame_end:
      return framed_ && call_ < 0 ? void(held_ += m.text) : stray(m);
    case Mark::turn_end:
      return call_ < 0 ? void(held_ += m.text) : stray(m);
    case Mark::block:
    case Mark::call:
      return mark_opener(m);
    case Mark::block_end:
      in_block_ = false;
      return stray(m);
    case Mark::heading:
      return mark_heading(m);
    case Mark::message:
      if (at_ == At::heading) end_heading();
      return;
    case Mark::message_end:
      return end_message();
    default:
      return at_ == At::after_call ? void() : stray(m);
  }
}

void MarkedReader::mark_opener(const Marker& m) {
  if (reasoning_ && !dialect_.thoughts_hold_calls) return stray(m);
  if (!on_trial()) return opener_ = m, void();
  in_block_ |= m.mark == Mark::block;
  const bool named = m.mark == Mark::call && dialect_.reader != CallReader::object;
  open(named ? At::name : At::opening);
}

void MarkedReader::open(At at) {
  at_ = at;
  objects_ = more_objects_ = spaced_ = false;
  gap_.clear();
  name_.clear();
  word_.reset();
}

void MarkedReader::begin_reasoning(const Marker& m) {
  if (reasoning_ || has_reasoned_ || has_content_) return stray(m);
  reasoning_ = has_reasoned_ = true;
  gate().begin_other_kind();
}

void MarkedReader::end_reasoning(const Marker& m) {
  if (!reasoning_) return has_reasoned_ && !has_content_ ? void() : stray(m);
  give_held();
  stop_reasoning();
}

void MarkedReader::stop_reasoning() {
  if (!reasoning_) return;
  gate().drop();
  reasoning_ = false;
  gate().begin_other_kind();
}

// A marker around the whole content stands at its start. The one at its end is held until it is certain that
// only a call follows.
void MarkedReader::begin_frame(const Marker& m) {
  if (reasoning_ || has_content_ || framed_) return stray(m);
  framed_ = true;
  gate().drop();
  gate().begin(true);
}

void MarkedReader::give_held() {
  if (!held_.empty()) verbatim(std::exchange(held_, {}));
}

void MarkedReader::text(std::string_view written) {
  decide(Verdict::text);
  if (!held_.empty() && is_blank(written)) return held_ += written, void();
  give_held();
  std::string out;
  gate().push(written, out);
  add_text(out);
}

void MarkedReader::verbatim(std::string_view written) {
  give_held();
  std::string out;
  gate().push_verbatim(written, out);
  add_text(out);
}

void MarkedReader::add_text(std::string_view out) {
  has_content_ |= !reasoning_ && !out.empty();
  pieces_.add(reasoning_ ? Kind::reasoning : Kind::content, -1, out);
}

// Harmony's messages.

void MarkedReader::mark_heading(const Marker& m) {
  if (m.text == "<|start|>" || (at_ != At::heading && at_ != At::first_heading)) heading_.clear();
  heading_ += m.text;
  at_ = At::heading;
}

void MarkedReader::heading_byte(char c) {
  heading_ += c;
  const bool lost = at_ == At::heading ? heading_.size() > kHeadingMax : !may_be_heading(heading_);
  if (lost) give_up_heading();
}

// The heading has no end, so what it holds behind the channel is content.
void MarkedReader::give_up_heading() {
  const std::string rest = at_ == At::heading ? read_heading(heading_).rest : heading_;
  heading_.clear();
  at_ = At::text;
  text(rest);
}

void MarkedReader::end_heading() {
  const Heading h = read_heading(std::exchange(heading_, {}));
  gate().drop();
  at_ = At::text;
  if (!h.recipient.empty() && calls_) {
    name_ = h.recipient;
    if (end_name()) return;
  }
  if ((h.channel == "analysis") == reasoning_) return;
  reasoning_ = !reasoning_;
  gate().begin_other_kind();
}

void MarkedReader::end_message() {
  if (at_ == At::heading) give_up_heading();
  gate().drop();
  at_ = At::text;
}

}  // namespace autark::text
