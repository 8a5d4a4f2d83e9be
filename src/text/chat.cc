// Finds a checkpoint's chat template and passes conversations to the crate that renders it.
#include "text/chat.h"
#include <algorithm>
#include <cstring>
#include <ctime>
#include <span>
#include "base/file_kind.h"
#include "base/gguf.h"
#include "base/mapped_file.h"
#include "base/model_json.h"
#include "text/chat/call_form.h"
#include "text/chat/checkpoint_texts.h"
#include "text/chat/deepseek_v4.h"
#include "text/chat/fixed_texts.h"
#include "text/chat/sampled_places.h"
#include "text/crate_tokenizer.h"

namespace autark::text {
namespace {

namespace fs = std::filesystem;

constexpr size_t kTemplateBytesMax = size_t{16} << 20;

struct Sources {
  std::string usual, with_tools;
  bool found() const { return !usual.empty(); }
};

// Reads the value of "chat_template": a text, a list of {"name", "template"}, or an object from name to text.
Sources from_json(const Json& v) {
  Sources s;
  auto add = [&](const Json& name, const Json& text) {
    if (!name.is_string() || !text.is_string()) return;
    if (name == "default") s.usual = text.get<std::string>();
    if (name == "tool_use") s.with_tools = text.get<std::string>();
  };
  if (v.is_string()) s.usual = v.get<std::string>();
  if (v.is_object())
    for (const auto& [name, text] : v.items()) add(name, text);
  if (v.is_array())
    for (const Json& item : v)
      if (item.is_object() && item.contains("name") && item.contains("template"))
        add(item["name"], item["template"]);
  return s;
}

Sources from_key(const fs::path& file, Ignored how) {
  const Json config = optional_model_json(file, how);
  const auto found = config.find("chat_template");
  return found == config.end() ? Sources{} : from_json(*found);
}

std::string template_file(const fs::path& file) {
  std::error_code ec;
  if (!fs::exists(file, ec)) return {};
  auto text = read_file(file, kTemplateBytesMax);
  if (text) return std::move(text).value();
  warn_ignored(text.error().message);
  return {};
}

// The first place that has a template. `how`: whether to warn of an unreadable tokenizer_config.json.
Sources from_directory(const fs::path& folder, Ignored how) {
  Sources s{.usual = template_file(folder / "chat_template.jinja"),
            .with_tools = template_file(folder / "additional_chat_templates/tool_use.jinja")};
  if (s.found()) return s;
  s = from_key(folder / "chat_template.json", Ignored::with_a_word);
  return s.found() ? s : from_key(folder / "tokenizer_config.json", how);
}

Result<Sources> from_gguf(const fs::path& file) {
  AUTARK_TRY(Gguf g, Gguf::open(file));
  Sources s;
  s.usual = g.text("tokenizer.chat_template").value_or("");
  s.with_tools = g.text("tokenizer.chat_template.tool_use").value_or("");
  return s;
}

// `path`: a GGUF file, a folder, a .json file in such a folder, or a template itself.
Result<Sources> find_sources(const fs::path& path, Ignored how) {
  switch (kind_of_file(path)) {
    case FileKind::missing:
      return Error{Code::not_found, path.string() + ": no such file or directory"};
    case FileKind::gguf:
      return from_gguf(path);
    case FileKind::safetensors:
      return Error{Code::invalid, folder_wanted(path)};
    case FileKind::other: {
      if (path.extension() == ".json") return from_directory(path.parent_path(), how);
      Sources s;
      AUTARK_TRY(s.usual, read_file(path, kTemplateBytesMax));
      return s;
    }
    case FileKind::directory:
      break;
  }
  Sources s = from_directory(path, how);
  if (const fs::path gguf = s.found() ? fs::path() : gguf_inside(path); !gguf.empty()) return from_gguf(gguf);
  return s;
}

// The local time, "2026-11-22T09:05:07".
std::string time_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  localtime_r(&now, &parts);
  char text[32];
  return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts));
}

struct TemplateFree {
  void operator()(autark_template* t) const { autark_template_free(t); }
};
using TemplateHandle = std::unique_ptr<autark_template, TemplateFree>;

