// POST /v1/messages and /v1/messages/count_tokens: text, thinking, client tools and streaming. Images are
// refused; other kinds of blocks become a line of text. Tools that a server would run are left out unless they
// are forced.
//
//   stream: message_start
//           (content_block_start content_block_delta… content_block_stop)…
//           message_delta message_stop
//           ping and error may come at any time after the start
//   blocks: thinking  thinking_delta… signature_delta
//           text      text_delta…
//           tool_use  one input_json_delta with the whole input
//
// Blocks come in the order in which the model wrote them and are never interleaved.
#include "api/allowance_headers.h"
#include "api/cache_control.h"
#include "api/call_results.h"
#include "api/dialect.h"
#include "api/documents.h"
#include "api/faults.h"
#include "api/openai_fields.h"
#include "api/thinking.h"
#include "api/tools.h"

namespace autark::api {
namespace {

using Kind = Block::Kind;

std::string needed(Fields& b, std::string_view name) {
  const auto text = b.text(name);
  if (!b.fault() && !text) b.fail(name, "is missing");
  return text.value_or("");
}

void refuse_block(Fields& b, const std::string& path, const std::string& type, const char* takes) {
  b.fail({.kind = ApiError::Kind::unsupported,
          .message = path + " has type '" + type.substr(0, 40) + "'; " + takes,
          .param = path});
}

// {"type": "tool_result", "tool_use_id", "content": a string or text blocks, "is_error"}
void read_result(Fields& b, Item& item) {
  ToolResult r{.call = needed(b, "tool_use_id"), .error = b.flag("is_error").value_or(false)};
  const Json* content = b.find("content");
  if (content && content->is_string()) r.parts.push_back({content->get<std::string>()});
  if (content && !content->is_string() && !content->is_array())
    b.fail("content", "must be a string or a list of blocks");
  for (size_t i = 0; content && content->is_array() && i < content->size() && !b.fault(); ++i) {
    const std::string path = b.path_of("content") + "." + std::to_string(i);
    Fields part((*content)[i], path + ".");
    const std::string type = part.text("type").value_or("");
    if (type == "text")
      r.parts.push_back({needed(part, "text")});
    else if (auto text = document_text(part.object()))
      r.parts.push_back({std::move(*text)});
    else if (!type.empty())
      r.parts.push_back(left_out(part, type));
    else
      part.fail("type", "is missing");
    if (part.fault()) b.fail(*part.fault());
  }
  item.parts.push_back(std::move(r));
}

// {"type": "tool_use", "id", "name", "input": an object}
void read_call(Fields& b, Item& item) {
  ToolCall call{needed(b, "id"), needed(b, "name"), "{}"};
  if (const Json* input = b.object("input")) call.arguments = dump_json(*input);
  item.parts.push_back(std::move(call));
}

// A block without text carries nothing for the prompt and is dropped.
void read_thinking(Fields& b, Item& item) {
  Reasoning r{needed(b, "thinking")};
  b.accept({"signature"});
  if (!r.text.empty()) item.parts.push_back(std::move(r));
}

// Others, such as what a tool of another server left in a history or kinds of later APIs, are a line in any turn.
bool is_of_one_role(const std::string& type) {
  return type == "thinking" || type == "redacted_thinking" || type == "tool_use" || type == "tool_result";
}

// A document without text cannot be read, but a history with search results goes on.
void read_document(Fields& b, const std::string& path, const std::string& type, Item& item) {
  b.accept({"title", "source", "context", "content", "citations", "cache_control"});
  if (auto text = document_text(b.object()))
    item.parts.push_back(Text{std::move(*text)});
  else if (type == "search_result")
    item.parts.push_back(left_out(b, type));
  else
    b.fail(not_text(path, type));
}

void read_block(Fields& m, const Json& json, const std::string& path, Item& item) {
  Fields b(json, path + ".");
  const std::string type = b.text("type").value_or("");
  const bool user = item.role == Role::user, assistant = item.role == Role::assistant;
  if (type == "text")
    item.parts.push_back(Text{needed(b, "text")});
  else if (type == "thinking" && assistant)
    read_thinking(b, item);
  else if (type == "tool_use" && assistant)
    read_call(b, item);
  else if (type == "tool_result" && user)
    read_result(b, item);
  else if ((type == "document" || type == "search_result") && user)
    read_document(b, path, type, item);
  else if ((type == "image" || type == "document") && !b.fault())
    b.fail(not_text(path, type));
  else if ((assistant || user) && !type.empty() && !is_of_one_role(type))
    item.parts.push_back(left_out(b, type));
  else if (type != "redacted_thinking" && !b.fault())
    refuse_block(b, path, type, "a turn of this role takes text and what belongs to tools and thinking only");
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

void read_message(Fields& f, const Json& json, size_t number, Request& r) {
  const std::string path = "messages." + std::to_string(number);
  Fields m(json, path + ".");
  const std::string role = m.text("role").value_or("");
  Item item{.place = "messages[" + std::to_string(number) + "]"};
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
    Item system{.role = Role::system, .place = "system"};
    read_content(f, "system", system);
    if (!system.parts.empty()) r.items.push_back(std::move(system));
  }
  const Json* messages = f.array("messages");
  if (!f.fault() && (!messages || messages->empty())) f.fail("messages", "must have at least one message");
  for (size_t i = 0; messages && i < messages->size() && !f.fault(); ++i)
    read_message(f, (*messages)[i], i, r);
  if (f.fault()) return;
  if (auto fault = missing_result(r.items, "messages." + std::to_string(messages->size() - 1)))
    return f.fail(*fault);
  // A last turn of the assistant is the beginning of the answer.
  if (r.items.back().role == Role::assistant) r.template_kwargs["continue_final_message"] = true;
}

void refuse_what_is_not_built(Fields& f) {
  f.refuse("container");
  f.refuse("mcp_servers", is_empty_or_false);
  f.accept({"cache_control", "inference_geo", "context_management", "speed", "diagnostics", "workspace_id"});
}

// The user's id is a text, which may be that of an object; some clients send the object itself.
void read_metadata(Fields& f, Request& r) {
  const Json* metadata = f.object("metadata");
  if (!metadata) return;
  Fields m(*metadata, "metadata.");
  const Json* id = m.find("user_id");
  r.user = id && id->is_object() ? dump_json(*id) : m.text("user_id").value_or("");
  if (m.fault()) f.fail(*m.fault());
}

ApiResult<Request> decode_messages(const Json& body, bool counting) {
  Request r;
  Fields f(body);
  r.model = read_model(f);
  r.max_tokens = f.integer("max_tokens", 1, kTokensMax);
  if (!counting && !f.fault() && !r.max_tokens) f.fail("max_tokens", "is missing");
  r.sampling.temperature = f.number("temperature", 0, 1);
  r.sampling.top_p = f.number("top_p", 0, 1);
  r.sampling.top_k = f.integer("top_k", 0, std::numeric_limits<int32_t>::max());
  r.stop = read_stop(f, "stop_sequences");
  r.stream = f.flag("stream").value_or(false);
  read_metadata(f, r);
  read_service(f, r);
  read_cache_control(body, r);
  r.cache_diagnostics = f.flag("cache_diagnostics").value_or(false);
  read_anthropic_tools(f, r);
  read_anthropic_thinking(f, r);
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
    case Finish::tool_calls:
      return "tool_use";
    case Finish::length:
      return "max_tokens";
    case Finish::context:
      return "model_context_window_exceeded";
    default:
      return "end_turn";
  }
}

// The three input counts add up to the prompt.
Json usage_json(const Usage& u) {
  const int64_t stored = stored_tokens(u);
  Json j{{"input_tokens", u.prompt_tokens - u.cached_tokens - stored},
         {"cache_creation_input_tokens", stored},
         {"cache_read_input_tokens", u.cached_tokens},
         {"output_tokens", u.completion_tokens}};
  if (u.reasoning_tokens > 0) j["output_tokens_details"] = {{"thinking_tokens", u.reasoning_tokens}};
  if (u.prompt_cache) j["prompt_cache"] = to_json(*u.prompt_cache);
  return j;
}

// Clients send a thinking block back only if its signature is not empty. The server never checks it.
std::string signature_of(const Envelope& e) {
  return "autark" + e.id;
}

// Arguments that are not a JSON object are sent as {"arguments": "…"}, from which they can be restored. Only
// the complete text shows which form it has, so a stream sends the input when the call has ended.
Json input_of(const Block& call) {
  auto input = parse_json(call.text, "arguments");
  if (input && input->is_object()) return std::move(input).value();
  return call.whole ? Json{{"arguments", call.text}} : Json::object();
}

std::string streamed_input(const std::string& arguments) {
  const auto input = parse_json(arguments, "arguments");
  return input && input->is_object() ? arguments : dump_json({{"arguments", arguments}});
}

Json block_json(const Envelope& e, const Block& b) {
  if (b.kind == Kind::reasoning)
    return Json{{"type", "thinking"}, {"thinking", b.text}, {"signature", signature_of(e)}};
  if (b.kind == Kind::content) return Json{{"type", "text"}, {"text", b.text}};
  return Json{{"type", "tool_use"}, {"id", "toolu_" + b.id}, {"name", b.name}, {"input", input_of(b)}};
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
  explicit MessageStream(const Envelope& e) : e_(e) {}

  std::vector<Frame> encode(const Event& event, const Tally& so_far) override {
    if (const auto* f = std::get_if<ApiError>(&event.payload))
      return {{dump_json(anthropic_error(*f, "req_" + e_.id)), "error"}};
    if (std::holds_alternative<Event::Started>(event.payload))
      return {frame("message_start",
                    {{"message", message_json(e_, Json::array(), nullptr, nullptr, so_far.total())}})};
    std::vector<Frame> out;
    if (const auto* d = std::get_if<Event::Delta>(&event.payload)) {
      if (d->prompt || d->text.empty()) return out;
      enter(out, Kind::content, {{"type", "text"}, {"text", ""}});
      delta(out, {{"type", "text_delta"}, {"text", d->text}});
    } else if (const auto* t = std::get_if<Event::Reasoned>(&event.payload)) {
      enter(out, Kind::reasoning, {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}});
      delta(out, {{"type", "thinking_delta"}, {"thinking", t->text}});
    } else if (const auto* c = std::get_if<Event::CallBegun>(&event.payload)) {
      leave(out);
      enter(out, Kind::call,
            {{"type", "tool_use"}, {"id", "toolu_" + c->id}, {"name", c->name}, {"input", Json::object()}});
    } else if (const auto* a = std::get_if<Event::CallArguments>(&event.payload)) {
      arguments_ += a->text;
    } else if (std::holds_alternative<Event::CallEnded>(event.payload)) {
      input(out, streamed_input(std::exchange(arguments_, {})));
    } else {
      finish(out, std::get<Event::Finished>(event.payload), so_far.total());
    }
    return out;
  }

