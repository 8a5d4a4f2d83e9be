// The events of one answer, gathered for a client that wants it whole.
#pragma once
#include <optional>
#include <vector>
#include "api/item.h"

namespace autark::api {

// A stretch of one kind in an answer.
struct Block {
  enum class Kind : uint8_t { content, reasoning, call } kind = Kind::content;
  std::string text;      // of a call: its arguments, JSON text
  std::string id, name;  // of a call
  bool whole = true;     // false: a call that never ended
};

struct Choice {
  std::vector<Event::Delta> deltas;  // content in order, the echoed prompt first
  std::vector<Block> blocks;         // everything but the echoed prompt, as the model wrote it
  Event::Finished finished;

  std::string text() const {
    std::string all;
    for (const Event::Delta& d : deltas) all += d.text;
    return all;
  }
  std::string joined(Block::Kind kind) const {
    std::string all;
    for (const Block& b : blocks)
      if (b.kind == kind) all += b.text;
    return all;
  }
  // A call without its end counts where a limit cut the answer; where the model just stopped it is none.
  bool counts(const Block& b) const {
    return b.whole || finished.why == Finish::length || finished.why == Finish::context;
  }
  void add(Event::What what);

 private:
  void append(Block::Kind kind, const std::string& text) {
    if (text.empty()) return;
    if (blocks.empty() || blocks.back().kind != kind) blocks.push_back({.kind = kind});
    blocks.back().text += text;
  }
};

inline void Choice::add(Event::What what) {
  if (auto* d = std::get_if<Event::Delta>(&what)) {
    if (!d->prompt) append(Block::Kind::content, d->text);
    deltas.push_back(std::move(*d));
  } else if (auto* r = std::get_if<Event::Reasoned>(&what)) {
    append(Block::Kind::reasoning, r->text);
  } else if (auto* c = std::get_if<Event::CallBegun>(&what)) {
    blocks.push_back(
        {.kind = Block::Kind::call, .id = std::move(c->id), .name = std::move(c->name), .whole = false});
  } else if (auto* a = std::get_if<Event::CallArguments>(&what)) {
    append(Block::Kind::call, a->text);
  } else if (std::holds_alternative<Event::CallEnded>(what)) {
    if (!blocks.empty()) blocks.back().whole = true;
  } else if (auto* f = std::get_if<Event::Finished>(&what)) {
    finished = std::move(*f);
  }
}

struct Answer {
  explicit Answer(int choices) : choices(choices) {}

  void add(Event e) {
    if (auto* f = std::get_if<Fault>(&e.what)) fault = std::move(*f);
    if (!fault) choices.at(e.choice).add(std::move(e.what));
  }

  std::vector<Choice> choices;
  std::optional<Fault> fault;  // with one, nothing else counts
};

}  // namespace autark::api
