// GET /v1/models and /v1/models/{id} in both forms.
#pragma once
#include "api/backend.h"

namespace autark::api {

Json openai_model(const ModelEntry& m);
Json anthropic_model(const ModelEntry& m);
Json openai_models(const std::vector<ModelEntry>& all);
// One page; `query` is the URL's: limit, after_id, before_id.
Outcome<Json> anthropic_models(const std::vector<ModelEntry>& all, std::string_view query);

}  // namespace autark::api