// True if the prompt ends with one of `marks` that the template wrote, not the user.
bool ends_with(const Prompt& p, std::span<const std::string_view> marks) {
  const size_t end = std::string_view(p.text).find_last_not_of(" \n");
  if (end == std::string::npos || (!p.literal.empty() && p.literal.back().end > end)) return false;
  const std::string_view text = std::string_view(p.text).substr(0, end + 1);
  return std::ranges::any_of(marks, [&](std::string_view m) { return text.ends_with(m); });
}
constexpr std::string_view kReasoningBegins[] = {"<think>", "<think:opensource>", "[THINK]"};
constexpr std::string_view kReasoningEnds[] = {"</think>", "</think:opensource>", "[/THINK]"};

class CrateTemplate final : public ChatTemplate {
 public:
  CrateTemplate(TemplateHandle handle, Json vars, const Sources& sources, std::vector<std::string> markup)
      : handle_(std::move(handle)),
        vars_(std::move(vars)),
        source_(sources.usual),
        markup_(std::move(markup)),
        opening_(find_opening()),
        syntax_(call_form(*this, sources.usual + sources.with_tools)) {}

  std::string source() const override { return source_; }
  OutputSyntax syntax() const override { return syntax_; }

  Result<Prompt> render(const Conversation& c) const override {
    Json request = {{"messages", c.messages}, {"kwargs", c.kwargs}, {"vars", c.vars}};
    if (c.tools) request["tools"] = *c.tools;
    if (c.now) request["now"] = *c.now;
    auto p = render_json(dump_json(request));
    if (p) place_sampled(*p, c, opening_, markup_);
    return p;
  }

  Result<Prompt> render_json(std::string_view request) const override {
    const std::string usual = dump_json({{"vars", vars_}, {"now", time_now()}});
    autark_buffer prompt, literal, error;
    if (!autark_template_render(handle_.get(), borrow(request), borrow(usual), &prompt, &literal, &error))
      return Error{Code::invalid, take(error)};
    Prompt p{.text = take(prompt), .literal = {}};
    const std::string borders = take(literal);
    // The crate writes pairs of size_t, which is the layout of ByteRange.
    static_assert(sizeof(ByteRange) == 2 * sizeof(size_t));
    p.literal.resize(borders.size() / sizeof(ByteRange));
    if (!p.literal.empty()) std::memcpy(p.literal.data(), borders.data(), borders.size());
    p.in_reasoning = ends_with(p, kReasoningBegins);
    p.reasoned = ends_with(p, kReasoningEnds);
    return p;
  }

 private:
  // What add_generation_prompt adds to a small conversation.
  std::string find_opening() const {
    const auto rendered = [&](bool opened) {
      const auto p = render_json(dump_json({{"messages", {{{"role", "user"}, {"content", "a"}}}},
                                            {"kwargs", {{"add_generation_prompt", opened}}},
                                            {"vars", Json::object()}}));
      return p ? p->text : std::string();
    };
    const std::string without = rendered(false), with = rendered(true);
    return !without.empty() && with.starts_with(without) ? with.substr(without.size()) : std::string();
  }

  TemplateHandle handle_;
  Json vars_;  // special-token texts
  std::string source_;
  Spellings markup_;
  std::string opening_;  // of an answer; empty: unknown
  OutputSyntax syntax_ = OutputSyntax::plain;
};

}  // namespace

// Encodes the text between sampled ranges piece by piece; the cuts are at markup tokens.
Result<std::vector<int32_t>> ids_of(const Prompt& p, const Tokenizer& tokenizer) {
  std::vector<int32_t> ids;
  std::vector<ByteRange> literal;
  size_t from = 0, next = 0;  // of text, of p.literal
  const auto read_to = [&](size_t to) -> std::optional<Error> {
    literal.clear();
    for (; next < p.literal.size() && p.literal[next].begin < to; ++next)
      if (p.literal[next].begin >= from)
        literal.push_back({p.literal[next].begin - from, p.literal[next].end - from});
    auto more = tokenizer.encode(std::string_view(p.text).substr(from, to - from),
                                 {.add_special = false, .parse_special = true, .literal = literal});
    if (!more) return more.error();
    ids.insert(ids.end(), more->begin(), more->end());
    return {};
  };
  for (const SampledRange& s : p.sampled) {
    if (auto fault = read_to(s.bytes.begin)) return *std::move(fault);
    ids.insert(ids.end(), s.ids.begin(), s.ids.end());
    from = s.bytes.end;
  }
  if (auto fault = read_to(p.text.size())) return *std::move(fault);
  return ids;
}

