// The bodies of GET /v1/models and /v1/models/{id} for OpenAI and Anthropic clients.
#pragma once
#include "api/backend.h"

namespace autark::api {

// One model.
Json openai_model(const ModelEntry& m);
Json anthropic_model(const ModelEntry& m);
// All models in one list.
Json openai_models(const std::vector<ModelEntry>& all);
// One page of the list. `query` is the URL's query: limit (1–1000, 20 if absent), after_id, before_id.
ApiResult<Json> anthropic_models(const std::vector<ModelEntry>& all, std::string_view query);

}  // namespace autark::api
