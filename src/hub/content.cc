#include "hub/content.h"
#include <algorithm>
#include <fstream>
#include <vector>
#include "base/gguf.h"
#include "base/json.h"
#include "hub/names.h"

namespace autark::hub {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPage = "an HTML page";
constexpr const char* kMarkup = "XML, as a server's message";
constexpr const char* kPointer = "a Git LFS pointer, not the file that it stands for";
constexpr uint64_t kHeaderBytesMax = uint64_t{100} << 20;  // header of a safetensors file

std::string beginning_of(const fs::path& path, size_t bytes) {
  std::string text(bytes, '\0');
  std::ifstream in(path, std::ios::binary);
  in.read(text.data(), static_cast<std::streamsize>(bytes));
  text.resize(static_cast<size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  return text;
}

// `bytes` in lower case, without a leading byte order mark and leading white space.
std::string as_text(std::string_view bytes) {
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  bytes.remove_prefix(std::min(bytes.find_first_not_of(" \t\r\n"), bytes.size()));
  std::string text(bytes);
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

uint64_t number_at(std::string_view bytes) {  // 8 bytes, little-endian
  uint64_t n = 0;
  for (int i = 7; i >= 0; --i) n = n << 8 | static_cast<unsigned char>(bytes[i]);
  return n;
}

Error wrong(const std::string& name, const std::string& wanted, std::string_view beginning) {
  const std::string came = known_content(beginning);
  return {Code::invalid, name + " is not a " + wanted + " but " + (came.empty() ? "something else" : came)};
}

Result<bool> check_gguf(const fs::path& path, const std::string& name, std::string_view head, Length length) {
  if (!head.starts_with("GGUF")) return wrong(name, "GGUF file", head);
  if (length == Length::told || !split_prefix(name).empty()) return true;
  const auto opened = Gguf::open(path);
  if (!opened) return Error{Code::invalid, name + " is not a complete GGUF file: " + opened.error().message};
  return true;
}

// u64 length of the header | header: {"name": {"dtype", "shape", "data_offsets": [from, to]}, …} | data
Result<bool> check_safetensors(const fs::path& path, const std::string& name, std::string_view head) {
  std::error_code fault;
  const uintmax_t bytes = fs::file_size(path, fault);
  const uint64_t header = head.size() < 9 || head[8] != '{' ? 0 : number_at(head);
  if (fault || header < 2 || header > kHeaderBytesMax || header > bytes - 8)
    return wrong(name, "safetensors file", head);
  const std::string text = beginning_of(path, 8 + header).substr(8);
  const auto tensors = parse_json(text, name);
  if (!tensors || !tensors->is_object()) return wrong(name, "safetensors file", head);
  for (const Json& t : *tensors) {
    const auto place = t.is_object() ? t.find("data_offsets") : t.end();
    if (place == t.end()) continue;
    const bool whole = place->is_array() && place->size() == 2 && (*place)[1].is_number_unsigned() &&
                       (*place)[1].get<uint64_t>() <= bytes - 8 - header;
    if (!whole)
      return Error{Code::invalid,
                   name + " is not a complete safetensors file: it ends before its tensors do"};
  }
  return true;
}

// A text file may have any content that is not recognised as something else. A template may begin with "<"
// or "{".
Result<bool> check_text(const std::string& name, std::string_view head) {
  const std::string came = known_content(head);
  const bool other = came == kPage || came == kPointer || came.starts_with("compressed");
  if (!name.ends_with(".json")) {
    if (other) return wrong(name, "text file", head);
  } else if (other || came == kMarkup || (name == "config.json" && !as_text(head).starts_with('{'))) {
    return wrong(name, "JSON file", head);
  }
  return true;
}

}  // namespace

std::string known_content(std::string_view beginning) {
  if (beginning.empty()) return "an empty file";
  static const std::vector<std::pair<std::string_view, const char*>> kBinary = {
      {"GGUF", "a GGUF file"},
      {"\x1f\x8b", "compressed with gzip"},
      {"PK\x03\x04", "a zip archive"},
      {"\x28\xb5\x2f\xfd", "compressed with zstd"},
      {"\xfd"
       "7zXZ",
       "compressed with xz"},
      {"BZh", "compressed with bzip2"},
      {"lmgg", "a GGML file from before GGUF"},
      {"fmgg", "a GGML file from before GGUF"},
      {"tjgg", "a GGML file from before GGUF"},
  };
  for (const auto& [mark, what] : kBinary) {
    if (beginning.starts_with(mark)) return what;
  }
  if (beginning.size() > 8 && beginning[8] == '{' && number_at(beginning) <= kHeaderBytesMax)
    return "a safetensors file";
  const std::string text = as_text(beginning);
  if (text.starts_with("version https://git-lfs")) return kPointer;
  for (const char* mark : {"<!doctype html", "<html", "<head", "<body"}) {
    if (text.starts_with(mark)) return kPage;
  }
  if (text.starts_with("<")) return kMarkup;
  if (text.starts_with("{") || text.starts_with("[")) return "JSON, as a server's message";
  return "";
}

Result<bool> check_beginning(const fs::path& path, const std::string& name) {
  const std::string head = beginning_of(path, 512);
  const std::string file = fs::path(name).filename();
  const bool weights = file.ends_with(".gguf") || file.ends_with(".safetensors");
  if (head.size() < 4 || (weights && known_content(head).empty())) return true;
  if (file.ends_with(".gguf")) return check_gguf(path, file, head, Length::told);
  if (!file.ends_with(".safetensors")) return check_text(file, head);
  if (head.size() < 9 || head[8] == '{') return true;
  return wrong(file, "safetensors file", head);
}

Result<bool> check_content(const fs::path& path, const std::string& name, Length length) {
  const std::string head = beginning_of(path, 512);
  const std::string file = fs::path(name).filename();
  if (file.ends_with(".gguf")) return check_gguf(path, file, head, length);
  if (file.ends_with(".safetensors")) return check_safetensors(path, file, head);
  return check_text(file, head);
}

}  // namespace autark::hub
