// The answers of /v1/responses, and of chat completions with `store`, that clients refer to later. An answer is kept with its own input items; the
// conversation before it is found through previous_response_id. A request that refers to kept items gets
// their content before it is decoded. Every answer belongs to an owner (callers.h); others do not find it.
//
// An answer can be found as soon as its client has its end: it waits in memory until it is written. Thread-
// safe. All functions but keep() and tidy() may read the disk. Faults of the store are logged; clients are
// told only that it failed.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include "api/item.h"
#include "http/workers.h"
#include "serve/seal.h"
#include "store/store.h"

namespace autark::serve {

class StoredResponses {
 public:
  // `seal` opens encrypted reasoning. Removes what is too old.
  StoredResponses(std::shared_ptr<storage::Store> store, std::shared_ptr<const Seal> seal);
  // Writes what waits.
  ~StoredResponses();

  // What expand() remembers for keep().
  struct Draft {
    std::string previous;  // the response that is continued; may be empty
    Json input;            // the request's own input items, with ids
    size_t bytes = 0;      // about their size
  };
  // Adds the conversation of previous_response_id (api::kPreviousItems), puts the items that item_reference
  // names in their places, and opens what is encrypted. Of what no key opens, reasoning is left out and a
  // compaction becomes a line of text. A reference to an unknown item stays; an unknown response is a fault.
  // `id`: of the exchange, for the items' ids.
  std::optional<api::ApiError> expand(const std::string& owner, Json& body, const std::string& id,
                                      Draft& draft) const;
  // Keeps the response object with this id. Does not block: `body` makes its text on the thread that needs it
  // first, once. `bytes`: about its size.
  void keep(const std::string& owner, const std::string& id, size_t bytes, std::function<std::string()> body,
            std::shared_ptr<const Draft> draft);
  // Removes what is too old, soon. Call about once an hour.
  void tidy();

  // The response object; its own input items.
  api::ApiResult<Json> find(const std::string& owner, const std::string& id) const;
  api::ApiResult<Json> input(const std::string& owner, const std::string& id) const;
  std::optional<api::ApiError> erase(const std::string& owner, const std::string& id);
  // Changes a kept object. Of two changes at once one may be lost.
  std::optional<api::ApiError> change(const std::string& owner, const std::string& id,
                                      const std::function<void(Json&)>& how);
  // Up to `most` kept objects whose id begins with `prefix`, from behind `after` on; see storage::Store. Waits for
  // those that are not written yet.
  api::ApiResult<std::vector<Json>> list(const std::string& owner, const std::string& prefix,
                                         const std::string& after, bool newest_first, int most);
  // A page of the input items: the query has limit, order (asc or desc) and after.
  api::ApiResult<Json> input_items(const std::string& owner, const std::string& id,
                                   const std::string& query) const;

 private:
  using Kept = std::shared_ptr<const storage::Response>;
  // A response that is not yet written.
  struct Waiting {
    std::once_flag once;
    std::function<std::string()> body;
    std::shared_ptr<const Draft> draft;
    storage::Response response;  // its texts are made when they are needed
  };
  static Kept whole(const std::shared_ptr<Waiting>& waiting);
  api::ApiResult<Kept> load(const std::string& owner, const std::string& id, const char* param) const;
  // Puts items in the place of their references.
  std::optional<api::ApiError> put_in_place(const std::string& owner, Json& items) const;
  std::optional<api::ApiError> put_before(const std::string& owner, const std::string& previous,
                                          Json& items) const;
  void write(const std::shared_ptr<Waiting>& waiting);
  void forget_waiting(const std::string& id);

  const std::shared_ptr<storage::Store> store_;
  const std::shared_ptr<const Seal> seal_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Waiting>> waiting_;  // by id
  std::unique_ptr<http::Workers> writer_;
};

}  // namespace autark::serve
