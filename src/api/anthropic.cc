// POST /v1/messages and /v1/messages/count_tokens: text, system, streaming. Blocks of other kinds and tools
// are refused by name; thinking that a client plays back is left out of the prompt.
//
//   stream: message_start (content_block_start content_block_delta… content_block_stop)? message_delta
//           message_stop; ping and error at any time after the start
#include "api/dialect.h"
#include "api/faults.h"
#include "api/openai_fields.h"

namespace autark::api {
namespace {

bool is_thinking(std::string_view type) {
  return type == "thinking" || type == "redacted_thinking";
}

void read_block(Fields& m, const Json& json, const std::string& path, Item& item) {
  Fields b(json, path + ".");
  const std::string type = b.text("type").value_or("");
  if (is_thinking(type)) return;
  if (!b.fault() && type != "text")
    b.fail({.kind = Fault::Kind::unsupported,
            .message = path + " has type '" + type.substr(0, 40) + "'; this server takes text blocks only",
            .param = path});
  const auto text = b.text("text");
  if (!b.fault() && !text) b.fail("text", "is missing");
  if (text) item.parts.push_back(Text{*text});
  if (b.fault()) m.fail(*b.fault());
}

// A string or a list of blocks.
void read_content(Fields& m, std::string_view name, Item& item) {
  const Json* content = m.find(name);
  if (m.fault()) return;
  if (!content) return m.fail(name, "is missing");
  if (content->is_string()) return item.parts.push_back(Text{content->get<std::string>()}), void();
  if (!content->is_array()) return m.fail(name, "must be a string or a list of blocks");
  for (size_t i = 0; i < content->size() && !m.fault(); ++i)
    read_block(m, (*content)[i], m.path_of(name) + "." + std::to_string(i), item);
}

void read_message(Fields& f, const Json& json, const std::string& path, Request& r) {
  Fields m(json, path + ".");
  const std::string role = m.text("role").value_or("");
  Item item;
  if (role == "assistant")
    item.role = Role::assistant;
  else if (role == "system")
    item.role = Role::system;
  else if (role != "user")
    m.fail("role", "must be user, assistant or system");
  read_content(m, "content", item);
  if (m.fault()) return f.fail(*m.fault());
  for (const std::string& name : m.unknown()) r.ignored.push_back("messages." + name.substr(path.size() + 1));
  r.items.push_back(std::move(item));
}

void read_conversation(Fields& f, Request& r) {
  if (f.find("system")) {
    Item system{Role::system, {}};
    read_content(f, "system", system);
    if (!system.parts.empty()) r.items.push_back(std::move(system));
  }
  const Json* messages = f.array("messages");
  if (!f.fault() && (!messages || messages->empty())) f.fail("messages", "must have at least one message");
  for (size_t i = 0; messages && i < messages->size() && !f.fault(); ++i)
    read_message(f, (*messages)[i], "messages." + std::to_string(i), r);
  // A last turn of the assistant is the beginning of the answer.
  if (!f.fault() && r.items.back().role == Role::assistant)
    r.template_kwargs["continue_final_message"] = true;
}

void refuse_what_is_not_built(Fields& f) {
  f.refuse("tools", is_empty_or_false);
  f.refuse("tool_choice", [](const Json& v) {
    const auto type = v.is_object() ? v.find("type") : v.end();
    return v.is_object() && type != v.end() && (*type == "none" || *type == "auto");
  });
  f.refuse("container");
  f.refuse("mcp_servers", is_empty_or_false);
  if (const Json* output = f.object("output_config")) {
    Fields o(*output, "output_config.");
    o.refuse("format", is_empty_or_false);
    if (o.fault()) f.fail(*o.fault());
  }
  f.accept({"thinking", "cache_control", "service_tier", "inference_geo", "context_management", "speed",
            "diagnostics", "workspace_id"});
}

void read_metadata(Fields& f, Request& r) {
  const Json* metadata = f.object("metadata");
  if (!metadata) return;
  Fields m(*metadata, "metadata.");
  r.user = m.text("user_id").value_or("");
  if (m.fault()) f.fail(*m.fault());
}

Outcome<Request> decode_messages(const Json& body, bool counting) {
  Request r;
  Fields f(body);
  r.model = f.text("model").value_or("");
  r.max_tokens = f.integer("max_tokens", 1, kTokensMax);
  if (!counting && !f.fault() && !r.max_tokens) f.fail("max_tokens", "is missing");
  r.sampling.temperature = f.number("temperature", 0, 1);
  r.sampling.top_p = f.number("top_p", 0, 1);
  r.sampling.top_k = f.integer("top_k", 0, std::numeric_limits<int32_t>::max());
  r.stop = read_stop(f, "stop_sequences");
  r.stream = f.flag("stream").value_or(false);
  read_metadata(f, r);
  refuse_what_is_not_built(f);
  read_conversation(f, r);
  if (f.fault()) return *f.fault();
  for (std::string& name : f.unknown()) r.ignored.push_back(std::move(name));
  return r;
}

const char* stop_reason(Finish why) {
  switch (why) {
    case Finish::stop_sequence:
      return "stop_sequence";
    case Finish::length:
      return "max_tokens";
    case Finish::context:
      return "model_context_window_exceeded";
    default:
      return "end_turn";
  }
}

Json usage_json(const Usage& u) {
  return Json{{"input_tokens", u.prompt_tokens - u.cached_tokens},
              {"cache_creation_input_tokens", 0},
              {"cache_read_input_tokens", u.cached_tokens},
              {"output_tokens", u.completion_tokens}};
}

Json stop_sequence(const Event::Finished& f) {
  return f.why == Finish::stop_sequence ? Json(f.stop_sequence) : Json();
}

Json message_json(const Envelope& e, Json content, Json reason, Json sequence, const Usage& u) {
  return Json{{"id", "msg_" + e.id},
              {"type", "message"},
              {"role", "assistant"},
              {"model", e.model},
              {"content", std::move(content)},
              {"stop_reason", std::move(reason)},
              {"stop_sequence", std::move(sequence)},
              {"usage", usage_json(u)}};
}

Frame frame(const char* type, Json rest) {
  Json j{{"type", type}};
  j.update(rest);
  return {dump_json(j), type};
}

class MessageStream final : public StreamEncoder {
 public:
  explicit MessageStream(const Envelope& e) : e_(e), tally_(e.choices, e.n) {}

