#include "api/openai_responses_answer.h"
#include <algorithm>
#include "api/faults.h"
#include "api/openai_fields.h"
#include "api/openai_responses_input.h"

namespace autark::api {
namespace {

using Kind = Block::Kind;

const char* prefix_of(const Envelope& e, const Block& b) {
  if (b.kind == Kind::content) return "msg_";
  if (b.kind == Kind::reasoning) return "rs_";
  const Tool* tool = called_tool(e, b.name);
  return tool && tool->custom ? "ctc_" : "fc_";
}

Json alternative(const Alternative& a) {
  Json bytes = Json::array();
  for (const char c : a.bytes) bytes.push_back(static_cast<uint8_t>(c));
  return Json{{"token", a.token}, {"bytes", std::move(bytes)}, {"logprob", openai_logprob(a.logprob)}};
}

Json call_item(const Envelope& e, const Block& b, size_t index, const char* status) {
  const Tool* tool = called_tool(e, b.name);
  const bool custom = tool && tool->custom;
  Json item{{"id", output_item_id(e, b, index)},
            {"type", custom ? "custom_tool_call" : "function_call"},
            {"status", status},
            {"call_id", "call_" + b.id},
            {"name", b.name}};
  if (tool && !tool->space.empty()) {
    item["name"] = b.name.substr(tool->space.size() + 2);
    item["namespace"] = tool->space;
  }
  if (custom)
    item["input"] = b.text.empty() ? "" : custom_input(b.text);
  else
    item["arguments"] = b.text;
  return item;
}

Json reasoning_item(const Envelope& e, const Block& b, size_t index, bool begun) {
  Json item{{"id", output_item_id(e, b, index)}, {"type", "reasoning"}, {"summary", Json::array()}};
  if (!shows_summary(e)) item["content"] = Json::array();
  if (e.seal) item["encrypted_content"] = begun ? "" : e.seal(b.text);
  if (begun) return item;
  if (shows_summary(e))
    item["summary"].push_back({{"type", "summary_text"}, {"text", b.text}});
  else
    item["content"].push_back({{"type", "reasoning_text"}, {"text", b.text}});
  return item;
}

Json message_item(const Envelope& e, const Block& b, size_t index, const char* status) {
  return Json{{"id", output_item_id(e, b, index)},
              {"type", "message"},
              {"status", status},
              {"role", "assistant"},
              {"content", Json::array()}};
}

// The codes of a failed response that clients know; all others are server_error.
Json error_json(const ApiError& fault) {
  Json error = openai_error(fault)["error"];
  const char* code = fault.kind == ApiError::Kind::overloaded       ? "rate_limit_exceeded"
                     : fault.kind == ApiError::Kind::context_length ? "context_length_exceeded"
                     : fault.kind == ApiError::Kind::invalid        ? "invalid_prompt"
                                                                    : "server_error";
  return Json{{"code", code}, {"message", error["message"]}};
}

Json output_of(const Envelope& e, const Choice& choice) {
  Json output = Json::array();
  for (size_t i = 0; i < choice.blocks.size(); ++i)
    if (choice.blocks[i].kind != Kind::call || choice.counts(choice.blocks[i]))
      output.push_back(output_item(e, choice, i));
  return output;
}

}  // namespace

Json responses_usage(const Usage& u) {
  Json j{{"input_tokens", u.prompt_tokens},
         {"input_tokens_details",
          {{"cached_tokens", u.cached_tokens}, {"cache_write_tokens", stored_tokens(u)}}},
         {"output_tokens", u.completion_tokens},
         {"output_tokens_details", {{"reasoning_tokens", u.reasoning_tokens}}},
         {"total_tokens", u.prompt_tokens + u.completion_tokens}};
  if (u.prompt_cache) j["prompt_cache"] = to_json(*u.prompt_cache);
  return j;
}

ResponseState response_state(const Event::Finished& finished) {
  if (finished.why == Finish::cancelled) return {.status = "cancelled"};
  if (finished.why == Finish::length || finished.why == Finish::context)
    return {.status = "incomplete", .reason = "max_output_tokens"};
  return {.status = "completed"};
}

std::string response_id(const Envelope& e) {
  return "resp_" + e.id;
}

std::string output_item_id(const Envelope& e, const Block& block, size_t index) {
  return prefix_of(e, block) + e.id + "_" + std::to_string(index);
}

const Tool* called_tool(const Envelope& e, const std::string& name) {
  const auto tool = std::ranges::find(e.tools, name, &Tool::name);
  return tool == e.tools.end() ? nullptr : &*tool;
}

bool shows_summary(const Envelope& e) {
  const auto reasoning = e.repeated.find("reasoning");
  return reasoning != e.repeated.end() && !reasoning->value("summary", Json()).is_null();
}

Json logprobs_json(const std::vector<TokenLogprob>& tokens) {
  Json list = Json::array();
  for (const TokenLogprob& t : tokens) {
    Json entry = alternative(t);
    entry["top_logprobs"] = Json::array();
    for (const Alternative& a : t.top) entry["top_logprobs"].push_back(alternative(a));
    list.push_back(std::move(entry));
  }
  return list;
}

Json text_part(std::string text, const std::vector<TokenLogprob>& logprobs) {
  return Json{{"type", "output_text"},
              {"text", std::move(text)},
              {"annotations", Json::array()},
              {"logprobs", logprobs_json(logprobs)}};
}

// The pieces of content join to the content blocks in order. A piece without text belongs to the block that
// is being filled.
std::vector<TokenLogprob> logprobs_of(const Choice& choice, size_t index) {
  size_t begin = 0;
  for (size_t i = 0; i < index; ++i)
    if (choice.blocks[i].kind == Kind::content) begin += choice.blocks[i].text.size();
  const size_t end = begin + choice.blocks[index].text.size();
  std::vector<TokenLogprob> out;
  size_t at = 0;
  for (const Event::Delta& d : choice.deltas) {
    if (d.prompt) continue;
    at += d.text.size();
    if (at > begin && at <= end) out.insert(out.end(), d.logprobs.begin(), d.logprobs.end());
  }
  return out;
}

Json begun_item(const Envelope& e, const Block& block, size_t index) {
  if (block.kind == Kind::content) return message_item(e, block, index, "in_progress");
  if (block.kind == Kind::reasoning) return reasoning_item(e, block, index, true);
  Block empty = block;
  empty.text.clear();
  return call_item(e, empty, index, "in_progress");
}

// Only the last item can be incomplete.
Json output_item(const Envelope& e, const Choice& choice, size_t index) {
  const Block& b = choice.blocks[index];
  const bool last = index + 1 == choice.blocks.size();
  const bool cut = last && response_state(choice.finished).reason;
  if (b.kind == Kind::reasoning) return reasoning_item(e, b, index, false);
  if (b.kind == Kind::call) return call_item(e, b, index, b.whole ? "completed" : "incomplete");
  Json item = message_item(e, b, index, cut ? "incomplete" : "completed");
  item["content"].push_back(text_part(b.text, logprobs_of(choice, index)));
  return item;
}

Json response_json(const Envelope& e, const ResponseState& state, const Choice* choice, const Usage* usage) {
  Json out{{"id", response_id(e)},    {"object", "response"},
           {"created_at", e.created}, {"status", state.status},
           {"error", nullptr},        {"incomplete_details", nullptr},
           {"model", e.model},        {"output", choice ? output_of(e, *choice) : Json::array()}};
  if (state.fault) out["error"] = error_json(*state.fault);
  if (state.reason) out["incomplete_details"] = {{"reason", state.reason}};
  for (const auto& [name, value] : e.repeated.items()) out[name] = value;
  const bool unspent = state.fault && usage && usage->prompt_tokens + usage->completion_tokens == 0;
  out["usage"] = usage && !unspent ? responses_usage(*usage) : Json();
  return out;
}

}  // namespace autark::api