 private:
  // Continues the open block if it has this kind; otherwise closes it and opens a new one.
  void enter(std::vector<Frame>& out, Kind kind, Json block) {
    if (open_ == kind) return;
    leave(out);
    out.push_back(frame("content_block_start", {{"index", index_}, {"content_block", std::move(block)}}));
    open_ = kind;
  }
  // The end of a call comes with what follows it: some clients run a call at its end, and ask again if the answer
  // breaks later, so nothing may break between the last call and the end of the answer.
  void leave(std::vector<Frame>& out) {
    if (!open_) return;
    if (open_ == Kind::reasoning) delta(out, {{"type", "signature_delta"}, {"signature", signature_of(e_)}});
    out.push_back(frame("content_block_stop", {{"index", index_++}}));
    open_.reset();
  }
  void delta(std::vector<Frame>& out, Json delta) {
    out.push_back(frame("content_block_delta", {{"index", index_}, {"delta", std::move(delta)}}));
  }
  void input(std::vector<Frame>& out, const std::string& json) {
    delta(out, {{"type", "input_json_delta"}, {"partial_json", json}});
  }
  // If a call is still open, a limit cut it: its incomplete arguments are sent as they are.
  void finish(std::vector<Frame>& out, const Event::Finished& f, const Usage& usage) {
    if (!arguments_.empty()) input(out, arguments_);
    leave(out);
    Json delta{{"stop_reason", stop_reason(f.why)}, {"stop_sequence", stop_sequence(f)}};
    out.push_back(frame("message_delta", {{"delta", std::move(delta)}, {"usage", usage_json(usage)}}));
    out.push_back(frame("message_stop", Json::object()));
  }