Result<Prompt> ChatTemplate::render_json(std::string_view request) const {
  AUTARK_TRY(Json r, parse_json(request, "conversation"));
  if (!r.is_object()) return Error{Code::invalid, "conversation: not a JSON object"};
  Conversation c{.messages = r.value("messages", Json::array()), .kwargs = r.value("kwargs", Json::object())};
  if (r.contains("tools") && !r["tools"].is_null()) c.tools = r["tools"];
  if (r.contains("vars")) c.vars = r["vars"];
  if (r.contains("now") && r["now"].is_string()) c.now = r["now"].get<std::string>();
  return render(c);
}

namespace {

Result<std::unique_ptr<ChatTemplate>> jinja_template(const Sources& sources, const fs::path& path,
                                                     const Tokenizer* tokenizer) {
  TokenNames names;
  std::vector<std::string> markup;
  if (tokenizer) {
    names.special = tokenizer->special_texts();
    markup = tokenizer->markup();
  } else {
    std::error_code ec;
    names = names_beside(fs::is_directory(path, ec) ? path : path.parent_path());
  }
  std::vector<autark_str> spellings;
  for (const std::string& s : markup) spellings.push_back(borrow(s));
  autark_buffer error;
  TemplateHandle handle(autark_template_new(borrow(sources.usual), borrow(sources.with_tools),
                                            spellings.data(), spellings.size(), &error));
  if (!handle) return Error{Code::invalid, path.string() + ": " + take(error)};
  Json vars = Json::object();
  for (const auto& [name, text] : names.special) vars[name] = text;
  return std::unique_ptr<ChatTemplate>(
      std::make_unique<CrateTemplate>(std::move(handle), std::move(vars), sources, std::move(markup)));
}

// A Jinja template of the checkpoint may contain the paragraphs, and renders if the release is unknown.
Result<std::unique_ptr<ChatTemplate>> deepseek_v4_template(const fs::path& path, const Tokenizer* tokenizer,
                                                           const Sources& sources,
                                                           std::optional<DeepseekV4Release> release) {
  DeepseekV4Parts parts{.release = release, .where = path.string()};
  if (sources.found()) {
    auto jinja = jinja_template(sources, path, tokenizer);
    if (!jinja && !release) return jinja.error();
    if (jinja) parts.other = std::move(jinja).value();
  }
  std::vector<std::string> texts = checkpoint_texts(path, parts.other.get());
  for (const std::string* source : {&sources.usual, &sources.with_tools}) add_source(texts, *source);
  parts.fixed = find_fixed_texts(kDeepseekV4Texts, texts);
  if (tokenizer) parts.spellings = tokenizer->markup();
  return make_deepseek_v4(std::move(parts));
}

}  // namespace

const char* render_options() {
  return "DeepSeek V4's render takes \"release\" (preview, 0731, 0813), and with \"fixed\":\"placeholder\" "
         "writes\n"
         "{{FIXED:name}} for the paragraphs that come with the checkpoint.";
}

Result<std::unique_ptr<ChatTemplate>> ChatTemplate::open(const fs::path& path, const Tokenizer* tokenizer) {
  // With a tokenizer, tokenizer_config.json was read before, and a fault in it was reported.
  AUTARK_TRY(Sources sources, find_sources(path, tokenizer ? Ignored::silently : Ignored::with_a_word));
  AUTARK_TRY(const DeepseekV4Trace trace, deepseek_v4_trace(path));
  const bool bare = trace.is_unsaid && (trace.has_encoder || (tokenizer && tokenizer->id_of("｜DSML｜")));
  if (trace.release || bare) return deepseek_v4_template(path, tokenizer, sources, trace.release);
  if (!sources.found()) return Error{Code::not_found, path.string() + ": this model has no chat template"};
  return jinja_template(sources, path, tokenizer);
}

}  // namespace autark::text
