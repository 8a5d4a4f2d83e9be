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
  std::string text() const;
  // The texts of all blocks of one kind, concatenated.
  std::string joined(Block::Kind kind) const;
  // Whether to show the block to the client. An unfinished call is shown if a token limit cut the answer, and
  // left out if the model stopped by itself.
  bool counts(const Block& b) const;
  // Appends one event of this choice. Events must arrive in the order in which the backend sent them.
  void add(Event::Payload payload);

 private:
  void append(Block::Kind kind, const std::string& text);
};

// A whole answer.
struct Answer {
  explicit Answer(int choices);

  // Appends an event to its choice. Events after a fault are ignored.
  void add(Event e);

  std::vector<Choice> choices;
  std::optional<ApiError> fault;  // if set, the request failed and `choices` must not be used
};

}  // namespace autark::api
