#include "serve/replay.h"
#include <algorithm>
#include "serve/cache_domain.h"

namespace autark::serve {
namespace {

// True if both are the same JSON value; the order of keys does not matter.
bool same_value(const Json& a, const Json& b) {
  if (!a.is_structured() || a.type() != b.type()) return a == b;
  if (a.size() != b.size()) return false;
  if (a.is_array()) return std::ranges::equal(a, b, same_value);
  return std::ranges::all_of(a.get_ref<const Json::object_t&>(), [&b](const auto& member) {
    const auto other = b.find(member.first);
    return other != b.end() && same_value(member.second, *other);
  });
}

// The same for two JSON texts.
bool same_meaning(const std::string& a, const std::string& b) {
  if (a == b) return true;
  const auto x = parse_json(a, "arguments"), y = parse_json(b, "arguments");
  return x && y && same_value(*x, *y);
}

size_t bytes_of(const TokenSpan& w) {
  return w.text.size() + w.ids.size() * sizeof(int32_t);
}

}  // namespace

void Replay::Turn::add(const api::Event::Payload& payload) {
  if (const auto* r = std::get_if<api::Event::Reasoned>(&payload)) reasoning += r->text;
  if (const auto* d = std::get_if<api::Event::Delta>(&payload)) content += d->text;
  if (const auto* c = std::get_if<api::Event::CallBegun>(&payload)) calls.push_back({c->id, c->name, {}});
  if (calls.empty()) return;
  if (const auto* a = std::get_if<api::Event::CallArguments>(&payload)) calls.back().arguments += a->text;
  if (std::holds_alternative<api::Event::CallEnded>(payload)) calls.back().ended = true;
}

bool Replay::Turn::whole() const {
  return std::ranges::all_of(calls, &Call::ended);
}

// Approximate memory of a turn. Keys count twice, here and in an index.
size_t Replay::Kept::bytes() const {
  size_t sum = sizeof(Kept) + user.size() + 2 * conversation.size() + turn.reasoning.size() +
               turn.content.size() + bytes_of(turn.sampled.reasoning) + bytes_of(turn.sampled.answer);
  for (const Call& c : turn.calls) sum += sizeof(Call) + 2 * c.id.size() + c.name.size() + c.arguments.size();
  return sum;
}

// Of several turns with the same key, the newest is found.
void Replay::remember(const std::string& user, ConversationHash before, Turn turn) {
  std::string conversation;
  if (turn.calls.empty()) {
    before.add({api::Role::assistant, {api::Text{turn.content}}});
    conversation = before.key();
  }
  const auto kept = std::make_shared<const Kept>(Kept{user, std::move(conversation), std::move(turn)});
  const std::lock_guard lock(mutex_);
  kept_.push_back(kept);
  bytes_ += kept->bytes();
  for (const Call& c : kept->turn.calls) by_call_[c.id] = kept;
  if (!kept->conversation.empty()) by_conversation_[kept->conversation] = kept;
  while (kept_.size() > limits_.turns || bytes_ > limits_.bytes) forget_oldest();
}

void Replay::forget_oldest() {
  const KeptPtr oldest = kept_.front();
  kept_.pop_front();
  bytes_ -= oldest->bytes();
  for (const Call& c : oldest->turn.calls) by_call_.erase(c.id);
  const auto at = by_conversation_.find(oldest->conversation);  // may be a newer turn with the same text
  if (at != by_conversation_.end() && at->second == oldest) by_conversation_.erase(at);
}

Replay::KeptPtr Replay::find(const Index& index, const std::string& key, const std::string& user) const {
  const std::lock_guard lock(mutex_);
  const auto at = index.find(key);
  return at == index.end() || at->second->user != user ? nullptr : at->second;
}

void Replay::restore(api::Request& request) const {
  const std::string user = user_of(request);
  ConversationHash conversation(user);
  for (api::Item& item : request.items) {
    conversation.add(item);
    if (item.role == api::Role::assistant) restore(item, conversation, user);
  }
}

void Replay::restore(api::Item& item, const ConversationHash& conversation, const std::string& user) const {
  KeptPtr found = restore_arguments(item, user);
  if (!found) found = find(by_conversation_, conversation.key(), user);
  if (!found) return;
  const auto is_reasoning = [](const api::Part& p) { return std::holds_alternative<api::Reasoning>(p); };
  if (!found->turn.sampled.empty() && unchanged(item, found->turn)) item.sampled = found->turn.sampled;
  if (std::ranges::none_of(item.parts, is_reasoning) && !found->turn.reasoning.empty())
    item.parts.insert(item.parts.begin(), api::Reasoning{found->turn.reasoning});
}

// Returns the stored turn that has the item's calls, or null.
Replay::KeptPtr Replay::restore_arguments(api::Item& item, const std::string& user) const {
  KeptPtr found;
  for (api::Part& p : item.parts) {
    auto* call = std::get_if<api::ToolCall>(&p);
    if (!call) continue;
    const std::string id = bare_id(call->id);
    const KeptPtr kept = find(by_call_, id, user);
    if (!kept) continue;
    found = kept;
    for (const Call& c : kept->turn.calls)
      if (c.id == id && same_meaning(c.arguments, call->arguments)) call->arguments = c.arguments;
  }
  return found;
}

// True if every part equals the turn's; reasoning may be missing. REQUIRES: arguments are restored.
bool Replay::unchanged(const api::Item& item, const Turn& turn) {
  std::string content, reasoning;
  size_t calls = 0;
  for (const api::Part& p : item.parts) {
    if (const auto* t = std::get_if<api::Text>(&p)) content += t->text;
    if (const auto* r = std::get_if<api::Reasoning>(&p)) reasoning += r->text;
    const auto* c = std::get_if<api::ToolCall>(&p);
    if (!c) continue;
    if (calls == turn.calls.size()) return false;
    const Call& kept = turn.calls[calls++];
    if (bare_id(c->id) != kept.id || c->name != kept.name || c->arguments != kept.arguments) return false;
  }
  return calls == turn.calls.size() && content == turn.content &&
         (reasoning.empty() || reasoning == turn.reasoning);
}

}  // namespace autark::serve
