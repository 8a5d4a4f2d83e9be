// Where the time of steps goes, by groups of verbs. A chip that is given one (ChipOptions::times) adds what
// its threads spend on each group; waiting counts for the group that is waited for.
#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace autark {

enum class VerbGroup : uint8_t {
  attention,          // attention itself, pooled rows and the index of DeepSeek-V4
  experts,            // the products of routed experts
  dense,              // every other matrix product
  hyper_connections,  // DeepSeek-V4's streams
  routing,            // the choice of experts
  head,               // the product that gives the logits
  other               // embedding, norms, rope, activations, sums, copies
};
inline constexpr int kVerbGroups = 7;
inline constexpr std::array<const char*, kVerbGroups> kVerbGroupNames = {
    "attention", "experts", "dense", "hyper_connections", "routing", "head", "other"};

class VerbTimes {
 public:
  VerbGroup now = VerbGroup::other;  // of the verb that is asked for at this moment; TimedChip sets it
  int64_t head_rows = 0;             // a product with so many outputs is the head's; 0: there is none

  void add(VerbGroup group, std::chrono::nanoseconds time) { spent_[int(group)] += time.count(); }
  // Seconds of all threads together since reset().
  std::array<double, kVerbGroups> seconds() const {
    std::array<double, kVerbGroups> s;
    for (int i = 0; i < kVerbGroups; ++i) s[i] = double(spent_[i].load()) / 1e9;
    return s;
  }
  void reset() {
    for (auto& ns : spent_) ns = 0;
  }

 private:
  std::array<std::atomic<int64_t>, kVerbGroups> spent_{};
};

// The clock of one thread. Without VerbTimes it does nothing.
class VerbClock {
 public:
  explicit VerbClock(VerbTimes* to) : to_(to) {
    if (to_) since_ = Clock::now();
  }
  ~VerbClock() {
    if (!to_) return;
    leave();
    for (int i = 0; i < kVerbGroups; ++i) to_->add(VerbGroup(i), spent_[i]);
  }
  VerbClock(const VerbClock&) = delete;
  VerbClock& operator=(const VerbClock&) = delete;

  void enter(VerbGroup group) {
    if (!to_ || group == in_) return;
    leave();
    in_ = group;
  }

 private:
  using Clock = std::chrono::steady_clock;

  void leave() {
    const auto now = Clock::now();
    spent_[int(in_)] += now - since_;
    since_ = now;
  }

  VerbTimes* to_;
  VerbGroup in_ = VerbGroup::other;
  Clock::time_point since_;
  std::array<std::chrono::nanoseconds, kVerbGroups> spent_{};
};

}  // namespace autark
