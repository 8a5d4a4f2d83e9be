// prompt    := BOS [effort] turn*
// system    := content ["\n\n" TOOLS] ["\n\n" FORMAT]                  no role token at all
// user      := <｜User｜> blocks joined by "\n\n"                       text, or <tool_result>…</tool_result>
// developer := <｜User｜> content ["\n\n" TOOLS] ["\n\n" FORMAT]
// reminder  := <｜latest_reminder｜> content
// assistant := [reasoning </think>] content ["\n\n" CALLS] [EOS]
// header    := <｜Assistant｜> (<think> | </think>)                     ends the question before an answer
#include "text/chat/deepseek_v4.h"
#include <algorithm>
#include <map>
#include "text/chat/deepseek_v4_turns.h"
#include "text/chat/fixed_texts.h"
#include "text/chat/prompt_writer.h"

namespace autark::text {
namespace {

using Release = DeepseekV4Release;
using Role = V4Turn::Role;
using Fixed = std::map<std::string, std::string, std::less<>>;

constexpr std::string_view kEnd = "<｜end▁of▁sentence｜>", kReasoningEnd = "</think>";
constexpr std::string_view kTasks[] = {"action", "query", "authority", "domain", "title", "read_url"};

struct Options {
  Release release = Release::preview;
  bool thinking = false, drop_thinking = true, begins = true;
  bool placeholders = false;
  std::string_view effort_text;  // name of the paragraph, or empty
};

// {"thinking_mode", "enable_thinking", "reasoning_effort", "drop_thinking", "add_default_bos_token"}
Result<bool> read_flag(const PythonJson& kwargs, const char* name, bool usual) {
  const PythonJson* v = kwargs.find(name);
  if (!v || v->is_null()) return usual;
  if (v->kind() != PythonJson::Kind::boolean)
    return Error{Code::invalid, std::string(name) + " must be true or false"};
  return v->is_true();
}

// The name of the paragraph for an effort; empty: no paragraph.
Result<std::string_view> effort_text(Release release, std::string_view effort) {
  if (effort.empty() || effort == "none") return std::string_view();
  if (release == Release::preview) {
    if (effort == "high") return std::string_view();
    if (effort == "max") return std::string_view("effort_A");
    return Error{Code::invalid, "reasoning_effort \"" + std::string(effort) +
                                    "\" is unknown to DeepSeek V4 (preview), which takes high and max"};
  }
  if (effort == "low") return std::string_view();
  if (effort == "high") return std::string_view("effort_A");
  if (effort == "max") return std::string_view("effort_B");
  return Error{Code::invalid,
               "reasoning_effort \"" + std::string(effort) +
                   "\" is unknown to DeepSeek V4 (0731 and later), which takes low, high and max"};
}

Result<Options> read_options(const PythonJson& kwargs, Release release) {
  Options o{.release = release};
  const PythonJson* effort = kwargs.find("reasoning_effort");
  const bool has_effort = effort && !effort->is_null();
  if (has_effort && !effort->is_text()) return Error{Code::invalid, "reasoning_effort is not a text"};
  AUTARK_TRY(o.thinking, read_flag(kwargs, "enable_thinking", has_effort && effort->text() != "none"));
  if (const PythonJson* mode = kwargs.find("thinking_mode"); mode && !mode->is_null()) {
    if (mode->text() != "thinking" && mode->text() != "chat")
      return Error{Code::invalid, "thinking_mode must be \"thinking\" or \"chat\""};
    o.thinking = mode->text() == "thinking";
  }
  AUTARK_TRY(o.drop_thinking, read_flag(kwargs, "drop_thinking", true));
  AUTARK_TRY(o.begins, read_flag(kwargs, "add_default_bos_token", true));
  AUTARK_TRY(o.effort_text, effort_text(release, has_effort ? effort->text() : ""));
  if (!o.thinking) o.effort_text = {};
  return o;
}

// Writes one prompt. The first fault is kept and reported at the end.
class Encoder {
 public:
  Encoder(const Options& o, const Fixed& fixed, const std::string& where)
      : o_(o), fixed_(fixed), where_(where) {}

  Result<Prompt> encode(const V4Conversation& c, bool has_context, const Spellings& spellings) {
    if (o_.begins && !has_context) out_.markup("<｜begin▁of▁sentence｜>");
    last_question_ = c.last_question();
    for (size_t i = c.sent; i < c.turns.size(); ++i) {
      if (i == 0 && !o_.effort_text.empty()) paragraph(o_.effort_text);
      turn(c, i);
    }
    if (!fault_.empty()) return Error{Code::invalid, fault_};
    Prompt p = out_.take(spellings);
    p.in_reasoning = in_reasoning_;
    p.continues = !c.turns.empty() && c.turns.back().without_end;
    return p;
  }

