#include "weights/model_name.h"
#include <algorithm>
#include <cctype>
#include "base/file_kind.h"
#include "base/gguf.h"

namespace autark {
namespace {

namespace fs = std::filesystem;

constexpr size_t kNameBytesMax = 200;

std::string lower(std::string_view text) {
  std::string s(text);
  for (char& c : s) c = char(std::tolower(static_cast<unsigned char>(c)));
  return s;
}

// Absolute, without "." and "..". A link before a ".." is followed, as the system would.
fs::path plain_path(const fs::path& path) {
  std::error_code failed;
  const fs::path whole = fs::absolute(path, failed);
  fs::path plain;
  for (const fs::path& part : failed ? path : whole) {
    if (part == "..") {
      const fs::path real = fs::weakly_canonical(plain, failed);
      plain = (failed ? plain : real).parent_path();
    } else if (!part.empty() && part != ".") {
      plain /= part;
    }
  }
  return plain;
}

// "sha256-…", or 40 or 64 hex digits.
bool is_hash(std::string_view name) {
  for (const std::string_view prefix : {"sha256-", "sha256:"})
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  const bool hex = name.find_first_not_of("0123456789abcdefABCDEF") == name.npos;
  return hex && (name.size() == 40 || name.size() == 64);
}

// "models--org--name" → "name"
std::string repository_of(std::string_view folder) {
  constexpr std::string_view kKind = "models--", kBetween = "--";
  if (!folder.starts_with(kKind)) return {};
  const std::string_view id = folder.substr(kKind.size());
  const size_t owner = id.find(kBetween);
  return std::string(owner == id.npos ? id : id.substr(owner + kBetween.size()));
}

// The folder's name, or, inside a hub's cache, that of its repository.
std::string name_of_folder(fs::path folder) {
  while (is_hash(folder.filename().string()) || folder.filename() == "snapshots" ||
         folder.filename() == "blobs")
    folder = folder.parent_path();
  const std::string name = folder.filename().string(), repository = repository_of(name);
  return repository.empty() ? name : repository;
}

// "x-00001-of-00003.gguf?download=true" → "x"
std::string stem_of(std::string name) {
  const size_t query = name.find('?');
  if (query != name.npos && lower(name).substr(0, query).ends_with(".gguf")) name.resize(query);
  if (lower(name).ends_with(".gguf")) name.resize(name.size() - 5);
  const size_t shard = shard_number_at(name);
  if (shard != name.npos && shard > 1) name.resize(shard - 1);
  return name;
}

// One line of at most kNameBytesMax bytes, without control characters and outer spaces.
std::string tidy(std::string name) {
  std::erase_if(name, [](unsigned char c) { return c < ' ' || c == 127; });
  if (name.size() > kNameBytesMax) {
    size_t end = kNameBytesMax;
    while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;
    name.resize(end);
  }
  const size_t from = name.find_first_not_of(' '), to = name.find_last_not_of(' ');
  return from == name.npos ? "" : name.substr(from, to - from + 1);
}

// The name stored in the file, else that of a repository folder around it, else the hash.
std::string name_of_hashed(const fs::path& file) {
  const auto g = Gguf::open(file);
  std::string said = tidy(std::string(g ? g->text("general.name").value_or("") : ""));
  if (!said.empty()) return said;
  for (fs::path folder = file.parent_path(); folder.has_relative_path(); folder = folder.parent_path())
    if (std::string repository = repository_of(folder.filename().string()); !repository.empty())
      return repository;
  return file.filename().string();
}

}  // namespace

std::string model_name(const fs::path& path) {
  const fs::path plain = plain_path(path);
  std::error_code failed;
  std::string name;
  if (fs::is_directory(plain, failed)) {
    name = tidy(name_of_folder(plain));
  } else {
    const std::string stem = stem_of(plain.filename().string());
    name = tidy(is_hash(stem) || stem.empty() ? name_of_hashed(plain) : stem);
  }
  return name.empty() ? "model" : name;
}

}  // namespace autark
