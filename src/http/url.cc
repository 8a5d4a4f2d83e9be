#include "http/url.h"
#include <charconv>
#include "http/message.h"

namespace autark::http {
namespace {

uint16_t default_port(bool secure) {
  return secure ? 443 : 80;
}

bool is_printable(std::string_view text) {
  for (const unsigned char c : text) {
    if (c <= ' ' || c == 127) return false;
  }
  return true;
}

bool set_port(Url& url, std::string_view digits) {
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), url.port);
  return fault == std::errc() && end == digits.data() + digits.size() && url.port != 0;
}

// "host", "host:port", "[::1]:port"
bool set_authority(Url& url, std::string_view text) {
  const bool bracketed = text.starts_with('[');
  const size_t end = bracketed ? text.find(']') : text.find(':');
  url.host = text.substr(bracketed ? 1 : 0, end == text.npos ? end : end - (bracketed ? 1 : 0));
  if (url.host.empty() || (bracketed && end == text.npos)) return false;
  std::string_view rest = end == text.npos ? "" : text.substr(end + (bracketed ? 1 : 0));
  if (rest.empty() || rest == ":") return true;
  return rest.front() == ':' && set_port(url, rest.substr(1));
}

}  // namespace

std::string Url::authority() const {
  const std::string name = host.find(':') == host.npos ? host : "[" + host + "]";
  return port == default_port(secure) ? name : name + ":" + std::to_string(port);
}

std::string Url::text() const {
  return (secure ? "https://" : "http://") + authority() + target;
}

Result<Url> parse_url(std::string_view text) {
  const Error wrong{Code::invalid, "'" + std::string(text) + "' is not an http or https URL"};
  Url url;
  url.secure = text.starts_with("https://");
  if ((!url.secure && !text.starts_with("http://")) || !is_printable(text)) return wrong;
  url.port = default_port(url.secure);
  text.remove_prefix(text.find("//") + 2);
  text = text.substr(0, text.find('#'));
  const size_t path = std::min(text.find_first_of("/?"), text.size());
  std::string_view authority = text.substr(0, path);
  url.target = text.substr(path);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  if (const size_t at = authority.rfind('@'); at != authority.npos) {
    const auto user = percent_decoded(authority.substr(0, at));
    if (!user) return wrong;
    url.user_info = *user;
    authority.remove_prefix(at + 1);
  }
  if (!set_authority(url, authority)) return wrong;
  return url;
}

Result<Url> resolve(const Url& base, std::string_view location) {
  if (location.starts_with("http://") || location.starts_with("https://")) return parse_url(location);
  const std::string scheme = base.secure ? "https:" : "http:";
  if (location.starts_with("//")) return parse_url(scheme + std::string(location));
  const std::string root = scheme + "//" + base.authority();
  if (location.starts_with("/")) return parse_url(root + std::string(location));
  const std::string path = base.target.substr(0, base.target.find('?'));
  if (location.starts_with("?")) return parse_url(root + path + std::string(location));
  return parse_url(root + path.substr(0, path.rfind('/') + 1) + std::string(location));
}

std::string percent_encoded(std::string_view text, bool keep_slashes) {
  std::string out;
  for (const unsigned char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || (c == '/' && keep_slashes);
    if (plain) {
      out += static_cast<char>(c);
    } else {
      constexpr char kHex[] = "0123456789ABCDEF";
      out.append({'%', kHex[c >> 4], kHex[c & 15]});
    }
  }
  return out;
}

}  // namespace autark::http
