#include "hub/repository.h"
#include <algorithm>
#include <cstdlib>
#include "base/json.h"
#include "http/client.h"

namespace autark::hub {
namespace {

using Kind = Reference::Kind;

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// These read fields of JSON from a server. A field of an unexpected type counts as absent.
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
std::string digits_in(const Json& object, const char* key, size_t digits) {
  std::string sum = text_in(object, key);
  std::transform(sum.begin(), sum.end(), sum.begin(), [](unsigned char c) { return std::tolower(c); });
  return is_hex(sum, digits) ? sum : "";
}
std::string sum_in(const Json& object, const char* key) {
  return digits_in(object, key, 64);
}

// {"rfilename" or "path", "size", "blobId" or "oid", "lfs": {"sha256" or "oid", "size"}}. For a file in
// large-file storage the blob id is that of its pointer and is not used.
RemoteFile huggingface_file(const Json& entry, const std::string& commit) {
  RemoteFile f{.path = text_in(entry, "rfilename"), .bytes = count_in(entry, "size"), .version = commit};
  if (f.path.empty()) f.path = text_in(entry, "path");
  const auto lfs = entry.is_object() ? entry.find("lfs") : entry.end();
  if (lfs == entry.end() || !lfs->is_object()) {
    f.blob = digits_in(entry, "blobId", 40);
    if (f.blob.empty()) f.blob = digits_in(entry, "oid", 40);
    return f;
  }
  f.sha256 = sum_in(*lfs, "sha256");
  if (f.sha256.empty()) f.sha256 = sum_in(*lfs, "oid");
  if (const int64_t bytes = count_in(*lfs, "size")) f.bytes = bytes;
  return f;
}

std::vector<RemoteFile> huggingface_files_in(const Json& list, const std::string& commit) {
  std::vector<RemoteFile> all;
  for (const Json& entry : list) {
    if (text_in(entry, "type") != "directory") all.push_back(huggingface_file(entry, commit));
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

Error several(const Reference& where, const std::vector<RemoteFile>& files) {
  return {Code::invalid, where.repository + " has several GGUF files" +
                             (where.file.empty() ? "" : " that '" + where.file + "' may mean") +
                             "; name one, as in " + where.text + ":" + files.front().path +
                             " (there are: " + named(files) + ")"};
}

// The file that a reference means by name, folder or a word of its name; all pieces of a split GGUF.
Result<std::vector<RemoteFile>> files_named(const std::vector<RemoteFile>& all, const Reference& where,
                                            const std::vector<RemoteFile>& ggufs) {
  std::vector<std::string> paths;
  for (const RemoteFile& f : all) paths.push_back(f.path);
  const std::vector<std::string> meant = paths_meant(paths, where.file);
  if (meant.empty())
    return Error{Code::not_found, where.repository + " has no file " + where.file +
                                      "; it has: " + named(ggufs.empty() ? all : ggufs)};
  std::vector<RemoteFile> chosen = with_siblings(all, meant.front());
  if (meant.size() == 1 || chosen.size() == meant.size()) return chosen;
  std::vector<RemoteFile> candidates;
  std::copy_if(all.begin(), all.end(), std::back_inserter(candidates), [&](const RemoteFile& f) {
    return std::find(meant.begin(), meant.end(), f.path) != meant.end();
  });
  return several(where, candidates);
}

}  // namespace

Repository::Repository(const Reference& where, const PullOptions& options)
    : where_(where),
      host_(where.kind == Kind::huggingface ? hub_hosts(options.hf_host).huggingface
                                            : hub_hosts("", options.modelscope_host).modelscope) {}

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
    std::vector<RemoteFile> all =
        huggingface_files_in(list_in(*described, "siblings"), text_in(*described, "sha"));
    if (!all.empty()) return all;
  } else if (described.error().code != Code::not_found) {
    return described.error();
  }
  AUTARK_TRY(const Json tree, get(model + "/tree/" + revision + "?recursive=true"));
  return huggingface_files_in(tree.is_array() ? tree : Json::array(), "");
}

Result<std::vector<RemoteFile>> Repository::modelscope_files() const {
  AUTARK_TRY(const Json answer, get("/api/v1/models/" + http::percent_encoded(where_.repository) +
                                    "/repo/files?Revision=" + http::percent_encoded(where_.revision, false) +
                                    "&Recursive=true"));
  const auto data = answer.is_object() ? answer.find("Data") : answer.end();
  std::vector<RemoteFile> all;
  for (const Json& entry : data == answer.end() ? Json::array() : list_in(*data, "Files")) {
    if (text_in(entry, "Type") == "tree") continue;
    all.push_back({.path = text_in(entry, "Path"),
                   .bytes = count_in(entry, "Size"),
                   .sha256 = sum_in(entry, "Sha256"),
                   .version = text_in(entry, "Revision")});
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

Result<std::vector<RemoteFile>> files_needed(const std::vector<RemoteFile>& all, const Reference& where) {
  std::vector<RemoteFile> chosen, ggufs;
  const auto has = [&](auto what) { return std::any_of(all.begin(), all.end(), what); };
  std::copy_if(all.begin(), all.end(), std::back_inserter(ggufs), is_gguf);
  if (!where.file.empty()) {
    AUTARK_TRY(chosen, files_named(all, where, ggufs));
  } else if (has([](const RemoteFile& f) { return at_root(f) && f.path.ends_with(".safetensors"); })) {
    const bool consolidated_too = !has(
        [](const RemoteFile& f) { return f.path.starts_with("model") && f.path.ends_with(".safetensors"); });
    std::copy_if(all.begin(), all.end(), std::back_inserter(chosen),
                 [&](const RemoteFile& f) { return belongs_to_checkpoint(f, consolidated_too); });
  } else if (!ggufs.empty()) {
    chosen = with_siblings(all, ggufs.front().path);
    if (chosen.size() != ggufs.size()) return several(where, ggufs);
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
