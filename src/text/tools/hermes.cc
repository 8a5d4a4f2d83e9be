// The markup of Hermes and Qwen models:
//
//   <think>\nreasoning\n</think>\n\ncontent\n<tool_call>\n{"name": "NAME", "arguments": {…}}\n</tool_call>
//
// A tag with a call behind it is markup, any other is text, as are all of them where no calls are wanted. The
// name is given out when it is whole, and arguments as they come, in the model's own spelling, up to the
// first byte that had to be mended or cannot be read (hermes_call.h); the rest follows with the call's end.
// Arguments may stand before the name, be called "parameters", or be a string that holds the object; braces,
// the tag, or a ``` fence around the object may be missing or there. Where a call does not end by itself, a
// tag ends it; </tool_call> inside a string is the string's own if the call ends well, but not after a
// newline: JSON has none there. <think> counts only before any content, a second </think> only goes where
// there was reasoning.
#include <algorithm>
#include <optional>
#include "text/tools/hermes_call.h"
#include "text/tools/marker_scanner.h"
#include "text/tools/parsers.h"
#include "text/tools/piece_list.h"

namespace autark::text {
namespace {

using Kind = OutputPiece::Kind;
using State = HermesCall::State;

enum Marker { kThinkEnd, kThink, kCall, kCallEnd };
constexpr std::string_view kMarkers[] = {"</think>", "<think>", "<tool_call>", "</tool_call>"};
enum Tag { kEnd, kBegin, kEndOnLine, kBeginOnLine };
constexpr std::string_view kTags[] = {"</tool_call>", "<tool_call>", "\n</tool_call>", "\n<tool_call>"};

class HermesParser final : public OutputParser {
 public:
  HermesParser(bool in_reasoning, bool calls)
      : markers_(kMarkers, calls ? 4 : 2), reasoning_(in_reasoning), has_reasoned_(in_reasoning) {
    gate_.begin(in_reasoning);
  }

  std::vector<OutputPiece> push(std::string_view text) override {
    read(text);
    return pieces_.take();
  }

  std::vector<OutputPiece> finish(bool cut) override {
    for (bool more = true; more;) {
      bytes(tags_.take());
      more = body_ && !cut && !end_body();
      if (more) read_again({});
    }
    if (body_) cut_body();
    const std::string waiting = scanner_.take();
    if (after_ == After::nothing || !kMarkers[kCallEnd].starts_with(waiting)) give(waiting);
    std::string rest;
    gate_.flush(rest);
    add(rest);
    return pieces_.take();
  }

 private:
  // What came last: a call that ended with its brace, the same and text on its line, or a call with its tag.
  enum class After { nothing, brace, line, tag };

  void read(std::string_view text) {
    for (const char c : text) {
      if (!body_) {
        outside(c);
        continue;
      }
      std::string freed;
      const int hit = tags_.push(c, kTags, freed);
      bytes(freed);
      if (!body_) bytes(tags_.take());
      if (hit >= 0) found(Tag(hit));
    }
  }
  void bytes(std::string_view text) {
    for (const char c : text) body_ ? inside(c) : outside(c);
  }

  void inside(char c) {
    const State state = body_->push(c);
    if (state == State::no_call) {
      give_up();
    } else {
      if (state != State::open) doubt_at_.reset();
      give_settled();
      if (state != State::open) end_call(After::brace);
    }
    if (state == State::no_call || state == State::done_before) outside(c);
  }

  // A tag while there is a body, or there was one until the byte before it.
  void found(Tag tag) {
    const bool on_line = tag == kEndOnLine || tag == kBeginOnLine;
    const bool ends = tag == kEnd || tag == kEndOnLine;
    if (body_ && !on_line && body_->in_string() && !(ends && read_again_left_ == 0)) {
      if (ends && !doubt_at_) doubt_at_ = body_->raw().size();
      return bytes(kTags[tag]);
    }
    const bool doubled = body_ && !ends && !body_->begun() &&
                         (on_line || body_->raw().empty() || body_->raw().find('\n') != std::string::npos);
    if (doubled) {
      in_front_ += std::string(kMarkers[kCall]) + body_->raw() + (on_line ? "\n" : "");
      body_.emplace();
      return;
    }
    if (body_ && !end_body()) return read_again(kTags[tag]);
    bytes(kTags[tag]);
  }

