// DeepSeek V4's and V4.1's markup, read tolerantly. ｜DSML｜ is one token of its own, so wherever it stands
// it is markup; its brackets are ordinary text and may be missing.
//
//   reasoning </think> content \n\n<｜DSML｜tool_calls>\n
//   <｜DSML｜invoke name="NAME">\n
//   <｜DSML｜parameter name="KEY" string="true">raw text</｜DSML｜parameter>\n
//   <｜DSML｜parameter name="KEY" string="false">JSON value</｜DSML｜parameter>\n
//   </｜DSML｜invoke>\n
//   </｜DSML｜tool_calls>
//
// What is between two things that are looked for is skipped, so wrappers, brackets and line ends may be
// garbled or missing. Any ｜DSML｜ in text or reasoning begins a block; inside, the next </｜DSML｜ ends a
// value and the one after it the call; in a name it leaves the call unfinished. Text after a block's end is
// dropped. A JSON value is pasted as the model wrote it.
#include "text/tools/json_text.h"
#include "text/tools/marker_scanner.h"
#include "text/tools/parsers.h"
#include "text/tools/piece_list.h"

namespace autark::text {
namespace {

using Kind = OutputPiece::Kind;
using Markers = std::span<const std::string_view>;

constexpr std::string_view kInText[] = {"</think>", "<｜DSML｜", "</｜DSML｜", "｜DSML｜"};
constexpr std::string_view kForbidden[] = {"</think>", "｜DSML｜"};
constexpr std::string_view kInBlock[] = {"invoke name=\"", "</｜DSML｜tool_calls>", "</｜DSML｜ calls>"};
constexpr std::string_view kInName[] = {"\"", "<｜DSML｜", "</｜DSML｜"};
constexpr std::string_view kInCall[] = {"parameter name=\"", "</｜DSML｜"};
// A quote before anything else belongs to the key.
constexpr std::string_view kInKey[] = {"\" ", "\">", "<｜DSML｜", "</｜DSML｜"};
constexpr std::string_view kInFlag[] = {"true\">", "false\">"};
constexpr std::string_view kInValue[] = {"</｜DSML｜"};

class DsmlParser final : public OutputParser {
 public:
  DsmlParser(bool in_reasoning, bool continues) : at_(in_reasoning ? At::reasoning : At::content) {
    gate_.begin(!continues);
  }

  std::vector<OutputPiece> push(std::string_view text) override {
    for (const char c : text) {
      if (at_ == At::end) break;
      std::string freed;
      const int hit = scanner_.push(c, markers(), freed);
      if (!freed.empty()) give(freed);
      if (hit >= 0) found(hit);
    }
    return pieces_.take();
  }

  std::vector<OutputPiece> finish(bool cut) override {
    const std::string waiting = scanner_.take();
    switch (at_) {
      case At::reasoning:
      case At::content: {
        give(waiting);
        std::string rest;
        gate_.flush(rest);
        add_text(rest);
        break;
      }
      case At::name:
        pieces_.add(Kind::call, ++call_, name_);
        break;
      case At::key:
        if (!waiting.empty()) arguments("\": ");
        break;
      case At::value:
        give(waiting);
        break;
      case At::call:
        if (!cut) end_call();
        break;
      default:
        break;
    }
    at_ = At::end;
    return pieces_.take();
  }

 private:
  enum class At { reasoning, content, block, name, call, key, flag, value, end };

  Markers markers() const {
    switch (at_) {
      case At::block:
        return kInBlock;
      case At::name:
        return kInName;
      case At::call:
        return kInCall;
      case At::key:
        return kInKey;
      case At::flag:
        return kInFlag;
      case At::value:
        return kInValue;
      default:
        return kInText;
    }
  }

  // Bytes that are no marker's.
  void give(std::string_view text) {
    switch (at_) {
      case At::reasoning:
      case At::content: {
        std::string out;
        gate_.push(text, out);
        add_text(out);
        break;
      }
      case At::name:
        name_ += text;
        break;
      case At::key:
        escaped(text);
        break;
      case At::value:
        string_value_ ? escaped(text) : arguments(text);
        break;
      default:
        break;
    }
  }

  void found(int marker) {
    switch (at_) {
      case At::reasoning:
        gate_.drop();
        if (marker == 0) gate_.begin_other_kind();
        at_ = marker == 0 ? At::content : At::block;
        break;
      case At::content:
        if (marker == 0) break;  // a second </think>
        gate_.drop();
        at_ = At::block;
        break;
      case At::block:
        name_.clear();
        at_ = marker == 0 ? At::name : At::end;
        break;
      case At::name:
        pieces_.add(Kind::call, ++call_, name_);
        has_arguments_ = false;
        at_ = marker == 0 ? At::call : At::block;
        break;
      case At::call:
        if (marker == 1) {
          end_call();
        } else {
          arguments(has_arguments_ ? ", \"" : "{\"");
          has_arguments_ = true;
          at_ = At::key;
        }
        break;
      case At::key:
        if (marker <= 1) arguments("\": ");
        at_ = marker <= 1 ? At::flag : At::block;
        break;
      case At::flag:
        string_value_ = marker == 0;
        if (string_value_) arguments("\"");
        at_ = At::value;
        break;
      case At::value:
        if (string_value_) arguments("\"");
        at_ = At::call;
        break;
      case At::end:
        break;
    }
  }

  void end_call() {
    arguments(has_arguments_ ? "}" : "{}");
    pieces_.add(Kind::call_end, call_, {});
    at_ = At::block;
  }
  void add_text(std::string_view text) {
    pieces_.add(at_ == At::reasoning ? Kind::reasoning : Kind::content, -1, text);
  }
  void arguments(std::string_view json) { pieces_.add(Kind::arguments, call_, json); }
  void escaped(std::string_view text) {
    std::string out;
    append_escaped(out, text);
    arguments(out);
  }

  At at_;
  MarkerScanner scanner_;
  TextGate gate_{kForbidden};
  PieceList pieces_;
  int call_ = -1;
  std::string name_;
  bool has_arguments_ = false, string_value_ = false;
};

}  // namespace

std::unique_ptr<OutputParser> make_dsml_parser(bool in_reasoning, bool continues) {
  return std::make_unique<DsmlParser>(in_reasoning, continues);
}

}  // namespace autark::text
