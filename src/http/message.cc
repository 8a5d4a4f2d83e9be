#include "http/message.h"
#include <algorithm>
#include <boost/beast/http/status.hpp>
#include <ctime>

namespace autark::http {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[40];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc)};
}

std::string one_line(std::string value) {
  for (char& c : value) {
    if (c == '\r' || c == '\n' || c == '\0') c = ' ';
  }
  return value;
}

std::string_view reason_phrase(int status) {
  const auto text = boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(status));
  return {text.data(), text.size()};
}

std::string without_spare_slashes(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (c != '/' || !out.ends_with('/')) out += c;
  }
  if (out.size() > 1 && out.ends_with('/')) out.pop_back();
  return out;
}

bool has_body(int status) {
  return status >= 200 && status != 204 && status != 304;
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c;
  return lower;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0 || high + low == 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::optional<Target> parse_target(std::string_view target) {
  if (target == "*") return Target{"*", ""};
  if (target.starts_with("http://") || target.starts_with("https://")) {
    const size_t path = target.find_first_of("/?", target.find("//") + 2);
    target = path == target.npos ? "/" : target.substr(path);
  }
  const size_t question = target.find('?');
  auto path = percent_decoded(target.substr(0, question));
  if (!path || (!path->empty() && path->front() != '/') || target.empty()) return std::nullopt;
  if (path->empty()) path = "/";
  return Target{without_spare_slashes(*path),
                question == target.npos ? "" : std::string(target.substr(question + 1))};
}

std::string response_head(int status, const Headers& headers, Form form, std::optional<size_t> length) {
  std::string head =
      std::string(kAnswerBegins) + std::to_string(status) + " " + std::string(reason_phrase(status)) + "\r\n";
  bool sized = length.has_value();
  for (const auto& [name, value] : headers) {
    if (name == "connection" || name == "transfer-encoding") continue;
    if (name == "content-length" && std::exchange(sized, true)) continue;
    head += one_line(name) + ": " + one_line(value) + "\r\n";
  }
  head += "date: " + http_date() + "\r\n";
  if (has_body(status)) {
    if (length) {
      head += "content-length: " + std::to_string(*length) + "\r\n";
    } else if (form.may_chunk && !sized) {
      head += "transfer-encoding: chunked\r\n";
    }
  }
  head += form.keep_alive ? (form.may_chunk ? "" : "connection: keep-alive\r\n") : "connection: close\r\n";
  return head + "\r\n";
}

Response error_response(const Options& options, int status, std::string_view reason, std::string_view path) {
  ErrorBody body{"text/plain; charset=utf-8", std::string(reason) + "\n"};
  if (options.error_body) body = options.error_body(status, reason, path);
  return {status, {{"content-type", std::move(body.content_type)}}, std::move(body.body)};
}

std::string_view Request::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

void Stream::refuse(int status, std::string reason, Headers headers) {
  headers.emplace_back("content-type", "text/plain; charset=utf-8");
  respond({status, std::move(headers), std::move(reason) + "\n"});
}

std::string sse(std::string_view data, std::string_view event) {
  std::string out;
  out.reserve(data.size() + event.size() + 24);
  if (!event.empty()) out.append("event: ").append(event).append("\n");
  while (true) {  // "\r\n", "\n" and "\r" end a line
    const auto at = std::find_if(data.begin(), data.end(), [](char c) { return c == '\r' || c == '\n'; });
    const size_t end = at == data.end() ? data.npos : at - data.begin();
    out.append("data: ").append(data.substr(0, end)).append("\n");
    if (end == data.npos) break;
    const bool pair = data[end] == '\r' && end + 1 < data.size() && data[end + 1] == '\n';
    data.remove_prefix(end + (pair ? 2 : 1));
  }
  out += '\n';
  return out;
}

}  // namespace autark::http
