#include "hub/repository.h"
#include <algorithm>
#include <cstdlib>
#include "base/json.h"
#include "http/client.h"

namespace autark::hub {
namespace {

using Kind = Reference::Kind;

constexpr const char* kHuggingFace = "https://huggingface.co";
constexpr const char* kModelScope = "https://www.modelscope.cn";

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string host_of(const std::string& option, const char* variable, const char* standard) {
  std::string host = !option.empty() ? option : setting(variable);
  if (host.empty()) host = standard;
  if (host.find("://") == host.npos) host.insert(0, "https://");
  while (host.ends_with('/')) host.pop_back();
  return host;
}

// Remote JSON is whatever the server likes: a field of another kind counts as absent.
std::string text_in(const Json& object, const char* key) {
  const auto field = object.is_object() ? object.find(key) : object.end();
  return field != object.end() && field->is_string() ? field->get<std::string>() : "";
}
int64_t count_in(const Json& object, const char* key) {
  const auto field = object.is_object() ? object.find(key) : object.end();
  return field != object.end() && field->is_number_integer() ? std::max<int64_t>(0, field->get<int64_t>())
                                                             : 0;
}
const Json& list_in(const Json& object, const char* key) {
  static const Json kNone = Json::array();
  const auto field = object.is_object() ? object.find(key) : object.end();
  return field != object.end() && field->is_array() ? *field : kNone;
}
std::string sum_in(const Json& object, const char* key) {
  std::string sum = text_in(object, key);
  std::transform(sum.begin(), sum.end(), sum.begin(), [](unsigned char c) { return std::tolower(c); });
  return is_sha256(sum) ? sum : "";
}

// {"rfilename" or "path", "size", "lfs": {"sha256" or "oid", "size"}}
RemoteFile huggingface_file(const Json& entry) {
  RemoteFile f{.path = text_in(entry, "rfilename"), .bytes = count_in(entry, "size")};
  if (f.path.empty()) f.path = text_in(entry, "path");
  const auto lfs = entry.is_object() ? entry.find("lfs") : entry.end();
  if (lfs == entry.end()) return f;
  f.sha256 = sum_in(*lfs, "sha256");
  if (f.sha256.empty()) f.sha256 = sum_in(*lfs, "oid");
  if (const int64_t bytes = count_in(*lfs, "size")) f.bytes = bytes;
  return f;
}

std::vector<RemoteFile> huggingface_files_in(const Json& list) {
  std::vector<RemoteFile> all;
  for (const Json& entry : list) {
    if (text_in(entry, "type") != "directory") all.push_back(huggingface_file(entry));
  }
  return all;
}

bool is_gguf(const RemoteFile& f) {
  return f.path.ends_with(".gguf") && f.path.find("mmproj") == f.path.npos;
}

bool at_root(const RemoteFile& f) {
  return f.path.find('/') == f.path.npos;
}

bool belongs_to_checkpoint(const RemoteFile& f, bool consolidated_too) {
  if (!at_root(f) || f.path.starts_with(".")) return false;
  if (f.path.ends_with(".safetensors")) return consolidated_too || !f.path.starts_with("consolidated");
  if (f.path.starts_with("tokenizer") || f.path.starts_with("vocab")) return true;
  for (const char* ending : {".json", ".jinja", ".model", ".tiktoken"}) {
    if (f.path.ends_with(ending)) return true;
  }
  return f.path == "merges.txt";
}

std::string named(const std::vector<RemoteFile>& files) {
  std::string text;
  for (const RemoteFile& f : files) text += (text.empty() ? "" : ", ") + f.path;
  return text;
}

std::vector<RemoteFile> with_siblings(const std::vector<RemoteFile>& all, const std::string& file) {
  const std::string prefix = split_prefix(file);
  std::vector<RemoteFile> some;
  for (const RemoteFile& f : all) {
    if (f.path == file || (!prefix.empty() && split_prefix(f.path) == prefix)) some.push_back(f);
  }
  return some;
}

}  // namespace

Repository::Repository(const Reference& where, const PullOptions& options)
    : where_(where),
      host_(where.kind == Kind::huggingface
                ? host_of(options.hf_host, "HF_ENDPOINT", kHuggingFace)
                : host_of(options.modelscope_host, "MODELSCOPE_ENDPOINT", kModelScope)) {}

http::Headers Repository::headers() const {
  const std::string token = setting(where_.kind == Kind::huggingface ? "HF_TOKEN" : "MODELSCOPE_API_TOKEN");
  return token.empty() ? http::Headers{} : http::Headers{{"authorization", "Bearer " + token}};
}

std::string Repository::url(const std::string& file) const {
  const std::string repository = http::percent_encoded(where_.repository);
  if (where_.kind == Kind::huggingface)
    return host_ + "/" + repository + "/resolve/" + http::percent_encoded(where_.revision, false) + "/" +
           http::percent_encoded(file);
  return host_ + "/api/v1/models/" + repository +
         "/repo?Revision=" + http::percent_encoded(where_.revision, false) +
         "&FilePath=" + http::percent_encoded(file, false);
}

Result<Json> Repository::get(const std::string& path) const {
  AUTARK_TRY(const std::string text, http::fetch_text({.url = host_ + path, .headers = headers()}));
  return parse_json(text, host_ + path);
}

Result<std::vector<RemoteFile>> Repository::huggingface_files() const {
  const std::string model = "/api/models/" + http::percent_encoded(where_.repository);
  const std::string revision = http::percent_encoded(where_.revision, false);
  auto described = get(model + "/revision/" + revision + "?blobs=true");
  if (described) {
    std::vector<RemoteFile> all = huggingface_files_in(list_in(*described, "siblings"));
    if (!all.empty()) return all;
  } else if (described.error().code != Code::not_found) {
    return described.error();
  }
  AUTARK_TRY(const Json tree, get(model + "/tree/" + revision + "?recursive=true"));
  return huggingface_files_in(tree.is_array() ? tree : Json::array());
}

Result<std::vector<RemoteFile>> Repository::modelscope_files() const {
  AUTARK_TRY(const Json answer, get("/api/v1/models/" + http::percent_encoded(where_.repository) +
                                    "/repo/files?Revision=" + http::percent_encoded(where_.revision, false) +
                                    "&Recursive=true"));
  const auto data = answer.is_object() ? answer.find("Data") : answer.end();
  std::vector<RemoteFile> all;
  for (const Json& entry : data == answer.end() ? Json::array() : list_in(*data, "Files")) {
    if (text_in(entry, "Type") == "tree") continue;
    all.push_back({text_in(entry, "Path"), count_in(entry, "Size"), sum_in(entry, "Sha256")});
  }
  return all;
}

Result<std::vector<RemoteFile>> Repository::files() const {
  auto all = where_.kind == Kind::huggingface ? huggingface_files() : modelscope_files();
  if (all) return all;
  if (all.error().code == Code::not_found)
    return Error{Code::not_found,
                 host_ + " has no model " + where_.repository + " in revision " + where_.revision};
  return Error{all.error().code, all.error().message + "; is " + host_ + " reachable from here?"};
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

Result<std::vector<RemoteFile>> files_needed(const std::vector<RemoteFile>& all, const Reference& where) {
  std::vector<RemoteFile> chosen, ggufs;
  const auto has = [&](auto what) { return std::any_of(all.begin(), all.end(), what); };
  std::copy_if(all.begin(), all.end(), std::back_inserter(ggufs), is_gguf);
  if (!where.file.empty()) {
    chosen = with_siblings(all, where.file);
    if (chosen.empty())
      return Error{Code::not_found, where.repository + " has no file " + where.file +
                                        "; it has: " + named(ggufs.empty() ? all : ggufs)};
  } else if (has([](const RemoteFile& f) { return at_root(f) && f.path.ends_with(".safetensors"); })) {
    const bool consolidated_too = !has(
        [](const RemoteFile& f) { return f.path.starts_with("model") && f.path.ends_with(".safetensors"); });
    std::copy_if(all.begin(), all.end(), std::back_inserter(chosen),
                 [&](const RemoteFile& f) { return belongs_to_checkpoint(f, consolidated_too); });
  } else if (!ggufs.empty()) {
    chosen = with_siblings(all, ggufs.front().path);
    if (chosen.size() != ggufs.size())
      return Error{Code::invalid, where.repository + " has several GGUF files; name one, as in " +
                                      where.text + ":" + ggufs.front().path + " (there are: " + named(ggufs) +
                                      ")"};
  } else {
    return Error{Code::not_found, where.repository + " has neither safetensors nor GGUF files"};
  }
  for (const RemoteFile& f : chosen) {
    if (!is_safe_path(f.path))
      return Error{Code::invalid, where.repository + " has a file with the unsafe name '" + f.path + "'"};
  }
  return chosen;
}

}  // namespace autark::hub
