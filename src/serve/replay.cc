#include "serve/replay.h"
#include <algorithm>

namespace autark::serve {
namespace {

// Without the prefix that a dialect put before it: "call_", "toolu_".
std::string bare(const std::string& id) {
  return id.substr(id.find('_') + 1);
}

bool same_meaning(const std::string& a, const std::string& b) {
  if (a == b) return true;
  const auto x = parse_json(a, "arguments"), y = parse_json(b, "arguments");
  return x && y && *x == *y;
}

}  // namespace

void Replay::Turn::add(const api::Event::What& what) {
  if (const auto* r = std::get_if<api::Event::Reasoned>(&what)) reasoning += r->text;
  if (const auto* d = std::get_if<api::Event::Delta>(&what)) content += d->text;
  if (const auto* c = std::get_if<api::Event::CallBegun>(&what)) calls.push_back({c->id, c->name, {}});
  if (const auto* a = std::get_if<api::Event::CallArguments>(&what))
    if (!calls.empty()) calls.back().arguments += a->text;
}

size_t Replay::Kept::bytes() const {
  size_t sum =
      sizeof(Kept) + user.size() + turn.reasoning.size() + turn.content.size() + turn.sampled.text.size();
  for (const Call& c : turn.calls) sum += sizeof(Call) + 2 * c.id.size() + c.name.size() + c.arguments.size();
  return sum;
}

void Replay::remember(const std::string& user, Turn turn) {
  const auto kept = std::make_shared<const Kept>(Kept{user, std::move(turn)});
  const std::lock_guard lock(mutex_);
  kept_.push_back(kept);
  bytes_ += kept->bytes();
  for (const Call& c : kept->turn.calls) by_call_[c.id] = kept;
  while (kept_.size() > limits_.turns || bytes_ > limits_.bytes) {
    for (const Call& c : kept_.front()->turn.calls) by_call_.erase(c.id);
    bytes_ -= kept_.front()->bytes();
    kept_.pop_front();
  }
}

std::shared_ptr<const Replay::Kept> Replay::find(const std::string& user, const std::string& call) const {
  const std::lock_guard lock(mutex_);
  const auto at = by_call_.find(call);
  return at == by_call_.end() || at->second->user != user ? nullptr : at->second;
}

void Replay::restore(api::Request& request) const {
  for (api::Item& item : request.items)
    if (item.role == api::Role::assistant) restore(item, request.user);
}

void Replay::restore(api::Item& item, const std::string& user) const {
  std::shared_ptr<const Kept> found;
  bool reasoned = false;
  for (api::Part& p : item.parts) {
    reasoned |= std::holds_alternative<api::Reasoning>(p);
    auto* call = std::get_if<api::ToolCall>(&p);
    if (!call) continue;
    const std::string id = bare(call->id);
    const auto kept = find(user, id);
    if (!kept) continue;
    found = kept;
    for (const Call& c : kept->turn.calls)
      if (c.id == id && same_meaning(c.arguments, call->arguments)) call->arguments = c.arguments;
  }
  if (found && !found->turn.sampled.text.empty() && unchanged(item, found->turn))
    item.sampled = found->turn.sampled;
  if (found && !reasoned && !found->turn.reasoning.empty())
    item.parts.insert(item.parts.begin(), api::Reasoning{found->turn.reasoning});
}

// After the arguments were put back: every part is the turn's own, reasoning may be missing.
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
    if (bare(c->id) != kept.id || c->name != kept.name || c->arguments != kept.arguments) return false;
  }
  return calls == turn.calls.size() && content == turn.content &&
         (reasoning.empty() || reasoning == turn.reasoning);
}

}  // namespace autark::serve
