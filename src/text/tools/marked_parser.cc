// The parser of all dialects that are given as data (text/dialect.h). With calls, no marker of the dialect is ever
// text: one that means nothing where it stands is removed. What stands between two markers is not lost unless it
// belongs to a call.
//
//   - Text after the opening of a call whose name can be read is a call; any other text is content. The name is
//     given out when it is complete, and the arguments up to the last byte that a repair cannot change.
//   - A call ends at its own last brace, at a marker that ends it, or with the output. A marker inside a string or
//     a value belongs to it if the call ends well later; otherwise the call is read again up to that marker.
//   - A call ends reasoning.
#include <algorithm>
#include <optional>
#include "text/dialect.h"
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
constexpr int kDoubtsMax =
    8;  // how often an answer may be read again: limits the work hostile output can cause

bool is_one_of(char c, std::string_view set) {
  return set.find(c) != set.npos;
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool begins_call(Mark m) {
  return m == Mark::block || m == Mark::call || m == Mark::heading;
}
bool ends_call(Mark m) {
  return m == Mark::block_end || m == Mark::call_end || m == Mark::message_end;
}

// The name in functions.NAME or functions.NAME:INDEX.
std::string_view without_prefix(std::string_view name) {
  constexpr std::string_view kPrefix = "functions.";
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  const size_t colon = name.rfind(':');
  const bool index =
      colon != name.npos && colon > 0 && name.find_first_not_of("0123456789", colon + 1) == name.npos;
  return index ? name.substr(0, colon) : name;
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

class MarkedParser final : public OutputParser {
 public:
  MarkedParser(const Dialect& dialect, const ParserOptions& o)
      : dialect_(dialect), calls_(o.calls), types_(o.types), reasoning_(o.in_reasoning) {
    for (const Marker& m : dialect.markers) {
      if (!reads(m.mark)) continue;
      if (!m.inner) outer_.add(m);
      if (m.mark != Mark::key_end || !m.inner) in_block_set_.add(m);
      all_.add(m);
    }
    gates_[0] = gates_[1] = TextGate(outer_.texts);
    gate().begin(reasoning_);
    at_start_ = calls_ && dialect.bare_object && !reasoning_ && !o.continues;
    if (is_harmony() && !reasoning_ && !o.continues) at_ = At::first_heading;
  }

  std::vector<OutputPiece> push(std::string_view text) override {
    for (const char c : text) read(c);
    return pieces_.take();
  }

  std::vector<OutputPiece> finish(bool cut) override {
    do {
      const std::string waiting = scanner_.take();
      const bool half_marker = cut && waiting.size() > 2;
      if (!half_marker) pass(waiting, nullptr);
    } while (!end_output(cut));
    std::string rest;
    gate().flush(rest);
    add_text(rest);
    return pieces_.take();
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
  bool reads(Mark m) const {
    return calls_ || is_harmony() || m == Mark::think || m == Mark::think_end || m == Mark::frame;
  }
  const MarkerSet& markers() const {
    const bool outside = at_ == At::text || at_ == At::heading || at_ == At::first_heading;
    if (outside) return in_block_ ? in_block_set_ : outer_;
    if (at_ == At::body) return outer_;
    const bool has_name = at_ == At::name || (at_ == At::call && tagged_->in_key());
    return has_name ? all_ : in_block_set_;
  }

  void read(char c) {
    std::string freed;
    const MarkerSet& set = markers();
    const int hit = scanner_.push(c, set.texts, freed);
    if (hit < 0) return pass(freed, nullptr);
    const Marker found = set.markers[hit];
    pass(freed, &found);
  }

  // Handles text, then a marker. If a call had to be given up, what it held is read again first.
  void pass(std::string_view freed, const Marker* marker) {
    for (size_t i = 0; i < freed.size(); ++i) {
      byte(freed[i]);
      if (!again_) continue;
      std::string more = take_again() + std::string(freed.substr(i + 1));
      more += marker ? std::string(marker->text) : scanner_.take();
      return push_all(more);
    }
    if (marker) mark(*marker);
    if (again_) push_all(take_again());
  }
  void push_all(const std::string& text) {
    for (const char c : text) read(c);
  }
  std::string take_again() {
    std::string text = std::move(*again_);
    again_.reset();
    return text;
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
        if (doubt_) doubt_->tail += c;
        tagged_->text({&c, 1});
        return give_tagged();
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
    if (is_one_of(c, opening ? std::string_view("[` \t\r\n") : kBehindCall))
      return fenced_ |= c == '`', void();
    if (opening && fenced_ && is_letter(c)) return;
    if (!opening && objects_ && is_one_of(c, ",;")) return more_objects_ = true, void();
    at_ = At::text;
    text_byte(c);
  }

  void mark_outside(const Marker& m) {
    at_start_ = false;
    if (at_ == At::first_heading && m.mark != Mark::heading) give_up_heading();
    const bool hidden = reasoning_ && !dialect_.thoughts_hold_calls;
    switch (m.mark) {
      case Mark::think:
        return begin_reasoning();
      case Mark::think_end:
        return end_reasoning();
      case Mark::frame:
        gate().drop();
        return gate().begin(true);
      case Mark::block:
        if (!hidden) in_block_ = true, open(At::opening);
        return;
      case Mark::block_end:
        in_block_ = false;
        at_ = At::text;
        return;
      case Mark::call:
        if (!hidden) open(dialect_.reader == CallReader::object ? At::opening : At::name);
        return;
      case Mark::call_end:
        if (at_ == At::opening) at_ = At::text;
        return;
      case Mark::heading:
        return mark_heading(m);
      case Mark::message:
        if (at_ == At::heading) end_heading();
        return;
      case Mark::message_end:
        return end_message();
      default:
        return;
    }
  }

  void open(At at) {
    at_ = at;
    fenced_ = objects_ = more_objects_ = false;
    name_.clear();
    word_.reset();
  }

  void begin_reasoning() {
    if (reasoning_ || has_content_) return;
    reasoning_ = true;
    gate().begin_other_kind();
  }
  void end_reasoning() {
    if (!reasoning_) return;
    gate().drop();
    reasoning_ = false;
    gate().begin_other_kind();
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
    if (name_.empty() && is_one_of(c, kSpace)) return;
    const bool named = dialect_.reader == CallReader::named;
    if (name_.empty() && !word_ && (c == '{' || c == '[')) return at_ = At::opening, between_byte(c);
    if ((named && (c == '{' || c == '`')) || (c == '\n' && name_line_ends())) {
      if (end_name()) return byte(c);
    }
    if (at_ != At::name) return text_byte(c);
    name_ += c;
    if (name_.size() > kNameMax) give_up_name();
  }
  bool name_line_ends() const { return dialect_.name_ends_line && (!dialect_.typed_calls || word_); }

  // Returns false if what was read is no name; it is text then.
  bool end_name() {
    if (name_.empty() && word_) name_ = *word_;
    std::string_view name = name_;
    name = name.substr(0, name.find_last_not_of(kSpace) + 1);
    if (dialect_.name_prefixed) name = without_prefix(name);
    const auto forbidden = [](char c) {
      return (static_cast<unsigned char>(c) <= ' ') || is_one_of(c, "<>{}[]\"'`");
    };
    if (name.empty() || std::ranges::any_of(name, forbidden)) return give_up_name(), false;
    const std::string whole(name);
    begin_call(whole);
    if (dialect_.reader == CallReader::tagged) {
      tagged_.emplace(whole, dialect_.values_on_lines, has_value_marker(), types_);
      at_ = At::call;
    } else {
      body_.emplace(whole);
      fenced_ = false;
      at_ = At::before_object;
    }
    return true;
  }
  bool has_value_marker() const {
    return std::ranges::any_of(dialect_.markers, [](const Marker& m) { return m.mark == Mark::value; });
  }
  void give_up_name() {
    at_ = At::text;
    if (is_harmony()) return;
    text(std::exchange(name_, {}));
  }

  // Space, a ``` fence and the word behind it may come before the arguments.
  void before_object_byte(char c) {
    if (is_one_of(c, "` \t\r\n")) return fenced_ |= c == '`', void();
    if (fenced_ && is_letter(c)) return;
    at_ = At::body;
    body_byte(c);
  }

  void mark_in_name(const Marker& m) {
    if (m.mark == Mark::think || m.mark == Mark::think_end || m.mark == Mark::frame) return;
    if (m.mark == Mark::separator && at_ == At::name && dialect_.typed_calls && !word_) {
      word_ = std::exchange(name_, {});
      return;
    }
    if (at_ == At::name && !end_name()) return mark_outside(m);
    if (m.mark == Mark::call_id) at_ = At::id;
    if (m.mark == Mark::separator && at_ == At::id) at_ = At::before_object;
    if (at_ == At::call)
      return m.mark == Mark::separator || m.mark == Mark::key_end ? void() : mark_in_tagged(m);
    if (!begins_call(m.mark) && !ends_call(m.mark)) return;
    at_ = At::body;
    mark_in_body(m);
  }

  // Calls.

  void begin_call(const std::string& name) {
    end_reasoning();
    gate().drop();
    pieces_.add(Kind::call, ++call_, name);
    announced_ = true;
  }
  void give_arguments(std::string_view all) {
    pieces_.add(Kind::arguments, call_, all.substr(std::min(given_, all.size())));
    given_ = std::max(given_, all.size());
  }
  void end_call() {
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
    if (step == TaggedCall::Step::inside) return;
    end_call();
    if (step == TaggedCall::Step::ended_before) mark_outside(m);
  }

  // The end of the output. Returns false if something is to be read again.
  bool end_output(bool cut) {
    if (at_ == At::heading || at_ == At::first_heading) end_heading_of_output(cut);
    if (at_ == At::name && !end_name_of_output(cut)) return true;
    if (at_ == At::id || at_ == At::before_object) at_ = At::body;
    if (at_ != At::body && at_ != At::call) return true;
    if (cut) return cut_call(), true;
    if (doubt_ && (tagged_ ? tagged_->in_value() : !end_body())) go_back();
    if (at_ == At::body || at_ == At::call) doubt_.reset(), end_here();
    if (!again_) return true;
    push_all(take_again());
    return false;
  }
  void end_heading_of_output(bool cut) {
    const std::string to = calls_ ? read_heading(heading_).recipient : std::string();
    if (!cut && to.empty()) return give_up_heading();
    if (cut && !to.empty()) begin_call(std::string(without_prefix(to)));
    if (!cut) name_ = to, end_name();
  }
  bool end_name_of_output(bool cut) {
    const bool awaits = dialect_.typed_calls && !word_;
    if (!cut) return awaits || name_.empty() ? give_up_name(), false : end_name();
    if (!awaits && !name_.empty())
      begin_call(std::string(dialect_.name_prefixed ? without_prefix(name_) : std::string_view(name_)));
    return false;
  }
  // A limit has cut the call: gives it out without its end.
  void cut_call() {
    gate().drop();
    if (tagged_) return pieces_.add(Kind::arguments, call_, tagged_->cut()), leave_call();
    const std::string name = body_->named() ? body_->name() : body_->cut_name();
    if (bare_ && (is_no_bare_call() || (!body_->has_arguments() && body_->named()))) {
      give_up_body();
      push_all(take_again());
      return text(scanner_.take());
    }
    if (!announced_ && !name.empty()) begin_call(name);
    if (body_->named()) give_arguments(body_->so_far());
    leave_call();
  }

  void text(std::string_view written) {
    std::string out;
    gate().push(written, out);
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
  MarkerSet outer_, in_block_set_, all_;
  At at_ = At::text;
  bool reasoning_, has_content_ = false;
  bool at_start_ = false;      // only space so far, so an object may be a call
  bool in_block_ = false;      // inner markers count
  bool fenced_ = false;        // a ` came before the object
  bool objects_ = false;       // the last call was an object, so a comma and another one may follow
  bool more_objects_ = false;  // the comma came
  bool is_object_ = false;     // the call is an object with a name in it
  bool bare_ = false;          // the object has no marker
  bool announced_ = false;     // the call's name was given out
  size_t given_ = 0;           // bytes of its arguments that were given out
  int call_ = -1, doubts_left_ = kDoubtsMax;
  std::string name_, heading_;
  std::optional<std::string> word_;  // the word before the name, once its separator came
  std::optional<HermesCall> body_;
  std::optional<TaggedCall> tagged_;
  std::optional<Doubt> doubt_;
  std::optional<std::string> again_;  // text to be read again before what follows
  MarkerScanner scanner_;
  TextGate gates_[2];  // of content and of reasoning
  PieceList pieces_;
};

}  // namespace

std::unique_ptr<OutputParser> make_marked_parser(const Dialect& dialect, const ParserOptions& o) {
  return std::make_unique<MarkedParser>(dialect, o);
}

}  // namespace autark::text
