// One request: its tokens so far, its sampler, its usage and its sink. It does not depend on the scheduler or
// the model: it says which rows of a slice it needs and makes an Event from their logits. Made on the thread
// that submits, then used on the engine thread only.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <vector>
#include "engine/acceptance.h"
#include "engine/cache.h"
#include "engine/engine.h"
#include "engine/entry_name.h"
#include "engine/logits.h"
#include "engine/lookup_index.h"
#include "engine/sampler.h"
#include "engine/scheduler.h"

namespace autark::engine {

struct SessionLimits {
  int64_t context = 0, vocabulary = 0;  // tokens of one request; ids are below `vocabulary`
  std::vector<int32_t> end_tokens;      // sorted, all inside the vocabulary
};

// The reason why this request can never run, for example a prompt that is longer than the context.
std::optional<Error> fault_of(const Request& r, const SessionLimits& limits);

class Session {
 public:
  // `limits` must outlive the session.
  Session(RequestId id, Request request, Sink sink, const SessionLimits& limits);

  RequestId id() const { return id_; }
  std::span<const int32_t> tokens() const { return tokens_; }  // prompt and answer
  std::span<const int32_t> drafts() const { return drafts_; }  // drafted tokens that would follow
  Job job() const;                                             // what the scheduler needs to know
  const Usage& usage() const { return usage_; }
  bool ran() const { return admitted_; }         // it had state at least once
  bool corrupted() const { return corrupted_; }  // its logits were not finite

  // Call when the request gets state: seconds it waited, and what was reused. Returns an event that says so,
  // but none after a preemption.
  std::optional<Event> admitted(double waited, const PrefixReuse& reuse, double now);
  std::vector<int32_t> wanted(const Slice& s) const;  // rows of the slice whose logits read() needs, rising
  // Takes the logits of the wanted rows, in order, samples what can be sampled and returns the event. A draft
  // is accepted if it equals the token sampled from the row before it; sampling stops after the first draft
  // that does not. So an event has one token more than drafts were accepted. `finish` is set when the request
  // is done. A slice inside the prompt gives an event without tokens, for progress.
  Event consume_logits(const Slice& s, Logits logits, Sampler::Scratch& scratch, double now);
  // The last event of a request that ends for another reason than its own tokens.
  Event end(Finish why, std::optional<Error> error = {});
  // Samples a draft for the token `ahead` places after the known ones, using this request's sampling settings,
  // its constraint, and its random number for that position. `before`: the drafts between. nullopt if the
  // logits are not finite or no draft can be made.
  std::optional<int32_t> draft(std::span<const float> logits, int ahead, std::span<const int32_t> before,
                               Sampler::Scratch& scratch) const;
  // More drafts than this cannot be used, because the request reaches max_tokens or the context.
  int drafts_useful() const;
  void set_drafts(std::vector<int32_t> drafts, const DraftChoice& by) {
    drafts_ = std::move(drafts);
    drafted_by_ = by;
  }
  const DraftChoice& draft_choice() const { return drafted_by_; }  // what made the last drafts
  LookupIndex& lookup_index();  // of all known tokens and the request's prediction; made by the first call
  // Calls the sink.
  void publish(Event e) {
    e.id = id_;
    sink_(std::move(e));
  }

  std::unique_ptr<SequenceState> state;  // set while the request runs, null while it waits
  DraftRecord draft_record;              // how good its drafts were
  std::vector<Sha256> block_names;       // of its prompt, while it waits for the disk

 private:
  void read_prompt_row(int64_t position, std::span<const float> logits);
  bool generate_all(int drafts, Logits logits, Sampler::Scratch& scratch, Event* e);
  Event failed(Event e);
  Error not_finite();
  bool generate(std::span<const float> logits, Sampler::Scratch& scratch, Event* e);
  Result<TokenMask> mask(std::span<const int32_t> drafts) const;
  bool ends(int32_t id) const;

  RequestId id_;
  Request request_;
  Sink sink_;
  const SessionLimits& limits_;
  Sampler sampler_;
  std::vector<int32_t> tokens_, drafts_;
  DraftChoice drafted_by_;
  std::optional<LookupIndex> lookup_;
  std::vector<Logprobs> prompt_logprobs_;
  Usage usage_;
  int64_t prompt_done_ = 0;
  bool admitted_ = false;  // at least once
  bool corrupted_ = false;
  mutable std::vector<int32_t> asked_;  // the answer that the constraint was last asked about
  std::optional<Error> fault_;          // why generate() failed
  double since_ = 0;                    // the time up to which usage_ counts prefill or decode seconds
};

}  // namespace autark::engine
