// The markup of Hermes and Qwen models:
//
//   <think>\nreasoning\n</think>\n\ncontent\n<tool_call>\n{"name": "NAME", "arguments": {…}}\n</tool_call>
//
// The name is given out when it is whole and the arguments as they come, in the model's own spelling.
// Arguments may stand before the name, be called "parameters", or be a string that holds the object; the last
// brace or
// </tool_call> may be missing. What is no call is not lost: a body that goes wrong before its name is known
// is given as text, without its tags; one that goes wrong later leaves its call unfinished, and the rest is
// text. Inside a JSON string </tool_call> is the string's own, but after a newline: JSON has none there.
// <think> counts only before any content, a second </think> only goes where there was reasoning.
#include <optional>
#include "text/tools/hermes_call.h"
#include "text/tools/marker_scanner.h"
#include "text/tools/parsers.h"
#include "text/tools/piece_list.h"

namespace autark::text {
namespace {

using Kind = OutputPiece::Kind;

enum Marker { kCall, kCallEnd, kThinkEnd, kThink };
constexpr std::string_view kMarkers[] = {"<tool_call>", "</tool_call>", "</think>", "<think>"};
constexpr std::string_view kBodyEnd[] = {"\n</tool_call>"};

std::string without_markers(std::string_view text) {
  MarkerScanner scanner;
  std::string out;
  for (const char c : text) scanner.push(c, kMarkers, out);
  return out + scanner.take();
}

class HermesParser final : public OutputParser {
 public:
  explicit HermesParser(bool in_reasoning) : reasoning_(in_reasoning), has_reasoned_(in_reasoning) {
    gate_.begin(in_reasoning);
  }

  std::vector<OutputPiece> push(std::string_view text) override {
    for (const char c : text) {
      if (!body_) {
        outside(c);
        continue;
      }
      std::string freed;
      const int hit = body_end_.push(c, kBodyEnd, freed);
      take(freed);
      if (!body_) take(body_end_.take());
      if (hit >= 0) hit_body_end();
    }
    return pieces_.take();
  }

  std::vector<OutputPiece> finish(bool cut) override {
    if (body_) take(body_end_.take());
    if (body_) {
      if (cut) {
        body_->give_cut_name();
      } else {
        close_body();
      }
    }
    const std::string waiting = scanner_.take();
    if (!after_call_) give(waiting);
    std::string rest;
    gate_.flush(rest);
    add(rest);
    return pieces_.take();
  }

 private:
  void take(const std::string& bytes) {
    for (const char c : bytes) body_ ? inside(c) : outside(c);
  }

  void inside(char c) {
    switch (body_->push(c)) {
      case HermesCall::State::open:
        return;
      case HermesCall::State::done:
        body_.reset();
        break;
      case HermesCall::State::fault:
        after_call_ = body_->complete();
        close_body();
        return outside(c);
    }
    after_call_ = true;
    gate_.begin(true);
  }

  // Text, or what stands between a call's last brace and its tag.
  void outside(char c) {
    std::string freed;
    const int hit = scanner_.push(c, kMarkers, freed);
    for (const char f : freed) {
      if (after_call_ && (f == '}' || f == ' ' || f == '\t' || f == '\r' || f == '\n')) continue;
      after_call_ = false;
      give({&f, 1});
    }
    if (hit < 0) return;
    after_call_ = false;
    switch (hit) {
      case kCall:
        gate_.drop();
        body_.emplace(pieces_, ++call_);
        break;
      case kCallEnd:
        gate_.begin(true);
        break;
      case kThinkEnd:
        end_reasoning();
        break;
      case kThink:
        begin_reasoning();
        break;
    }
  }

  void begin_reasoning() {
    if (reasoning_ || has_reasoned_ || has_content_) return give(kMarkers[kThink]);
    reasoning_ = has_reasoned_ = true;
    gate_.begin_other_kind();
  }
  void end_reasoning() {
    if (!has_reasoned_) return give(kMarkers[kThinkEnd]);
    if (!reasoning_) return;
    reasoning_ = false;
    gate_.begin_other_kind();
  }

  void hit_body_end() {
    if (body_) {
      close_body();
      gate_.begin(true);
    } else {
      for (const char c : kBodyEnd[0]) outside(c);
    }
  }

  void close_body() {
    if (body_->complete()) {
      body_->end();
    } else {
      if (!body_->named()) --call_;
      give(without_markers(body_->rest()));
    }
    body_.reset();
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

  bool reasoning_, has_reasoned_, has_content_ = false;
  bool after_call_ = false;
  int call_ = -1;
  std::optional<HermesCall> body_;
  MarkerScanner scanner_, body_end_;
  TextGate gate_{{kMarkers, 2}};
  PieceList pieces_;
};

}  // namespace

std::unique_ptr<OutputParser> make_hermes_parser(bool in_reasoning) {
  return std::make_unique<HermesParser>(in_reasoning);
}

}  // namespace autark::text