  // Text, or what stands between a call's last brace and its tag.
  void outside(char c) { outside(c, markers_); }
  void outside(char c, std::span<const std::string_view> markers) {
    std::string freed;
    const int hit = scanner_.push(c, markers, freed);
    for (const char f : freed) {
      constexpr std::string_view kBehindCall = "}] \t\r\n";
      if (after_ == After::brace && (kBehindCall.find(f) != kBehindCall.npos || (f == '`' && fenced_)))
        continue;
      if (f != '\n' && after_ == After::brace) after_ = After::line;
      if (f == '\n' ? after_ == After::line : after_ == After::tag) after_ = After::nothing;
      give({&f, 1});
    }
    switch (hit) {
      case kCall:
        after_ = After::nothing;
        body_.emplace();
        break;
      case kCallEnd:
        if (after_ == After::nothing) return give(kMarkers[kCallEnd]);
        after_ = After::tag;
        gate_.begin(true);
        break;
      case kThinkEnd:
        end_reasoning();
        break;
      case kThink:
        begin_reasoning();
        break;
      default:
        break;
    }
  }

  void begin_reasoning() {
    after_ = After::nothing;
    if (reasoning_ || has_reasoned_ || has_content_) return give(kMarkers[kThink]);
    reasoning_ = has_reasoned_ = true;
    gate_.begin_other_kind();
  }
  void end_reasoning() {
    after_ = After::nothing;
    if (!has_reasoned_) return give(kMarkers[kThinkEnd]);
    if (!reasoning_) return;
    reasoning_ = false;
    gate_.begin_other_kind();
  }

  // The name, and of the arguments what is sure: behind a tag in a string nothing is.
  void give_settled() {
    if (doubt_at_ || !body_->named()) return;
    if (!announced_) begin_call(body_->name());
    give_arguments(body_->settled());
  }
  void begin_call(std::string_view name) {
    gate_.drop();
    in_front_.clear();
    pieces_.add(Kind::call, ++call_, name);
    announced_ = true;
  }
  void give_arguments(std::string_view all) {
    pieces_.add(Kind::arguments, call_, all.substr(std::min(given_, all.size())));
    given_ = std::max(given_, all.size());
  }

  void end_call(After after) {
    give_arguments(body_->settled());
    pieces_.add(Kind::call_end, call_, {});
    fenced_ = body_->raw().find('`') < body_->raw().find('{');
    leave_body();
    after_ = after;
    gate_.begin(true);
  }
  void leave_body() {
    body_.reset();
    doubt_at_.reset();
    in_front_.clear();
    announced_ = false;
    given_ = 0;
  }

  // No call: all of it is text, in which reasoning may end.
  void give_up() {
    const std::string tags = in_front_ + std::string(kMarkers[kCall]), inside = body_->raw();
    leave_body();
    give(tags);
    for (const char c : inside) outside(c, markers_.first(2));
  }

  // False: the body ends badly here, and a tag in a string may have been its end.
  bool end_body() {
    HermesCall call = *body_;
    const bool is_call = call.close();
    if (doubt_at_ && !(is_call && call.sound())) return false;
    body_ = std::move(call);
    doubt_at_.reset();
    if (!is_call) return give_up(), true;
    give_settled();
    end_call(After::brace);
    return true;
  }

  // The body ends with the first tag that stood in a string; what came then is read once more, with `more`.
  void read_again(std::string_view more) {
    --read_again_left_;
    const std::string rest = body_->raw().substr(*doubt_at_) + std::string(more);
    HermesCall call;
    for (const char c : body_->raw().substr(0, *doubt_at_)) call.push(c);
    body_ = std::move(call);
    doubt_at_.reset();
    end_body();
    read(rest);
  }

  // By a limit: it stays without its end.
  void cut_body() {
    gate_.drop();
    const std::string name = body_->named() ? body_->name() : body_->cut_name();
    if (!announced_ && !name.empty()) begin_call(name);
    if (body_->named()) give_arguments(body_->so_far());
    leave_body();
  }

  void give(std::string_view text) {
    std::string out;
    gate_.push(text, out);
    add(out);
  }
  void add(std::string_view text) {
    has_content_ |= !reasoning_ && !text.empty();
    pieces_.add(reasoning_ ? Kind::reasoning : Kind::content, -1, text);
  }

  const std::span<const std::string_view> markers_;
  bool reasoning_, has_reasoned_, has_content_ = false;
  After after_ = After::nothing;
  bool fenced_ = false;  // the last call stood in a ``` fence
  int call_ = -1;
  std::optional<HermesCall> body_;
  std::string in_front_;            // tags in front of the body's own, with line ends between
  bool announced_ = false;          // the call's name was given out
  size_t given_ = 0;                // of its arguments
  std::optional<size_t> doubt_at_;  // in the body: a tag in a string
  int read_again_left_ = 8;         // so that hostile output costs no more than a few readings
  MarkerScanner scanner_, tags_;
  TextGate gate_;
  PieceList pieces_;
};

}  // namespace

std::unique_ptr<OutputParser> make_hermes_parser(const ParserOptions& o) {
  return std::make_unique<HermesParser>(o.in_reasoning, o.calls);
}

}  // namespace autark::text
