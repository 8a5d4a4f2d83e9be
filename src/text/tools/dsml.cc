// Parser for the markup of DeepSeek V4 and V4.1. ｜DSML｜ is one special token, so it is markup wherever it
// appears. Its brackets are ordinary text, and models sometimes leave them out.
//
//   reasoning </think> content \n\n<｜DSML｜tool_calls>\n
//   <｜DSML｜invoke name="NAME">\n
//   <｜DSML｜parameter name="KEY" string="true">raw text</｜DSML｜parameter>\n
//   <｜DSML｜parameter name="KEY" string="false">JSON value</｜DSML｜parameter>\n
//   </｜DSML｜invoke>\n
//   </｜DSML｜tool_calls>
//
// ｜DSML｜ in text or reasoning begins a block if only wrapper tags, even misspelt ones, are between it and
// an invoke. Otherwise it is text, and so is all markup if the request wants no calls. Inside a block the
// parser searches for the next expected marker and skips everything before it, so brackets and line ends may
// be missing. The first </｜DSML｜ ends a value, the next one ends the call. A JSON value is repaired if that is
// unambiguous, else passed on as the model wrote it. Text after a block with calls is dropped.
//
// A text value is not escaped, so markup inside it cannot be distinguished from its end. The call
// becomes text, from its first tag on, if a value contains </｜DSML｜invoke or the beginning of a
// parameter, or if text or another parameter end follows it; the same holds for a JSON value that ends inside a
// string. For this reason a call is given out only when what follows it has begun.
#include <algorithm>
#include <optional>
#include "text/tools/json_repair.h"
#include "text/tools/json_text.h"
#include "text/tools/marker_scanner.h"
#include "text/tools/parsers.h"
#include "text/tools/piece_list.h"

namespace autark::text {
namespace {

using Kind = OutputPiece::Kind;
using Markers = std::span<const std::string_view>;

constexpr std::string_view kInText[] = {"</think>", "<｜DSML｜", "</｜DSML｜", "｜DSML｜"};
constexpr std::string_view kForbidden[] = {"</think>"};
constexpr std::string_view kInBlock[] = {"invoke name=\"", "</｜DSML｜tool_calls>", "</｜DSML｜ calls>"};
constexpr std::string_view kInName[] = {"\"", "<｜DSML｜", "</｜DSML｜"};
constexpr std::string_view kInCall[] = {"parameter name=\"", "</｜DSML｜"};
// A quote followed by anything else belongs to the key.
constexpr std::string_view kInKey[] = {"\" ", "\">", "<｜DSML｜", "</｜DSML｜"};
constexpr std::string_view kInFlag[] = {"true\">", "false\">"};
constexpr std::string_view kInValue[] = {"</｜DSML｜",
                                         "<｜DSML｜parameter name=", "<｜DSML｜ parameter name="};
constexpr std::string_view kGivenUp[] = {"</｜DSML｜invoke>", "</｜DSML｜ invoke>", "</｜DSML｜tool_calls>",
                                         "</｜DSML｜ calls>"};

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// A value that the model declares to be JSON.
struct JsonValue {
  explicit JsonValue(std::string_view written) : text(written) {
    const size_t from = std::min(written.find_first_not_of(" \t\r\n"), written.size());
    const std::string_view value = written.substr(from, written.find_last_not_of(" \t\r\n") + 1 - from);
    JsonRepair repair;
    size_t at = 0;
    auto step = JsonRepair::Step::more;
    while (at < value.size() && step == JsonRepair::Step::more) step = repair.push(value[at++]);
    in_string = step == JsonRepair::Step::more && repair.in_string();
    const bool whole = step == JsonRepair::Step::done ? at == value.size()
                                                      : step == JsonRepair::Step::more && repair.finish();
    if (!value.empty() && whole && repair.text() != value) text = repair.text();
  }
  std::string text;        // repaired if it can be
  bool in_string = false;  // it ends inside a string
};

// Classifies the text after a tag; it is read again with each byte. `invoke`: a call begins. `empty`: a block
// without a call has ended. `text`: the tag is no markup. `maybe`: more bytes are needed.
enum class Gap { maybe, invoke, empty, text };

// Reads the tags in a gap: wrappers may open and close, then an invoke follows or not.
class GapReader {
 public:
  explicit GapReader(std::string_view gap) : rest_(gap) {}

