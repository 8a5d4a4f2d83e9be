// Reads an answer whose markup is given as data (text/dialect.h), byte by byte, and makes its pieces. Behind a marker
// that opens a call it can read on trial; marked_parser.cc says when. Private to text/.
//
//   - Before the first call of an answer a marker that no call follows is text. Behind it such a marker is what a
//     broken call has left, and is removed. What stands between markers is not lost unless it belongs to a call.
//   - The arguments are given out up to the last byte that a repair cannot change.
//   - A call ends at its own last brace, at a marker that ends it, or with the output. A marker inside a string or
//     a value belongs to it if the call ends well later; otherwise the call is read again up to that marker.
//   - A call ends reasoning. Reasoning comes first: behind it, and behind content, <think> is text.
//   - Harmony's markers are around every message and are never text.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include "text/dialect.h"
#include "text/tools/call_name.h"
#include "text/tools/hermes_call.h"
#include "text/tools/marker_scanner.h"
#include "text/tools/piece_list.h"
#include "text/tools/tagged_call.h"

namespace autark::text {

// What is known of the text behind a marker that opens a call.
enum class Verdict { undecided, call, text };

class MarkedReader {
 public:
  MarkedReader(const Dialect& dialect, const ParserOptions& o);

  // Reads a byte. If this asks for a trial or for text to be read again, that comes before the next byte.
  void read(char c);
  // Ends the output. Returns false if something is to be read again before it ends.
  bool end(bool cut);
  std::optional<std::string> take_again() { return std::exchange(again_, {}); }
  // The marker behind which a call may follow.
  std::optional<Marker> take_opener() { return std::exchange(opener_, {}); }
  std::vector<OutputPiece> take() { return pieces_.take(); }

  // Goes on behind `opener`, on trial, with its own pieces.
  void begin_trial(const Marker& opener);
  void end_trial() { trying_ = false; }
  Verdict verdict() const { return verdict_; }
  // The verdict if the output ends here. REQUIRES: undecided
  bool is_call_at_end(bool cut) const;
  // Gives out a marker as text, or removes it behind the first call.
  void stray(const Marker& m);

 private:
  // How often a call may be read again: limits the work that hostile output can cause.
  static constexpr int kDoubtsMax = 8;

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
  struct MarkerSet;
  struct MarkerSets;
  // The state of a call at the first marker inside a string or value, and what came since.
  struct Doubt {
    std::optional<HermesCall> body;
    std::optional<TaggedCall> tagged;
    std::string tail;
  };

  static bool is_opener(Mark m) { return m == Mark::block || m == Mark::call; }
  static bool is_around_text(Mark m) {
    return m == Mark::think || m == Mark::think_end || m == Mark::frame || m == Mark::frame_end ||
           m == Mark::turn_end;
  }
  bool is_harmony() const { return dialect_.markers.front().mark == Mark::heading; }
  bool reads(Mark m) const { return calls_ || is_harmony() || is_around_text(m); }
  const MarkerSet& markers() const;
  void pass(std::string_view freed, const Marker* marker);
  void byte(char c);
  void mark(const Marker& m);

  // Text and what is between calls.
  void text_byte(char c);
  void between_byte(char c);
  void mark_outside(const Marker& m);
  void mark_opener(const Marker& m);
  void open(At at);
  void begin_reasoning(const Marker& m);
  void end_reasoning(const Marker& m);
  void stop_reasoning();
  void begin_frame(const Marker& m);
  void give_held();
  void text(std::string_view written);
  void verbatim(std::string_view written);
  void add_text(std::string_view out);
  TextGate& gate() { return gates_[reasoning_]; }

  // Harmony's messages.
  void mark_heading(const Marker& m);
  void heading_byte(char c);
  void give_up_heading();
  void end_heading();
  void end_message();

  // Names.
  void name_byte(char c);
  bool name_line_ends() const { return dialect_.name_ends_line && (!dialect_.typed_calls || word_); }
  bool end_name();
  std::string_view trimmed_name() const;
  bool may_call(std::string_view name) const;
  bool awaits_name() const { return dialect_.typed_calls && !word_; }
  bool is_offered_name() const;
  bool may_be_in_name() const;
  bool has_value_marker() const;
  void give_up_name();
  void before_object_byte(char c);
  void mark_in_name(const Marker& m);

  // Calls.
  void decide(Verdict verdict);
  bool on_trial() const { return trying_ && verdict_ == Verdict::undecided; }
  void begin_call(const std::string& name);
  void give_arguments(std::string_view all);
  bool is_whole() const;
  bool is_prose() const { return !dialect_.name_ends_line && tagged_->is_prose(); }
  void end_call();
  void leave_call();
  bool may_doubt();
  void resolve_doubt();
  void go_back();
  void end_here();

  // Their arguments as an object.
  void begin_object(char c);
  void begin_bare_object();
  bool is_no_bare_call() const;
  void body_byte(char c);
  void give_settled();
  void end_object();
  void give_up_body();
  void mark_in_body(const Marker& m);
  void end_body_at(const Marker& m);
  bool end_body();

  // Their arguments between markers.
  void tagged_byte(char c);
  void give_tagged();
  void mark_in_tagged(const Marker& m);

  // The end of the output.
  void end_output(bool cut);
  void end_heading_of_output(bool cut);
  bool end_name_of_output(bool cut);
  void cut_call();

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

}  // namespace autark::text
