// Tool calls as text/structure.h compiles them. Hermes and DSML have grammars of their own; for the other syntaxes
// the texts around a call (CallShape) are cut into markers that are tokens and other text.
#include <algorithm>
#include "base/json.h"
#include "text/dialect.h"
#include "text/structure.h"

namespace autark::text {
namespace {

bool is_table(OutputSyntax syntax) {
  return syntax != OutputSyntax::plain && syntax != OutputSyntax::hermes && syntax != OutputSyntax::dsml;
}

// The token that is written exactly like `spelling`.
std::optional<int32_t> token_of(const Tokenizer& tokenizer, std::string_view spelling) {
  const auto id = tokenizer.id_of(spelling);
  return id && tokenizer.bytes_of(*id) == spelling ? id : std::nullopt;
}

// The markers of a dialect that are tokens, and not tokens of ordinary text.
std::vector<std::string> marks_of(const Dialect& dialect, const Tokenizer& tokenizer) {
  const std::vector<std::string> markup = tokenizer.markup();
  std::vector<std::string> marks;
  for (const Marker& m : dialect.markers) {
    const auto id = token_of(tokenizer, m.text);
    if (id && (tokenizer.is_special(*id) || std::ranges::find(markup, m.text) != markup.end()))
      marks.emplace_back(m.text);
  }
  return marks;
}

class Parts {
 public:
  Parts(std::vector<std::string> marks, bool loose_lines)
      : marks_(std::move(marks)), loose_lines_(loose_lines) {}

  // [{"mark"}, {"text"}, {"text": "\n", "optional": true}, …]
  Json of(std::string_view text) const {
    Json parts = Json::array();
    std::string plain;
    const auto end_plain = [&] {
      if (!plain.empty()) parts.push_back({{"text", std::exchange(plain, {})}});
    };
    while (!text.empty()) {
      const auto mark = std::ranges::find_if(marks_, [&](const auto& m) { return text.starts_with(m); });
      if (mark == marks_.end()) {
        const bool optional = loose_lines_ && text.front() == '\n';
        if (optional) end_plain(), parts.push_back({{"text", "\n"}, {"optional", true}});
        if (!optional) plain += text.front();
        text.remove_prefix(1);
        continue;
      }
      end_plain();
      parts.push_back({{"mark", *mark}});
      text.remove_prefix(mark->size());
    }
    end_plain();
    return parts;
  }

 private:
  std::vector<std::string> marks_;
  bool loose_lines_;
};

// From the name to the arguments; in Kimi's calls their number stands there.
Json after_name(const Dialect& dialect, const Parts& parts) {
  constexpr std::string_view kIndex = ":0";
  std::string_view text = dialect.shape.after_name;
  if (!text.starts_with(kIndex)) return parts.of(text);
  Json all = Json::array({{{"text", ":"}}, {{"index", true}}});
  for (Json& part : parts.of(text.substr(kIndex.size()))) all.push_back(std::move(part));
  return all;
}

// The spellings that a value must not hold: a reader could take them for markup.
Json held_out(const Dialect& dialect) {
  Json all = Json::array();
  for (const Marker& m : dialect.markers)
    if (m.text.size() > 2) all.push_back(std::string(m.text));
  return all;
}

// The end of a call. A marker that ends the answer, too (harmony's <|call|>), is left to the end of the grammar;
// then one call is all.
Json call_end(std::string_view text, const Parts& parts, const Tokenizer& tokenizer,
              std::span<const int32_t> ends, Json* request) {
  Json end = parts.of(text);
  if (end.empty() || !end.back().contains("mark")) return end;
  const auto id = tokenizer.id_of(end.back()["mark"].get<std::string>());
  if (!id || std::ranges::find(ends, *id) == ends.end()) return end;
  end.erase(end.size() - 1);
  (*request)["parallel"] = false;
  return end;
}

void add_table(OutputSyntax syntax, const Tokenizer& tokenizer, std::span<const int32_t> ends,
               Json* request) {
  const Dialect& dialect = dialect_of(syntax);
  const CallShape& shape = dialect.shape;
  const Parts parts(marks_of(dialect, tokenizer), shape.loose_lines);
  request->update({{"rest", parts.of(shape.any.substr(call_opener(syntax).size()))},
                   {"after_name", after_name(dialect, parts)},
                   {"call_end", call_end(shape.call_end, parts, tokenizer, ends, request)},
                   {"between", parts.of(shape.between)},
                   {"block_end", parts.of(shape.block_end)},
                   {"json_name", shape.json_name},
                   {"tagged", !shape.json_arguments},
                   {"key", parts.of(shape.key)},
                   {"after_key", parts.of(shape.after_key)},
                   {"after_value", parts.of(shape.after_value)},
                   {"markers", held_out(dialect)}});
}

// DSML's calls begin with two tokens.
std::vector<int32_t> dsml_tokens(const Tokenizer& tokenizer) {
  const auto bracket = tokenizer.encode("<", {.add_special = false});
  const auto mark = token_of(tokenizer, "｜DSML｜");
  if (!bracket || bracket->size() != 1 || !mark) return {};
  return {(*bracket)[0], *mark};
}

}  // namespace

std::string_view call_opener(OutputSyntax syntax) {
  if (!is_table(syntax)) return {};
  const Dialect& dialect = dialect_of(syntax);
  const std::string_view any = dialect.shape.any;
  for (const Marker& m : dialect.markers)
    if ((m.mark == Mark::block || m.mark == Mark::call) && any.starts_with(m.text)) return m.text;
  return any;
}

std::vector<int32_t> call_tokens(OutputSyntax syntax, const Tokenizer& tokenizer) {
  if (syntax == OutputSyntax::dsml) return dsml_tokens(tokenizer);
  if (syntax == OutputSyntax::hermes) {
    const auto begin = token_of(tokenizer, "<tool_call>");
    return begin && token_of(tokenizer, "</tool_call>") ? std::vector{*begin} : std::vector<int32_t>();
  }
  const std::string_view opener = call_opener(syntax);
  const auto ids = tokenizer.encode(opener, {.add_special = false, .parse_special = true});
  std::string written;
  for (const int32_t id : ids ? *ids : std::vector<int32_t>()) written += tokenizer.bytes_of(id);
  return written == opener && ids ? *ids : std::vector<int32_t>();
}

std::string calls_text(OutputSyntax syntax, const Tokenizer& tokenizer, std::span<const int32_t> ends,
                       std::span<const CallForm> tools, bool parallel) {
  Json list = Json::array();
  for (const CallForm& t : tools) {
    // A schema that cannot be parsed is refused as one that is no object.
    auto schema = t.schema ? parse_json(*t.schema, "schema") : Result<Json>(Json());
    list.push_back({{"name", t.name}, {"schema", schema ? std::move(*schema) : Json(false)}});
  }
  const char* form = is_table(syntax) ? "table" : syntax == OutputSyntax::dsml ? "dsml" : "hermes";
  Json request = {{"form", form}, {"parallel", parallel}, {"tools", std::move(list)}};
  if (is_table(syntax)) add_table(syntax, tokenizer, ends, &request);
  return dump_json(request);
}

}  // namespace autark::text
