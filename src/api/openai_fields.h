// Fields that /v1/chat/completions and /v1/completions share: sampling, limits, stop, stream, usage. The
// Messages dialect uses some of them, too. Readers report errors through the Fields that they are given.
#pragma once
#include "api/answer.h"
#include "api/fields.h"

namespace autark::api {

inline constexpr int kChoicesMax = 128;                  // prompts · n of one request
inline constexpr int kStopMax = 16;                      // stop strings
inline constexpr int kTopLogprobsMax = 20;               // alternatives for each token
inline constexpr int64_t kTokensMax = int64_t{1} << 40;  // of max_tokens and its like

// The role of this name; nullopt for any other, also for tool and function.
std::optional<Role> role_of(std::string_view name);
// Reads all shared fields into `request` and refuses those that are not supported.
void read_openai_common(Fields& f, Request& request);
// The model's name; empty if the field is absent and the server chooses.
std::string read_model(Fields& f);
// Reads the largest number of tokens of an answer. −1 clears `limit`: as many as fit into the context. If the
// field is absent, `limit` keeps its value.
void read_limit(Fields& f, std::string_view name, int64_t least, std::optional<int64_t>& limit);
// `service_tier` and `priority`.
void read_service(Fields& f, Request& r);
// The class that `service_tier` of an answer tells: "default", "priority" or "flex".
const char* openai_tier(Tier tier);
// The user_id of `metadata` is the user's label if there is no other.
void read_metadata_user(Fields& f, Request& r);
// The same, and checks `metadata` against OpenAI's limits.
void read_openai_metadata(Fields& f, Request& r);
// The `arguments` of a call in the history, as JSON text. Clients send the text or the object itself.
std::string read_arguments(Fields& f);
// Reads a string or a list of at most kStopMax strings. Empty strings would stop nothing and are dropped.
std::vector<std::string> read_stop(Fields& f, std::string_view name);
// Reads a list of token ids; `name` is only for the error text. Does not check against the vocabulary.
std::vector<int32_t> read_tokens(Fields& f, std::string_view name, const Json& list);

// The "usage" object.
Json openai_usage(const Usage& usage);
// The "finish_reason": "stop", "length" or "tool_calls".
const char* openai_finish(Finish why);
// The "system_fingerprint": null if none is known.
Json openai_fingerprint(const std::string& fingerprint);
// At least −9999, which OpenAI writes for an impossible token, because JSON has no infinity.
double openai_logprob(double logprob);

}  // namespace autark::api
