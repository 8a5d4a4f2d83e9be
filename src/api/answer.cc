#include "api/answer.h"

namespace autark::api {

std::string Choice::text() const {
  std::string all;
  for (const Event::Delta& d : deltas) all += d.text;
  return all;
}

std::string Choice::joined(Block::Kind kind) const {
  std::string all;
  for (const Block& b : blocks)
    if (b.kind == kind) all += b.text;
  return all;
}

bool Choice::counts(const Block& b) const {
  return b.whole || finished.why == Finish::length || finished.why == Finish::context;
}

void Choice::add(Event::Payload payload) {
  if (auto* d = std::get_if<Event::Delta>(&payload)) {
    if (!d->prompt) append(Block::Kind::content, d->text);
    deltas.push_back(std::move(*d));
  } else if (auto* r = std::get_if<Event::Reasoned>(&payload)) {
    append(Block::Kind::reasoning, r->text);
  } else if (auto* c = std::get_if<Event::CallBegun>(&payload)) {
    blocks.push_back(
        {.kind = Block::Kind::call, .id = std::move(c->id), .name = std::move(c->name), .whole = false});
  } else if (auto* a = std::get_if<Event::CallArguments>(&payload)) {
    append(Block::Kind::call, a->text);
  } else if (std::holds_alternative<Event::CallEnded>(payload)) {
    if (!blocks.empty()) blocks.back().whole = true;
  } else if (auto* f = std::get_if<Event::Finished>(&payload)) {
    finished = std::move(*f);
  }
}

void Choice::append(Block::Kind kind, const std::string& text) {
  if (text.empty()) return;
  if (blocks.empty() || blocks.back().kind != kind) blocks.push_back({.kind = kind});
  blocks.back().text += text;
}

Answer::Answer(int choices) : choices(choices) {}

void Answer::add(Event e) {
  if (auto* f = std::get_if<ApiError>(&e.payload)) fault = std::move(*f);
  if (!fault) choices.at(e.choice).add(std::move(e.payload));
}

}  // namespace autark::api