  Gap read() {
    constexpr size_t kGapMax = 200;
    if (rest_.size() > kGapMax) return Gap::text;
    while (true) {
      bool on_line = false;
      for (; !rest_.empty() && is_space(rest_[0]); rest_.remove_prefix(1)) on_line |= rest_[0] == '\n';
      if (rest_.empty()) return Gap::maybe;
      const auto tag = std::ranges::find_if(kTags, [&](auto t) { return rest_.starts_with(t); });
      if (tag == std::end(kTags)) {
        const Gap gap = bare();
        return gap == Gap::text && on_line ? lines() : gap;
      }
      rest_.remove_prefix(tag->size());
      if (const auto gap = word(tag->starts_with("</"))) return *gap;
    }
  }

 private:
  static constexpr std::string_view kTags[] = {"<｜DSML｜", "</｜DSML｜", "｜DSML｜"};
  static constexpr std::string_view kInvoke = "invoke name=\"";

  // Text that begins with no complete tag: the beginning of a tag, or an invoke whose tag is missing.
  Gap bare() const {
    for (const std::string_view t : kTags)
      if (t.starts_with(rest_)) return Gap::maybe;
    return invoke(rest_.substr(rest_[0] == '<' ? 1 : 0));
  }
  // Skips lines of text before an invoke.
  Gap lines() {
    const size_t tag = rest_.find("｜DSML｜");
    if (tag == rest_.npos) return Gap::maybe;
    if (!rest_.substr(0, tag).ends_with("\n<")) return Gap::text;
    rest_.remove_prefix(tag + kTags[2].size());
    return word(false).value_or(rest_.empty() ? Gap::maybe : Gap::text);
  }
  static Gap invoke(std::string_view text) {
    if (text.starts_with(kInvoke)) return Gap::invoke;
    return kInvoke.starts_with(text) ? Gap::maybe : Gap::text;
  }
  // Reads the word of a tag. nullopt: it is a wrapper, go on reading.
  std::optional<Gap> word(bool closes) {
    ++tags_;
    if (rest_.starts_with(' ')) rest_.remove_prefix(1);
    if (!closes && !rest_.empty() && rest_.starts_with("invoke")) return invoke(rest_);
    const size_t size = std::ranges::find_if_not(rest_, is_word) - rest_.begin();
    const std::string_view word = rest_.substr(0, size);
    rest_.remove_prefix(size);
    if (!rest_.starts_with('>')) return {};
    rest_.remove_prefix(1);
    const bool ends_block = closes && opened_ && tags_ == 2 && word.ends_with("calls");
    opened_ |= !closes;
    if (ends_block && rest_.empty()) return Gap::empty;
    return {};
  }

  std::string_view rest_;
  int tags_ = 0;
  bool opened_ = false;  // one of the tags was an opening one
};

// A state machine over bytes: At is the state, markers() are the strings that end it.
class DsmlParser final : public OutputParser {
 public:
  DsmlParser(bool in_reasoning, bool continues, bool calls)
      : in_text_(kInText, calls ? std::size(kInText) : 1), calls_(calls), reasoning_(in_reasoning) {
    gate_.begin(!continues);
  }

  std::vector<OutputPiece> push(std::string_view text) override {
    for (const char c : text) read(c);
    return pieces_.take();
  }

  std::vector<OutputPiece> finish(bool cut) override {
    const std::string waiting = scanner_.take();
    if (at_ == At::text || at_ == At::given_up)
      give(waiting);
    else if (at_ == At::gap || at_ == At::next)
      end_gap(cut);
    else if (at_ == At::name && !cut)
      raw_ += waiting, give_up(false);
    else if (at_ == At::value_end && !cut)
      end_value(), end_call();
    else if (at_ == At::call && !cut)
      end_call();
    else if (at_ != At::block && at_ != At::empty && at_ != At::end)
      give_partial(waiting);
    if (at_ == At::block) raw_ += waiting, give_whole(raw_.size());
    if (at_ == At::text || at_ == At::given_up) flush();
    at_ = At::end;
    return pieces_.take();
  }

