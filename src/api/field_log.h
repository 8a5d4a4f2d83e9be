// Records what the decoders of request bodies look up, so that a description of the bodies is made from the
// decoders themselves (openapi.h).
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>
#include "base/json.h"

namespace autark::api {

// How one field was looked up.
struct FieldUse {
  std::set<std::string> types;        // names of JSON Schema; empty: any
  std::optional<double> least, most;  // of a number
  std::vector<std::string> texts;     // that a string may be; empty: any
  bool refused = false;               // known and not supported
};

// While it lives, all Fields of its thread report to it. One at a time per thread.
class FieldLog {
 public:
  FieldLog();
  ~FieldLog();
  FieldLog(const FieldLog&) = delete;

  // The log of this thread; null if there is none.
  static FieldLog* current();
  // The entry of the field at this path, such as "messages[2].content".
  FieldUse& at(const std::string& path);
  // A JSON Schema of all that was looked up. All elements of a list share one schema.
  Json schema() const;

 private:
  struct Node {
    FieldUse use;
    std::map<std::string, Node> members;  // by name; "" is an element of a list
  };
  static Json schema_of(const Node& node);

  Node root_;
};

}  // namespace autark::api
