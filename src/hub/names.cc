#include "hub/names.h"
#include <algorithm>
#include <array>
#include <cstdlib>
#include "http/url.h"

namespace autark::hub {
namespace {

using Kind = Reference::Kind;

constexpr const char* kHuggingFace = "https://huggingface.co";
constexpr const char* kModelScope = "https://www.modelscope.cn";
constexpr std::array kHuggingFaceNames = {"huggingface.co/", "www.huggingface.co/", "hf.co/"};
constexpr std::array kModelScopeNames = {"www.modelscope.cn/models/", "modelscope.cn/models/"};

std::string host_of(std::string host, const char* variable, const char* standard) {
  const char* set = std::getenv(variable);
  if (host.empty() && set) host = set;
  if (host.empty()) host = standard;
  if (host.find("://") == host.npos) host.insert(0, "https://");
  while (host.ends_with('/')) host.pop_back();
  return host;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

const char* standard_revision(Kind kind) {
  return kind == Kind::huggingface ? "main" : "master";
}

Result<Reference> hub_reference(Kind kind, const std::string& text, std::string_view rest) {
  const std::string scheme = kind == Kind::huggingface ? "hf:" : "modelscope:";
  const size_t colon = std::min(rest.find(':'), rest.size());
  const std::string_view place = rest.substr(0, colon);
  const size_t at = std::min(place.find('@'), place.size());
  Reference r{.kind = kind, .revision = standard_revision(kind), .text = scheme + std::string(place)};
  r.repository = place.substr(0, at);
  if (at < place.size()) r.revision = place.substr(at + 1);
  if (colon < rest.size()) r.file = rest.substr(colon + 1);
  const bool file_ok = colon == rest.size() || is_safe_path(r.file);
  const bool named =
      is_safe_path(r.repository) && std::count(r.repository.begin(), r.repository.end(), '/') == 1;
  if (!named || !file_ok || !is_safe_path(r.revision))
    return Error{Code::invalid, "'" + text + "' does not name a model; write " + scheme +
                                    "organisation/name[@revision][:file]"};
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

// The parts of an address on a hub: https://HOST/ORG/NAME/VERB/REVISION/FILE#sha256=…
struct HubAddress {
  Kind kind = Kind::huggingface;
  std::string before;              // "https://huggingface.co/"
  std::vector<std::string> parts;  // between the slashes, not decoded
  std::string query, fragment;     // with "?" and "#"
};

std::optional<HubAddress> hub_address(const std::string& text, const HubHosts& hosts) {
  const size_t scheme = text.find("://");
  if (scheme == text.npos) return std::nullopt;
  const std::string bare = text.substr(scheme + 3);
  std::optional<HubAddress> a;
  const auto take = [&](Kind kind, const std::string& before) {
    if (!a && text.size() > before.size() && lower(text).starts_with(lower(before)))
      a = HubAddress{.kind = kind, .before = text.substr(0, before.size())};
  };
  take(Kind::huggingface, hosts.huggingface + "/");
  take(Kind::modelscope, hosts.modelscope + "/models/");
  for (const char* name : kHuggingFaceNames) take(Kind::huggingface, text.substr(0, scheme + 3) + name);
  for (const char* name : kModelScopeNames) take(Kind::modelscope, text.substr(0, scheme + 3) + name);
  if (!a) return a;
  const size_t hash = std::min(text.find('#'), text.size()), mark = std::min(text.find('?'), hash);
  a->query = text.substr(mark, hash - mark);
  a->fragment = text.substr(hash);
  std::string_view path = std::string_view(text).substr(0, mark);
  path.remove_prefix(std::min(a->before.size(), path.size()));
  while (path.ends_with('/')) path.remove_suffix(1);
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    a->parts.emplace_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return a;
}

std::string joined(const std::vector<std::string>& parts, size_t from) {
  std::string text;
  for (size_t i = from; i < parts.size(); ++i) text += (i > from ? "/" : "") + parts[i];
  return text;
}

// The repository, if the address is that of its page or of the page of a folder in it.
std::optional<Reference> repository_of(const HubAddress& a) {
  const auto& p = a.parts;
  if (p.size() < 2 || (p.size() == 2 && p[1].ends_with(".gguf") && p[1].find(':') == std::string::npos))
    return std::nullopt;
  const std::string name = p[0] + "/" + p[1];
  std::string rest;
  if (p.size() == 2 || p[1].find_first_of(":@") != std::string::npos) {
    rest = joined(p, 0);
  } else if (a.kind == Kind::huggingface && p[2] == "tree" && p.size() > 3) {
    rest = name + "@" + p[3] + (p.size() > 4 ? ":" + joined(p, 4) : "");
  } else if (a.kind == Kind::modelscope && p.size() == 3 && (p[2] == "summary" || p[2] == "files")) {
    rest = name;
  } else {
    return std::nullopt;
  }
  for (size_t at = rest.find("%2F"); at != rest.npos; at = rest.find("%2F")) rest.replace(at, 3, "/");
  auto found = hub_reference(a.kind, rest, rest);
  return found ? std::optional(std::move(*found)) : std::nullopt;
}

// The address of the file itself, if `text` is the address of a page about it or of its Git LFS pointer.
std::string file_address(HubAddress a, const std::string& text) {
  auto& p = a.parts;
  if (a.kind == Kind::huggingface && p.size() > 4 && (p[2] == "blob" || p[2] == "raw")) {
    p[2] = "resolve";
  } else if (a.kind == Kind::modelscope && p.size() > 5 && p[2] == "file" && p[3] == "view") {
    p.erase(p.begin() + 2);
    p[2] = "resolve";
    a.query.clear();
  } else {
    return text;
  }
  return a.before + joined(p, 0) + a.query + a.fragment;
}

Result<Reference> address_reference(const std::string& text, const HubHosts& hosts) {
  const auto address = hub_address(text, hosts);
  if (!address) return url_reference(text);
  if (auto repository = repository_of(*address)) return std::move(*repository);
  const std::string file = file_address(*address, text);
  AUTARK_TRY(Reference where, url_reference(file));
  if (file != text) where.page = text.substr(0, text.find('#'));
  return where;
}

bool is_word_of(const std::string& name, const std::string& word) {
  const auto inside = [&](size_t at) {
    return at < name.size() && std::isalnum(static_cast<unsigned char>(name[at]));
  };
  for (size_t at = name.find(word); at != name.npos; at = name.find(word, at + 1)) {
    if ((at == 0 || !inside(at - 1)) && !inside(at + word.size())) return true;
  }
  return false;
}

}  // namespace

HubHosts hub_hosts(const std::string& huggingface, const std::string& modelscope) {
  return {.huggingface = host_of(huggingface, "HF_ENDPOINT", kHuggingFace),
          .modelscope = host_of(modelscope, "MODELSCOPE_ENDPOINT", kModelScope)};
}

Result<Reference> parse_reference(const std::string& text, const HubHosts& hosts) {
  if (text.starts_with("hf:"))
    return hub_reference(Kind::huggingface, text, std::string_view(text).substr(3));
  if (text.starts_with("modelscope:"))
    return hub_reference(Kind::modelscope, text, std::string_view(text).substr(11));
  if (text.starts_with("http://") || text.starts_with("https://")) return address_reference(text, hosts);
  const char* home = std::getenv("HOME");
  if (text.starts_with("~/") && home) return Reference{.kind = Kind::path, .text = home + text.substr(1)};
  return Reference{.kind = is_safe_path(text) ? Kind::name : Kind::path, .text = text};
}

std::optional<Reference> repository_named(const std::string& text, const HubHosts& hosts) {
  const std::string address = "https://" + text;
  if (hub_address(address, hosts)) {
    auto meant = address_reference(address, hosts);
    return meant ? std::optional(std::move(*meant)) : std::nullopt;
  }
  auto meant = hub_reference(Kind::huggingface, text, text);
  if (!meant || meant->repository.ends_with(".gguf")) return std::nullopt;
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.' || c == '/';
  };
  const std::string& name = meant->repository;
  return std::all_of(name.begin(), name.end(), plain) ? std::optional(std::move(*meant)) : std::nullopt;
}

std::string folder_of(const Reference& where) {
  if (where.kind == Kind::url) {
    const std::string path = where.text.substr(0, where.text.find('?'));
    const std::string file = path.substr(path.rfind('/') + 1);
    return file.substr(0, file.rfind('.'));
  }
  if (where.kind == Kind::name || where.kind == Kind::path) return where.text;
  if (where.revision == standard_revision(where.kind)) return where.repository;
  return where.repository + "@" + http::percent_encoded(where.revision, false);
}

std::vector<std::string> paths_meant(const std::vector<std::string>& paths, const std::string& file) {
  if (std::find(paths.begin(), paths.end(), file) != paths.end()) return {file};
  const std::string word = lower(file);
  std::vector<std::string> in_folder, with_word;
  for (const std::string& path : paths) {
    const std::string name = lower(path);
    if (!name.ends_with(".gguf") || name.find("mmproj") != name.npos) continue;
    if (path.starts_with(file + "/")) in_folder.push_back(path);
    if (is_word_of(name, word)) with_word.push_back(path);
  }
  return in_folder.empty() ? with_word : in_folder;
}

std::string split_prefix(const std::string& file) {
  constexpr size_t kTail = std::string_view("-00001-of-00003.gguf").size();
  if (file.size() <= kTail) return {};
  const std::string tail = file.substr(file.size() - kTail);
  const auto digits = [&](size_t at) {
    return std::all_of(&tail[at], &tail[at + 5], [](char c) { return c >= '0' && c <= '9'; });
  };
  const bool split =
      tail[0] == '-' && digits(1) && tail.substr(6, 4) == "-of-" && digits(10) && tail.ends_with(".gguf");
  return split ? file.substr(0, file.size() - kTail) + tail.substr(9) : "";
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

bool is_hex(std::string_view text, size_t digits) {
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == text.npos;
}

bool is_sha256(std::string_view text) {
  return is_hex(text, 64);
}

}  // namespace autark::hub
