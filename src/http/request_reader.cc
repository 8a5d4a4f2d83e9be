#include "http/request_reader.h"
#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include "base/check.h"

namespace autark::http {

namespace beast = boost::beast;
namespace bhttp = boost::beast::http;

constexpr size_t kExtensionBytes = 256;  // of one chunk; extensions are not used in practice

namespace {

// A body in a string, for which no room is reserved before its bytes arrive.
struct GrowingBody {
  using value_type = std::string;
  static uint64_t size(const std::string& body) { return body.size(); }
  class reader {
   public:
    template <class Header>
    reader(Header&, std::string& body) : body_(body) {}
    void init(const boost::optional<uint64_t>&, beast::error_code& fault) { fault = {}; }
    template <class Buffers>
    size_t put(const Buffers& buffers, beast::error_code& fault) {
      fault = {};
      const size_t before = body_.size();
      for (const boost::asio::const_buffer buffer : beast::buffers_range_ref(buffers))
        body_.append(static_cast<const char*>(buffer.data()), buffer.size());
      return body_.size() - before;
    }
    void finish(beast::error_code& fault) { fault = {}; }

   private:
    std::string& body_;
  };
};

}  // namespace

// Its limit of the body cannot change once the head is read, so it is that of uploads; `limit` has the rest.
struct RequestReader::Parser : bhttp::request_parser<GrowingBody> {
  explicit Parser(const Limits& limits) {
    header_limit(static_cast<uint32_t>(limits.header_bytes));
    body_limit(std::max(limits.body_bytes, limits.upload_bytes));
    on_chunk_header(check_chunk);
  }
  std::function<void(uint64_t, beast::string_view, beast::error_code&)> check_chunk =
      [this](uint64_t size, beast::string_view extensions, beast::error_code& fault) {
        if (extensions.size() > kExtensionBytes) fault = bhttp::error::bad_chunk_extension;
        if (size > limit - chunked) fault = bhttp::error::body_limit;
        chunked += size;
      };
  uint64_t limit = 0, chunked = 0;  // of the body of this request; the sizes of its chunks so far
};

namespace {

bool is_token(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

int status_of(const beast::error_code& fault) {
  if (fault == bhttp::error::header_limit) return 431;
  if (fault == bhttp::error::body_limit || fault == bhttp::error::buffer_overflow) return 413;
  return 400;
}

std::string too_large(size_t limit) {
  return "the body is larger than " + std::to_string(limit) + " bytes";
}

std::string reason_of(const beast::error_code& fault, size_t limit) {
  if (status_of(fault) == 413) return too_large(limit);
  if (fault == bhttp::error::bad_version) return "the request line does not end in HTTP/1.1 or HTTP/1.0";
  return "the request is malformed: " + fault.message();
}

Request request_of(const bhttp::request<GrowingBody>& message) {
  Request r;
  r.method = std::string(message.method_string());
  if (auto target = parse_target({message.target().data(), message.target().size()})) {
    r.path = std::move(target->path);
    r.query = std::move(target->query);
  }
  for (const auto& field : message)
    r.headers.emplace_back(lower_case(field.name_string()), std::string(field.value()));
  return r;
}

}  // namespace

RequestReader::RequestReader(const Limits& limits, Uploads uploads)
    : limits_(limits), uploads_(std::move(uploads)) {}
RequestReader::~RequestReader() = default;

// Skips empty lines before a request. Bytes that cannot begin a method, such as a TLS hello, are refused at
// once instead of at the time limit.
size_t RequestReader::begin(std::string_view bytes) {
  const size_t first = std::min(bytes.find_first_not_of("\r\n"), bytes.size());
  if (first == bytes.size()) return first;
  parser_ = std::make_unique<Parser>(limits_);
  stage_ = Stage::head;
  head_bytes_ = checked_bytes_ = 0;
  is_upload_ = false;
  if (!is_token(bytes[first])) refuse(400, "this is not an HTTP/1.1 request");
  return first;
}

size_t RequestReader::put(std::string_view bytes) {
  size_t used = stage_ == Stage::idle ? begin(bytes) : 0;
  while (used < bytes.size() && (stage_ == Stage::head || stage_ == Stage::body)) {
    const std::string_view rest = bytes.substr(used);
    if (stage_ == Stage::head && has_bare_line_feed(rest)) {
      refuse(400, "a line of the head ends in a bare line feed; lines end in CR LF");
      break;
    }
    beast::error_code fault;
    const size_t n = parser_->put(boost::asio::buffer(rest.data(), rest.size()), fault);
    used += n;
    if (stage_ == Stage::head) head_bytes_ += n;
    checked_bytes_ -= std::min(checked_bytes_, n);
    if (fault && fault != bhttp::error::need_more) {
      is_upload_ = asks_to_upload();
      refuse(status_of(fault), reason_of(fault, body_limit()));
      break;
    }
    const bool was_head = stage_ == Stage::head;
    if (was_head && parser_->is_header_done()) check_head();
    if (stage_ == Stage::body && parser_->is_done()) stage_ = Stage::complete;
    if (was_head && is_upload_) break;
    if (n == 0) {  // the end of a head, of a chunk size or of a trailer has not arrived
      if (rest.size() > limits_.header_bytes) refuse(431, "a chunk's head or the trailer is too long");
      break;
    }
  }
  return used;
}

// Whether a line of the head ends in a line feed without a carriage return. Beast would take such a line for
// an incomplete one and wait until the time limit. `head` begins with the bytes that the parser has not
// consumed; each byte is checked once.
bool RequestReader::has_bare_line_feed(std::string_view head) {
  for (size_t at = head.find('\n', checked_bytes_); at != head.npos; at = head.find('\n', at + 1)) {
    if (at == 0 || head[at - 1] != '\r') return true;
    checked_bytes_ = at + 1;
    if (at == 1 || head[at - 2] == '\n') return false;  // the empty line: the head ends here
  }
  checked_bytes_ = head.size();
  return false;
}

void RequestReader::check_head() {
  const auto& head = parser_->get();
  const auto expect = head[bhttp::field::expect];
  const auto coding = head[bhttp::field::transfer_encoding];
  stage_ = Stage::body;
  if (head_bytes_ > limits_.header_bytes)
    return refuse(431, "the head of the request is too long");  // Beast counts less
  if (head.version() == 11 && head.count(bhttp::field::host) != 1)
    return refuse(400, "exactly one Host header is needed");
  if (head.count(bhttp::field::transfer_encoding) > 1 || (!coding.empty() && lower_case(coding) != "chunked"))
    return refuse(501, "the only transfer coding understood here is chunked");
  if (!parse_target({head.target().data(), head.target().size()}))
    return refuse(400, "the request target is not a path with valid percent-encoding");
  is_upload_ = asks_to_upload();
  parser_->limit = body_limit();
  if (parser_->content_length().value_or(0) > body_limit()) return refuse(413, too_large(body_limit()));
  if (head.version() == 11 && !expect.empty()) {
    if (lower_case(expect) != "100-continue")
      return refuse(417, "the only expectation met here is 100-continue");
    wants_continue_ = !parser_->is_done();
  }
}

bool RequestReader::asks_to_upload() const {
  const auto method = parser_->get().method_string();
  return uploads_ && uploads_({method.data(), method.size()}, path());
}

void RequestReader::refuse(int status, std::string reason) {
  refusal_ = {status, std::move(reason)};
  stage_ = Stage::refused;
}

bool RequestReader::wants_continue() {
  return std::exchange(wants_continue_, false);
}

std::string RequestReader::path() const {
  if (!parser_) return {};
  const auto text = parser_->get().target();
  auto target = parse_target({text.data(), text.size()});
  return target ? std::move(target->path) : std::string();
}

std::string RequestReader::origin() const {
  if (!parser_) return {};
  const auto text = parser_->get()[bhttp::field::origin];
  return {text.data(), text.size()};
}

Form RequestReader::form() const {
  if (!parser_ || !parser_->is_header_done()) return {.keep_alive = false};
  const auto& head = parser_->get();
  return {.head_only = head.method() == bhttp::verb::head,
          .may_chunk = head.version() >= 11,
          .keep_alive = stage_ != Stage::refused && head.keep_alive()};
}

Request RequestReader::take() {
  AUTARK_CHECK(stage_ == Stage::complete);
  stage_ = Stage::idle;
  wants_continue_ = is_upload_ = false;
  Request request = head();
  request.body = std::move(parser_->get().body());
  parser_ = nullptr;
  return request;
}

Request RequestReader::head() const {
  return request_of(parser_->get());
}

std::string RequestReader::take_piece() {
  return std::exchange(parser_->get().body(), {});
}

}  // namespace autark::http
