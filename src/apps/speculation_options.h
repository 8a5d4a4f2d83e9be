// The options of commands that answer requests: which drafters guess tokens ahead.
#pragma once
#include <optional>
#include <string>
#include "apps/command_line.h"
#include "engine/engine.h"

namespace autark::apps {

struct SpeculationArguments {
  std::string sources = "auto", model;
  int drafts = 8;
};

// --speculate, --draft-model and --drafts. `a` lives until the command has run.
void add_speculation_options(const Command& c, SpeculationArguments& a);

// What is wrong with a value of --speculate; empty: nothing.
std::string speculation_fault(const std::string& value);

// The part of `to` that they set. An error if the draft model is not there.
std::optional<Error> set_speculation(const SpeculationArguments& a, engine::Options& to);

}  // namespace autark::apps