 private:
  enum class At {
    text,
    gap,    // after a tag in text
    empty,  // after a block without calls
    block,  // after a call, which is held until it is certain that it has ended
    name,
    call,
    key,
    flag,
    value,
    value_end,  // after the </｜DSML｜ of a text value
    given_up,   // in a call that has become text
    next,       // after the end of such a call
    end
  };

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
        return {kInValue, string_value_ ? std::size(kInValue) : 1};
      case At::given_up:
        return {kGivenUp, nested_ ? 0 : std::size(kGivenUp)};
      default:
        return in_text_;
    }
  }

  void read(char c) {
    if (at_ == At::end) return;
    if (at_ == At::gap || at_ == At::next || at_ == At::empty) return gap_byte(c);
    if (at_ == At::value_end) return value_end_byte(c);
    std::string freed;
    const Markers looked_for = markers();
    const int hit = scanner_.push(c, looked_for, freed);
    if (in_call()) raw_ += freed;
    if (!freed.empty()) give(freed);
    if (hit < 0) return;
    if (in_call()) raw_ += looked_for[hit];
    found(hit);
  }
  bool in_call() const { return at_ != At::text && at_ != At::given_up; }

  // Handles bytes that belong to no marker.
  void give(std::string_view text) {
    switch (at_) {
      case At::text:
      case At::given_up: {
        std::string out;
        at_ == At::text ? gate_.push(text, out) : gate_.push_verbatim(text, out);
        add_text(out);
        break;
      }
      case At::name:
        name_ += text;
        break;
      case At::call:
      case At::block:
        between_ += text;
        break;
      case At::key:
        escaped(text);
        break;
      case At::value:
        string_value_ ? escaped(text) : void(value_ += text);
        break;
      default:
        break;
    }
  }

  void found(int marker) {
    switch (at_) {
      case At::text:
        if (marker > 0)
          begin_gap(kInText[marker]);
        else if (reasoning_)
          end_reasoning();
        else if (!calls_)
          give_verbatim(kInText[marker]);
        break;
      case At::block:
        give_whole(marker > 0 ? raw_.size() : tag_of_invoke());
        if (marker == 0) return begin_call();
        at_ = at_ == At::given_up ? At::text : At::end;
        break;
      case At::name:
        if (marker > 0) return give_up(false);
        held_.add(Kind::call, call_ + 1, name_);
        at_ = At::call;
        break;
      case At::call:
        marker == 1 ? end_call() : begin_key();
        break;
      case At::key:
        if (marker > 1) return give_up(false);
        arguments("\": ");
        at_ = At::flag;
        break;
      case At::flag:
        string_value_ = marker == 0;
        if (string_value_) arguments("\"");
        unsure_ = string_value_;
        value_.clear();
        at_ = At::value;
        break;
      case At::value:
        if (marker > 0) return give_up(true);
        word_.clear();
        at_ = At::value_end;
        break;
      case At::given_up:
        give(kGivenUp[marker]);
        at_ = marker < 2 ? At::next : At::text;
        raw_.clear();
        break;
      default:
        break;
    }
  }

  void end_reasoning() {
    gate_.drop();
    gate_.begin_other_kind();
    reasoning_ = false;
  }

  void begin_gap(std::string_view tag) {
    raw_ = tag;
    at_ = At::gap;
  }

  void gap_byte(char c) {
    if (at_ == At::empty && is_space(c)) return raw_ += c, void();
    raw_ += c;
    const Gap gap = at_ == At::empty ? Gap::text : GapReader(raw_).read();
    if (gap == Gap::invoke) return begin_call();
    if (gap == Gap::empty && at_ == At::gap)
      at_ = At::empty;
    else if (gap == Gap::empty || gap == Gap::text)
      end_gap_in_text();
  }
  // Gives out the first tag as text. The bytes after it are read again: they may have another tag.
  void end_gap_in_text() {
    const std::string gap = std::exchange(raw_, {});
    const bool in_text = at_ != At::next;
    at_ = in_text ? At::text : At::given_up;
    size_t size = 0;
    if (in_text) size = gap.find("｜DSML｜") + std::string_view("｜DSML｜").size();
    give_verbatim(gap.substr(0, size));
    for (const char c : gap.substr(size)) read(c);
  }
  void end_gap(bool cut) {
    if (cut && at_ == At::gap) return gate_.drop();
    give_verbatim(raw_);
    flush();
  }

  void begin_call() {
    name_.clear();
    between_.clear();
    has_arguments_ = string_value_ = unsure_ = false;
    at_ = At::name;
  }

