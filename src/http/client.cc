// libcurl handles connections, TLS, proxies and HTTP. Redirects are followed here, because each one has its
// own rules on what may be sent to the new host.
#include "http/client.h"
#include <curl/curl.h>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <memory>
#include "http/message.h"

namespace autark::http {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kHeadBytes = 64 << 10;
constexpr long kPieceBytes = 256 << 10;

struct Release {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

std::string_view trimmed(std::string_view text) {
  const size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

bool is_redirect(const Fetched& head) {
  const int s = head.status;
  return (s == 301 || s == 302 || s == 303 || s == 307 || s == 308) && !head.header("location").empty();
}

// These hosts are reached without a proxy, even if the environment names one.
bool is_this_machine(std::string_view host) {
  return host == "localhost" || host.ends_with(".localhost") || host == "127.0.0.1" || host == "::1";
}

// One request and its answer. libcurl calls the functions below only while run() is running.
class Exchange {
 public:
  Exchange(const Fetch& fetch, const Url& url, bool same_host)
      : fetch_(fetch), url_(url), same_host_(same_host), answer_{.url = url.text()} {}

  Result<Fetched> run();

 private:
  Error failed(const std::string& what) const { return {Code::io, url_.text() + ": " + what}; }
  Error untrusted(const std::string& what) const;
  Error failure(CURLcode code) const;

  template <class T>
  void set(CURLoption option, T value) {
    const CURLcode code = curl_easy_setopt(curl_.get(), option, value);
    if (set_up_ == CURLE_OK) set_up_ = code;
  }
  void set_request();
  void set_connection();
  void set_callbacks();
  void add_header(const std::string& line);

  // Called by libcurl. Returning false ends the transfer; `fault_` then holds the reason, except after
  // a redirect.
  bool read_head_line(std::string_view line);
  bool end_head();
  bool read_body(std::string_view bytes);
  bool check_time();
  bool end(Error why) { return fault_ = std::move(why), false; }
  void add_answer_header(std::string_view line);

  template <class Step>
  bool guarded(Step step) noexcept;
  template <bool (Exchange::*step)(std::string_view)>
  static size_t receive(char* data, size_t one, size_t bytes, void* self);

  const Fetch& fetch_;
  const Url& url_;
  const bool same_host_;
  Fetched answer_;
  bool head_ended_ = false;
  size_t head_bytes_ = 0;
  std::optional<Clock::time_point> last_byte_;  // empty until connected
  std::optional<Error> fault_;
  CURLcode set_up_ = CURLE_OK;
  char words_[CURL_ERROR_SIZE] = {};  // libcurl's text for a failure
  std::unique_ptr<curl_slist, Release> headers_;
  std::unique_ptr<CURL, Release> curl_;
};

// Runs `step`. An exception must not pass through libcurl, so it ends the transfer and becomes the Error.
template <class Step>
bool Exchange::guarded(Step step) noexcept {
  try {
    return step();
  } catch (const std::exception& e) {
    return end(failed(e.what()));
  }
}

template <bool (Exchange::*step)(std::string_view)>
size_t Exchange::receive(char* data, size_t, size_t bytes, void* self) {
  auto* me = static_cast<Exchange*>(self);
  me->last_byte_ = Clock::now();
  return me->guarded([&] { return (me->*step)({data, bytes}); }) ? bytes : CURL_WRITEFUNC_ERROR;
}

// `line` includes its line end; an empty line ends the head. Later lines are trailers of a chunked body.
bool Exchange::read_head_line(std::string_view line) {
  if (head_ended_) return true;
  head_bytes_ += line.size();
  if (head_bytes_ > kHeadBytes) return end(failed("the head of the answer is longer than 64 KiB"));
  if (trimmed(line).empty()) return end_head();
  if (line.starts_with("HTTP/")) {
    answer_.headers.clear();  // they belonged to a 1xx answer
  } else {
    add_answer_header(line);
  }
  return true;
}

void Exchange::add_answer_header(std::string_view line) {
  const size_t colon = line.find(':');
  const bool continues = line.starts_with(' ') || line.starts_with('\t');
  if (continues && !answer_.headers.empty()) {
    answer_.headers.back().second += " " + std::string(trimmed(line));
  } else if (!continues && colon != line.npos) {
    answer_.headers.emplace_back(lower_case(trimmed(line.substr(0, colon))), trimmed(line.substr(colon + 1)));
  }
}

bool Exchange::end_head() {
  long status = 0;
  curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status < 200) return true;  // a 1xx answer; the real one follows
  answer_.status = static_cast<int>(status);
  head_ended_ = true;
  if (is_redirect(answer_)) return false;  // its body is not needed
  const std::string_view length = answer_.header("content-length");
  int64_t bytes = 0;
  const bool whole = std::from_chars(length.data(), length.data() + length.size(), bytes).ec == std::errc();
  if (whole && answer_.header("transfer-encoding").empty()) answer_.length = bytes;
  if (fetch_.on_head && !fetch_.on_head(answer_)) return end({Code::cancelled, url_.text() + ": stopped"});
  return true;
}

bool Exchange::read_body(std::string_view bytes) {
  if (fetch_.on_body && !fetch_.on_body(bytes)) return end({Code::cancelled, url_.text() + ": stopped"});
  last_byte_ = Clock::now();  // the time that the caller took does not count
  return true;
}

bool Exchange::check_time() {
  if (!last_byte_ || Clock::now() - *last_byte_ < fetch_.idle_time) return true;
  return end(failed("took too long: nothing came for " + std::to_string(fetch_.idle_time.count()) + " ms"));
}

void Exchange::add_header(const std::string& line) {
  curl_slist* longer = curl_slist_append(headers_.get(), line.c_str());
  if (!longer) throw std::bad_alloc();
  headers_.release();  // `longer` owns it now
  headers_.reset(longer);
}

void Exchange::set_request() {
  set(CURLOPT_URL, url_.text().c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_USERAGENT, "autark");
  if (fetch_.from > 0) set(CURLOPT_RANGE, (std::to_string(fetch_.from) + "-").c_str());
  if (!url_.user_info.empty()) set(CURLOPT_USERPWD, url_.user_info.c_str());
  add_header("accept-encoding: identity");
  for (const auto& [name, value] : fetch_.headers) {
    if (same_host_ || lower_case(name) != "authorization")
      add_header(value.empty() ? name + ";" : name + ": " + value);
  }
  set(CURLOPT_HTTPHEADER, headers_.get());
}

void Exchange::set_connection() {
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(fetch_.connect_time.count()));
  set(CURLOPT_BUFFERSIZE, kPieceBytes);
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (is_this_machine(url_.host)) set(CURLOPT_PROXY, "");
  // OpenSSL reads these variables itself; with libcurl the caller must pass them on.
  if (const char* file = std::getenv("SSL_CERT_FILE"); file && *file) set(CURLOPT_CAINFO, file);
  if (const char* folder = std::getenv("SSL_CERT_DIR"); folder && *folder) set(CURLOPT_CAPATH, folder);
}

void Exchange::set_callbacks() {
  set(CURLOPT_ERRORBUFFER, words_);
  set(CURLOPT_HEADERFUNCTION, &receive<&Exchange::read_head_line>);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &receive<&Exchange::read_body>);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_PREREQDATA, this);
  set(
      CURLOPT_PREREQFUNCTION, +[](void* self, char*, char*, int, int) {
        static_cast<Exchange*>(self)->last_byte_ = Clock::now();
        return CURL_PREREQFUNC_OK;
      });
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFODATA, this);
  set(
      CURLOPT_XFERINFOFUNCTION, +[](void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
        auto* me = static_cast<Exchange*>(self);  // called at least once a second
        return me->guarded([me] { return me->check_time(); }) ? 0 : 1;
      });
}

