// POST /v1/chat/completions: text, reasoning, tool calls and their results. Media and other formats are
// refused with an error that names them.
//
//   stream: {"delta":{"role":"assistant","content":""}}
//           {"delta":{"reasoning_content":"…"}}… {"delta":{"content":"…"}}…
//           {"delta":{"tool_calls":[{"index","id","type","function":{"name","arguments":""}}]}}
//           {"delta":{"tool_calls":[{"index","function":{"arguments":"…"}}]}}…
//           {"delta":{},"finish_reason"} [{"choices":[],"usage":{…}}] [DONE]
#include <algorithm>
#include <map>
#include "api/cache_control.h"
#include "api/call_results.h"
#include "api/dialect.h"
#include "api/faults.h"
#include "api/openai_fields.h"
#include "api/openai_responses_input.h"
#include "api/text_chunks.h"
#include "api/thinking.h"
#include "api/tools.h"
#include "api/unbuilt.h"

namespace autark::api {
namespace {

enum class Place : uint8_t { turn, result };

// A content part: {"type":"text","text":"…"}, or the {"type":"refusal",…} of an earlier answer.
void read_part(Fields& m, const Json& json, const std::string& path, Place place, Item& item) {
  Fields p(json, path + ".");
  const std::string type = p.text("type").value_or("");
  const char* field = type == "refusal" ? "refusal" : "text";
  const bool is_text = type == "text" || type == "refusal";
  if (place == Place::result && !is_text && !type.empty())
    return item.parts.push_back(left_out(p, type)), void();
  if (!p.fault() && !is_text) p.fail(not_text(path, type));
  const auto text = p.text(field);
  if (!p.fault() && !text) p.fail(field, "is missing");
  if (text) item.parts.push_back(Text{*text});
  if (p.fault()) m.fail(*p.fault());
}

void read_content(Fields& m, const Json* content, Place place, Item& item) {
  if (!content) {
    if (item.role != Role::assistant) m.fail("content", "is missing");
    return;
  }
  if (content->is_string()) return item.parts.push_back(Text{content->get<std::string>()}), void();
  if (!content->is_array()) return m.fail("content", "must be a string or a list of parts");
  for (size_t i = 0; i < content->size() && !m.fault(); ++i)
    read_part(m, (*content)[i], m.path_of("content") + "[" + std::to_string(i) + "]", place, item);
}

// The {"name", "arguments"} of a call.
ToolCall read_function_call(Fields& g, std::string id) {
  const auto name = g.text("name");
  std::string arguments = read_arguments(g);
  if (!g.fault() && !name) g.fail("name", "is missing");
  return {std::move(id), name.value_or(""), std::move(arguments)};
}

// The {"name", "input"} of a call of a tool that takes text.
ToolCall read_custom_call(Fields& g, std::string id) {
  const auto name = g.text("name"), input = g.text("input");
  if (!g.fault() && !name) g.fail("name", "is missing");
  return {std::move(id), name.value_or(""), custom_arguments(input.value_or(""))};
}

// {"id", "type": "function", "function": {"name", "arguments"}}, or "custom" for "function"
void read_call(Fields& m, const Json& json, const std::string& path, Item& item) {
  Fields c(json, path + ".");
  const auto id = c.text("id");
  const std::string type = c.text("type").value_or("function");
  if (!c.fault() && type != "function" && type != "custom")
    c.fail({.kind = ApiError::Kind::unsupported,
            .message =
                path + " has type '" + type.substr(0, 40) + "'; this server takes functions and custom tools",
            .param = path});
  const Json* inner = c.object(type);
  if (!c.fault() && !inner) c.fail(type, "is missing");
  if (c.fault()) return m.fail(*c.fault());
  Fields g(*inner, c.path_of(type) + ".");
  ToolCall call =
      type == "custom" ? read_custom_call(g, id.value_or("")) : read_function_call(g, id.value_or(""));
  if (g.fault()) return m.fail(*g.fault());
  item.parts.push_back(std::move(call));
}

// Reasoning becomes the first part of an assistant's turn, calls become the last ones.
void read_reasoning(Fields& m, Item& item) {
  auto text = m.text("reasoning_content");
  if (!text) text = m.text("reasoning");
  if (text) item.parts.push_back(Reasoning{std::move(*text)});
}
void read_calls(Fields& m, Item& item) {
  const Json* calls = m.array("tool_calls");
  for (size_t i = 0; calls && i < calls->size() && !m.fault(); ++i)
    read_call(m, (*calls)[i], m.path_of("tool_calls") + "[" + std::to_string(i) + "]", item);
  const Json* older = m.object("function_call");
  if (!older) return;
  Fields g(*older, m.path_of("function_call") + ".");
  item.parts.push_back(read_function_call(g, ""));
  if (g.fault()) m.fail(*g.fault());
}

// {"role": "tool", "tool_call_id", "content"}. The id may be null but must be present. The older form,
// {"role": "function", "name", "content"}, has none: results belong to calls in their order.
void read_result(Fields& m, bool older, Item& item) {
  const auto call = m.text("tool_call_id");
  if (!m.fault() && !call && !older && !m.is_null("tool_call_id")) m.fail("tool_call_id", "is missing");
  Item content;
  read_content(m, m.find("content"), Place::result, content);
  ToolResult result{.call = call.value_or("")};
  for (Part& p : content.parts) result.parts.push_back(std::move(std::get<Text>(p)));
  item.parts.push_back(std::move(result));
}

void read_message(Fields& f, const Json& json, const std::string& path, Request& r) {
  Fields m(json, path + ".");
  const std::string role = m.text("role").value_or("");
  const auto known = role_of(role);
  const bool result = role == "tool" || role == "function";
  if (!m.fault() && !known && !result) m.fail("role", "must be system, developer, user, assistant or tool");
  m.refuse("audio", is_empty_or_false);
  Item item{known.value_or(Role::user), {}};
  if (known == Role::assistant) read_reasoning(m, item);
  if (result)
    read_result(m, role == "function", item);
  else
    read_content(m, m.find("content"), Place::turn, item);
  if (known == Role::assistant) read_calls(m, item);
  if (m.flag("prefix").value_or(false)) r.template_kwargs["continue_final_message"] = true;
  m.accept({"name", "refusal", "annotations"});
  if (m.fault()) return f.fail(*m.fault());
  for (const std::string& name : m.unknown()) r.ignored.push_back("messages." + name.substr(path.size() + 1));
  item.place = path;
  r.items.push_back(std::move(item));
}

void read_messages(Fields& f, Request& r) {
  const Json* messages = f.array("messages");
  if (!f.fault() && (!messages || messages->empty())) f.fail("messages", "must have at least one message");
  for (size_t i = 0; messages && i < messages->size() && !f.fault(); ++i)
    read_message(f, (*messages)[i], "messages[" + std::to_string(i) + "]", r);
  if (f.fault()) return;
  if (auto fault = missing_result(r.items, "messages[" + std::to_string(r.items.size() - 1) + "]"))
    return f.fail(*fault);
  give_missing_ids(r.items);
}

void read_template_options(Fields& f, Request& r) {
  if (const Json* kwargs = f.object("chat_template_kwargs")) r.template_kwargs.update(*kwargs);
  for (const char* name : {"add_generation_prompt", "continue_final_message"})
    if (const auto v = f.flag(name)) r.template_kwargs[name] = *v;
}

void read_logprobs(Fields& f, Request& r) {
  const bool wanted = f.flag("logprobs").value_or(false);
  const auto top = f.integer("top_logprobs", 0, kTopLogprobsMax);
  if (wanted) r.logprobs = int(top.value_or(0));
  if (!wanted && top.value_or(0) > 0) f.fail("top_logprobs", "needs logprobs to be true");
}

// {"type": "content", "content": a text or text parts}
void read_prediction(Fields& f, Request& r) {
  const Json* prediction = f.object("prediction");
  if (!prediction) return;
  Fields p(*prediction, f.path_of("prediction") + ".");
  if (p.text("type").value_or("") != "content" && !p.fault()) p.fail("type", "must be 'content'");
  Item item{.role = Role::user};
  read_content(p, p.find("content"), Place::turn, item);
  if (p.fault()) return f.fail(*p.fault());
  for (const auto& part : item.parts)
    if (const auto* text = std::get_if<Text>(&part)) r.prediction += text->text;
  for (std::string& name : p.unknown()) r.ignored.push_back(std::move(name));
}

void refuse_what_is_not_built(Fields& f, Request& r) {
  refuse_best_of(f, r);
  f.refuse("modalities", [](const Json& v) { return v == Json::array({"text"}) || is_empty_or_false(v); });
  f.refuse("audio");
  f.refuse("web_search_options");
  f.refuse("echo", is_empty_or_false);
  f.accept({"verbosity", "prompt_cache_options", "cache_control"});
  r.store = f.flag("store").value_or(false);
}

Json alternative(const Alternative& a) {
  Json bytes = Json::array();
  for (const char c : a.bytes) bytes.push_back(static_cast<uint8_t>(c));
  return Json{{"token", a.token}, {"logprob", openai_logprob(a.logprob)}, {"bytes", std::move(bytes)}};
}

Json token_logprobs(const std::vector<TokenLogprob>& tokens) {
  Json content = Json::array();
  for (const TokenLogprob& t : tokens) {
    Json entry = alternative(t);
    entry["top_logprobs"] = Json::array();
    for (const Alternative& a : t.top) entry["top_logprobs"].push_back(alternative(a));
    content.push_back(std::move(entry));
  }
  return Json{{"content", std::move(content)}, {"refusal", nullptr}};
}

// A stream tells the class of service only to clients that asked for one.
Json envelope_json(const Envelope& e, const char* object, Json choices) {
  Json out{{"id", "chatcmpl-" + e.id},      {"object", object},
           {"created", e.created},          {"model", e.model},
           {"choices", std::move(choices)}, {"system_fingerprint", openai_fingerprint(e.fingerprint)}};
  if (e.repeated.is_object() && e.repeated.contains("service_tier"))
    out["service_tier"] = e.repeated["service_tier"];
  return out;
}

bool is_custom(const Envelope& e, const std::string& name) {
  return std::ranges::any_of(e.tools, [&](const Tool& t) { return t.custom && t.name == name; });
}

// The request has `functions`, so its calls are told in the older form.
bool is_older(const Envelope& e) {
  return e.repeated.is_object() && e.repeated.contains("functions");
}

const char* finish_of(const Envelope& e, Finish why) {
  return why == Finish::tool_calls && is_older(e) ? "function_call" : openai_finish(why);
}

// One call of an answer. `arguments` is empty or complete.
Json call_json(const Envelope& e, const std::string& id, const std::string& name,
               const std::string& arguments) {
  if (is_custom(e, name))
    return Json{{"id", "call_" + id},
                {"type", "custom"},
                {"custom", {{"name", name}, {"input", arguments.empty() ? "" : custom_input(arguments)}}}};
  return Json{
      {"id", "call_" + id}, {"type", "function"}, {"function", {{"name", name}, {"arguments", arguments}}}};
}

class ChatStream final : public StreamEncoder {
 public:
  explicit ChatStream(const Envelope& e) : e_(e) {}

