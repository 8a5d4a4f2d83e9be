// autark text: gives tests access to the text layer. Each input line is a JSON object and gives one line
// of output:
//
//   encode  {"text", "add_special": true, "parse_special": false}  → {"ids"}
//   decode  {"ids", "skip_special": true}                          → {"text", "pieces", "flush"}
//   render  {"messages", "tools", "kwargs", "vars", "now"}         → {"prompt"}
//           some models take more fields: text::render_options()
//   parse   {"text", "mode": "chat" | "thinking", "end": "stop" | "length", "dialect", "tools",
//            "tool_choice"}
//           → {"reasoning", "content", "tool_calls", "partial", "finish"}
//           dialect: one of text::named_syntaxes(), instead of the model's own syntax
//           tools, tool_choice: with an empty list or the choice "none", calls stay text; the schemas of tools
//           decide the types of arguments in dialects that write strings without quotes
//           partial: a call that has no end
//   mask    {"schema" | "grammar" | "regex", "ids"}  → {"accepts", "allowed", "finished"}
//           accepts: the ids fit; allowed: ids that may follow; finished: the text may end
//
// If a line cannot be processed, the output is {"error"}, and the next line is read. Each output line is
// flushed at once.
#include "apps/cmd_text.h"
#include <algorithm>
#include <cstdint>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include "apps/command_line.h"
#include "apps/structure_trial.h"
#include "base/json.h"
#include "hub/hub.h"
#include "text/chat.h"
#include "text/model_text.h"
#include "text/structure.h"
#include "text/tokenizer.h"
#include "text/tool_types.h"

namespace autark::apps {
namespace {

namespace fs = std::filesystem;
using Answer = std::function<Result<Json>(std::string_view line)>;

// The boolean field `name`; `usual` if it is absent or null.
Result<bool> flag(const Json& row, const char* name, bool usual) {
  if (!row.contains(name) || row[name].is_null()) return usual;
  if (!row[name].is_boolean()) return Error{Code::invalid, std::string(name) + " must be true or false"};
  return row[name].get<bool>();
}

Result<Json> read_row(std::string_view line) {
  AUTARK_TRY(Json row, parse_json(line, "this line"));
  if (!row.is_object()) return Error{Code::invalid, "this line is not a JSON object"};
  return row;
}

Result<Json> encode(const text::Tokenizer& t, std::string_view line) {
  AUTARK_TRY(Json row, read_row(line));
  if (!row.contains("text") || !row["text"].is_string())
    return Error{Code::invalid, "text is missing or not a string"};
  AUTARK_TRY(const bool add_special, flag(row, "add_special", true));
  AUTARK_TRY(const bool parse_special, flag(row, "parse_special", false));
  AUTARK_TRY(std::vector<int32_t> ids,
             t.encode(row["text"].get_ref<const std::string&>(),
                      {.add_special = add_special, .parse_special = parse_special}));
  return Json{{"ids", ids}};
}

// Decodes token by token, as a stream does. `pieces` has the text after each token, `flush` the text that
// would follow if the stream ended there.
Result<Json> decode(const text::Tokenizer& t, std::string_view line) {
  AUTARK_TRY(Json row, read_row(line));
  if (!row.contains("ids") || !row["ids"].is_array())
    return Error{Code::invalid, "ids is missing or not a list"};
  AUTARK_TRY(const bool skip_special, flag(row, "skip_special", true));
  const auto stream = t.stream(skip_special);
  std::string text;
  Json pieces = Json::array(), flush = Json::array();
  for (const Json& id : row["ids"]) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() > INT32_MAX)
      return Error{Code::invalid, "ids holds " + id.dump().substr(0, 40) + ", which is not a token id"};
    const std::string piece = stream->push(id.get<int32_t>());
    text += piece;
    pieces.push_back(piece);
    flush.push_back(stream->flush());
  }
  return Json{{"text", text + stream->flush()}, {"pieces", pieces}, {"flush", flush}};
}

Result<Json> render(const text::ChatTemplate& chat, std::string_view line) {
  AUTARK_TRY(text::Prompt prompt, chat.render_json(line));
  return Json{{"prompt", prompt.text}};
}

// The field `name`, which must be one of `words`; the first of them if it is absent.
Result<std::string> choice(const Json& row, const char* name, const std::vector<std::string_view>& words) {
  if (!row.contains(name) || row[name].is_null()) return std::string(words.front());
  std::string all;
  for (const std::string_view word : words) {
    if (row[name] == word) return std::string(word);
    all += (all.empty() ? "\"" : " or \"") + std::string(word) + "\"";
  }
  return Error{Code::invalid, std::string(name) + " must be " + all};
}

