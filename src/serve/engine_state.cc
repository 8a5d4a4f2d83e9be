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

// Of the folder of --cache-dir, which holds pages and copies of rings; zeros without one.
Json disk_json(const engine::DiskStats& d) {
  return {{"entries", d.entries},     {"bytes", d.bytes},
          {"bytes_max", d.bytes_max}, {"queued_bytes", d.queued_bytes},
          {"written", d.written},     {"read", d.read},
          {"evicted", d.evicted},     {"skipped", d.skipped},
          {"failed", d.failed},       {"damaged", d.damaged}};
}

Json pages_json(const engine::Stats& s) {
  return {{"memory",
           {{"running", s.pages_used},
            {"kept", s.pages_kept},
            {"free", s.pages_total - s.pages_used - s.pages_kept},
            {"total", s.pages_total}}},
          {"ring_copies", {{"kept", s.copies}, {"total", s.copies_total}}},
          {"disk", disk_json(s.disk)}};
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
  std::map<std::string, uint64_t> by_reason{{"abort", 0}, {"error", 0}, {"length", 0}, {"stop", 0}};
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

namespace {

// With the names of older releases ("gpu_"), which dashboards still ask for.
void expose_cache_as_vllm(const engine::Stats& s, Exposition& out) {
  const PrefixCounts c = counts_of(s.prefix_tokens);
  const double used = ratio(uint64_t(s.pages_used), uint64_t(s.pages_total));
  for (const char* name : {"kv_cache_usage_perc", "gpu_cache_usage_perc"})
    out.gauge(name, "Pages of running requests, 0 to 1; kept pages are free.", used);
  for (const char* name : {"prefix_cache_queries_total", "gpu_prefix_cache_queries_total"})
    out.counter(name, "Prompt tokens that could have been reused.", double(c.possible));
  for (const char* name : {"prefix_cache_hits_total", "gpu_prefix_cache_hits_total"})
    out.counter(name, "Prompt tokens that were reused.", double(c.read));
  out.family("cache_config_info", "gauge", "How state is kept: tokens of a block, and blocks.");
  out.sample(1, {{"block_size", std::to_string(s.page_tokens)},
                 {"num_gpu_blocks", std::to_string(s.pages_total)},
                 {"enable_prefix_caching", s.kept_max > 0 ? "True" : "False"}});
  out.family("lora_requests_info", "gauge", "Adapters, of which there are none.");
  out.sample(0, {{"max_lora", "0"}, {"running_lora_adapters", ""}, {"waiting_lora_adapters", ""}});
}

void expose_times_as_vllm(const engine::Stats& s, Exposition& out) {
  expose_durations(s.queue, "request_queue_time_seconds", "From arrival to state.", out);
  expose_durations(s.prefill, "request_prefill_time_seconds", "Reading prompts.", out);
  expose_durations(s.decode, "request_decode_time_seconds", "Writing answers.", out);
  expose_durations(s.inference, "request_inference_time_seconds", "Reading prompts and writing answers.",
                   out);
  for (const char* name : {"request_time_per_output_token_seconds", "time_per_output_token_seconds"})
    expose_durations(s.per_token, name, "An answer's time by its tokens after the first.", out);
  out.family("iteration_tokens_total", "histogram", "Prompt and answer tokens of a step.");
  out.histogram(s.step_tokens.kBounds, s.step_tokens.counts, s.step_tokens.sum);
}

}  // namespace

void expose_as_vllm(const engine::Stats& s, Exposition& out) {
  out.gauge("num_requests_running", "Requests that are computed.", s.running);
  out.gauge("num_requests_waiting", "Requests that wait.", s.waiting);
  expose_cache_as_vllm(s, out);
  out.counter("generation_tokens_total", "Tokens generated.", double(s.generation_tokens));
  out.counter("num_preemptions_total", "Requests that lost their state to others.", double(s.preemptions));
  out.counter("spec_decode_num_drafts_total", "Times that a choice had drafts.", double(proposals(s.drafts)));
  out.counter("spec_decode_num_draft_tokens_total", "Drafts verified.", double(s.drafted));
  out.counter("spec_decode_num_accepted_tokens_total", "Drafts accepted.", double(s.drafts_accepted));
  out.counter("admission_rejections_total", "Requests refused because the queue was full.",
              double(s.rejected));
  out.counter("corrupted_requests_total", "Requests whose logits were not finite.", double(s.corrupted));
  expose_finished(s.finished, out);
  expose_times_as_vllm(s, out);
}

}  // namespace autark::serve
