// Chat completions with `store: true`, kept as answers of /v1/responses are (StoredResponses), and what clients ask
// of them later. Thread-safe; all functions may read the disk.
#pragma once
#include "serve/exchange.h"
#include "serve/stored_responses.h"

namespace autark::serve {

class StoredCompletions {
 public:
  explicit StoredCompletions(StoredResponses& kept) : kept_(kept) {}

  // What the exchange with this id adds to the keeping of its answer.
  Exchange::Hooks hooks(const std::string& owner, const std::string& id);
  // The completions of this owner: the query has model, metadata[KEY]=VALUE and what read_page() reads.
  api::ApiResult<Json> list(const std::string& owner, const std::string& query);
  api::ApiResult<Json> find(const std::string& owner, const std::string& id) const;
  // Those of its request.
  api::ApiResult<Json> messages(const std::string& owner, const std::string& id,
                                const std::string& query) const;
  // `body`: {"metadata"}.
  api::ApiResult<Json> set_metadata(const std::string& owner, const std::string& id, std::string_view body);
  api::ApiResult<Json> erase(const std::string& owner, const std::string& id);

 private:
  StoredResponses& kept_;
};

}  // namespace autark::serve
