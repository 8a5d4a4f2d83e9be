// nlohmann/json without its literals (""_json): their definitions name the parser of nlohmann::json, and
// every file that includes the library would instantiate it, for 0.4 s each. This program has its own Json
// (base/json.h), so nlohmann::json is declared here with what those definitions need and nothing else.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

template <>
class nlohmann::basic_json<> {
 public:
  using json_pointer = nlohmann::json_pointer<std::string>;
  template <class Iterator>
  static basic_json parse(Iterator begin, Iterator end);  // never defined, never called
};

#include <nlohmann/json.hpp>
