// What a request says of its sender.
#pragma once
#include "http/stream.h"

namespace autark::http {

// The keys of `Authorization: Bearer KEY` and of `x-api-key: KEY`, in this order, each once. They are views of the
// request's headers.
std::vector<std::string_view> keys_of(const Request& request);
// The address of Request::peer without the port: "127.0.0.1", "::1".
std::string_view address_of(const Request& request);

}  // namespace autark::http