 private:
  // Writes a turn and, if an answer follows, the header that begins the answer.
  void turn(const V4Conversation& c, size_t i) {
    const V4Turn& t = c.turns[i];
    switch (t.role) {
      case Role::system:
        out_.typed(t.content);
        attachments(t);
        break;
      case Role::developer:
        if (t.content.empty()) return fail("a developer message is empty");
        out_.markup("<｜User｜>");
        out_.typed(t.content);
        attachments(t);
        break;
      case Role::user:
        out_.markup("<｜User｜>");
        blocks(t);
        break;
      case Role::reminder:
        out_.markup("<｜latest_reminder｜>");
        out_.typed(t.content);
        break;
      case Role::assistant: {
        const bool answers_task = i > 0 && c.turns[i - 1].task.has_value();
        const bool current = last_question_ == c.turns.size() || i > last_question_;
        assistant(t, o_.thinking && !answers_task && (!c.drops_reasoning || current));
        break;
      }
    }
    const bool answer_follows = i + 1 == c.turns.size() || c.turns[i + 1].role == Role::assistant ||
                                c.turns[i + 1].role == Role::reminder;
    if (!answer_follows) return;
    const bool current = last_question_ == c.turns.size() || i >= last_question_;
    if (t.task)
      task(*t.task);
    else if (t.asks())
      header(o_.thinking && (!c.drops_reasoning || current));
  }

  void blocks(const V4Turn& t) {
    for (size_t i = 0; i < t.blocks.size(); ++i) {
      const V4Block& b = t.blocks[i];
      if (i) out_.markup("\n\n");
      if (b.is_result) {
        out_.markup("<tool_result>");
        out_.typed(b.text);
        out_.markup("</tool_result>");
      } else if (constexpr std::string_view kUrl = "<｜extracted_url｜>";
                 i == 0 && t.task == "read_url" && b.text.starts_with(kUrl)) {
        out_.markup(kUrl);  // in a read_url task, this marks the content of a page
        out_.typed(std::string_view(b.text).substr(kUrl.size()));
      } else {
        out_.typed(b.text);
      }
    }
  }

  void assistant(const V4Turn& t, bool with_reasoning) {
    if (t.sampled && sampled(*t.sampled, with_reasoning)) {
      in_reasoning_ = false;
      if (!t.without_end) out_.markup(kEnd);
      return;
    }
    if (with_reasoning) {
      out_.typed(t.reasoning);
      out_.markup(kReasoningEnd);
    }
    in_reasoning_ = false;
    out_.typed(t.content);
    if (t.calls) calls(t.calls);
    if (!t.without_end) out_.markup(kEnd);
  }

  // Writes a turn with the tokens that were sampled. Returns false if its reasoning must be left out, but the
  // end of the reasoning is not marked.
  bool sampled(const SampledTurn& s, bool with_reasoning) {
    if (s.in_reasoning && !with_reasoning && !s.reasoning.text.ends_with(kReasoningEnd)) return false;
    if (with_reasoning && !s.in_reasoning) out_.markup(kReasoningEnd);
    if (with_reasoning) out_.sampled(s.reasoning.text, s.reasoning.ids);
    out_.sampled(s.answer.text, s.answer.ids);
    return true;
  }

  void header(bool thinks) {
    out_.markup("<｜Assistant｜>");
    out_.markup(thinks ? "<think>" : "</think>");
    in_reasoning_ = thinks;
  }

  void task(const std::string& name) {
    if (std::ranges::find(kTasks, name) == std::end(kTasks))
      return fail("DeepSeek V4 knows no task \"" + name + "\"");
    if (name == "action") header(o_.thinking);
    out_.markup("<｜" + name + "｜>");
    in_reasoning_ = false;
  }

  void attachments(const V4Turn& t) {
    if (t.tools) {
      out_.markup("\n\n");
      paragraph("tools_preamble_v4");
      for (size_t i = 0; i < t.tools.list().size(); ++i) {
        const PythonJson& tool = t.tools.list()[i];
        const PythonJson* function = tool.find("function");
        if (i) out_.markup("\n");
        out_.typed((function ? *function : tool).dump());
      }
      paragraph("tools_tail");
    }
    if (t.format) {
      out_.markup("\n\n");
      paragraph("response_format");
      out_.typed(t.format.dump());
    }
  }

