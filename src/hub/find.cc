// Finds the models on this machine and the one that a name means.
#include <algorithm>
#include <cstdlib>
#include "base/file_kind.h"
#include "base/mapped_file.h"
#include "hub/catalogue.h"
#include "hub/names.h"

namespace autark::hub {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code fault;
  return fs::exists(path, fault);
}

// The path to open in a folder: the folder itself if it has safetensors and their config.json, otherwise its only
// GGUF file; repositories of GGUF files often have a config.json, too. A folder with neither is returned: a
// config.json or tokenizer files are enough for some commands.
Result<fs::path> inside(const fs::path& folder) {
  std::error_code fault;
  if (!fs::is_directory(folder, fault) || (is_there(folder / "config.json") && has_safetensors(folder)))
    return folder;
  const std::vector<fs::path> files = ggufs_in(folder);
  if (files.size() == 1) return files.front();
  if (files.empty()) return folder;
  std::string names;
  for (const fs::path& f : files) names += (names.empty() ? "" : ", ") + f.filename().string();
  return Error{Code::invalid, folder.string() + " holds several models; name one of the files: " + names};
}

std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> all;
  std::error_code fault;
  for (fs::directory_iterator at(folder, fault), end; !fault && at != end; at.increment(fault)) {
    std::error_code vanished;
    if (at->is_directory(vanished)) all.push_back(at->path());
  }
  std::sort(all.begin(), all.end());
  return all;
}

// The revision in refs/main; empty if there is none or if it cannot be the name of a folder.
std::string main_revision(const fs::path& entry) {
  constexpr size_t kBytesMax = 1024;
  const auto text = read_file(entry / "refs/main", kBytesMax);
  if (!text) return {};
  const size_t from = text->find_first_not_of(" \t\r\n"), to = text->find_last_not_of(" \t\r\n");
  if (from == text->npos) return {};
  const std::string revision = text->substr(from, to - from + 1);
  return is_safe_path(revision) && revision.find('/') == revision.npos ? revision : std::string();
}

Result<fs::path> find_path(const fs::path& path) {
  if (is_there(path)) return snapshot_in(path);
  return Error{Code::not_found, path.string() + " " + said_of_file(path)};
}

// Whether something on this machine has this name. Then it does not mean a repository on a hub.
bool is_here(const std::string& name) {
  const fs::path place = model_folder() / name;
  return is_there(place) || is_there(name) || is_there(place.string() + ".gguf");
}

// The file in a pulled repository that `file` names, in whole or by a word such as "Q4_K_M".
fs::path meant_in(const fs::path& folder, const std::string& file) {
  std::vector<std::string> paths;
  std::error_code fault;
  for (fs::recursive_directory_iterator at(folder, fault), end; !fault && at != end; at.increment(fault)) {
    const std::string path = at->path().lexically_relative(folder);
    if (is_safe_path(path) && at->path().extension() != ".part") paths.push_back(path);
  }
  std::sort(paths.begin(), paths.end());
  const std::vector<std::string> meant = paths_meant(paths, file);
  const auto same_set = [&](const std::string& p) { return split_prefix(p) == split_prefix(meant.front()); };
  const bool one = meant.size() == 1 || (!meant.empty() && !split_prefix(meant.front()).empty() &&
                                         std::all_of(meant.begin(), meant.end(), same_set));
  return folder / (one ? meant.front() : file);
}

// The repository that a name of the catalogue means and that was pulled, from whichever hub.
std::optional<Reference> pulled_entry(const std::string& name) {
  const auto entry = find_entry(name);
  if (!entry || !entry->file.empty()) return std::nullopt;
  for (const Source& source : entry->sources)
    if (is_there(model_folder() / folder_of(reference_of(source)))) return reference_of(source);
  return std::nullopt;
}

Error unknown(const std::string& text, const Reference& name) {
  const bool can_pull = name.kind != Reference::Kind::name || find_entry(text).has_value();
  return {Code::not_found,
          "there is no model '" + text + "' in " + model_folder().string() + "; " +
              (can_pull ? "`autark pull " + text + "` gets it"
                        : "give a path, or see `autark pull --list` for the names that can be pulled")};
}

}  // namespace

fs::path model_folder() {
  const char* chosen = std::getenv("AUTARK_MODELS");
  if (chosen && *chosen) return chosen;
  const char* home = std::getenv("HOME");
  return fs::path(home && *home ? home : ".") / ".cache/autark/models";
}

Result<fs::path> snapshot_in(const fs::path& path) {
  std::error_code fault;
  if (!fs::is_directory(path / "snapshots", fault) || is_there(path / "config.json")) return path;
  const std::string revision = main_revision(path);
  const fs::path named = path / "snapshots" / revision;
  if (!revision.empty() && fs::is_directory(named, fault)) return named;
  const std::vector<fs::path> all = folders_in(path / "snapshots");
  if (all.size() == 1) return all.front();
  const std::string why = path.string() + ": refs/main " +
                          (revision.empty() ? "is missing" : "names a snapshot that is not there") + ", and ";
  if (all.empty()) return Error{Code::not_found, why + "there is no snapshot at all; get the model again"};
  std::string names;
  for (const fs::path& p : all) names += (names.empty() ? "" : ", ") + p.string();
  return Error{Code::invalid, why + "there are several; name one of them: " + names};
}

Result<fs::path> place_of_model(const std::string& name_or_path) {
  const std::string text = name_or_path.empty() ? kDefaultModel : name_or_path;
  AUTARK_TRY(Reference name, parse_reference(text));
  if (name.kind == Reference::Kind::path) return find_path(name.text);
  if (name.kind == Reference::Kind::name && !is_here(text)) {
    const auto pulled = pulled_entry(text);
    name = pulled ? *pulled : repository_named(text).value_or(name);
  }
  fs::path place = model_folder() / folder_of(name);
  if (!name.file.empty()) place = meant_in(place, name.file);
  if (name.kind == Reference::Kind::name && !is_there(place) && is_there(text))
    return find_path(text);  // "models/x.gguf"
  if (name.kind == Reference::Kind::name && !is_there(place) && is_there(place.string() + ".gguf"))
    return fs::path(place.string() + ".gguf");
  if (!is_there(place)) return unknown(text, name);
  if (is_there(place / ".pull") && !is_there(place / "config.json") && ggufs_in(place).empty())
    return Error{Code::not_found, text + " was not pulled to the end; `autark pull " + text + "` goes on"};
  return place;
}

Result<fs::path> find_model(const std::string& name_or_path) {
  AUTARK_TRY(const fs::path place, place_of_model(name_or_path));
  return inside(place);
}

}  // namespace autark::hub
