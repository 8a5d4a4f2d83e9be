// What was said so far, as a key: equal for the same user's equal conversations, whatever a client lost of
// one on its way (reasoning, the spelling of arguments). SHA-256 over one item after the other.
#pragma once
#include <string>
#include "api/item.h"

namespace autark::serve {

class Said {
 public:
  explicit Said(const std::string& user) : key_(user) {}
  void add(const api::Item& item);
  const std::string& key() const { return key_; }

 private:
  std::string key_;
};

// A call's id without the prefix that a dialect put before it: "call_", "toolu_".
std::string bare_id(const std::string& id);

}  // namespace autark::serve
