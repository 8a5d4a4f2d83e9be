// Stops a server so that every client gets an answer: refuses new requests and lets running ones finish; then
// ends the rest with an error that says that the server stops; then sends what is still in the buffers.
#pragma once
#include "http/server.h"
#include "serve/service.h"

namespace autark::serve {

// Blocks until every answer is sent, at most `most` and one second.
void drain(Service& service, http::Server& server, std::chrono::milliseconds most);

}  // namespace autark::serve
