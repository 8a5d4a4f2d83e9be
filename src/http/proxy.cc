#include "http/proxy.h"
#include <cstdlib>

namespace autark::http {
namespace {

// HTTP_PROXY in capitals is left alone: a CGI server sets it from a client's header.
std::string setting(const char* lower, const char* upper) {
  for (const char* name : {lower, upper}) {
    const char* value = name ? std::getenv(name) : nullptr;
    if (value && *value) return value;
  }
  return {};
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

bool excepted(std::string_view host, std::string_view no_proxy) {
  while (!no_proxy.empty()) {
    const size_t comma = std::min(no_proxy.find(','), no_proxy.size());
    std::string_view name = trimmed(no_proxy.substr(0, comma));
    no_proxy.remove_prefix(std::min(comma + 1, no_proxy.size()));
    if (name == "*") return true;
    if (name.starts_with('.')) name.remove_prefix(1);
    if (name.empty() || !host.ends_with(name)) continue;
    if (host.size() == name.size() || host[host.size() - name.size() - 1] == '.') return true;
  }
  return false;
}

std::optional<Url> proxy_for(const Url& url) {
  if (excepted(url.host, "localhost,127.0.0.1,::1")) return std::nullopt;
  if (excepted(url.host, setting("no_proxy", "NO_PROXY"))) return std::nullopt;
  std::string proxy = url.secure ? setting("https_proxy", "HTTPS_PROXY") : setting("http_proxy", nullptr);
  if (proxy.empty()) proxy = setting("all_proxy", "ALL_PROXY");
  if (proxy.empty()) return std::nullopt;
  if (proxy.find("://") == proxy.npos) proxy.insert(0, "http://");
  auto parsed = parse_url(proxy);
  if (!parsed || parsed->secure) return std::nullopt;
  return std::move(*parsed);
}

}  // namespace autark::http
