// Drafts with a second, smaller model of the same vocabulary, on a chip and in a cache of its own. It reads the tokens
// of each request behind the target: those of a prompt in pieces, from their beginning whatever the target reused, and
// then what was sampled. Its own drafts that did not hold are taken back. A request that does not fit its
// context or its memory gets no drafts from it.
#pragma once
#include <map>
#include <memory>
#include <vector>
#include "engine/forward.h"
#include "engine/loaded_model.h"
#include "engine/proposer.h"

namespace autark::engine {

class ModelProposer final : public Proposer {
 public:
  struct Options {
    int64_t vocabulary = 0;  // of the target; ids beyond it are never drafted
    int64_t context = 0, bytes_max = 0;
    int running_max = 1, most = 0;
  };
  // It has memory for one page at least, whatever bytes_max says. Code::exhausted if that cannot be mapped.
  static Result<std::unique_ptr<Proposer>> make(LoadedModel model, const Options& options);

  DraftSource source() const override { return DraftSource::draft; }
  DraftChoice offer(Session& s, int most) override;
  Ran run(std::span<const Reading> readings, std::span<const Tensor> taps, Sampler::Scratch&) override;
  void forget(RequestId id) override { requests_.erase(id); }

 private:
  struct Request {
    std::unique_ptr<SequenceState> state;  // null: there was no place
    std::vector<int32_t> read;             // the tokens in the state
  };
  struct Drafting {
    Session* session;
    Request* request;
    DraftChoice choice;
    std::vector<int32_t> tokens;
    bool done = false;
  };
  ModelProposer(LoadedModel model, std::unique_ptr<Cache> cache, const Options& options);
  Request& request_of(Session& s);
  bool take(Request& r, std::span<const int32_t> tokens, bool drafts);
  bool read(std::span<const Reading> readings);
  void pass(Sampler::Scratch& scratch);
  std::span<const float> as_target(std::span<const float> logits);

  const Options options_;
  LoadedModel model_;
  std::unique_ptr<Cache> cache_;
  Forward forward_;
  std::map<RequestId, Request> requests_;
  std::vector<Chunk> chunks_;       // of the next pass
  std::vector<Drafting> drafting_;  // of this step
  std::vector<float> padded_;
};

}  // namespace autark::engine
