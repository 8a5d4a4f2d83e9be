#include "base/file_kind.h"
#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <fstream>

namespace autark {
namespace {

namespace fs = std::filesystem;

constexpr size_t kHeadBytes = 256;
constexpr int kEntriesMax = 10000;  // entries of a folder that are examined at most

// The first bytes of a regular file. Anything else is not opened: reading a pipe would block.
std::string head_of(const fs::path& path) {
  std::error_code failed;
  if (!fs::is_regular_file(path, failed)) return {};
  std::ifstream in(path, std::ios::binary);
  std::string head(kHeadBytes, '\0');
  in.read(head.data(), kHeadBytes);
  head.resize(size_t(std::max<std::streamsize>(in.gcount(), 0)));
  return head;
}

std::string lower(std::string_view text) {
  std::string s(text);
  for (char& c : s) c = char(std::tolower(static_cast<unsigned char>(c)));
  return s;
}

// A safetensors file begins with the u64 length of its header and the header, a JSON object.
bool is_safetensors(std::string_view head, const fs::path& path) {
  if (head.size() < 10 || head[8] != '{') return false;
  uint64_t header = 0;
  std::memcpy(&header, head.data(), sizeof header);
  std::error_code failed;
  const uint64_t size = fs::file_size(path, failed);
  return !failed && header >= 2 && header <= size - 8;
}

bool is_named(const fs::path& path, std::string_view part) {
  return lower(path.filename().string()).find(part) != std::string::npos;
}

std::string kind_of_text(std::string_view head) {
  const size_t from = head.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (from == head.npos) return "is blank";
  const std::string text = lower(head.substr(from));
  if (text.starts_with("<!doctype html") || text.starts_with("<html")) return "is an HTML page";
  if (text.starts_with("<")) return "is XML or HTML";
  if (text.starts_with("version https://git-lfs"))
    return "is a Git LFS pointer, whose file was not fetched (`git lfs pull` gets it)";
  if (text.starts_with("{") || text.starts_with("[")) return "is JSON";
  return "is neither GGUF nor safetensors";
}

std::string kind_of_bytes(std::string_view head) {
  constexpr std::array<std::pair<std::string_view, const char*>, 5> kMagic = {{
      {"PK\3\4", "is a zip archive or a PyTorch file"},
      {"\x80\x02", "is a Python pickle"},
      {"\x1f\x8b", "is a gzip archive"},
      {"lmgg", "is a GGML file, the form before GGUF"},
      {"tjgg", "is a GGML file, the form before GGUF"},
  }};
  for (const auto& [magic, what] : kMagic)
    if (head.starts_with(magic)) return what;
  return kind_of_text(head);
}

bool is_projector(const fs::path& file) {
  return is_named(file, "mmproj");
}

bool is_later_shard(const fs::path& file) {
  const std::string name = file.filename().string();
  const size_t at = shard_number_at(name);
  return at != name.npos && name.compare(at, 5, "00001") != 0;
}

}  // namespace

FileKind kind_of_file(const fs::path& path) {
  std::error_code failed;
  const fs::file_status status = fs::status(path, failed);
  if (!fs::exists(status)) return FileKind::missing;
  if (fs::is_directory(status)) return FileKind::directory;
  const std::string head = head_of(path);
  if (head.starts_with("GGUF")) return FileKind::gguf;
  const std::string ending = lower(path.extension().string());
  if (ending == ".safetensors" || is_safetensors(head, path)) return FileKind::safetensors;
  return FileKind::other;
}

std::string said_of_file(const fs::path& path) {
  std::error_code failed;
  const fs::file_status status = fs::status(path, failed);
  if (!fs::exists(status)) return fs::is_symlink(path, failed) ? "is a link to nothing" : "does not exist";
  if (!fs::is_regular_file(status)) return "is not a regular file";
  if (fs::file_size(path, failed) == 0) return "is empty";
  const std::string head = head_of(path);
  if (head.empty()) return "cannot be read";
  return kind_of_bytes(head) + ", not a model";
}

std::string folder_wanted(const fs::path& file) {
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  return file.string() +
         " holds weights only; give the folder that has its config.json and tokenizer.json, " +
         folder.string();
}

std::vector<fs::path> ggufs_in(const fs::path& folder) {
  std::vector<fs::path> known, named;
  std::error_code failed;
  int seen = 0;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    if (++seen > kEntriesMax) break;
    const fs::path& p = at->path();
    if (is_projector(p) || is_later_shard(p)) continue;
    const FileKind kind = kind_of_file(p);
    if (kind == FileKind::gguf) known.push_back(p);
    if (kind == FileKind::other && lower(p.extension().string()) == ".gguf") named.push_back(p);
  }
  std::vector<fs::path>& all = known.empty() ? named : known;
  std::ranges::sort(all);
  return std::move(all);
}

bool has_safetensors(const fs::path& folder) {
  std::error_code failed;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    const std::string name = at->path().filename().string();
    if (name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json")) return true;
  }
  return false;
}

size_t shard_number_at(std::string_view name) {
  constexpr std::string_view kOf = "-of-";
  const auto digits = [&](size_t from) {
    const std::string_view five = name.substr(std::min(from, name.size()), 5);
    return five.size() == 5 && five.find_first_not_of("0123456789") == five.npos;
  };
  const size_t of = name.rfind(kOf);
  const bool is =
      of != name.npos && of >= 6 && name[of - 6] == '-' && digits(of - 5) && digits(of + kOf.size());
  return is ? of - 5 : name.npos;
}

}  // namespace autark