  std::vector<Frame> encode(const Event& event, const Tally& so_far) override {
    if (const auto* f = std::get_if<ApiError>(&event.payload)) return {{dump_json(openai_error(*f)), ""}};
    if (std::holds_alternative<Event::Started>(event.payload))
      return {chunk(event.choice, {{"role", "assistant"}, {"content", ""}}, nullptr, nullptr)};
    if (const auto* d = std::get_if<Event::Delta>(&event.payload)) return delta(event.choice, *d);
    if (const auto* t = std::get_if<Event::Reasoned>(&event.payload))
      return {text_chunk(reasoning_, "reasoning_content", event.choice, t->text)};
    if (const auto* c = std::get_if<Event::CallBegun>(&event.payload)) return begun(event.choice, *c);
    if (const auto* a = std::get_if<Event::CallArguments>(&event.payload)) return arguments(event.choice, *a);
    if (const auto* c = std::get_if<Event::CallEnded>(&event.payload)) return ended(event.choice, *c);
    const Finish why = std::get<Event::Finished>(event.payload).why;
    std::vector<Frame> out{chunk(event.choice, Json::object(), nullptr, finish_of(e_, why))};
    if (so_far.complete()) end(out, so_far.total());
    return out;
  }

 private:
  std::vector<Frame> delta(int choice, const Event::Delta& d) {
    if (d.prompt || (d.text.empty() && d.logprobs.empty())) return {};
    if (e_.logprobs < 0) return {text_chunk(content_, "content", choice, d.text)};
    return {chunk(choice, {{"content", d.text}}, token_logprobs(d.logprobs), nullptr)};
  }
  Frame text_chunk(TextChunks& chunks, const char* key, int choice, const std::string& text) {
    return {chunks.with(choice, text, [&] { return chunk_json(choice, {{key, ""}}, nullptr, nullptr); }), ""};
  }
  std::vector<Frame> begun(int choice, const Event::CallBegun& c) {
    if (is_older(e_))
      return {chunk(choice, {{"function_call", {{"name", c.name}, {"arguments", ""}}}}, nullptr, nullptr)};
    if (is_custom(e_, c.name)) texts_[{choice, c.call}] = "";
    Json call{{"index", c.call}};
    call.update(call_json(e_, c.id, c.name, ""));
    return {calls(choice, std::move(call))};
  }
  std::vector<Frame> arguments(int choice, const Event::CallArguments& a) {
    if (is_older(e_)) return {chunk(choice, {{"function_call", {{"arguments", a.text}}}}, nullptr, nullptr)};
    if (const auto text = texts_.find({choice, a.call}); text != texts_.end())
      return text->second += a.text, std::vector<Frame>();
    return {calls(choice, {{"index", a.call}, {"function", {{"arguments", a.text}}}})};
  }
  // A custom tool's text is sent when it is complete.
  std::vector<Frame> ended(int choice, const Event::CallEnded& c) {
    const auto text = texts_.find({choice, c.call});
    if (text == texts_.end()) return {};
    return {calls(choice, {{"index", c.call}, {"custom", {{"input", custom_input(text->second)}}}})};
  }
  Frame calls(int choice, Json call) {
    return chunk(choice, {{"tool_calls", Json::array({std::move(call)})}}, nullptr, nullptr);
  }
  Frame chunk(int choice, Json delta, Json logprobs, Json finish) {
    return {dump_json(chunk_json(choice, std::move(delta), std::move(logprobs), std::move(finish))), ""};
  }
  Json chunk_json(int choice, Json delta, Json logprobs, Json finish) {
    Json c{{"index", choice},
           {"delta", std::move(delta)},
           {"logprobs", std::move(logprobs)},
           {"finish_reason", std::move(finish)}};
    Json out = envelope_json(e_, "chat.completion.chunk", Json::array({std::move(c)}));
    if (e_.include_usage) out["usage"] = nullptr;
    return out;
  }
  void end(std::vector<Frame>& out, const Usage& usage) {
    if (e_.include_usage) {
      Json last = envelope_json(e_, "chat.completion.chunk", Json::array());
      last["usage"] = openai_usage(usage);
      out.push_back({dump_json(last), ""});
    }
    out.push_back({"[DONE]", ""});
  }