// The syntax that "dialect" names; the model's own if it is absent.
Result<text::OutputSyntax> syntax_of(const Json& row, text::OutputSyntax own) {
  if (!row.contains("dialect") || row["dialect"].is_null()) return own;
  std::vector<std::string_view> names;
  for (const auto& s : text::named_syntaxes()) names.push_back(s.name);
  AUTARK_TRY(const std::string dialect, choice(row, "dialect", names));
  return std::ranges::find(text::named_syntaxes(), dialect, &text::NamedSyntax::name)->syntax;
}

Json call_json(const text::ToolCall& c) {
  return {{"name", c.name}, {"arguments", c.arguments}};
}

// Whether calls are parsed, by the rules for a request with these fields. Without them calls are parsed.
Result<bool> wants_calls(const Json& row) {
  const Json tools = row.value("tools", Json()), choice = row.value("tool_choice", Json());
  if (!tools.is_null() && !tools.is_array()) return Error{Code::invalid, "tools must be a list"};
  return (tools.is_null() || !tools.empty()) && choice != "none";
}

// What the row's tools say about the types of arguments.
std::shared_ptr<const text::ToolTypes> types_of(const Json& row) {
  auto types = std::make_shared<text::ToolTypes>();
  for (const Json& tool : row.value("tools", Json::array()))
    if (tool.is_object()) types->add(tool.value("function", tool));
  return types;
}

Result<Json> parse(text::OutputSyntax own, std::string_view line) {
  AUTARK_TRY(Json row, read_row(line));
  if (!row.contains("text") || !row["text"].is_string())
    return Error{Code::invalid, "text is missing or not a string"};
  AUTARK_TRY(const std::string mode, choice(row, "mode", {"chat", "thinking"}));
  AUTARK_TRY(const std::string end, choice(row, "end", {"stop", "length"}));
  AUTARK_TRY(const text::OutputSyntax syntax, syntax_of(row, own));
  AUTARK_TRY(const bool calls, wants_calls(row));
  const auto parser = text::make_output_parser(
      syntax, {.in_reasoning = mode == "thinking", .calls = calls, .types = types_of(row)});
  auto pieces = parser->push(row["text"].get_ref<const std::string&>());
  for (auto& piece : parser->finish(end == "length")) pieces.push_back(std::move(piece));
  const text::ParsedOutput out = text::gather(pieces);
  Json answer = {{"reasoning", out.reasoning}, {"content", out.content}, {"tool_calls", Json::array()}};
  for (const text::ToolCall& c : out.tool_calls) answer["tool_calls"].push_back(call_json(c));
  if (!out.partial.empty()) answer["partial"] = call_json(out.partial.back());
  answer["finish"] = end == "length" ? "length" : out.tool_calls.empty() ? "stop" : "tool_calls";
  return answer;
}

// The structure of a line of `mask`, and its kind.
Result<std::pair<text::StructureKind, std::string>> structure_of(const Json& row) {
  using Kind = text::StructureKind;
  if (row.contains("schema")) return std::pair(Kind::schema, dump_json(row["schema"]));
  for (const auto& [name, kind] : {std::pair("grammar", Kind::grammar), {"regex", Kind::regex}}) {
    if (!row.contains(name)) continue;
    if (!row[name].is_string()) return Error{Code::invalid, std::string(name) + " must be a string"};
    return std::pair(kind, row[name].get<std::string>());
  }
  return Error{Code::invalid, "one of schema, grammar and regex is needed"};
}

Result<std::vector<int32_t>> ids_in(const Json& row) {
  std::vector<int32_t> ids;
  const Json list = row.value("ids", Json::array());
  if (!list.is_array()) return Error{Code::invalid, "ids must be a list"};
  for (const Json& id : list) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() > INT32_MAX)
      return Error{Code::invalid, "ids holds " + id.dump().substr(0, 40) + ", which is not a token id"};
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

Json masked(const text::StructureMasks::Mask& mask) {
  Json allowed = Json::array();
  for (size_t id = 0; id < mask.bits.size() * 32; ++id) {
    if (mask.bits[id / 32] >> (id % 32) & 1) allowed.push_back(id);
  }
  return Json{{"accepts", true}, {"allowed", std::move(allowed)}, {"finished", mask.finished}};
}

// Answers lines of `mask`. Lines about the structure of the line before them use its masks again.
class Masker {
 public:
  explicit Masker(const text::Structures& structures) : structures_(structures) {}