// Code::invalid, because a retry would not help.
Error Exchange::untrusted(const std::string& what) const {
  return {Code::invalid, url_.text() + ": " + what +
                             "; install ca-certificates, or name your own authority's file in SSL_CERT_FILE"};
}

Error Exchange::failure(CURLcode code) const {
  const std::string said = *words_ ? words_ : curl_easy_strerror(code);
  long number = 0;
  curl_easy_getinfo(curl_.get(), CURLINFO_OS_ERRNO, &number);
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
      return untrusted("the server's certificate is not one that this machine trusts (" + said + ")");
    case CURLE_SSL_CACERT_BADFILE:
      return untrusted("this machine's certificate authorities cannot be read (" + said + ")");
    case CURLE_SSL_CONNECT_ERROR:
      return failed("the TLS handshake failed: " + said);
    case CURLE_COULDNT_CONNECT:
      return failed(number ? said + ": " + std::strerror(static_cast<int>(number)) : said);
    default:
      return failed(head_ended_ ? "the body was cut short: " + said : said);
  }
}

Result<Fetched> Exchange::run() {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready == CURLE_OK) curl_.reset(curl_easy_init());
  if (!curl_) return failed("libcurl cannot be set up");
  set_request();
  set_connection();
  set_callbacks();
  if (set_up_ != CURLE_OK) return failed(std::string("libcurl: ") + curl_easy_strerror(set_up_));
  const CURLcode code = curl_easy_perform(curl_.get());
  if (fault_) return *fault_;
  if (head_ended_ && is_redirect(answer_)) return std::move(answer_);
  if (code != CURLE_OK) return failure(code);
  if (!head_ended_) return failed("the answer ended within its head");
  return std::move(answer_);
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
  for (int redirects = 0; redirects <= fetch.redirects_max; ++redirects) {
    const bool same_host = url.host == first.host && url.port == first.port && url.secure == first.secure;
    AUTARK_TRY(Fetched answer, Exchange(fetch, url, same_host).run());
    if (!is_redirect(answer)) return answer;
    AUTARK_TRY(Url next, resolve(url, answer.header("location")));
    if (url.secure && !next.secure) return Error{Code::io, url.text() + " redirects to plain http; refused"};
    url = std::move(next);
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
