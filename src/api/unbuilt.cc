#include "api/unbuilt.h"

namespace autark::api {
namespace {

// These are accepted if they are empty or false.
constexpr const char* kUnbuilt[] = {"structural_tag",
                                    "grammar",
                                    "json_schema",
                                    "regex",
                                    "ebnf",
                                    "allowed_token_ids",
                                    "bad_words",
                                    "logits_processors",
                                    "custom_logit_processor",
                                    "use_beam_search",
                                    "prompt_logprobs",
                                    "return_tokens_as_token_ids",
                                    "truncate_prompt_tokens",
                                    "documents",
                                    "prompt_embeds",
                                    "chat_template",
                                    "lora",
                                    "lora_path",
                                    "moderation"};

// A number that is accepted from `least` to `most`: there it has no effect.
struct Dial {
  const char* name;
  double least, most;
};
constexpr double kEnd = std::numeric_limits<double>::infinity();
constexpr Dial kDials[] = {{"length_penalty", 1, 1}, {"typical_p", 1, kEnd},     {"tfs_z", 1, kEnd},
                           {"top_a", 0, 0},          {"top_n_sigma", -kEnd, 0},  {"mirostat", 0, 0},
                           {"mirostat_mode", 0, 0},  {"dry_multiplier", 0, 0},   {"xtc_probability", 0, 0},
                           {"dynatemp_range", 0, 0}, {"smoothing_factor", 0, 0}, {"n_probs", 0, 0}};

}  // namespace

void refuse_best_of(Fields& f, const Request& r) {
  const auto best_of = f.integer("best_of", 1, std::numeric_limits<int32_t>::max());
  if (!best_of) return;
  if (*best_of < r.n) f.fail("best_of", "must be at least n");
  if (*best_of > r.n)
    f.fail("best_of", "above n is not supported by this server", ApiError::Kind::unsupported);
}

void refuse_unbuilt(Fields& f) {
  for (const char* name : kUnbuilt) f.refuse(name, is_empty_or_false);
  for (const Dial& d : kDials)
    f.refuse(d.name, [&](const Json& v) {
      return v.is_number() && v.get<double>() >= d.least && v.get<double>() <= d.most;
    });
}

}  // namespace autark::api
