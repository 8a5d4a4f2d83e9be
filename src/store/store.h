// Stored responses: what a server keeps of its answers so that later requests can refer to them. Every
// response belongs to one owner; for all others it does not exist. Thread-safe; the functions may block for
// a disk access.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>
#include "base/result.h"

namespace autark::storage {

struct Response {
  std::string id, owner;    // the id is unique over all owners
  std::string previous;     // the response that this one continues; may be empty
  int64_t created = 0;      // seconds since 1970
  std::string body, input;  // JSON texts: the response object, and the list of its own input items
};

struct Limits {
  int64_t seconds = int64_t{30} * 24 * 3600;  // a response that is older is not found any more
  // Of all texts. Beyond it the owner that has the most loses its oldest responses, so that nobody takes the room of
  // owners that have less.
  int64_t bytes = int64_t{1} << 30;
};

class Store {
 public:
  virtual ~Store() = default;
  // Keeps a response; one with the same id and owner is replaced. Removes others if the limit of bytes is
  // reached. A response larger than the limit is an Error (exhausted), an id of another owner is one, too.
  virtual std::optional<Error> keep(const Response& response) = 0;
  // Error not_found if there is none with this id and owner, or if it is too old at the time `now`.
  virtual Result<Response> find(const std::string& id, const std::string& owner, int64_t now) = 0;
  // Up to `most` responses whose id begins with `prefix`, oldest or newest first, from behind the one with the id
  // `after` on; an empty `after`: from the first. Their `input` is left out.
  virtual Result<std::vector<Response>> list(const std::string& prefix, const std::string& owner,
                                             const std::string& after, bool newest_first, int most,
                                             int64_t now) = 0;
  // Removes a response, so that no file has its text any more. Error not_found as for find().
  virtual std::optional<Error> erase(const std::string& id, const std::string& owner, int64_t now) = 0;
  // Removes what is too old at the time `now`, and the last traces of all that was removed before.
  virtual std::optional<Error> tidy(int64_t now) = 0;
  virtual int64_t bytes() const = 0;  // of all texts that are kept
};

}  // namespace autark::storage
