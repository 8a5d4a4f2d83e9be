// The models that `pull` knows by name: catalogue/NAME.toml, compiled into the program. catalogue/README.md
// says what stands in such a file.
#pragma once
#include <optional>
#include <span>
#include <string_view>
#include "hub/hub.h"

namespace autark::hub {

struct CatalogueFile {
  std::string_view name, text;  // "qwen2.5-coder-0.5b", the TOML
};
std::span<const CatalogueFile> catalogue_files();

// A member of a Python wheel whose bytes are a piece of the model.
struct PackagePart {
  std::string package, version, member;
};

struct Source {
  enum class Kind { packages, huggingface, modelscope };
  Kind kind = Kind::packages;
  std::vector<PackagePart> parts;          // packages: concatenated in this order
  std::string repository, revision, file;  // the hubs
};

struct Entry : CatalogueEntry {
  std::vector<Source> sources;  // in the order to try
};

Result<Entry> parse_entry(const CatalogueFile& file);
std::optional<Entry> find_entry(std::string_view name);

// What pull() does for a name.
Result<std::filesystem::path> pull_entry(const Entry& entry, const PullOptions& options);

}  // namespace autark::hub
