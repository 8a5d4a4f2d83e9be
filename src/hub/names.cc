#include "hub/names.h"
#include <algorithm>
#include <cstdlib>
#include "http/url.h"

namespace autark::hub {
namespace {

using Kind = Reference::Kind;

Result<Reference> hub_reference(Kind kind, const std::string& text, std::string_view rest) {
  Reference r{.kind = kind, .revision = kind == Kind::huggingface ? "main" : "master", .text = text};
  const size_t colon = std::min(rest.find(':'), rest.size());
  const std::string_view place = rest.substr(0, colon);
  const size_t at = std::min(place.find('@'), place.size());
  r.repository = place.substr(0, at);
  if (at < place.size()) r.revision = place.substr(at + 1);
  if (colon < rest.size()) r.file = rest.substr(colon + 1);
  const bool file_ok = colon == rest.size() || is_safe_path(r.file);
  const bool named =
      is_safe_path(r.repository) && std::count(r.repository.begin(), r.repository.end(), '/') == 1;
  if (!named || !file_ok || !is_safe_path(r.revision))
    return Error{Code::invalid, "'" + text + "' does not name a model; write " +
                                    text.substr(0, text.find(':')) + ":organisation/name[@revision][:file]"};
  return r;
}

Result<Reference> url_reference(const std::string& text) {
  Reference r{.kind = Kind::url, .text = text.substr(0, text.find('#'))};
  AUTARK_TRY([[maybe_unused]] const http::Url url, http::parse_url(text));
  if (const size_t sum = text.find("#sha256="); sum != text.npos) {
    r.sha256 = text.substr(sum + 8);
    if (!is_sha256(r.sha256))
      return Error{Code::invalid, "'" + text + "': after #sha256= come 64 hex digits in lower case"};
  }
  return r;
}

}  // namespace

Result<Reference> parse_reference(const std::string& text) {
  if (text.starts_with("hf:"))
    return hub_reference(Kind::huggingface, text, std::string_view(text).substr(3));
  if (text.starts_with("modelscope:"))
    return hub_reference(Kind::modelscope, text, std::string_view(text).substr(11));
  if (text.starts_with("http://") || text.starts_with("https://")) return url_reference(text);
  const char* home = std::getenv("HOME");
  if (text.starts_with("~/") && home) return Reference{.kind = Kind::path, .text = home + text.substr(1)};
  return Reference{.kind = is_safe_path(text) ? Kind::name : Kind::path, .text = text};
}

bool is_safe_path(std::string_view path) {
  while (true) {
    const size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part.front() == '.' || part.size() > 255) return false;
    for (const unsigned char c : part) {
      if (c < ' ' || c == 127 || c == '\\') return false;
    }
    if (slash == path.size()) return true;
    path.remove_prefix(slash + 1);
  }
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

}  // namespace autark::hub
