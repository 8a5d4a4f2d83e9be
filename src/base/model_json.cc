#include "base/model_json.h"
#include <cstdio>
#include "base/mapped_file.h"

namespace autark {
namespace {

// The non-finite number, as Python spells it, that begins at `at`; empty if there is none.
std::string_view python_number(std::string_view text, size_t at) {
  for (const std::string_view word : {"NaN", "Infinity", "-Infinity"})
    if (text.substr(at).starts_with(word)) {
      const size_t end = at + word.size();
      const bool ends = end == text.size() || std::string_view(" \t\r\n,]}").find(text[end]) != text.npos;
      return ends ? word : std::string_view();
    }
  return {};
}

// The index behind the string that begins at `at`.
size_t end_of_string(std::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at)
    if (text[at] == '\\') ++at;
  return std::min(at + 1, text.size());
}

// The text with Python's non-finite numbers in quotation marks; empty if there are none.
std::string quoted(std::string_view text) {
  std::string out;
  size_t copied = 0;
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '"') {
      at = end_of_string(text, at);
      continue;
    }
    const std::string_view word = python_number(text, at);
    if (word.empty()) {
      ++at;
      continue;
    }
    out.append(text.substr(copied, at - copied)).append("\"").append(word).append("\"");
    at = copied = at + word.size();
  }
  if (copied) out.append(text.substr(copied));
  return out;
}

}  // namespace

Result<Json> parse_model_json(std::string_view text, std::string_view what, JsonLimits limits) {
  auto plain = parse_json(text, what, limits);
  if (plain || text.size() > limits.bytes) return plain;
  const std::string python = quoted(text);
  if (python.empty()) return plain;
  limits.bytes += python.size() - text.size();
  auto read = parse_json(python, what, limits);
  return read ? std::move(read) : std::move(plain);
}

Result<Json> read_model_json(const std::filesystem::path& file, size_t bytes_max) {
  AUTARK_TRY(const std::string text, read_file(file, bytes_max));
  if (text.find_first_not_of(" \t\r\n") == text.npos)
    return Error{Code::invalid, file.string() + " is empty; get it again"};
  auto read = parse_model_json(text, file.string(), {.bytes = bytes_max});
  if (!read) return Error{read.error().code, read.error().message + "; is it cut off? get it again"};
  if (!read->is_object()) return Error{Code::invalid, file.string() + " is not a JSON object"};
  return read;
}

Json optional_model_json(const std::filesystem::path& file, Ignored how, size_t bytes_max) {
  std::error_code failed;
  if (!std::filesystem::exists(std::filesystem::symlink_status(file, failed))) return Json::object();
  auto read = read_model_json(file, bytes_max);
  if (read) return std::move(read).value();
  if (how == Ignored::with_a_word) warn_ignored(read.error().message);
  return Json::object();
}

void warn_ignored(const std::string& what) {
  std::fprintf(stderr, "autark: warning: %s; it is ignored\n", what.c_str());
}

}  // namespace autark
