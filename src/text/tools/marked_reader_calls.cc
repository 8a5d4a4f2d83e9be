// The calls of MarkedReader: their names, their arguments and where they end.
#include <algorithm>
#include "text/tools/characters.h"
#include "text/tools/heading.h"
#include "text/tools/marked_reader.h"

namespace autark::text {
namespace {

using Kind = OutputPiece::Kind;
using State = HermesCall::State;

constexpr size_t kNameMax = 256;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool begins_call(Mark m) {
  return m == Mark::block || m == Mark::call || m == Mark::heading;
}
bool ends_call(Mark m) {
  return m == Mark::block_end || m == Mark::call_end || m == Mark::message_end;
}

}  // namespace

// Names.

void MarkedReader::name_byte(char c) {
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

// Returns false if what was read is no name; it is text then.
bool MarkedReader::end_name() {
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

std::string_view MarkedReader::trimmed_name() const {
  std::string_view name = name_;
  name = name.substr(0, name.find_last_not_of(kSpace) + 1);
  return dialect_.name_prefixed ? without_prefix(name) : name;
}

// A name that no tool has must be written as a call's name is, not as a word in a sentence.
bool MarkedReader::may_call(std::string_view name) const {
  return standing_ == Standing::offered || (!spaced_ && is_plain_name(name));
}

// For a trial at the end of the output.
bool MarkedReader::is_offered_name() const {
  return !awaits_name() && !scanner_.waits() &&
         standing_of(trimmed_name(), types_.get()) == Standing::offered;
}

bool MarkedReader::may_be_in_name() const {
  if (name_.empty()) return true;
  const bool known = standing_of({}, types_.get()) != Standing::open;
  if (awaits_name()) return !spaced_ && is_plain_name(name_);
  return may_begin_name(name_, types_.get()) && (known || !spaced_);
}

bool MarkedReader::has_value_marker() const {
  return std::ranges::any_of(dialect_.markers, [](const Marker& m) { return m.mark == Mark::value; });
}

void MarkedReader::give_up_name() {
  at_ = At::text;
  decide(Verdict::text);
  if (is_harmony()) return;
  text(std::exchange(name_, {}));
}

// Space, a ``` fence and the word behind it may come before the arguments.
void MarkedReader::before_object_byte(char c) {
  if (is_one_of(c, "` \t\r\n")) return fenced_ |= c == '`', void();
  if (fenced_ && is_letter(c)) return;
  if (c == '{' && standing_ != Standing::strange) decide(Verdict::call);
  at_ = At::body;
  body_byte(c);
}

void MarkedReader::mark_in_name(const Marker& m) {
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
void MarkedReader::decide(Verdict verdict) {
  if (on_trial()) verdict_ = verdict;
}

void MarkedReader::begin_call(const std::string& name) {
  if (is_object_) decide(Verdict::call);
  held_.clear();
  stop_reasoning();
  gate().drop();
  pieces_.add(Kind::call, ++call_, name);
  announced_ = true;
}

void MarkedReader::give_arguments(std::string_view all) {
  pieces_.add(Kind::arguments, call_, all.substr(std::min(given_, all.size())));
  given_ = std::max(given_, all.size());
}

// A call of no tool must be whole, with arguments.
bool MarkedReader::is_whole() const {
  if (!tagged_) return standing_ != Standing::strange || !is_blank(body_->raw());
  return !is_prose() && (standing_ != Standing::strange || tagged_->any());
}

void MarkedReader::end_call() {
  decide(is_whole() ? Verdict::call : Verdict::text);
  pieces_.add(Kind::call_end, call_, {});
  objects_ = is_object_;
  more_objects_ = false;
  leave_call();
  at_ = At::after_call;
  gate().begin(true);
}

void MarkedReader::leave_call() {
  body_.reset();
  tagged_.reset();
  doubt_.reset();
  announced_ = bare_ = is_object_ = false;
  given_ = 0;
}

void MarkedReader::begin_object(char c) {
  at_ = At::body;
  is_object_ = true;
  body_.emplace();
  body_byte(c);
}

void MarkedReader::begin_bare_object() {
  at_start_ = false;
  open(At::body);
  bare_ = true;
  begin_object('{');
}

// An object without a marker must look like a call from its beginning.
bool MarkedReader::is_no_bare_call() const {
  constexpr std::string_view kKeys[] = {"", "name", "type", "id", "arguments", "parameters"};
  if (!body_->named()) return std::ranges::find(kKeys, body_->key()) == std::end(kKeys);
  return types_ && !types_->empty() && !types_->knows(body_->name());
}

void MarkedReader::body_byte(char c) {
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

void MarkedReader::give_settled() {
  if (doubt_ || !body_->named() || (bare_ && !body_->has_arguments())) return;
  if (!announced_) begin_call(body_->name());
  give_arguments(body_->settled());
}

void MarkedReader::end_object() {
  give_arguments(body_->settled());
  end_call();
}

// What was read is no call: it is read again as text.
void MarkedReader::give_up_body() {
  decide(Verdict::text);
  again_ = body_->raw();
  leave_call();
  at_ = At::text;
}

bool MarkedReader::may_doubt() {
  if (doubt_) return true;
  if (doubts_left_ == 0) return false;
  --doubts_left_;
  doubt_ = Doubt{body_, tagged_, {}};
  return true;
}

// The marker was a part of the call.
void MarkedReader::resolve_doubt() {
  if (!doubt_) return;
  doubt_.reset();
  ++doubts_left_;
}

// Goes back to the first doubtful marker, which is the end of the call. What followed is read again.
void MarkedReader::go_back() {
  Doubt doubt = std::move(*doubt_);
  doubt_.reset();
  body_ = std::move(doubt.body);
  tagged_ = std::move(doubt.tagged);
  end_here();
  again_ = again_.value_or("") + doubt.tail;
}

// Ends the call, or gives it up. REQUIRES: no doubt
void MarkedReader::end_here() {
  if (tagged_) return tagged_->close(), give_tagged(), end_call();
  if (!body_->close() || (bare_ && (is_no_bare_call() || !body_->has_arguments()))) return give_up_body();
  give_settled();
  end_object();
}

void MarkedReader::mark_in_body(const Marker& m) {
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

void MarkedReader::end_body_at(const Marker& m) {
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
bool MarkedReader::end_body() {
  HermesCall call = *body_;
  const bool is_call = call.close();
  if (doubt_ && !(is_call && call.sound())) return false;
  resolve_doubt();
  end_here();
  return true;
}

// An object instead of markers is the arguments.
void MarkedReader::tagged_byte(char c) {
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

void MarkedReader::give_tagged() {
  if (tagged_->settled()) resolve_doubt();
  if (!doubt_) pieces_.add(Kind::arguments, call_, tagged_->take());
}

void MarkedReader::mark_in_tagged(const Marker& m) {
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
void MarkedReader::end_output(bool cut) {
  if (at_ == At::heading || at_ == At::first_heading) end_heading_of_output(cut);
  if (at_ == At::name && !end_name_of_output(cut)) return;
  if (at_ == At::id || at_ == At::before_object) at_ = At::body;
  if (at_ != At::body && at_ != At::call) return;
  if (cut) return cut_call();
  if (doubt_ && (tagged_ ? tagged_->in_value() : !end_body())) go_back();
  if (at_ == At::body || at_ == At::call) doubt_.reset(), end_here();
}

void MarkedReader::end_heading_of_output(bool cut) {
  const std::string to = calls_ ? read_heading(heading_).recipient : std::string();
  if (!cut && to.empty()) return give_up_heading();
  if (cut && !to.empty()) begin_call(std::string(without_prefix(to)));
  if (!cut) name_ = to, end_name();
}

bool MarkedReader::end_name_of_output(bool cut) {
  if (!cut) return awaits_name() || name_.empty() ? give_up_name(), false : end_name();
  if (!awaits_name() && !name_.empty())
    begin_call(std::string(dialect_.name_prefixed ? without_prefix(name_) : std::string_view(name_)));
  return false;
}

// A limit has cut the call: gives it out without its end.
void MarkedReader::cut_call() {
  gate().drop();
  if (tagged_) return pieces_.add(Kind::arguments, call_, tagged_->cut()), leave_call();
  const std::string name = body_->named() ? body_->name() : body_->cut_name();
  if (bare_ && (is_no_bare_call() || (!body_->has_arguments() && body_->named()))) return give_up_body();
  if (!announced_ && !name.empty()) begin_call(name);
  if (body_->named()) give_arguments(body_->so_far());
  leave_call();
}

}  // namespace autark::text
