// The batch object of OpenAI's API, as JSON. Its member "own" is for this server; clients do not see it.
#pragma once
#include <string>
#include <string_view>
#include "api/item.h"

namespace autark::serve {

// The routes whose requests a batch may have.
inline constexpr std::string_view kBatchEndpoints[] = {"/v1/chat/completions", "/v1/completions",
                                                       "/v1/responses"};

// Reads a body of POST /v1/batches: the new batch object with the status "validating". Times are seconds since 1970.
api::ApiResult<Json> read_batch(std::string_view body, const std::string& id, int64_t now);
// Sets the status and the time that belongs to it.
void set_status(Json& batch, const std::string& status, int64_t now);
// Adds the usage of an answer's body, of any dialect that batches take; nothing if it tells none.
void add_usage(Json& batch, const std::string& body);
// Adds a fault of the batch. `line` counts from 1; 0: of no line. More than kBatchErrorsMax are left out.
inline constexpr size_t kBatchErrorsMax = 100;
void add_error(Json& batch, const std::string& code, const std::string& message, const std::string& param,
               int64_t line);
// Whether its status is one of the last ones.
bool is_over(const Json& batch);
// The status that it gets once its files are written; empty while its requests run.
std::string ending_of(const Json& batch);
void set_ending(Json& batch, const std::string& status);
// Seconds after its creation when its files expire; 0: never.
int64_t output_seconds(const Json& batch);
// The id of the API key that its requests run with; empty: of a server without accounts.
std::string key_of(const Json& batch);
void set_key(Json& batch, const std::string& key);
// What clients see.
Json shown(Json batch);

}  // namespace autark::serve
