// Collects the events of one answer for a client that did not ask for a stream. Not thread-safe.
#pragma once
#include <optional>
#include <vector>
#include "api/item.h"

namespace autark::api {

// A run of text, a run of reasoning or one call. Neighbouring events of one kind share a block.
struct Block {
  enum class Kind : uint8_t { content, reasoning, call } kind = Kind::content;
  std::string text;      // the text or reasoning; for a call its arguments as JSON text
  std::string id, name;  // calls only; the id has no prefix
  bool whole = true;     // false: a call whose CallEnded never came
};

// One choice of the answer.
struct Choice {
  std::vector<Event::Delta> deltas;  // content in order, the echoed prompt first
  std::vector<Block> blocks;         // everything but the echoed prompt, in the order the model wrote it
  Event::Finished finished;          // why the choice ended; the default until it has

  // All content, with the echoed prompt if there is one.
  std::string text() const {
    std::string all;
    for (const Event::Delta& d : deltas) all += d.text;
    return all;
  }
  // The texts of all blocks of one kind, concatenated.
  std::string joined(Block::Kind kind) const {
    std::string all;
    for (const Block& b : blocks)
      if (b.kind == kind) all += b.text;
    return all;
  }
  // Whether to show the block to the client. An unfinished call is shown if a token limit cut the answer, and
  // left out if the model stopped by itself.
  bool counts(const Block& b) const {
    return b.whole || finished.why == Finish::length || finished.why == Finish::context;
  }
  // Appends one event of this choice. Events must arrive in the order in which the backend sent them.
  void add(Event::Payload payload);

 private:
  void append(Block::Kind kind, const std::string& text) {
    if (text.empty()) return;
    if (blocks.empty() || blocks.back().kind != kind) blocks.push_back({.kind = kind});
    blocks.back().text += text;
  }
};

inline void Choice::add(Event::Payload payload) {
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

// A whole answer.
struct Answer {
  explicit Answer(int choices) : choices(choices) {}

  // Appends an event to its choice. Events after a fault are ignored.
  void add(Event e) {
    if (auto* f = std::get_if<ApiError>(&e.payload)) fault = std::move(*f);
    if (!fault) choices.at(e.choice).add(std::move(e.payload));
  }

  std::vector<Choice> choices;
  std::optional<ApiError> fault;  // if set, the request failed and `choices` must not be used
};

}  // namespace autark::api