  std::vector<Frame> encode(const Event& event) override {
    if (const auto* f = std::get_if<Fault>(&event.what))
      return {{dump_json(anthropic_error(*f, e_.id)), "error"}};
    tally_.add(event);
    if (std::holds_alternative<Event::Started>(event.what))
      return {frame("message_start",
                    {{"message", message_json(e_, Json::array(), nullptr, nullptr, tally_.total())}})};
    if (const auto* d = std::get_if<Event::Delta>(&event.what)) return delta(*d);
    return finish(std::get<Event::Finished>(event.what));
  }

 private:
  std::vector<Frame> delta(const Event::Delta& d) {
    if (d.prompt || d.text.empty()) return {};
    std::vector<Frame> out;
    if (!open_) out.push_back(frame("content_block_start", {{"index", 0}, {"content_block", block("")}}));
    open_ = true;
    out.push_back(
        frame("content_block_delta", {{"index", 0}, {"delta", {{"type", "text_delta"}, {"text", d.text}}}}));
    return out;
  }
  std::vector<Frame> finish(const Event::Finished& f) {
    std::vector<Frame> out;
    if (open_) out.push_back(frame("content_block_stop", {{"index", 0}}));
    Json delta{{"stop_reason", stop_reason(f.why)}, {"stop_sequence", stop_sequence(f)}};
    out.push_back(
        frame("message_delta", {{"delta", std::move(delta)}, {"usage", usage_json(tally_.total())}}));
    out.push_back(frame("message_stop", Json::object()));
    return out;
  }
  static Json block(std::string text) { return Json{{"type", "text"}, {"text", std::move(text)}}; }

  Envelope e_;
  Tally tally_;
  bool open_ = false;
};

class Anthropic final : public Dialect {
 public:
  Outcome<Request> decode(const Json& body) const override { return decode_messages(body, false); }

  std::unique_ptr<StreamEncoder> stream(const Envelope& e) const override {
    return std::make_unique<MessageStream>(e);
  }

  Json body(const Envelope& e, const Answer& answer) const override {
    const Choice& c = answer.choices.at(0);
    Json content = Json::array();
    if (const std::string text = c.text(); !text.empty())
      content.push_back({{"type", "text"}, {"text", text}});
    return message_json(e, std::move(content), stop_reason(c.finished.why), stop_sequence(c.finished),
                        answer.tally.total());
  }

  Reply error(const Fault& fault, std::string_view request_id) const override {
    return anthropic_reply(fault, request_id);
  }
  std::string_view request_id_header() const override { return "request-id"; }
  Frame keep_alive() const override { return frame("ping", Json::object()); }
};

}  // namespace

const Dialect& anthropic_messages() {
  static const Anthropic dialect;
  return dialect;
}

Outcome<Request> decode_count_tokens(const Json& body) {
  return decode_messages(body, true);
}

}  // namespace autark::api
