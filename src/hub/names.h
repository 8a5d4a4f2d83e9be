// Parses what users write for a model: references such as hf:org/name@rev:file, and the addresses of a hub's
// pages. Also checks names from users and servers, which must not lead out of their folder.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "base/result.h"

namespace autark::hub {

// Base addresses of the hubs.
struct HubHosts {
  std::string huggingface, modelscope;  // "https://host", no slash at the end
};
// The given hosts; an empty one is replaced by HF_ENDPOINT or MODELSCOPE_ENDPOINT, else by the public host.
HubHosts hub_hosts(const std::string& huggingface = "", const std::string& modelscope = "");

// A parsed reference.
struct Reference {
  enum class Kind { huggingface, modelscope, url, name, path };
  Kind kind = Kind::name;
  std::string repository, revision, file;  // hubs only; `file` may be empty
  std::string text;    // hubs: "hf:org/name", without the file; else the URL, name or path
  std::string sha256;  // of a URL that ends in #sha256=…
  std::string page;    // if the URL was the address of a page about the file: that address
};

// Parses hf:org/name[@revision][:file], modelscope:…, http(s)://…, a name or a path. A name is any text that
// is safe below the model folder (is_safe_path); everything else is a path ("/…", "./…", "~/…"). The address
// of a repository's page means the repository, that of a file's page means the file.
Result<Reference> parse_reference(const std::string& text, const HubHosts& hosts = hub_hosts());

// The repository that "org/name[@revision][:file]" or "hf.co/org/name…" names; empty if it names none. Call
// it after nothing was found here under that name.
std::optional<Reference> repository_named(const std::string& text, const HubHosts& hosts = hub_hosts());

// The model's folder, relative to the model folder. A revision other than the default has a folder of
// its own.
std::string folder_of(const Reference& where);

// The `paths` that the file part of a reference means: the file itself, else the GGUF files in a folder of
// that name, else the GGUF files with that word in their names, as in hf:org/name:Q4_K_M.
std::vector<std::string> paths_meant(const std::vector<std::string>& paths, const std::string& file);

// A text that all pieces of one split GGUF share: "model-00001-of-00003.gguf" → "model-00003.gguf". Empty for
// other files.
std::string split_prefix(const std::string& file);

// Whether `path` is relative and has no "..", no empty or hidden part, no control character and no backslash.
bool is_safe_path(std::string_view path);
// Whether `text` is a SHA-256 in lower-case hex.
bool is_sha256(std::string_view text);
// Whether `text` has exactly so many hex digits, in lower case.
bool is_hex(std::string_view text, size_t digits);

}  // namespace autark::hub
