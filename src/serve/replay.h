// What the model wrote, kept for the request that goes on with it. Clients lose some of it: reasoning is left
// out, arguments are read and written again, markup is gone, and a text may be cut into other tokens than it
// was sampled in. restore() puts it back, so that the next prompt holds what was sampled. A turn that called
// tools is found by the ids of its calls, which only its client knows; another by the whole conversation up
// to it. Either way only for the user it was written for. Bounded; the oldest go first, and a turn that is
// gone stays as the client sent it. Any thread.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include "api/item.h"
#include "serve/ids.h"
#include "serve/said.h"

namespace autark::serve {

class Replay {
 public:
  struct Call {
    std::string id, name, arguments;
    bool ended = false;
  };
  struct Turn {
    std::string reasoning, content;
    std::vector<Call> calls;
    Sampled sampled;                         // empty: it cannot stand as it was written
    void add(const api::Event::What& what);  // reasoning, content and calls as they come
    bool whole() const;                      // every call has its end
  };
  struct Limits {
    size_t turns = 4096, bytes = size_t{64} << 20;
  };

  Replay() : Replay(Limits{}) {}
  explicit Replay(Limits limits) : limits_(limits) {}

  std::string new_call_id() { return ids_.next(); }
  // `before`: the conversation that the turn answered.
  void remember(const std::string& user, Said before, Turn turn);
  // Reasoning where the client sent none; arguments where what it sent means the same; the whole turn as it
  // was sampled where the client changed nothing in it.
  void restore(api::Request& request) const;

 private:
  struct Kept {
    std::string user, said;  // said: with this turn; empty where it has calls
    Turn turn;
    size_t bytes() const;
  };
  using KeptPtr = std::shared_ptr<const Kept>;
  using Index = std::map<std::string, KeptPtr, std::less<>>;

  KeptPtr find(const Index& index, const std::string& key, const std::string& user) const;
  void forget_oldest();  // REQUIRES: mutex_ is held
  void restore(api::Item& item, const Said& said, const std::string& user) const;
  KeptPtr restore_arguments(api::Item& item, const std::string& user) const;
  static bool unchanged(const api::Item& item, const Turn& turn);

  const Limits limits_;
  Ids ids_;
  mutable std::mutex mutex_;
  std::deque<KeptPtr> kept_;  // oldest first
  Index by_call_, by_said_;
  size_t bytes_ = 0;
};

}  // namespace autark::serve
