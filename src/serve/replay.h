// Keeps what the model wrote, for the next request of the same conversation. A client returns less than it
// got: without reasoning, with arguments that were parsed and written anew, without markup; and the text may
// be cut into other tokens than were sampled. restore() puts the original back into a request, so that the
// next prompt has the tokens that were sampled.
//
// A turn with calls is found by the random ids of its calls, another turn by a hash of the conversation
// including the turn (conversation_hash.h); both only for the same user. The store is bounded and drops the
// oldest turns first. A turn that is not found stays as the client sent it. Thread-safe.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include "api/item.h"
#include "serve/conversation_hash.h"
#include "serve/ids.h"

namespace autark::serve {

class Replay {
 public:
  struct Call {
    std::string id, name, arguments;
    bool ended = false;  // the model wrote its end
  };
  struct Turn {
    std::string reasoning, content;
    std::vector<Call> calls;
    SampledTurn sampled;                           // the sampled tokens; empty: they must not be replayed
    void add(const api::Event::Payload& payload);  // collects reasoning, content and calls
    bool whole() const;                            // true if every call is complete
  };
  struct Limits {
    size_t turns = 4096, bytes = size_t{64} << 20;
  };

  Replay() : Replay(Limits{}) {}
  explicit Replay(Limits limits) : limits_(limits) {}

  std::string new_call_id() { return ids_.next(); }
  // Stores a turn. `before`: the conversation that the turn answers.
  void remember(const std::string& user, ConversationHash before, Turn turn);
  // For each turn of the assistant that is found: adds the reasoning if the client sent none; replaces
  // arguments that mean the same JSON by the original text; sets Item::sampled if the client changed nothing.
  void restore(api::Request& request) const;

 private:
  struct Kept {
    // conversation: hash of the conversation with this turn; empty if it has calls
    std::string user, conversation;
    Turn turn;
    size_t bytes() const;
  };
  using KeptPtr = std::shared_ptr<const Kept>;
  using Index = std::map<std::string, KeptPtr, std::less<>>;

  KeptPtr find(const Index& index, const std::string& key, const std::string& user) const;
  void forget_oldest();  // REQUIRES: mutex_ is held
  void restore(api::Item& item, const ConversationHash& conversation, const std::string& user) const;
  KeptPtr restore_arguments(api::Item& item, const std::string& user) const;
  static bool unchanged(const api::Item& item, const Turn& turn);

  const Limits limits_;
  Ids ids_;
  mutable std::mutex mutex_;
  std::deque<KeptPtr> kept_;  // oldest first
  Index by_call_, by_conversation_;
  size_t bytes_ = 0;
};

}  // namespace autark::serve
