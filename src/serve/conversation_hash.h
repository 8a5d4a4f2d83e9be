// A key for a conversation: equal for equal conversations of one user. Leaves out what clients lose or
// rewrite: reasoning and the arguments of calls. A chain of SHA-256 hashes, one per item.
#pragma once
#include <string>
#include "api/item.h"

namespace autark::serve {

class ConversationHash {
 public:
  explicit ConversationHash(const std::string& user) : key_(user) {}
  void add(const api::Item& item);  // appends the next item of the conversation
  const std::string& key() const { return key_; }

 private:
  std::string key_;
};

// A call's id without the prefix that the dialect added: "call_", "toolu_".
std::string bare_id(const std::string& id);

}  // namespace autark::serve
