// What the user and remote servers call things: references such as hf:org/name@rev:file, and file names that
// must not leave the folder they are meant for.
#pragma once
#include <string>
#include <string_view>
#include "base/result.h"

namespace autark::hub {

struct Reference {
  enum class Kind { huggingface, modelscope, url, name, path };
  Kind kind = Kind::name;
  std::string repository, revision, file;  // the hubs; file may be empty
  std::string text;                        // the URL, the name or the path
  std::string sha256;                      // of a URL that ends in #sha256=…
};

// hf:org/name[@revision][:file], modelscope:…, http(s)://…; a name is what could be one below the model
// folder, all else is a path ("/…", "./…", "~/…").
Result<Reference> parse_reference(const std::string& text);

// Relative, no "..", no empty or hidden part, no control characters or backslashes.
bool is_safe_path(std::string_view path);
bool is_sha256(std::string_view text);

}  // namespace autark::hub