  void calls(const PythonJson& calls) {
    out_.markup("\n\n<｜DSML｜tool_calls>\n");
    for (const PythonJson& c : calls.list()) {
      const PythonJson* function = c.find("function");
      call(function ? *function : c);
    }
    out_.markup("</｜DSML｜tool_calls>");
  }

  void call(const PythonJson& function) {
    const PythonJson* name = function.find("name");
    if (!name || !name->is_text()) return fail("a tool call has no name");
    out_.markup("<｜DSML｜invoke name=\"");
    out_.typed(name->text());
    out_.markup("\">\n");
    bool first = true;
    const PythonJson arguments = arguments_of(function);
    for (const auto& [key, value] : arguments.map()) {
      if (!first) out_.markup("\n");
      first = false;
      out_.markup("<｜DSML｜parameter name=\"");
      out_.typed(key);
      out_.markup(value.is_text() ? "\" string=\"true\">" : "\" string=\"false\">");
      out_.typed(value.is_text() ? value.text() : value.dump());
      out_.markup("</｜DSML｜parameter>");
    }
    out_.markup("\n</｜DSML｜invoke>\n");
  }

  // Returns an object. Arguments that are not a JSON object become one parameter named "arguments".
  static PythonJson arguments_of(const PythonJson& function) {
    const PythonJson* given = function.find("arguments");
    PythonJson value = given ? *given : PythonJson();
    if (value.is_text())
      if (auto parsed = PythonJson::parse(value.text(), "arguments")) value = std::move(parsed).value();
    if (value.is_map()) return value;
    PythonJson whole = PythonJson::parse("{}", "").value();
    if (given) whole.set("arguments", std::move(value));
    return whole;
  }

  void paragraph(std::string_view name) {
    if (o_.placeholders) return out_.markup("{{FIXED:" + std::string(name) + "}}");
    const auto text = fixed_.find(name);
    if (text != fixed_.end()) return out_.markup(text->second);
    const bool is_effort = name.starts_with("effort");
    fail("the paragraph that DeepSeek V4's prompts have for " +
         std::string(is_effort                   ? "this reasoning_effort"
                     : name == "response_format" ? "response_format"
                                                 : "tools") +
         " is not in the files of " + where_ +
         "; it is in encoding/encoding_dsv4.py of the official repository, put that folder beside the model");
  }

  void fail(std::string fault) {
    if (fault_.empty()) fault_ = std::move(fault);
  }

  const Options& o_;
  const Fixed& fixed_;
  const std::string& where_;
  PromptWriter out_;
  size_t last_question_ = 0;
  bool in_reasoning_ = false;
  std::string fault_;
};

// The member `name`, or null if it is absent or null. An error if it is of another kind.
Result<PythonJson> member(const PythonJson& map, const char* name, PythonJson::Kind kind) {
  const PythonJson* v = map.find(name);
  if (!v || v->is_null()) return PythonJson();
  if (v->kind() == kind) return *v;
  const char* wanted = kind == PythonJson::Kind::list  ? "a list"
                       : kind == PythonJson::Kind::map ? "an object"
                                                       : "a text";
  return Error{Code::invalid, std::string(name) + " must be " + wanted};
}

// Attaches a setting of the whole conversation (tools, response format) to the system message, else
// to the developer message, else to an empty system message that is added in front. A message keeps
// a setting of its own.
void attach(std::vector<PythonJson>& messages, const char* key, PythonJson value) {
  if (!value) return;
  const auto with_role = [&](std::string_view role) {
    return std::ranges::find_if(messages, [&](const PythonJson& m) {
      const PythonJson* r = m.find("role");
      return r && r->is_text() && r->text() == role;
    });
  };
  auto at = with_role("system");
  if (at == messages.end()) at = with_role("developer");
  if (at == messages.end())
    at = messages.insert(messages.begin(),
                         PythonJson::parse(R"({"role": "system", "content": ""})", "").value());
  if (const PythonJson* own = at->find(key); !own || !*own) at->set(key, std::move(value));
}

// OpenAI's response_format as the encoder writes it: the schema itself, or {"type": "json_object"}.
PythonJson format_of(PythonJson format) {
  const PythonJson* type = format.find("type");
  if (type && type->text() == "text") return {};
  const PythonJson* named = format.find("json_schema");
  const PythonJson* schema = named ? named->find("schema") : nullptr;
  return schema ? PythonJson(*schema) : format;
}

// Attaches a request's settings to messages and encodes it. The request may name another release.
class DeepseekV4 final : public ChatTemplate {
 public:
  explicit DeepseekV4(DeepseekV4Parts parts) : parts_(std::move(parts)), spellings_(parts_.spellings) {}

