// The parser of all dialects that are given as data (text/dialect.h).
//
//   - A marker that opens a call is tried: a copy of the reader goes on from there, and what it reads counts once
//     it is certain that a call follows (Verdict). Otherwise the marker is text, and what came since is read again.
//   - Before the first call of an answer a marker that no call follows is text. Behind it such a marker is what a
//     broken call has left, and is removed. What stands between markers is not lost unless it belongs to a call.
//   - The arguments are given out up to the last byte that a repair cannot change.
//   - A call ends at its own last brace, at a marker that ends it, or with the output. A marker inside a string or
//     a value belongs to it if the call ends well later; otherwise the call is read again up to that marker.
//   - A call ends reasoning. Reasoning comes first: behind it, and behind content, <think> is text.
//   - Harmony's markers are around every message and are never text.
#include <algorithm>
#include <memory>
#include <optional>
#include "text/dialect.h"
#include "text/tools/call_name.h"
#include "text/tools/heading.h"
#include "text/tools/hermes_call.h"
#include "text/tools/marker_scanner.h"
#include "text/tools/parsers.h"
#include "text/tools/piece_list.h"
#include "text/tools/tagged_call.h"

namespace autark::text {
namespace {

using Kind = OutputPiece::Kind;
using State = HermesCall::State;

constexpr std::string_view kSpace = " \t\r\n";
constexpr size_t kNameMax = 256, kHeadingMax = 512;
// How often much of an answer may be read again: limits the work that hostile output can cause.
constexpr int kDoubtsMax = 8, kTrialsMax = 8;
constexpr size_t kLongTrial = 512;

bool is_one_of(char c, std::string_view set) {
  return set.find(c) != set.npos;
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_blank(std::string_view text) {
  return text.find_first_not_of(kSpace) == text.npos;
}
bool is_opener(Mark m) {
  return m == Mark::block || m == Mark::call;
}
bool begins_call(Mark m) {
  return is_opener(m) || m == Mark::heading;
}
bool is_around_text(Mark m) {
  return m == Mark::think || m == Mark::think_end || m == Mark::frame || m == Mark::frame_end ||
         m == Mark::turn_end;
}
bool ends_call(Mark m) {
  return m == Mark::block_end || m == Mark::call_end || m == Mark::message_end;
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

// Markers and their spellings, for the scanner.
struct MarkerSet {
  std::vector<Marker> markers;
  std::vector<std::string_view> texts;
  void add(const Marker& m) {
    markers.push_back(m);
    texts.push_back(m.text);
  }
};

// The markers that count outside of calls, inside a block, and in names.
struct MarkerSets {
  MarkerSet outer, in_block, all;
};

// What is known of the text behind a marker that opens a call.
enum class Verdict { undecided, call, text };

class MarkedReader {
 public:
  MarkedReader(const Dialect& dialect, const ParserOptions& o)
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

  // Reads a byte. If this asks for a trial or for text to be read again, that comes before the next byte.
  void read(char c) {
    std::string freed;
    const MarkerSet& set = markers();
    const int hit = scanner_.push(c, set.texts, freed);
    if (hit < 0) return pass(freed, nullptr);
    const Marker found = set.markers[hit];
    pass(freed, &found);
  }
  // Ends the output. Returns false if something is to be read again before it ends.
  bool end(bool cut) {
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
  std::optional<std::string> take_again() { return std::exchange(again_, {}); }
  // The marker behind which a call may follow.
  std::optional<Marker> take_opener() { return std::exchange(opener_, {}); }
  std::vector<OutputPiece> take() { return pieces_.take(); }

  // Goes on behind `opener`, on trial, with its own pieces.
  void begin_trial(const Marker& opener) {
    pieces_.take();
    trying_ = true;
    verdict_ = Verdict::undecided;
    mark_outside(opener);
  }
  void end_trial() { trying_ = false; }
  Verdict verdict() const { return verdict_; }
  // The verdict if the output ends here. REQUIRES: undecided
  bool is_call_at_end(bool cut) const {
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
  // Gives out a marker as text, or removes it behind the first call.
  void stray(const Marker& m) {
    at_ = At::text;
    if (call_ < 0) verbatim(m.text);
  }

 private:
  enum class At {
    text,
    opening,        // after the opening of a call or a block, where an object may follow
    after_call,     // after a call, until text or another call
    name,           // in a call's name, or the word before it
    id,             // after the name, in an id that is not read
    before_object,  // after the name, before the arguments
    body,           // in an object
    call,           // in a tagged call
    heading,        // in the heading of a message
    first_heading   // at the start of the answer, where the prompt has begun a heading
  };

  bool is_harmony() const { return dialect_.markers.front().mark == Mark::heading; }
  bool reads(Mark m) const { return calls_ || is_harmony() || is_around_text(m); }
  const MarkerSet& markers() const {
    const bool outside = at_ == At::text || at_ == At::heading || at_ == At::first_heading;
    if (outside) return in_block_ ? sets_->in_block : sets_->outer;
    if (at_ == At::body) return dialect_.reader == CallReader::tagged ? sets_->in_block : sets_->outer;
    const bool has_name = at_ == At::name || (at_ == At::call && tagged_->in_key());
    return has_name ? sets_->all : sets_->in_block;
  }

  // Handles text, then a marker. If a call had to be given up, what it held is read again first.
  void pass(std::string_view freed, const Marker* marker) {
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

  void byte(char c) {
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

  void mark(const Marker& m) {
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

  void text_byte(char c) {
    if (at_start_ && c == '{') return begin_bare_object();
    at_start_ &= is_one_of(c, kSpace);
    text({&c, 1});
  }

  void between_byte(char c) {
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

  void mark_outside(const Marker& m) {
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

  void mark_opener(const Marker& m) {
    if (reasoning_ && !dialect_.thoughts_hold_calls) return stray(m);
    if (!on_trial()) return opener_ = m, void();
    in_block_ |= m.mark == Mark::block;
    const bool named = m.mark == Mark::call && dialect_.reader != CallReader::object;
    open(named ? At::name : At::opening);
  }
  void open(At at) {
    at_ = at;
    objects_ = more_objects_ = spaced_ = false;
    gap_.clear();
    name_.clear();
    word_.reset();
  }

  void begin_reasoning(const Marker& m) {
    if (reasoning_ || has_reasoned_ || has_content_) return stray(m);
    reasoning_ = has_reasoned_ = true;
    gate().begin_other_kind();
  }
  void end_reasoning(const Marker& m) {
    if (!reasoning_) return has_reasoned_ && !has_content_ ? void() : stray(m);
    give_held();
    stop_reasoning();
  }
  void stop_reasoning() {
    if (!reasoning_) return;
    gate().drop();
    reasoning_ = false;
    gate().begin_other_kind();
  }

  // A marker around the whole content stands at its start. The one at its end is held until it is certain that
  // only a call follows.
  void begin_frame(const Marker& m) {
    if (reasoning_ || has_content_ || framed_) return stray(m);
    framed_ = true;
    gate().drop();
    gate().begin(true);
  }
  void give_held() {
    if (!held_.empty()) verbatim(std::exchange(held_, {}));
  }

  // Harmony's messages.

  void mark_heading(const Marker& m) {
    if (m.text == "<|start|>" || (at_ != At::heading && at_ != At::first_heading)) heading_.clear();
    heading_ += m.text;
    at_ = At::heading;
  }
  void heading_byte(char c) {
    heading_ += c;
    const bool lost = at_ == At::heading ? heading_.size() > kHeadingMax : !may_be_heading(heading_);
    if (lost) give_up_heading();
  }
  // The heading has no end, so what it holds behind the channel is content.
  void give_up_heading() {
    const std::string rest = at_ == At::heading ? read_heading(heading_).rest : heading_;
    heading_.clear();
    at_ = At::text;
    text(rest);
  }
  void end_heading() {
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
  void end_message() {
    if (at_ == At::heading) give_up_heading();
    gate().drop();
    at_ = At::text;
  }

  // Names.

  void name_byte(char c) {
    const bool named = dialect_.reader == CallReader::named;
    spaced_ |= c == ' ' || c == '\t';
    if (name_.empty() && is_one_of(c, kSpace)) return;
    if (name_.empty() && !word_ && (c == '{' || c == '[')) return at_ = At::opening, between_byte(c);
    const bool braced = c == '{' && (named || dialect_.name_ends_line);
    if (braced || (named && c == '`') || (c == '\n' && name_line_ends())) {
      if (end_name()) return byte(c);
    }
    if (at_ != At::name) return text_byte(c);
    const bool second_word = !is_one_of(c, kSpace) && is_one_of(name_.empty() ? 'a' : name_.back(), kSpace);
    name_ += c;
    if (second_word || name_.size() > kNameMax) give_up_name();
  }
  bool name_line_ends() const { return dialect_.name_ends_line && (!dialect_.typed_calls || word_); }

  // Returns false if what was read is no name; it is text then.
  bool end_name() {
    if (name_.empty() && word_) name_ = *word_;
    const std::string name(trimmed_name());
    standing_ = standing_of(name, types_.get());
    if (!is_name(name) || (on_trial() && !may_call(name))) return give_up_name(), false;
    begin_call(name);
    if (dialect_.reader == CallReader::tagged) {
      tagged_.emplace(name, dialect_.values_on_lines, has_value_marker(), types_);
      at_ = At::call;
    } else {
      body_.emplace(name);
      fenced_ = false;
      at_ = At::before_object;
      if (standing_ == Standing::offered) decide(Verdict::call);
    }
    return true;
  }
  std::string_view trimmed_name() const {
    std::string_view name = name_;
    name = name.substr(0, name.find_last_not_of(kSpace) + 1);
    return dialect_.name_prefixed ? without_prefix(name) : name;
  }
  // A name that no tool has must be written as a call's name is, not as a word in a sentence.
  bool may_call(std::string_view name) const {
    return standing_ == Standing::offered || (!spaced_ && is_plain_name(name));
  }
  bool awaits_name() const { return dialect_.typed_calls && !word_; }
  // For a trial at the end of the output.
  bool is_offered_name() const {
    return !awaits_name() && !scanner_.waits() &&
           standing_of(trimmed_name(), types_.get()) == Standing::offered;
  }
  bool may_be_in_name() const {
    if (name_.empty()) return true;
    const bool known = standing_of({}, types_.get()) != Standing::open;
    if (awaits_name()) return !spaced_ && is_plain_name(name_);
    return may_begin_name(name_, types_.get()) && (known || !spaced_);
  }
  bool has_value_marker() const {
    return std::ranges::any_of(dialect_.markers, [](const Marker& m) { return m.mark == Mark::value; });
  }
  void give_up_name() {
    at_ = At::text;
    decide(Verdict::text);
    if (is_harmony()) return;
    text(std::exchange(name_, {}));
  }

  // Space, a ``` fence and the word behind it may come before the arguments.
  void before_object_byte(char c) {
    if (is_one_of(c, "` \t\r\n")) return fenced_ |= c == '`', void();
    if (fenced_ && is_letter(c)) return;
    if (c == '{' && standing_ != Standing::strange) decide(Verdict::call);
    at_ = At::body;
    body_byte(c);
  }

  void mark_in_name(const Marker& m) {
    if (is_around_text(m.mark)) return decide(Verdict::text);
    if (m.mark == Mark::separator && at_ == At::name && awaits_name()) {
      word_ = std::exchange(name_, {});
      return;
    }
    const bool doubled = at_ == At::name && name_.empty() && !word_ && is_opener(m.mark);
    if (doubled || (at_ == At::name && !end_name())) return mark_outside(m);
    if (m.mark == Mark::call_id) at_ = At::id;
    if (m.mark == Mark::separator && at_ == At::id) at_ = At::before_object;
    if (at_ == At::call)
      return m.mark == Mark::separator || m.mark == Mark::key_end ? void() : mark_in_tagged(m);
    if (!begins_call(m.mark) && !ends_call(m.mark)) return;
    at_ = At::body;
    mark_in_body(m);
  }

  // Calls.

  // Settles the trial. Without one, this does nothing.
  void decide(Verdict verdict) {
    if (on_trial()) verdict_ = verdict;
  }
  bool on_trial() const { return trying_ && verdict_ == Verdict::undecided; }

  void begin_call(const std::string& name) {
    if (is_object_) decide(Verdict::call);
    held_.clear();
    stop_reasoning();
    gate().drop();
    pieces_.add(Kind::call, ++call_, name);
    announced_ = true;
  }
  void give_arguments(std::string_view all) {
    pieces_.add(Kind::arguments, call_, all.substr(std::min(given_, all.size())));
    given_ = std::max(given_, all.size());
  }
  // A call of no tool must be whole, with arguments.
  bool is_whole() const {
    if (!tagged_) return standing_ != Standing::strange || !is_blank(body_->raw());
    return !is_prose() && (standing_ != Standing::strange || tagged_->any());
  }
  bool is_prose() const { return !dialect_.name_ends_line && tagged_->is_prose(); }
  void end_call() {
    decide(is_whole() ? Verdict::call : Verdict::text);
    pieces_.add(Kind::call_end, call_, {});
    objects_ = is_object_;
    more_objects_ = false;
    leave_call();
    at_ = At::after_call;
    gate().begin(true);
  }
  void leave_call() {
    body_.reset();
    tagged_.reset();
    doubt_.reset();
    announced_ = bare_ = is_object_ = false;
    given_ = 0;
  }

  void begin_object(char c) {
    at_ = At::body;
    is_object_ = true;
    body_.emplace();
    body_byte(c);
  }
  void begin_bare_object() {
    at_start_ = false;
    open(At::body);
    bare_ = true;
    begin_object('{');
  }
  // An object without a marker must look like a call from its beginning.
  bool is_no_bare_call() const {
    constexpr std::string_view kKeys[] = {"", "name", "type", "id", "arguments", "parameters"};
    if (!body_->named()) return std::ranges::find(kKeys, body_->key()) == std::end(kKeys);
    return types_ && !types_->empty() && !types_->knows(body_->name());
  }

  void body_byte(char c) {
    const State state = body_->push(c);
    const bool took = state == State::open || state == State::done;
    if (doubt_ && took) doubt_->tail += c;
    const bool done = state == State::done || state == State::done_before;
    if (state == State::no_call || (bare_ && (is_no_bare_call() || (done && !body_->has_arguments())))) {
      give_up_body();
      if (!took) *again_ += c;
      return;
    }
    if (done) resolve_doubt();
    if (body_->is_whole()) decide(Verdict::call);
    give_settled();
    if (done) end_object();
    if (state == State::done_before) byte(c);
  }
  void give_settled() {
    if (doubt_ || !body_->named() || (bare_ && !body_->has_arguments())) return;
    if (!announced_) begin_call(body_->name());
    give_arguments(body_->settled());
  }
  void end_object() {
    give_arguments(body_->settled());
    end_call();
  }
  // What was read is no call: it is read again as text.
  void give_up_body() {
    decide(Verdict::text);
    again_ = body_->raw();
    leave_call();
    at_ = At::text;
  }

  // The state of a call at the first marker inside a string or value, and what came since.
  struct Doubt {
    std::optional<HermesCall> body;
    std::optional<TaggedCall> tagged;
    std::string tail;
  };
  bool may_doubt() {
    if (doubt_) return true;
    if (doubts_left_ == 0) return false;
    --doubts_left_;
    doubt_ = Doubt{body_, tagged_, {}};
    return true;
  }
  // The marker was a part of the call.
  void resolve_doubt() {
    if (!doubt_) return;
    doubt_.reset();
    ++doubts_left_;
  }
  // Goes back to the first doubtful marker, which is the end of the call. What followed is read again.
  void go_back() {
    Doubt doubt = std::move(*doubt_);
    doubt_.reset();
    body_ = std::move(doubt.body);
    tagged_ = std::move(doubt.tagged);
    end_here();
    again_ = again_.value_or("") + doubt.tail;
  }
  // Ends the call, or gives it up. REQUIRES: no doubt
  void end_here() {
    if (tagged_) return tagged_->close(), give_tagged(), end_call();
    if (!body_->close() || (bare_ && (is_no_bare_call() || !body_->has_arguments()))) return give_up_body();
    give_settled();
    end_object();
  }

  void mark_in_body(const Marker& m) {
    const bool ends = begins_call(m.mark) || ends_call(m.mark);
    if (body_->in_string() && (!ends || may_doubt())) {
      for (size_t i = 0; i < m.text.size(); ++i) {
        if (at_ != At::body) return again_ = again_.value_or("") + std::string(m.text.substr(i)), void();
        body_byte(m.text[i]);
      }
      return;
    }
    if (ends) end_body_at(m);
  }
  void end_body_at(const Marker& m) {
    if (!end_body()) {
      go_back();
      *again_ += m.text;
    } else if (again_) {
      *again_ += m.text;
    } else {
      mark_outside(m);
    }
  }
  // Returns false if the call does not end well here and a marker before may have been its end.
  bool end_body() {
    HermesCall call = *body_;
    const bool is_call = call.close();
    if (doubt_ && !(is_call && call.sound())) return false;
    resolve_doubt();
    end_here();
    return true;
  }

  // An object instead of markers is the arguments.
  void tagged_byte(char c) {
    if (c == '{' && tagged_->is_new()) {
      if (standing_ != Standing::strange) decide(Verdict::call);
      body_.emplace(tagged_->name());
      tagged_.reset();
      at_ = At::body;
      return body_byte(c);
    }
    if (doubt_) doubt_->tail += c;
    tagged_->text({&c, 1});
    const bool lost = standing_ != Standing::offered ? !is_blank(tagged_->loose())
                                                     : is_prose() && tagged_->loose().size() > kNameMax;
    if (lost) decide(Verdict::text);
    give_tagged();
  }
  void give_tagged() {
    if (tagged_->settled()) resolve_doubt();
    if (!doubt_) pieces_.add(Kind::arguments, call_, tagged_->take());
  }
  void mark_in_tagged(const Marker& m) {
    if (tagged_->in_value()) {
      const bool reopens = doubt_ && (begins_call(m.mark) || m.mark == Mark::key);
      if (reopens) {
        go_back();
        *again_ += m.text;
        return;
      }
      if (begins_call(m.mark) || (ends_call(m.mark) && may_doubt())) {
        if (doubt_) doubt_->tail += m.text;
        return tagged_->literal(m.text);
      }
    }
    if (doubt_) doubt_->tail += m.text;
    const auto step = tagged_->marker(m);
    give_tagged();
    if (m.mark == Mark::key && standing_ != Standing::strange) decide(Verdict::call);
    if (step == TaggedCall::Step::inside) return;
    end_call();
    if (step == TaggedCall::Step::ended_before) mark_outside(m);
  }

  // The end of the output. Something may have to be read again.
  void end_output(bool cut) {
    if (at_ == At::heading || at_ == At::first_heading) end_heading_of_output(cut);
    if (at_ == At::name && !end_name_of_output(cut)) return;
    if (at_ == At::id || at_ == At::before_object) at_ = At::body;
    if (at_ != At::body && at_ != At::call) return;
    if (cut) return cut_call();
    if (doubt_ && (tagged_ ? tagged_->in_value() : !end_body())) go_back();
    if (at_ == At::body || at_ == At::call) doubt_.reset(), end_here();
  }
  void end_heading_of_output(bool cut) {
    const std::string to = calls_ ? read_heading(heading_).recipient : std::string();
    if (!cut && to.empty()) return give_up_heading();
    if (cut && !to.empty()) begin_call(std::string(without_prefix(to)));
    if (!cut) name_ = to, end_name();
  }
  bool end_name_of_output(bool cut) {
    if (!cut) return awaits_name() || name_.empty() ? give_up_name(), false : end_name();
    if (!awaits_name() && !name_.empty())
      begin_call(std::string(dialect_.name_prefixed ? without_prefix(name_) : std::string_view(name_)));
    return false;
  }
  // A limit has cut the call: gives it out without its end.
  void cut_call() {
    gate().drop();
    if (tagged_) return pieces_.add(Kind::arguments, call_, tagged_->cut()), leave_call();
    const std::string name = body_->named() ? body_->name() : body_->cut_name();
    if (bare_ && (is_no_bare_call() || (!body_->has_arguments() && body_->named()))) return give_up_body();
    if (!announced_ && !name.empty()) begin_call(name);
    if (body_->named()) give_arguments(body_->so_far());
    leave_call();
  }

  void text(std::string_view written) {
    decide(Verdict::text);
    if (!held_.empty() && is_blank(written)) return held_ += written, void();
    give_held();
    std::string out;
    gate().push(written, out);
    add_text(out);
  }
  void verbatim(std::string_view written) {
    give_held();
    std::string out;
    gate().push_verbatim(written, out);
    add_text(out);
  }
  void add_text(std::string_view out) {
    has_content_ |= !reasoning_ && !out.empty();
    pieces_.add(reasoning_ ? Kind::reasoning : Kind::content, -1, out);
  }
  TextGate& gate() { return gates_[reasoning_]; }

  const Dialect& dialect_;
  const bool calls_;
  const std::shared_ptr<const ToolTypes> types_;
  std::shared_ptr<const MarkerSets> sets_;
  At at_ = At::text;
  bool reasoning_, has_reasoned_, has_content_;
  bool trying_ = false;  // a marker opened a call, and it is not certain that one follows
  Verdict verdict_ = Verdict::undecided;
  Standing standing_ = Standing::open;  // of the call's name
  bool at_start_ = false;               // only space so far, so an object may be a call
  bool in_block_ = false;               // inner markers count
  bool framed_ = false;                 // a marker has opened the content
  bool spaced_ = false;                 // blanks stand around the name
  bool fenced_ = false;                 // a ` came before the object
  bool objects_ = false;                // the last call was an object, so a comma and another one may follow
  bool more_objects_ = false;           // the comma came
  bool is_object_ = false;              // the call is an object with a name in it
  bool bare_ = false;                   // the object has no marker
  bool announced_ = false;              // the call's name was given out
  size_t given_ = 0;                    // bytes of its arguments that were given out
  int call_ = -1, doubts_left_ = kDoubtsMax;
  std::string name_, heading_;
  std::string gap_;                  // what came between the opening and the object, without spaces
  std::string held_;                 // markers that may end the content, and the space between and after them
  std::optional<std::string> word_;  // the word before the name, once its separator came
  std::optional<HermesCall> body_;
  std::optional<TaggedCall> tagged_;
  std::optional<Doubt> doubt_;
  std::optional<std::string> again_;  // text to be read again before what follows
  std::optional<Marker> opener_;
  MarkerScanner scanner_;
  TextGate gates_[2];  // of content and of reasoning
  PieceList pieces_;
};

class MarkedParser final : public OutputParser {
 public:
  MarkedParser(const Dialect& dialect, const ParserOptions& o)
      : reader_(std::make_unique<MarkedReader>(dialect, o)) {}

  std::vector<OutputPiece> push(std::string_view text) override {
    sources_.push_back({std::string(text)});
    read_all();
    return take();
  }

  std::vector<OutputPiece> finish(bool cut) override {
    for (bool ended = false; !ended; read_all()) {
      if (trial_)
        end_trial(trial_->is_call_at_end(cut));
      else
        ended = reader_->end(cut);
      follow();
    }
    return take();
  }

 private:
  struct Source {
    std::string text;
    size_t at = 0;
  };

  void collect() {
    for (OutputPiece& p : reader_->take()) pieces_.add(p.kind, p.call, p.text);
  }
  std::vector<OutputPiece> take() {
    collect();
    return pieces_.take();
  }

  void read_all() {
    while (!sources_.empty()) {
      Source& s = sources_.back();
      if (s.at == s.text.size())
        sources_.pop_back();
      else
        read(s.text[s.at++]);
    }
  }
  void read(char c) {
    if (trial_) {
      trial_->read(c);
      tried_ += c;
      const bool too_long = trials_left_ == 0 && tried_.size() > kLongTrial;
      if (trial_->verdict() == Verdict::undecided && !too_long) return;
      end_trial(trial_->verdict() == Verdict::call);
    } else {
      reader_->read(c);
    }
    follow();
  }
  void follow() {
    if (auto again = reader_->take_again()) sources_.push_back({std::move(*again)});
    if (const auto opener = reader_->take_opener()) {
      trial_ = std::make_unique<MarkedReader>(*reader_);
      trial_->begin_trial(*opener);
      opener_ = *opener;
      tried_.clear();
    }
  }
  void end_trial(bool is_call) {
    if (is_call) {
      collect();
      reader_ = std::move(trial_);
      return reader_->end_trial();
    }
    if (trials_left_ > 0 && tried_.size() > kLongTrial) --trials_left_;
    trial_.reset();
    reader_->stray(opener_);
    sources_.push_back({std::exchange(tried_, {})});
  }

  PieceList pieces_;
  std::unique_ptr<MarkedReader> reader_, trial_;
  Marker opener_ = {};  // of the trial
  std::string tried_;   // the bytes that the trial has read
  int trials_left_ = kTrialsMax;
  std::vector<Source> sources_;  // text to be read, the next last
};

}  // namespace

std::unique_ptr<OutputParser> make_marked_parser(const Dialect& dialect, const ParserOptions& o) {
  return std::make_unique<MarkedParser>(dialect, o);
}

}  // namespace autark::text