  Envelope e_;
  TextChunks content_{"content"}, reasoning_{"reasoning_content"};
  std::map<std::pair<int, int>, std::string> texts_;  // by choice and call: what custom tools get, so far
};

class OpenAiChat final : public Dialect {
 public:
  ApiResult<Request> decode(const Json& body) const override {
    Request r;
    Fields f(body);
    read_openai_common(f, r);
    read_cache_control(body, r);
    read_limit(f, "max_tokens", 1, r.max_tokens);
    read_limit(f, "max_completion_tokens", 1, r.max_tokens);
    read_logprobs(f, r);
    read_prediction(f, r);
    read_template_options(f, r);
    read_openai_tools(f, r);
    read_openai_functions(f, r);
    if (const Json* older = f.find("functions"); older && !older->empty()) r.repeated["functions"] = true;
    if (f.find("service_tier")) r.repeated["service_tier"] = openai_tier(r.tier);
    read_openai_thinking(f, r);
    read_openai_metadata(f, r);
    refuse_what_is_not_built(f, r);
    read_messages(f, r);
    if (f.fault()) return *f.fault();
    for (std::string& name : f.unknown()) r.ignored.push_back(std::move(name));
    return r;
  }

  std::unique_ptr<StreamEncoder> stream(const Envelope& e) const override {
    return std::make_unique<ChatStream>(e);
  }

