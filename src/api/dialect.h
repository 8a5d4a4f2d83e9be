// One wire protocol: decodes its request bodies into api::Request and encodes events as its stream or body.
// Immutable, safe from any thread; a StreamEncoder belongs to one answer and one thread at a time.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>
#include "api/answer.h"
#include "api/item.h"
#include "api/tally.h"

namespace autark::api {

struct Frame {  // one server-sent event
  std::string data, event;
};

struct Envelope {       // what an answer carries around its text
  std::string id;       // letters and digits; the dialect puts its prefix before them
  int64_t created = 0;  // seconds since 1970
  std::string model, fingerprint;
  int choices = 1, n = 1;
  bool include_usage = false;
  int logprobs = -1;
};

struct Reply {  // an error as the dialect spells it
  int status = 500;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

class StreamEncoder {
 public:
  virtual ~StreamEncoder() = default;
  // Frames to send now, often one, possibly none. The last choice's Finished, or a Fault, ends the stream.
  // `so_far`: what all events of the answer add up to, this one included.
  virtual std::vector<Frame> encode(const Event& e, const Tally& so_far) = 0;
};

class Dialect {
 public:
  virtual ~Dialect() = default;
  virtual Outcome<Request> decode(const Json& body) const = 0;
  virtual std::unique_ptr<StreamEncoder> stream(const Envelope& envelope) const = 0;
  // The whole answer; `tally`: what its events add up to. REQUIRES: no fault.
  virtual Json body(const Envelope& envelope, const Answer& answer, const Tally& tally) const = 0;
  virtual Reply error(const Fault& fault, std::string_view request_id) const = 0;
  virtual std::string_view request_id_header() const = 0;
  // What is sent into a long silence; empty data: a comment will do.
  virtual Frame keep_alive() const { return {}; }
};

const Dialect& openai_chat();
const Dialect& openai_completions();
const Dialect& anthropic_messages();

// /v1/messages/count_tokens: as a message request that needs no max_tokens.
Outcome<Request> decode_count_tokens(const Json& body);

}  // namespace autark::api
