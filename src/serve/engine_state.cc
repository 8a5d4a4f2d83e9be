#include "serve/engine_state.h"

namespace autark::serve {
namespace {

// Of prompt tokens that could have been read from earlier state: how many there were, and how many were read.
struct PrefixCounts {
  uint64_t possible = 0, read = 0;
};

PrefixCounts counts_of(const engine::PrefixTokens& tokens) {
  PrefixCounts c;
  for (int tier = 0; tier < engine::kTiers; ++tier)
    for (const uint64_t n : tokens.by[tier]) {
      c.possible += n;
      if (engine::Tier(tier) != engine::Tier::none) c.read += n;
    }
  return c;
}

double ratio(uint64_t part, uint64_t whole) {
  return whole ? double(part) / double(whole) : 0;
}

Json tokens_json(const engine::PrefixTokens& tokens) {
  Json all = Json::object();
  for (int tier = 0; tier < engine::kTiers; ++tier) {
    Json& of = all[name_of(engine::Tier(tier))] = Json::object();
    for (int why = 0; why < engine::kWhys; ++why)
      if (const uint64_t n = tokens.by[tier][why]) of[name_of(engine::Why(why))] = n;
  }
  return all;
}

Json durations_json(const engine::Durations& d) {
  return {{"bounds", d.kBounds}, {"counts", d.counts}, {"sum", d.sum}};
}

Json cache_json(const engine::Stats& s) {
  const PrefixCounts c = counts_of(s.prefix_tokens);
  return {{"hit_ratio", ratio(c.read, c.possible)},
          {"tokens", tokens_json(s.prefix_tokens)},
          {"rows_computed", s.rows_computed},
          {"nodes_visited", s.nodes_visited}};
}

Json pages_json(const engine::Stats& s) {
  return {{"memory",
           {{"running", s.pages_used},
            {"kept", s.pages_kept},
            {"free", s.pages_total - s.pages_used - s.pages_kept},
            {"total", s.pages_total}}},
          {"ring_copies", {{"kept", s.copies}, {"total", s.copies_total}}}};
}

Json speculation_json(const engine::Stats& s) {
  Json drafters = Json::object();
  for (int i = 0; i < engine::kDraftSources; ++i) {
    const engine::DraftCounts& c = s.drafts[i];
    if (c.drafted == 0) continue;
    drafters[name_of(engine::DraftSource(i))] = {{"proposals", c.proposals},
                                                 {"drafted", c.drafted},
                                                 {"accepted", c.accepted},
                                                 {"acceptance", ratio(c.accepted, c.drafted)}};
  }
  return {{"drafted", s.drafted},
          {"accepted", s.drafts_accepted},
          {"acceptance", ratio(s.drafts_accepted, s.drafted)},
          {"drafters", drafters}};
}

uint64_t proposals(const engine::DraftTally& drafts) {
  uint64_t sum = 0;
  for (const engine::DraftCounts& c : drafts) sum += c.proposals;
  return sum;
}

// The engine's reasons in vLLM's words.
const char* vllm_reason(const std::string& finish) {
  if (finish == "length" || finish == "context") return "length";
  if (finish == "stop" || finish == "stop_string") return "stop";
  return finish == "failed" ? "error" : "abort";
}

void expose_finished(const std::map<std::string, uint64_t>& finished, Exposition& out) {
  std::map<std::string, uint64_t> by_reason;
  for (const auto& [finish, count] : finished) by_reason[vllm_reason(finish)] += count;
  out.family("request_success_total", "counter", "Requests that ended, by reason.");
  for (const auto& [reason, count] : by_reason) out.sample(double(count), {{"finished_reason", reason}});
}

}  // namespace

Json engine_state(const engine::Stats& s) {
  return {{"queue", {{"waiting", s.waiting}, {"waited_ms_max", s.waited_ms_max}, {"rejected", s.rejected}}},
          {"batch", {{"running", s.running}, {"preemptions", s.preemptions}}},
          {"pages", pages_json(s)},
          {"cache", cache_json(s)},
          {"speculation", speculation_json(s)},
          {"tokens", {{"prompt", s.prompt_tokens}, {"generated", s.generation_tokens}}},
          {"steps",
           {{"count", s.steps}, {"last_ms", s.step_seconds * 1000}, {"seconds", durations_json(s.step)}}},
          {"finished", s.finished}};
}

void expose_durations(const engine::Durations& d, std::string_view name, std::string_view help,
                      Exposition& out) {
  out.family(name, "histogram", help);
  out.histogram(d.kBounds, d.counts, d.sum);
}

void expose_as_vllm(const engine::Stats& s, Exposition& out) {
  const PrefixCounts c = counts_of(s.prefix_tokens);
  const double pages = double(s.pages_used + s.pages_kept);
  out.gauge("num_requests_running", "Requests that are computed.", s.running);
  out.gauge("num_requests_waiting", "Requests that wait.", s.waiting);
  out.gauge("kv_cache_usage_perc", "Pages in use, 0 to 1.",
            s.pages_total ? pages / double(s.pages_total) : 0);
  out.counter("generation_tokens_total", "Tokens generated.", double(s.generation_tokens));
  out.counter("num_preemptions_total", "Requests that lost their state to others.", double(s.preemptions));
  out.counter("prefix_cache_queries_total", "Prompt tokens that could have been reused.", double(c.possible));
  out.counter("prefix_cache_hits_total", "Prompt tokens that were reused.", double(c.read));
  out.counter("spec_decode_num_drafts_total", "Times that a choice had drafts.", double(proposals(s.drafts)));
  out.counter("spec_decode_num_draft_tokens_total", "Drafts verified.", double(s.drafted));
  out.counter("spec_decode_num_accepted_tokens_total", "Drafts accepted.", double(s.drafts_accepted));
  out.counter("admission_rejections_total", "Requests refused because the queue was full.",
              double(s.rejected));
  expose_finished(s.finished, out);
  expose_durations(s.queue, "request_queue_time_seconds", "From arrival to state.", out);
  expose_durations(s.prefill, "request_prefill_time_seconds", "Reading prompts.", out);
}

}  // namespace autark::serve
