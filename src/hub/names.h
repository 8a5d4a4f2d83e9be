// What the user and remote servers call things: references such as hf:org/name@rev:file, the addresses of a
// hub's pages, and file names that must not leave the folder they are meant for.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "base/result.h"

namespace autark::hub {

struct HubHosts {
  std::string huggingface, modelscope;  // "https://host", no slash at the end
};
// What is given, else HF_ENDPOINT and MODELSCOPE_ENDPOINT, else the public ones.
HubHosts hub_hosts(const std::string& huggingface = "", const std::string& modelscope = "");

struct Reference {
  enum class Kind { huggingface, modelscope, url, name, path };
  Kind kind = Kind::name;
  std::string repository, revision, file;  // the hubs; file may be empty
  std::string text;    // the hubs: without the file, as in "hf:org/name"; else the URL, the name or the path
  std::string sha256;  // of a URL that ends in #sha256=…
  std::string page;    // of a URL that was read from the address of a page about the file: that address
};

// hf:org/name[@revision][:file], modelscope:…, http(s)://…; a name is what could be one below the model
// folder, all else is a path ("/…", "./…", "~/…"). The page of a repository on a hub means the repository,
// the page of a file means the file.
Result<Reference> parse_reference(const std::string& text, const HubHosts& hosts = hub_hosts());

// What "org/name[@revision][:file]" and "hf.co/org/name…" mean where nothing here has that name; empty: they
// mean no repository.
std::optional<Reference> repository_named(const std::string& text, const HubHosts& hosts = hub_hosts());

// Where a model lies below the model folder. Each revision that was asked for by name has its own place.
std::string folder_of(const Reference& where);

// Those of `paths` that a reference's file means: that file, else the GGUF files in that folder, else the
// GGUF files with that word in their names, as in hf:org/name:Q4_K_M.
std::vector<std::string> paths_meant(const std::vector<std::string>& paths, const std::string& file);

// "model-00001-of-00003.gguf" → "model-00003.gguf": what the pieces of a split GGUF share; else empty.
std::string split_prefix(const std::string& file);

// Relative, no "..", no empty or hidden part, no control characters or backslashes.
bool is_safe_path(std::string_view path);
bool is_sha256(std::string_view text);
bool is_hex(std::string_view text, size_t digits);  // in lower case

}  // namespace autark::hub