  OutputSyntax syntax() const override {
    return parts_.release || !parts_.other ? OutputSyntax::dsml : parts_.other->syntax();
  }

  Result<Prompt> render(const Conversation& c) const override {
    Json row = {{"messages", c.messages}, {"kwargs", c.kwargs}, {"vars", c.vars}};
    if (c.tools) row["tools"] = *c.tools;
    if (c.now) row["now"] = *c.now;
    return rendered(dump_json(row), c.sampled);
  }

  Result<Prompt> render_json(std::string_view request) const override { return rendered(request, {}); }

 private:
  using Kind = PythonJson::Kind;
  using SampledTurns = std::vector<std::optional<SampledTurn>>;  // by message

  Result<Prompt> rendered(std::string_view request, const SampledTurns& sampled) const {
    AUTARK_TRY(PythonJson row, PythonJson::parse(request, "conversation"));
    if (!row.is_map()) return Error{Code::invalid, "conversation: not a JSON object"};
    AUTARK_TRY(const std::optional<Release> release, release_of(row));
    if (!release && parts_.other) return parts_.other->render_json(request);
    if (!release)
      return Error{Code::invalid, parts_.where +
                                      ": nothing here says which model this is; for DeepSeek V4 give "
                                      "\"release\": \"preview\", \"0731\" or \"0813\""};
    AUTARK_TRY(const PythonJson kwargs, member(row, "kwargs", Kind::map));
    AUTARK_TRY(Options options, read_options(kwargs, *release));
    if (const PythonJson* f = row.find("fixed"); f && !f->is_null()) {
      if (f->text() != "placeholder") return Error{Code::invalid, "fixed must be \"placeholder\""};
      options.placeholders = true;
    }
    return encode(row, kwargs, sampled, options);
  }

  Result<std::optional<Release>> release_of(const PythonJson& row) const {
    const PythonJson* r = row.find("release");
    if (!r || r->is_null()) return parts_.release;
    if (r->text() == "preview") return std::optional(Release::preview);
    if (r->text() == "0731" || r->text() == "0813") return std::optional(Release::r0731);
    return Error{Code::invalid, "release must be \"preview\", \"0731\" or \"0813\""};
  }

  Result<Prompt> encode(const PythonJson& row, const PythonJson& kwargs, SampledTurns sampled,
                        const Options& options) const {
    AUTARK_TRY(const PythonJson given, member(row, "messages", Kind::list));
    AUTARK_TRY(PythonJson tools, member(row, "tools", Kind::list));
    AUTARK_TRY(PythonJson format, member(kwargs, "response_format", Kind::map));
    AUTARK_TRY(const PythonJson context, member(kwargs, "context", Kind::list));
    for (const auto& [name, kind] : {std::pair("vars", Kind::map), std::pair("now", Kind::text)})
      if (auto unused = member(row, name, kind); !unused) return unused.error();
    if (!given.is_list()) return Error{Code::invalid, "messages is missing"};
    std::vector<PythonJson> messages = given.list();
    attach(messages, "tools", std::move(tools));
    attach(messages, "response_format", format_of(std::move(format)));
    const size_t in_front = messages.size() - given.list().size();
    sampled.insert(sampled.begin(), in_front, std::nullopt);
    AUTARK_TRY(V4Conversation c, v4_conversation(context, PythonJson::of_list(std::move(messages)), sampled,
                                                 options.thinking, options.drop_thinking));
    AUTARK_TRY(const bool goes_on, read_flag(kwargs, "continue_final_message", false));
    if (goes_on && !c.turns.empty() && c.turns.back().role == Role::assistant)
      c.turns.back().without_end = true;
    Encoder encoder(options, parts_.fixed, parts_.where);
    return encoder.encode(c, bool(context), spellings_);
  }

  DeepseekV4Parts parts_;
  Spellings spellings_;
};

}  // namespace

std::unique_ptr<ChatTemplate> make_deepseek_v4(DeepseekV4Parts parts) {
  return std::make_unique<DeepseekV4>(std::move(parts));
}

}  // namespace autark::text