  Envelope e_;
  std::optional<Kind> open_;
  int index_ = 0;          // index of the open block, or of the next one
  std::string arguments_;  // arguments of the open call so far
};

class Anthropic final : public Dialect {
 public:
  ApiResult<Request> decode(const Json& body) const override { return decode_messages(body, false); }

  std::unique_ptr<StreamEncoder> stream(const Envelope& e) const override {
    return std::make_unique<MessageStream>(e);
  }

  Json body(const Envelope& e, const Answer& answer, const Tally& tally) const override {
    const Choice& c = answer.choices.at(0);
    Json content = Json::array();
    for (const Block& b : c.blocks)
      if (c.counts(b)) content.push_back(block_json(e, b));
    return message_json(e, std::move(content), stop_reason(c.finished.why), stop_sequence(c.finished),
                        tally.total());
  }

  Reply error(const ApiError& fault, std::string_view request_id) const override {
    return anthropic_reply(fault, request_id);
  }
  Headers allowances(std::span<const Allowance> left, int64_t now) const override {
    return anthropic_headers(left, now);
  }
  std::string_view request_id_header() const override { return "request-id"; }
  Frame keep_alive() const override { return frame("ping", Json::object()); }
};

}  // namespace

const Dialect& anthropic_messages() {
  static const Anthropic dialect;
  return dialect;
}

ApiResult<Request> decode_count_tokens(const Json& body) {
  return decode_messages(body, true);
}

}  // namespace autark::api
