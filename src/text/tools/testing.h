// For tests of the parsers: parses a model's answer in pieces of any size and writes the result in one line.
#pragma once
#include <gtest/gtest.h>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>
#include "text/output_parser.h"

namespace autark::text {

struct Answer {
  std::string text;
  bool in_reasoning = false, cut = false, calls = true;
  OutputSyntax syntax = OutputSyntax::dsml;
  std::shared_ptr<const ToolTypes> types = nullptr;
};

ParsedOutput parse(const Answer& a, std::span<const size_t> cuts);
std::string show(const ParsedOutput& p);

// Reasoning in brackets, content, then " name arguments" for each call, with "?" before those without an end.
// However the text is cut, it is the same.
std::string spoken(const Answer& a);
std::string hermes(const std::string& text, bool in_reasoning = false, bool cut = false);

class Mutator {
 public:
  explicit Mutator(uint32_t seed, std::vector<std::string> marks);

  size_t below(size_t n);
  void mutate(std::string& text);
  std::vector<size_t> cuts(size_t size);

 private:
  std::mt19937 random_;
  std::vector<std::string> marks_;
};

}  // namespace autark::text
