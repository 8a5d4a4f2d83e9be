// What the model wrote in the turns that called tools, kept for the request that brings the results. Clients
// lose some of it: reasoning is left out, arguments are read and written again, markup is gone. restore()
// puts it back, so that the next prompt holds what was sampled. Turns are found by the ids of their calls,
// and only for the user they were written for. Bounded; the oldest go first, and a turn that is gone stays as
// the client sent it. Any thread.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include "api/item.h"
#include "serve/ids.h"

namespace autark::serve {

class Replay {
 public:
  struct Call {
    std::string id, name, arguments;
  };
  struct Turn {
    std::string reasoning, content;
    std::vector<Call> calls;
    api::Sampled sampled;                    // empty: it did not come to its own end
    void add(const api::Event::What& what);  // reasoning, content and calls as they come
  };
  struct Limits {
    size_t turns = 4096, bytes = size_t{64} << 20;
  };

  Replay() : Replay(Limits{}) {}
  explicit Replay(Limits limits) : limits_(limits) {}

  std::string new_call_id() { return ids_.next(); }
  void remember(const std::string& user, Turn turn);
  // Reasoning where the client sent none; arguments where what it sent means the same; the whole turn as it
  // was sampled where the client changed nothing in it.
  void restore(api::Request& request) const;

 private:
  struct Kept {
    std::string user;
    Turn turn;
    size_t bytes() const;
  };
  std::shared_ptr<const Kept> find(const std::string& user, const std::string& call) const;
  void restore(api::Item& item, const std::string& user) const;
  static bool unchanged(const api::Item& item, const Turn& turn);

  const Limits limits_;
  Ids ids_;
  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<const Kept>> kept_;  // oldest first
  std::map<std::string, std::shared_ptr<const Kept>, std::less<>> by_call_;
  size_t bytes_ = 0;
};

}  // namespace autark::serve
