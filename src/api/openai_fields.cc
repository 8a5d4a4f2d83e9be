#include "api/openai_fields.h"
#include <charconv>
#include "api/structures.h"
#include "api/unbuilt.h"

namespace autark::api {
namespace {

constexpr int64_t kNoSeed = -1;  // sent for "no seed" by front ends that cannot leave the field out

void read_sampling(Fields& f, Sampling& s) {
  s.temperature = f.number("temperature", 0, 2);
  s.top_p = f.number("top_p", 0, 1);
  s.min_p = f.number("min_p", 0, 1);
  s.top_k = f.integer("top_k", -1, std::numeric_limits<int32_t>::max());
  s.repetition_penalty = f.number("repetition_penalty", 0.01, 100);
  if (const auto same = f.number("repeat_penalty", 0.01, 100); !s.repetition_penalty)
    s.repetition_penalty = same;
  s.frequency_penalty = f.number("frequency_penalty", -2, 2);
  s.presence_penalty = f.number("presence_penalty", -2, 2);
  const auto seed =
      f.integer("seed", std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max());
  if (seed && *seed != kNoSeed) s.seed = static_cast<uint64_t>(*seed);
}

void read_logit_bias(Fields& f, Sampling& s) {
  const Json* map = f.object("logit_bias");
  if (!map) return;
  Fields ids(*map, f.path_of("logit_bias") + ".");
  for (const auto& [key, value] : map->items()) {
    int32_t id = 0;
    const auto end = key.data() + key.size();
    const auto parsed = std::from_chars(key.data(), end, id);
    if (parsed.ec != std::errc() || parsed.ptr != end || id < 0) ids.fail(key, "is not a token id");
    if (const auto bias = ids.number(key, -100, 100)) s.logit_bias[id] = float(*bias);
  }
  if (ids.fault()) f.fail(*ids.fault());
}

void read_stream(Fields& f, Request& r) {
  r.stream = f.flag("stream").value_or(false);
  const Json* options = f.object("stream_options");
  if (!options) return;
  Fields o(*options, f.path_of("stream_options") + ".");
  r.include_usage = o.flag("include_usage").value_or(false);
  o.accept({"include_obfuscation", "continuous_usage_stats"});
  if (o.fault()) f.fail(*o.fault());
  for (std::string& name : o.unknown()) r.ignored.push_back(std::move(name));
}

size_t characters(std::string_view text) {
  return size_t(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

// The label of the client's user: the last that is given of these.
void read_user(Fields& f, Request& r) {
  for (const char* name : {"user_id", "user", "safety_identifier"})
    if (const auto label = f.text(name); label && !label->empty()) r.user = *label;
}

// What the diagnostics say stands in the usage, so a stream has it then.
void read_cache_hints(Fields& f, Request& r) {
  r.returns = !f.text("prompt_cache_key").value_or("").empty();
  if (f.text("prompt_cache_retention").value_or("") == "24h") r.keep_seconds = 86'400;
  r.cache_diagnostics = f.flag("cache_diagnostics").value_or(false);
  r.include_usage |= r.cache_diagnostics;
}

}  // namespace

std::optional<Role> role_of(std::string_view name) {
  if (name == "system") return Role::system;
  if (name == "developer") return Role::developer;
  if (name == "user") return Role::user;
  if (name == "assistant") return Role::assistant;
  return {};
}

std::string read_model(Fields& f) {
  const auto model = f.text("model");
  if (model && model->empty()) f.fail("model", "must not be empty");
  return model.value_or("");
}

void read_limit(Fields& f, std::string_view name, int64_t least, std::optional<int64_t>& limit) {
  const Json* v = f.find(name);
  if (v && *v == -1) return limit.reset();
  if (const auto tokens = f.integer(name, least, kTokensMax)) limit = tokens;
}

void read_metadata_user(Fields& f, Request& r) {
  const Json* metadata = f.find("metadata");
  if (!r.user.empty() || !metadata || !metadata->is_object()) return;
  const auto user = metadata->find("user_id");
  if (user != metadata->end() && user->is_string()) r.user = user->get<std::string>();
}

void read_openai_metadata(Fields& f, Request& r) {
  constexpr size_t kPairs = 16, kKey = 64, kValue = 512;
  const Json* metadata = f.object("metadata");
  if (!metadata) return;
  read_metadata_user(f, r);
  if (metadata->size() > kPairs) f.fail("metadata", "must have at most " + std::to_string(kPairs) + " pairs");
  for (const auto& [key, value] : metadata->items()) {
    if (characters(key) > kKey)
      f.fail("metadata", "must have keys of at most " + std::to_string(kKey) + " characters");
    else if (!value.is_string() || characters(value.get_ref<const std::string&>()) > kValue)
      f.fail("metadata." + key, "must be a string of at most " + std::to_string(kValue) + " characters");
  }
}

std::string read_arguments(Fields& f) {
  const Json* v = f.find("arguments");
  if (!v) return "{}";
  if (v->is_object()) return dump_json(*v, JsonStyle::roomy);
  if (!v->is_string()) f.fail("arguments", "must be a string or an object");
  return f.text("arguments").value_or("{}");
}

std::vector<std::string> read_stop(Fields& f, std::string_view name) {
  std::vector<std::string> out;
  const Json* v = f.find(name);
  if (!v) return out;
  const auto add = [&](const Json& s) {
    if (!s.is_string()) return f.fail(name, "must be a string or a list of strings");
    if (!s.get_ref<const std::string&>().empty()) out.push_back(s.get<std::string>());
  };
  if (!v->is_array()) return add(*v), out;
  if (v->size() > kStopMax) f.fail(name, "must have at most " + std::to_string(kStopMax) + " entries");
  for (const Json& s : *v) {
    if (f.fault()) return {};
    add(s);
  }
  return out;
}

std::vector<int32_t> read_tokens(Fields& f, std::string_view name, const Json& list) {
  std::vector<int32_t> ids;
  ids.reserve(list.size());
  for (const Json& id : list) {
    const bool ok =
        id.is_number_unsigned() && id.get<uint64_t>() <= uint64_t(std::numeric_limits<int32_t>::max());
    if (!ok) {
      f.fail(name, "must be a list of token ids, " + dump_json(id).substr(0, 40) + " is none");
      return {};
    }
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

// Names of tiers that are not known here, of later APIs, count as the usual one.
void read_service(Fields& f, Request& r) {
  const std::string tier = f.text("service_tier").value_or("default");
  if (tier == "priority") r.tier = Tier::priority;
  if (tier == "flex" || tier == "batch") r.tier = Tier::flex;
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  r.priority = int(f.integer("priority", -kMost, kMost).value_or(0));
}

const char* openai_tier(Tier tier) {
  if (tier == Tier::priority) return "priority";
  return tier == Tier::flex ? "flex" : "default";
}

void read_openai_common(Fields& f, Request& r) {
  r.model = read_model(f);
  r.n = int(f.integer("n", 1, kChoicesMax).value_or(1));
  read_sampling(f, r.sampling);
  read_logit_bias(f, r.sampling);
  read_stream(f, r);
  r.stop = read_stop(f, "stop");
  if (const Json* ids = f.array("stop_token_ids")) r.stop_tokens = read_tokens(f, "stop_token_ids", *ids);
  r.min_tokens = f.integer("min_tokens", 0, kTokensMax).value_or(0);
  r.include_stop = f.flag("include_stop_str_in_output").value_or(false);
  r.ignore_end = f.flag("ignore_eos").value_or(false);
  r.skip_special = f.flag("skip_special_tokens").value_or(true);
  read_user(f, r);
  read_cache_hints(f, r);
  read_service(f, r);
  f.accept({"store", "spaces_between_special_tokens"});
  read_openai_structure(f, r);
  refuse_unbuilt(f);
}

Json openai_usage(const Usage& u) {
  Json j{{"prompt_tokens", u.prompt_tokens},
         {"completion_tokens", u.completion_tokens},
         {"total_tokens", u.prompt_tokens + u.completion_tokens},
         {"prompt_tokens_details", {{"cached_tokens", u.cached_tokens}}},
         {"completion_tokens_details", {{"reasoning_tokens", u.reasoning_tokens}}},
         {"prompt_cache_hit_tokens", u.cached_tokens},
         {"prompt_cache_miss_tokens", u.prompt_tokens - u.cached_tokens}};
  if (u.prediction) {
    j["completion_tokens_details"]["accepted_prediction_tokens"] = u.prediction->accepted;
    j["completion_tokens_details"]["rejected_prediction_tokens"] = u.prediction->rejected;
  }
  if (u.prompt_cache) j["prompt_cache"] = to_json(*u.prompt_cache);
  return j;
}

const char* openai_finish(Finish why) {
  if (why == Finish::tool_calls) return "tool_calls";
  return why == Finish::length || why == Finish::context ? "length" : "stop";
}

Json openai_fingerprint(const std::string& fingerprint) {
  return fingerprint.empty() ? Json() : Json(fingerprint);
}

double openai_logprob(double logprob) {
  return logprob >= -9999 ? logprob : -9999;
}

}  // namespace autark::api
