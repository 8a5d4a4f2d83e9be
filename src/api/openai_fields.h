// What /v1/chat/completions and /v1/completions have in common: sampling, limits, stop, stream, usage.
#pragma once
#include "api/answer.h"
#include "api/fields.h"

namespace autark::api {

inline constexpr int kChoicesMax = 128;  // prompts · n of one request
inline constexpr int kStopMax = 16;
inline constexpr int kTopLogprobsMax = 20;
inline constexpr int64_t kTokensMax = int64_t{1} << 40;

void read_openai_common(Fields& f, Request& request);
// The model's name; empty where the client leaves the choice to the server.
std::string read_model(Fields& f);
// How many tokens an answer may have: −1 asks for as many as fit, which is no limit. Where the field is
// absent `limit` stays.
void read_limit(Fields& f, std::string_view name, int64_t least, std::optional<int64_t>& limit);
// Checked and not kept.
void read_openai_metadata(Fields& f);
// `name` as a string or a list of at most kStopMax strings; empty strings stop nothing and are dropped.
std::vector<std::string> read_stop(Fields& f, std::string_view name);
// A list of token ids.
std::vector<int32_t> read_tokens(Fields& f, std::string_view name, const Json& list);

Json openai_usage(const Usage& usage);
const char* openai_finish(Finish why);
Json openai_fingerprint(const std::string& fingerprint);  // null where none is known
// JSON has no infinity; what OpenAI writes for a token that cannot come.
double openai_logprob(double logprob);

}  // namespace autark::api
