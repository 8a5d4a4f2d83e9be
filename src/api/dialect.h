// Dialect: one wire protocol. It decodes request bodies into api::Request and encodes events as a stream or
// as a whole body. Dialects are immutable and may be used from any thread. A StreamEncoder belongs to one
// answer and must be used by one thread at a time.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "api/answer.h"
#include "api/item.h"
#include "api/tally.h"

namespace autark::api {

// One server-sent event: its data line, and its event line unless `event` is empty.
struct Frame {
  std::string data, event;
};

// The fields that surround the text of an answer.
struct Envelope {
  std::string id;                  // letters and digits; the dialect adds its prefix
  int64_t created = 0;             // seconds since 1970
  std::string model, fingerprint;  // an empty fingerprint is sent as null
  int choices = 1, n = 1;          // choices = prompts · n
  bool include_usage = false;      // OpenAI streams: send a last chunk with the usage
  int logprobs = -1;               // as Request::logprobs
  Json repeated;                   // as Request::repeated
  std::vector<Tool> tools = {};    // as Request::tools
  // Encrypts reasoning for a client that keeps it. Empty if the request does not ask for that.
  std::function<std::string(const std::string&)> seal = {};
};

using Headers = std::vector<std::pair<std::string, std::string>>;  // names in lower case

// An error response of a dialect.
struct Reply {
  int status = 500;  // HTTP
  Headers headers;
  std::string body;
};

// Encodes the events of one answer as server-sent events.
class StreamEncoder {
 public:
  virtual ~StreamEncoder() = default;
  // Returns the frames to send for this event: often one, possibly none. The Finished of the last choice or a
  // ApiError ends the stream. `so_far` must already include this event.
  virtual std::vector<Frame> encode(const Event& e, const Tally& so_far) = 0;
};

class Dialect {
 public:
  virtual ~Dialect() = default;
  // Reads a request body. Returns the first fault if the body is not valid.
  virtual ApiResult<Request> decode(const Json& body) const = 0;
  // An encoder for one streamed answer.
  virtual std::unique_ptr<StreamEncoder> stream(const Envelope& envelope) const = 0;
  // The body of a whole answer. `tally` must include all events of the answer. REQUIRES: no fault; only a
  // response may have failed.
  virtual Json body(const Envelope& envelope, const Answer& answer, const Tally& tally) const = 0;
  // The response for a request that failed before its answer began.
  virtual Reply error(const ApiError& fault, std::string_view request_id) const = 0;
  // The response headers that tell what is left of limits; `now` is in seconds since 1970.
  virtual Headers allowances(std::span<const Allowance> left, int64_t now) const;
  // The response header that carries the request id, in lower case.
  virtual std::string_view request_id_header() const = 0;
  // The event to send when a stream has been silent for long. With empty data the server sends a
  // comment line.
  virtual Frame keep_alive() const { return {}; }
};

const Dialect& openai_chat();         // POST /v1/chat/completions
const Dialect& openai_completions();  // POST /v1/completions
const Dialect& openai_responses();    // POST /v1/responses
const Dialect& openai_compaction();   // POST /v1/responses/compact
const Dialect& anthropic_messages();  // POST /v1/messages

// Reads a body of POST /v1/messages/count_tokens: a message request whose max_tokens may be absent.
ApiResult<Request> decode_count_tokens(const Json& body);

}  // namespace autark::api
