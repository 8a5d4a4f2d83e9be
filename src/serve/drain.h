// The end of a server, in the order that leaves no client without a word: new requests are refused and those
// under way may finish; then what is left is told that the server stops; then what is written is sent.
#pragma once
#include "http/server.h"
#include "serve/service.h"

namespace autark::serve {

// Returns when every answer is sent, at the latest a second after `most`.
void drain(Service& service, http::Server& server, std::chrono::milliseconds most);

}  // namespace autark::serve
