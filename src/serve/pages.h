// Pages of lists, as OpenAI's APIs have them: the query has limit (usually 1 to 100), order (asc or desc) and after.
#pragma once
#include <string>
#include "api/item.h"

namespace autark::serve {

// Where a page begins, and how long it is.
struct Page {
  int limit = 20;
  bool newest_first = false;
  std::string after;  // the id of the last element of the page before; may be empty
};
// The usual limit, and the largest one.
struct PageLimits {
  int limit = 20, limit_max = 100;
};
// `order`: the usual one.
api::ApiResult<Page> read_page(const std::string& query, const std::string& order, PageLimits limits = {});
// The answer: elements with ids, and whether more follow.
Json page_json(Json elements, bool more);
// A page of a whole list of elements with ids, oldest first.
api::ApiResult<Json> page_of(Json elements, const std::string& query, const std::string& order);

}  // namespace autark::serve
