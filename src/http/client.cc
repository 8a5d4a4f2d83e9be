#include "http/client.h"
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/core/detail/base64.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include "http/proxy.h"

namespace autark::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using beast::error_code;
using Parser = bhttp::response_parser<bhttp::buffer_body>;
using AskedHead = bhttp::request<bhttp::empty_body>;

constexpr uint32_t kHeaderBytes = 64 << 10;
constexpr size_t kPieceBytes = 256 << 10;

std::string basic_credentials(const std::string& user_info) {
  std::string code(beast::detail::base64::encoded_size(user_info.size()), '\0');
  code.resize(beast::detail::base64::encode(code.data(), user_info.data(), user_info.size()));
  return "Basic " + code;
}

Fetched fetched_of(const Parser& parser, const Url& url) {
  Fetched f{.status = static_cast<int>(parser.get().result_int()), .url = url.text()};
  for (const auto& field : parser.get()) {
    std::string name(field.name_string());
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c;
    f.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  if (const auto length = parser.content_length()) f.length = static_cast<int64_t>(*length);
  return f;
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// One question on one connection. Asynchronous operations, each run to its end, because only those have time
// limits.
class Exchange {
 public:
  Exchange(const Fetch& fetch, const Url& url, bool same_host)
      : fetch_(fetch), url_(url), same_host_(same_host), proxy_(proxy_for(url)), tcp_(loop_) {}

  Result<Fetched> run();

 private:
  template <class Start>
  error_code wait(std::chrono::milliseconds limit, Start start);
  Error failed(const std::string& what) const { return {Code::io, url_.text() + ": " + what}; }
  Error failed(const char* what, const error_code& fault) const {
    return failed(fault == beast::error::timeout ? std::string(what) + " took too long"
                                                 : what + (" failed: " + fault.message()));
  }

  Result<bool> connect();
  Result<bool> tunnel();
  Result<Fetched> secure();
  template <class Stream>
  Result<Fetched> ask(Stream& stream);
  template <class Stream>
  Result<Fetched> read_body(Stream& stream, Parser& parser, Fetched head);
  AskedHead question() const;

  const Fetch& fetch_;
  const Url& url_;
  const bool same_host_;
  const std::optional<Url> proxy_;
  asio::io_context loop_;
  beast::tcp_stream tcp_;
  beast::flat_buffer input_;
};

template <class Start>
error_code Exchange::wait(std::chrono::milliseconds limit, Start start) {
  error_code result = asio::error::operation_aborted;
  tcp_.expires_after(limit);
  start([&result](const error_code& fault, auto&&...) { result = fault; });
  loop_.restart();
  loop_.run();
  return result;
}

Result<bool> Exchange::connect() {
  const Url& to = proxy_ ? *proxy_ : url_;
  error_code fault;
  const auto addresses = tcp::resolver(loop_).resolve(to.host, std::to_string(to.port), fault);
  if (fault) return failed("there is no finding the host " + to.host + ": " + fault.message());
  fault = wait(fetch_.connect_time, [&](auto done) { tcp_.async_connect(addresses, done); });
  if (fault) return failed(("connecting to " + to.authority()).c_str(), fault);
  error_code ignored;
  tcp_.socket().set_option(tcp::no_delay(true), ignored);
  return true;
}

Result<bool> Exchange::tunnel() {
  bhttp::request<bhttp::empty_body> asked(bhttp::verb::connect, url_.host + ":" + std::to_string(url_.port),
                                          11);
  asked.set(bhttp::field::host, asked.target());
  if (!proxy_->user_info.empty())
    asked.set(bhttp::field::proxy_authorization, basic_credentials(proxy_->user_info));
  error_code fault = wait(fetch_.connect_time, [&](auto done) { bhttp::async_write(tcp_, asked, done); });
  if (fault) return failed("asking the proxy", fault);
  bhttp::response_parser<bhttp::empty_body> answer;
  answer.skip(true);
  fault = wait(fetch_.connect_time, [&](auto done) { bhttp::async_read_header(tcp_, input_, answer, done); });
  if (fault) return failed("asking the proxy", fault);
  if (answer.get().result_int() != 200)
    return failed("the proxy answered " + std::to_string(answer.get().result_int()));
  return true;
}

Result<Fetched> Exchange::secure() {
  ssl::context context(ssl::context::tls_client);
  error_code fault;
  context.set_default_verify_paths(fault);
  if (fault) return failed("reading the system's certificate authorities", fault);
  context.set_verify_mode(ssl::verify_peer);
  beast::ssl_stream<beast::tcp_stream&> stream(tcp_, context);
  stream.set_verify_callback(ssl::host_name_verification(url_.host), fault);
  if (fault || !SSL_set_tlsext_host_name(stream.native_handle(), url_.host.c_str()))
    return failed("setting up TLS");
  fault =
      wait(fetch_.connect_time, [&](auto done) { stream.async_handshake(ssl::stream_base::client, done); });
  const bool untrusted =
      fault.category() == asio::error::get_ssl_category() &&
      ERR_GET_REASON(static_cast<unsigned long>(fault.value())) == SSL_R_CERTIFICATE_VERIFY_FAILED;
  if (untrusted)  // trying again would not help
    return Error{Code::invalid, url_.text() +
                                    ": the server's certificate is not one that this machine trusts; install "
                                    "ca-certificates, or name your own authority's file in SSL_CERT_FILE"};
  if (fault) return failed("the TLS handshake", fault);
  return ask(stream);
}

AskedHead Exchange::question() const {
  const bool to_proxy = proxy_ && !url_.secure;
  AskedHead head(bhttp::verb::get, to_proxy ? url_.text() : url_.target, 11);
  head.set(bhttp::field::host, url_.authority());
  head.set(bhttp::field::user_agent, "autark");
  head.set(bhttp::field::accept, "*/*");
  head.set(bhttp::field::accept_encoding, "identity");
  head.set(bhttp::field::connection, "close");
  if (fetch_.from > 0) head.set(bhttp::field::range, "bytes=" + std::to_string(fetch_.from) + "-");
  if (to_proxy && !proxy_->user_info.empty())
    head.set(bhttp::field::proxy_authorization, basic_credentials(proxy_->user_info));
  if (!url_.user_info.empty()) head.set(bhttp::field::authorization, basic_credentials(url_.user_info));
  for (const auto& [name, value] : fetch_.headers) {
    if (same_host_ || name != "authorization") head.set(name, value);
  }
  return head;
}

template <class Stream>
Result<Fetched> Exchange::ask(Stream& stream) {
  AskedHead asked = question();
  error_code fault = wait(fetch_.idle_time, [&](auto done) { bhttp::async_write(stream, asked, done); });
  if (fault) return failed("sending the request", fault);
  Parser parser;
  parser.header_limit(kHeaderBytes);
  parser.body_limit(boost::none);
  fault = wait(fetch_.idle_time, [&](auto done) { bhttp::async_read_header(stream, input_, parser, done); });
  if (fault) return failed("the answer", fault);
  Fetched head = fetched_of(parser, url_);
  if (is_redirect(head.status) && !head.header("location").empty()) return head;
  return read_body(stream, parser, std::move(head));
}

template <class Stream>
Result<Fetched> Exchange::read_body(Stream& stream, Parser& parser, Fetched head) {
  const Error stopped{Code::cancelled, url_.text() + ": stopped"};
  if (fetch_.on_head && !fetch_.on_head(head)) return stopped;
  std::string piece(kPieceBytes, '\0');
  while (!parser.is_done()) {
    auto& body = parser.get().body();
    body.data = piece.data();
    body.size = piece.size();
    const error_code fault =
        wait(fetch_.idle_time, [&](auto done) { bhttp::async_read_some(stream, input_, parser, done); });
    const std::string_view got(piece.data(), piece.size() - body.size);
    if (!got.empty() && fetch_.on_body && !fetch_.on_body(got)) return stopped;
    if (fault && fault != bhttp::error::need_buffer) return failed("the body was cut short", fault);
  }
  return head;
}

Result<Fetched> Exchange::run() {
  AUTARK_TRY([[maybe_unused]] const bool connected, connect());
  if (!url_.secure) return ask(tcp_);
  if (proxy_) {
    AUTARK_TRY([[maybe_unused]] const bool through, tunnel());
  }
  return secure();
}

}  // namespace

std::string_view Fetched::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

Result<Fetched> fetch(const Fetch& fetch) {
  AUTARK_TRY(Url url, parse_url(fetch.url));
  const Url first = url;
  for (int redirects = 0; redirects <= fetch.redirects_max; ++redirects) try {
      const bool same_host = url.host == first.host && url.port == first.port && url.secure == first.secure;
      AUTARK_TRY(Fetched answer, Exchange(fetch, url, same_host).run());
      const std::string_view location = answer.header("location");
      if (!is_redirect(answer.status) || location.empty()) return answer;
      AUTARK_TRY(Url next, resolve(url, location));
      if (url.secure && !next.secure)
        return Error{Code::io, url.text() + " redirects to plain http; refused"};
      url = std::move(next);
    } catch (const std::exception& e) {
      return Error{Code::io, url.text() + ": " + e.what()};
    }
  return Error{Code::io,
               fetch.url + " redirects more than " + std::to_string(fetch.redirects_max) + " times"};
}

Result<std::string> fetch_text(Fetch asked, size_t bytes_max) {
  std::string text;
  asked.on_body = [&](std::string_view piece) {
    text += piece;
    return text.size() <= bytes_max;
  };
  AUTARK_TRY(const Fetched answer, fetch(asked));
  if (answer.status == 200) return text;
  return Error{answer.status == 404 ? Code::not_found : Code::io,
               answer.url + ": the server answered " + std::to_string(answer.status)};
}

}  // namespace autark::http
