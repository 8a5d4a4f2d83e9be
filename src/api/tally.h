// Adds up the usage of all choices of one answer. The tokens of a prompt count once, even if several choices
// continue it. Not thread-safe.
#pragma once
#include <vector>
#include "api/item.h"

namespace autark::api {

class Tally {
 public:
  // For prompts · n choices, where choice p·n + j continues prompt p.
  Tally(int choices, int n);

  // Counts one event. Usages are totals of a choice so far, so the largest one counts.
  void add(const Event& e);
  int choices() const { return int(usage_.size()); }
  bool complete() const { return open_ == 0; }  // every choice has finished
  int64_t longest() const;                      // tokens of the longest choice
  // The usage of the whole answer so far.
  Usage total() const;

 private:
  int n_;
  std::vector<Usage> usage_;
  std::vector<bool> finished_;
  int open_;  // choices without a Finished
};

}  // namespace autark::api