  Json body(const Envelope& e, const Answer& answer, const Tally& tally) const override {
    Json choices = Json::array();
    for (size_t i = 0; i < answer.choices.size(); ++i)
      choices.push_back(choice(e, int(i), answer.choices[i]));
    Json out = envelope_json(e, "chat.completion", std::move(choices));
    out.emplace("service_tier", openai_tier(Tier::standard));
    out["usage"] = openai_usage(tally.total());
    return out;
  }

  Reply error(const ApiError& fault, std::string_view) const override { return openai_reply(fault); }
  std::string_view request_id_header() const override { return "x-request-id"; }

 private:
  static Json message(const Envelope& e, const Choice& c) {
    const std::string content = c.joined(Block::Kind::content), reasoning = c.joined(Block::Kind::reasoning);
    Json calls = Json::array();
    for (const Block& b : c.blocks)
      if (b.kind == Block::Kind::call && c.counts(b)) calls.push_back(call_json(e, b.id, b.name, b.text));
    Json m{{"role", "assistant"}, {"content", content}};
    if (content.empty() && !calls.empty()) m["content"] = nullptr;
    if (!reasoning.empty()) m["reasoning_content"] = reasoning;
    if (!calls.empty() && is_older(e))
      m["function_call"] = calls[0]["function"];
    else if (!calls.empty())
      m["tool_calls"] = std::move(calls);
    m["refusal"] = nullptr;
    m["annotations"] = Json::array();
    return m;
  }
  static Json choice(const Envelope& e, int index, const Choice& c) {
    std::vector<TokenLogprob> logprobs;
    for (const Event::Delta& d : c.deltas)
      if (!d.prompt) logprobs.insert(logprobs.end(), d.logprobs.begin(), d.logprobs.end());
    Json out{{"index", index},
             {"message", message(e, c)},
             {"logprobs", nullptr},
             {"finish_reason", finish_of(e, c.finished.why)}};
    if (e.logprobs >= 0) out["logprobs"] = token_logprobs(logprobs);
    return out;
  }
};

}  // namespace

const Dialect& openai_chat() {
  static const OpenAiChat dialect;
  return dialect;
}

}  // namespace autark::api
