// The query of a request, "limit=20&after=msg_1".
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace autark::http {

// The percent-decoded value of the first parameter with this name; empty if there is none.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

// All parameters in their order, percent-decoded.
std::vector<std::pair<std::string, std::string>> query_pairs(std::string_view query);

}  // namespace autark::http
