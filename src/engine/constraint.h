// Which tokens of an answer may come next, such as those that a JSON schema allows. The engine handles no text:
// whoever submits a request implements this. Used by one thread at a time.
#pragma once
#include <cstdint>
#include <span>
#include "base/result.h"

namespace autark::engine {

// Bit i % 32 of bits[i / 32] tells whether token i may follow; tokens beyond the bits may not. No bits at all:
// every token may.
struct TokenMask {
  std::span<const uint32_t> bits;
  bool allows(int32_t id) const {
    const auto word = static_cast<size_t>(id) / 32;
    return bits.empty() || (word < bits.size() && (bits[word] >> (id % 32) & 1));
  }
};

class Constraint {
 public:
  virtual ~Constraint() = default;
  // Begins to compute the mask after `answer`, beside the forward pass. Does not wait.
  virtual void prepare(std::span<const int32_t> answer) = 0;
  // The mask after the tokens `answer`, from the first one on. A pure function of them, whatever was asked
  // before: drafts may be asked about and then be taken back. Valid until the next call. It allows at least
  // one token. An error ends this request with Finish::failed.
  virtual Result<TokenMask> after(std::span<const int32_t> answer) = 0;
};

}  // namespace autark::engine
