// Parser for the markup of Hermes and Qwen models:
//
//   <think>\nreasoning\n</think>\n\ncontent\n<tool_call>\n{"name": "NAME", "arguments": {…}}\n</tool_call>
//
// A tag that a call follows is markup. Any other tag is text, and so are all tags if the request
// wants no calls.
//
//   - The name is given out when it is complete. Arguments are given out while they arrive, as the model
//     writes them, up to the first byte that must be repaired or cannot be read (hermes_call.h). The rest
//     follows at the call's end.
//   - Arguments may come before the name, may be called "parameters", or may be a string that contains the
//     object. Braces and the closing tag may be missing, and a ``` fence may surround the object.
//   - If a call does not end by itself, a tag ends it. </tool_call> inside a string belongs to the string if
//     the call ends well; after a raw newline, which JSON strings do not contain, only if nothing else is wrong.
//   - <think> is markup only before any content. A second </think> is removed only if there was reasoning.
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

// Bytes go through tags_ into body_ inside a call, and through scanner_ into gate_ outside of one.
class HermesParser final : public OutputParser {
 public:
  explicit HermesParser(const ParserOptions& o)
      : markers_(kMarkers, o.calls ? 4 : 2),
        calls_(o.calls),
        reasoning_(o.in_reasoning),
        has_reasoned_(o.in_reasoning || o.reasoned),
        has_content_(o.continues) {
    gate_.begin(reasoning_);
  }

  std::vector<OutputPiece> push(std::string_view text) override {
    read(text);
    return pieces_.take();
  }

  std::vector<OutputPiece> finish(bool cut) override {
    for (bool more = true; more;) {
      bytes(tags_.take());
      more = body_ && !cut && (strayed() || !end_body());
      if (more) read_again({});
    }
    if (body_) cut_body();
    const std::string waiting = scanner_.take();
    const bool half_tag = kMarkers[kCallEnd].starts_with(waiting) &&
                          (after_ == After::brace || (after_ == After::line && waiting.size() > 1));
    if (!half_tag) give(waiting);
    std::string rest;
    gate_.flush(rest);
    add(rest);
    return pieces_.take();
  }

 private:
  // What came last: a call's brace; the same, and text on its line; a call's closing tag.
  enum class After { nothing, brace, line, tag };

  void read(std::string_view text) {
    for (const char c : text) {
      if (!body_) {
        outside(c);
        continue;
      }
      // This line end is the call's own, whatever follows it.
      if (c == '\n' && body_->awaits_end() && !tags_.waits()) {
        inside(c);
        continue;
      }
      std::string freed;
      const int hit = tags_.push(c, kTags, freed);
      bytes(freed);
      if (strayed()) {
        read_again(hit >= 0 ? std::string(kTags[hit]) : tags_.take());
        continue;
      }
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

  // Handles a tag inside a body, or directly after one.
  void found(Tag tag) {
    const bool on_line = tag == kEndOnLine || tag == kBeginOnLine;
    const bool ends = tag == kEnd || tag == kEndOnLine;
    const bool may_doubt = on_line ? ends && !body_->astray() : true;
    if (body_ && may_doubt && body_->in_string() && !(ends && read_again_left_ == 0)) {
      if (ends && !doubt_at_) doubt_at_ = body_->raw().size(), on_line_ = on_line;
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

  // Handles text, and what is between a call's last brace and its closing tag.
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
    const bool doubled = has_reasoned_ && (calls_ || !has_content_);
    if (!reasoning_) return doubled ? void() : give(kMarkers[kThinkEnd]);
    reasoning_ = false;
    gate_.begin_other_kind();
  }

  // Gives out the name and the settled arguments. After a tag in a string nothing is certain.
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

  // The body is no call: gives it out as text, in which reasoning may end.
  void give_up() {
    const std::string tags = in_front_ + std::string(kMarkers[kCall]), inside = body_->raw();
    leave_body();
    give(tags);
    for (const char c : inside) outside(c, markers_.first(2));
  }

  // Ends the body. Returns false if it does not end well here and a tag in a string may have been its end.
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

  // True if the tag after a newline was the end of the body, because its string does not end well.
  bool strayed() const { return body_ && doubt_at_ && on_line_ && body_->astray(); }
  // Ends the body at the first tag that was in a string, and reads what followed again, with `more`.
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

  // A limit has cut the call: gives it out without its end.
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
  const bool calls_;
  bool reasoning_, has_reasoned_, has_content_;
  After after_ = After::nothing;
  bool fenced_ = false;  // the last call was inside a ``` fence
  int call_ = -1;
  std::optional<HermesCall> body_;
  std::string in_front_;            // repeated tags before the body's own, with the line ends between them
  bool announced_ = false;          // the call's name was given out
  size_t given_ = 0;                // bytes of its arguments that were given out
  std::optional<size_t> doubt_at_;  // offset in the body of the first tag inside a string
  bool on_line_ = false;            // a newline is before that tag
  int read_again_left_ = 8;         // limits the work that hostile output can cause
  MarkerScanner scanner_, tags_;
  TextGate gate_;
  PieceList pieces_;
};

}  // namespace

std::unique_ptr<OutputParser> make_hermes_parser(const ParserOptions& o) {
  return std::make_unique<HermesParser>(o);
}

}  // namespace autark::text
