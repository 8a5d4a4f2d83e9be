// One request's timeline: its tokens so far, its sampler, and the sink it tells.
// Knows neither scheduler nor model: it says which rows of a slice it wants and makes an Event of their
// logits. Lives on the engine thread.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <vector>
#include "engine/cache.h"
#include "engine/engine.h"
#include "engine/logits.h"
#include "engine/sampler.h"
#include "engine/scheduler.h"

namespace autark::engine {

struct SessionLimits {
  int64_t context = 0, vocabulary = 0;
  std::vector<int32_t> end_tokens;  // inside the vocabulary
};

// Why this request can never run.
std::optional<Error> fault_of(const Request& r, const SessionLimits& limits);
// True: requests with this prompt need the state of all its tokens but the last, and no logits of theirs; one
// can compute it for all.
bool shares_prompt(const Request& r);

class Session {
 public:
  // `prefix`: names the prompt when other requests have the same one, else 0 (Job::prefix).
  Session(RequestId id, Request request, Sink sink, const SessionLimits& limits, uint64_t prefix = 0);

  RequestId id() const { return id_; }
  std::span<const int32_t> tokens() const { return tokens_; }  // prompt and answer
  std::span<const int32_t> drafts() const { return drafts_; }  // guesses of what follows
  Job job() const;                                             // for the scheduler
  uint64_t prefix() const { return prefix_; }
  const Usage& usage() const { return usage_; }

  // It waited so many seconds, and the state of its first `cached` tokens came from its prefix.
  void admitted(double waited, int64_t cached, double now);
  std::vector<int32_t> wanted(const Slice& s) const;  // rows of the slice
  // The logits of those rows, in order. Drafts of the slice that are what is drawn from the row before them
  // are taken in the same step, up to the first that is not: as many tokens come as rows held. The event has
  // `finish` when the request is done; a slice that is not the last one only tells how far the prompt is.
  Event read(const Slice& s, Logits logits, Sampler::Scratch& scratch, double now);
  Event end(Finish why, std::optional<Error> error = {});  // from outside
  // What a drafter would have drawn for token `ahead` after the known ones, with this request's own sampling
  // and luck; empty: nothing can be drawn from such logits.
  std::optional<int32_t> guess(std::span<const float> logits, int ahead, Sampler::Scratch& scratch) const;
  int drafts_useful() const;  // at most, before the request must end
  void set_drafts(std::vector<int32_t> drafts) { drafts_ = std::move(drafts); }
  void publish(Event e) {
    e.id = id_;
    sink_(std::move(e));
  }

  std::unique_ptr<SequenceState> state;  // while it runs

 private:
  void read_prompt_row(int64_t position, std::span<const float> logits);
  bool generate_all(int drafts, Logits logits, Sampler::Scratch& scratch, Event* e);
  Event failed(Event e);
  void generate(std::span<const float> logits, Sampler::Scratch& scratch, Event* e);
  bool ends(int32_t id) const;

  RequestId id_;
  uint64_t prefix_;
  Request request_;
  Sink sink_;
  const SessionLimits& limits_;
  Sampler sampler_;
  std::vector<int32_t> tokens_, drafts_;
  std::vector<Logprobs> prompt_logprobs_;
  Usage usage_;
  int64_t prompt_done_ = 0;
  double since_ = 0;  // of the phase: reading the prompt, then generating
};

}  // namespace autark::engine
