#include "text/testing.h"
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string_view>

namespace autark::text {

std::string read_all(const std::filesystem::path& file) {
  std::string text;
  if (file.extension() == ".gz") {
    std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(("gzip -dc '" + file.string() + "'").c_str(), "r"),
                                               pclose);
    char buffer[1 << 16];
    for (size_t n; pipe && (n = fread(buffer, 1, sizeof buffer, pipe.get())) > 0;) text.append(buffer, n);
    return text;
  }
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<Json> read_rows(const std::filesystem::path& file) {
  const std::string text = read_all(file);
  std::vector<Json> rows;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (end > at)
      rows.push_back(parse_json(std::string_view(text).substr(at, end - at), file.string()).value());
    at = end + 1;
  }
  return rows;
}

std::filesystem::path cache_folder() {
  return std::filesystem::path(getenv("HOME") ? getenv("HOME") : "/root") / ".cache/autark";
}

std::filesystem::path tokenizer_folder(const std::string& name) {
  const char* told = getenv("AUTARK_TOKENIZERS");
  return (told ? std::filesystem::path(told) : cache_folder() / "tests/tokenizers") / name;
}

std::filesystem::path model_file(const std::string& name) {
  const char* told = getenv("AUTARK_MODELS");
  const std::filesystem::path folder =
      (told ? std::filesystem::path(told) : cache_folder() / "models") / name;
  std::error_code ec;
  for (const auto& e : std::filesystem::directory_iterator(folder, ec))
    if (e.path().extension() == ".gguf") return e.path();
  return {};
}

std::filesystem::path golden_file(const std::string& name) {
  if (const char* all = getenv("AUTARK_GOLDEN"); all && *all)
    for (const char* end : {".jsonl.gz", ".jsonl"})
      if (auto f = std::filesystem::path(all) / "text" / (name + end); std::filesystem::exists(f)) return f;
  return std::filesystem::path(AUTARK_SOURCE_DIR) / "tests/golden/text" / (name + ".jsonl");
}

}  // namespace autark::text