  Result<Json> operator()(std::string_view line) {
    AUTARK_TRY(Json row, read_row(line));
    AUTARK_TRY(auto structure, structure_of(row));
    AUTARK_TRY(const std::vector<int32_t> ids, ids_in(row));
    text::StructureFault fault;
    if (!masks_ || structure != last_) masks_ = structures_.compile(structure.first, structure.second, fault);
    if (!masks_) return refused(fault);
    last_ = std::move(structure);
    const auto found = masks_->after(ids);
    if (found) return masked(*found);
    return Json{{"accepts", false}, {"allowed", Json::array()}, {"finished", false}};
  }

 private:
  static Error refused(const text::StructureFault& fault) {
    const bool complex = fault.why == text::StructureFault::Why::complex;
    return {Code::invalid, (complex ? "schema_too_complex: " : "") + fault.message +
                               (fault.place.empty() ? "" : " at " + fault.place)};
  }

  const text::Structures& structures_;
  std::pair<text::StructureKind, std::string> last_;
  std::unique_ptr<text::StructureMasks> masks_;  // of last_
};

int fail(const Error& e) {
  std::cerr << "autark text: " << e.message << "\n";
  return 1;
}

// Reads standard input to its end. Returns 1 if standard output cannot be written.
int answer_lines(const Answer& answer) {
  for (std::string line; std::getline(std::cin, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    auto result = answer(line);
    std::cout << dump_json(result ? *result : Json{{"error", result.error().message}}) << std::endl;
  }
  return std::cout ? 0 : 1;
}

int answer_masks(const fs::path& path) {
  auto model = text::ModelText::open(path);
  if (!model) return fail(model.error());
  auto structures = text::Structures::make(*model->tokenizer, model->end_tokens, structure_trial());
  if (!structures) return fail(structures.error());
  Masker masker(**structures);
  return answer_lines([&](std::string_view line) { return masker(line); });
}

// The place of a model. An existing path is used as it is, also a single chat_template.jinja.
Result<fs::path> locate(const std::string& model) {
  std::error_code ec;
  if (fs::exists(model, ec)) return hub::snapshot_in(model);
  return hub::find_model(model);
}

int run(const std::string& what, const std::string& model) {
  auto path = locate(model);
  if (!path) return fail(path.error());
  if (what == "mask") return answer_masks(*path);
  auto tokenizer = text::Tokenizer::open(*path);
  if (what == "render" || what == "parse") {
    // A folder may have a template without a tokenizer. A broken tokenizer is an error in any case.
    if (!tokenizer && tokenizer.error().code != Code::not_found) return fail(tokenizer.error());
    auto chat = text::ChatTemplate::open(*path, tokenizer ? tokenizer->get() : nullptr);
    if (!chat) return fail(chat.error());
    if (what == "parse")
      return answer_lines([&](std::string_view line) { return parse((*chat)->syntax(), line); });
    return answer_lines([&](std::string_view line) { return render(**chat, line); });
  }
  if (!tokenizer) return fail(tokenizer.error());
  const auto work = what == "encode" ? encode : decode;
  return answer_lines([&](std::string_view line) { return work(**tokenizer, line); });
}

}  // namespace

void add_text_command(const Command& program) {
  const Command text = program.command(
      "text", "Tokens, streamed pieces, prompts, parsed answers, masks: JSON lines in, JSON lines out");
  text.footer(
      std::string("Examples:\n  echo '{\"text\":\"Hello\"}' | autark text encode qwen2.5-coder-0.5b\n"
                  "  echo '{\"ids\":[9707]}' | autark text decode qwen2.5-coder-0.5b\n"
                  "  echo '{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}' | autark text render "
                  "qwen2.5-coder-0.5b\n"
                  "  echo '{\"text\":\"Hi!\",\"end\":\"stop\"}' | autark text parse qwen2.5-coder-0.5b\n\n") +
      text::render_options());
  constexpr std::pair<const char*, const char*> kWork[] = {
      {"encode", R"({"text", "add_special", "parse_special"} → {"ids"})"},
      {"decode", R"({"ids", "skip_special"} → {"text", "pieces", "flush"})"},
      {"render", R"({"messages", "tools", "kwargs", "vars", "now"} → {"prompt"})"},
      {"parse",
       R"({"text", "mode", "end", "dialect", "tools", "tool_choice"} → {"reasoning", "content", "tool_calls", "partial", "finish"})"},
      {"mask", R"({"schema" | "grammar" | "regex", "ids"} → {"accepts", "allowed", "finished"})"}};
  for (const auto& [name, help] : kWork) {
    const Command command = text.command(name, help);
    auto model = std::make_shared<std::string>();
    command.option(
        "MODEL", *model,
        "A checkpoint or tokenizer directory, a GGUF file, a chat_template.jinja or a model's name");
    command.runs([model, what = std::string(name)] { return run(what, *model); });
  }
}

}  // namespace autark::apps
