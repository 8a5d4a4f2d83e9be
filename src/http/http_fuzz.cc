// Passes arbitrary bytes, cut into arbitrary pieces, to the request reader, and every request that it reads
// to the router. The first byte seeds the cutting. The requests must be the same as without cutting.
#include "base/check.h"
#include "http/request_reader.h"

namespace {

using namespace autark::http;

class Counter final : public Stream {
 public:
  explicit Counter(std::string& log) : log_(log) {}
  void respond(Response r) override {
    log_ += std::to_string(r.status) + "\n";
    const Form form{.keep_alive = r.status < 300};
    AUTARK_CHECK(response_head(r.status, r.headers, form, r.body.size()).ends_with("\r\n\r\n"));
  }
  void start(int, Headers) override {}
  bool write(std::string) override { return true; }
  void finish() override {}
  bool closed() const override { return false; }
  void on_close(std::function<void()>) override {}

 private:
  std::string& log_;
};

Router example(std::string& log) {
  Router router;
  const Handler echo = [&log](Request r, StreamPtr s) {
    log += r.method + " " + r.path + "?" + r.query + " " + std::to_string(r.headers.size()) + " " + r.body +
           "\n";
    s->respond({200, {{"x-path", r.path}}, sse(r.body, r.query)});
  };
  router.add("GET", "/", echo);
  router.add("GET", "/a/*", echo);
  router.add("POST", "/b", echo);
  return router;
}

// The requests and refusals, as text. `step` 0: all bytes at once.
std::string run(std::string_view bytes, size_t step) {
  constexpr size_t kHeader = 512, kBody = 256;
  RequestReader reader({.header_bytes = kHeader, .body_bytes = kBody});
  std::string input, log;
  const Router router = example(log);
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, step ? step : bytes.size());
    bytes.remove_prefix(piece.size());
    input += piece;
    while (true) {
      const size_t used = reader.put(input);
      AUTARK_CHECK(used <= input.size());
      input.erase(0, used);
      if (reader.stage() == RequestReader::Stage::refused) return log;
      if (reader.stage() != RequestReader::Stage::complete) break;
      reader.wants_continue();
      reader.form();
      Request request = reader.take();
      AUTARK_CHECK(request.body.size() <= kBody);
      router.handle(std::move(request), std::make_shared<Counter>(log));
    }
    AUTARK_CHECK(step == 0 || input.size() <= kHeader + step);  // unconsumed bytes are bounded
  }
  return log;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  // Where a refusal comes may depend on the cutting; which requests are read may not.
  AUTARK_CHECK(run(bytes, 0) == run(bytes, 1 + data[0] % 64));
  return 0;
}
