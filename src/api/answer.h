// The events of one answer, gathered for a client that wants it whole.
#pragma once
#include <optional>
#include "api/tally.h"

namespace autark::api {

struct Choice {
  std::vector<Event::Delta> deltas;  // in order, the echoed prompt first
  Event::Finished finished;

  std::string text() const {
    std::string all;
    for (const Event::Delta& d : deltas) all += d.text;
    return all;
  }
};

struct Answer {
  Answer(int choices, int n) : choices(choices), tally(choices, n) {}

  void add(Event e) {
    tally.add(e);
    Choice& c = choices.at(e.choice);
    if (auto* d = std::get_if<Event::Delta>(&e.what)) c.deltas.push_back(std::move(*d));
    if (auto* f = std::get_if<Event::Finished>(&e.what)) c.finished = std::move(*f);
    if (auto* f = std::get_if<Fault>(&e.what)) fault = std::move(*f);
  }

  std::vector<Choice> choices;
  Tally tally;
  std::optional<Fault> fault;  // with one, nothing else counts
};

}  // namespace autark::api