  void begin_key() {
    if (text_behind_value()) return give_up(false);
    arguments(has_arguments_ ? ", \"" : "{\"");
    has_arguments_ = true;
    at_ = At::key;
  }

  // Reads the word of the tag that ends a value.
  void value_end_byte(char c) {
    if (is_word(c) || (c == ' ' && word_.empty())) return raw_ += c, word_ += c, void();
    end_value();
    read(c);
  }
  void end_value() {
    const JsonValue json(value_);
    if (!string_value_) unsure_ = json.in_string;
    if (unsure_ && word_.ends_with("invoke")) return give_up(false);
    arguments(string_value_ ? "\"" : json.text);
    between_.clear();
    at_ = At::call;
  }
  bool text_behind_value() const {
    if (!unsure_) return false;
    std::string_view text = between_;
    if (text.starts_with('>')) text.remove_prefix(1);
    for (const char c : text.substr(0, text.find("<｜DSML｜")))
      if (!is_space(c)) return true;
    return false;
  }

  void end_call() {
    if (at_ != At::call) return;
    if (text_behind_value()) return give_up(false);
    arguments(has_arguments_ ? "}" : "{}");
    held_.add(Kind::call_end, call_ + 1, {});
    between_.clear();
    at_ = At::block;
  }
  // Gives out a complete call. `end` is the offset in raw_ where the next tag begins or the output ends. If
  // the end of a parameter follows the call, the call had not ended and becomes text.
  void give_whole(size_t end) {
    std::string next = raw_.substr(end);
    raw_.erase(end);
    parameter_behind_call() ? give_up(false) : give_held();
    raw_ = std::move(next);
  }
  bool parameter_behind_call() const {
    return between_.find("</｜DSML｜parameter") != between_.npos ||
           between_.find("</｜DSML｜ parameter") != between_.npos;
  }
  size_t tag_of_invoke() const { return std::min(raw_.rfind("<｜DSML｜"), raw_.size() - kInBlock[0].size()); }
  void give_held() {
    gate_.drop();
    ++call_;
    for (const OutputPiece& p : held_.take()) pieces_.add(p.kind, p.call, p.text);
    raw_.clear();
  }

  // Gives out a call without its end: a limit has cut it, or the model stopped inside a value.
  void give_partial(const std::string& waiting) {
    if (at_ == At::name) held_.add(Kind::call, call_ + 1, name_);
    if (at_ == At::key && !waiting.empty()) arguments("\": ");
    if (at_ == At::value) give(waiting);
    if (at_ == At::value || at_ == At::value_end) arguments(value_);
    if (at_ == At::value_end && string_value_) arguments("\"");
    give_held();
  }

  // Turns the call into text, from its first tag on. `nested`: a value contains calls, so later calls cannot
  // be distinguished from them and are text, too.
  void give_up(bool nested) {
    held_.take();
    value_.clear();
    nested_ = nested;
    at_ = At::given_up;
    give(std::exchange(raw_, {}));
  }

  void give_verbatim(std::string_view text) {
    std::string out;
    gate_.push_verbatim(text, out);
    add_text(out);
  }
  void flush() {
    std::string rest;
    gate_.flush(rest);
    add_text(rest);
  }
  void add_text(std::string_view text) {
    pieces_.add(reasoning_ ? Kind::reasoning : Kind::content, -1, text);
  }
  void arguments(std::string_view json) { held_.add(Kind::arguments, call_ + 1, json); }
  void escaped(std::string_view text) {
    std::string out;
    append_escaped(out, text);
    arguments(out);
  }

  const Markers in_text_;
  const bool calls_;
  At at_ = At::text;
  bool reasoning_;
  MarkerScanner scanner_;
  TextGate gate_{kForbidden};
  PieceList pieces_, held_;          // held_: of a call that may still become text
  std::string raw_;                  // the bytes of markup that was not given out yet
  std::string name_, word_, value_;  // value_: of JSON
  std::string between_;              // text between two parameters, or after the last one
  int call_ = -1;                    // number of the last call that was given out
  bool has_arguments_ = false, string_value_ = false, nested_ = false;
  bool unsure_ = false;  // the last value may go on behind its end
};

}  // namespace

std::unique_ptr<OutputParser> make_dsml_parser(const ParserOptions& o) {
  return std::make_unique<DsmlParser>(o.in_reasoning, o.continues, o.calls);
}

}  // namespace autark::text
