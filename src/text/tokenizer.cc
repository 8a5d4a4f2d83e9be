// Finds a tokenizer in a directory, a tokenizer.json, a GGUF or a vocabulary file, and reads the files beside
// tokenizer.json that name special tokens (tokenizer_config.json, special_tokens_map.json,
// generation_config.json, config.json).
#include "text/tokenizer.h"
#include <algorithm>
#include "base/file_kind.h"
#include "base/mapped_file.h"
#include "base/model_json.h"
#include "text/crate_tokenizer.h"

namespace autark::text {
namespace {

namespace fs = std::filesystem;

// "bos_token": "<s>" or {"content": "<s>", …}
std::optional<std::string> token_text(const Json& v) {
  if (v.is_string()) return v.get<std::string>();
  if (v.is_object() && v.contains("content") && v["content"].is_string())
    return v["content"].get<std::string>();
  return std::nullopt;
}

void read_special_texts(const Json& config, TokenNames* names) {
  if (!config.is_object()) return;
  for (const auto& [key, value] : config.items()) {
    if (key == "extra_special_tokens" || key == "model_specific_special_tokens")
      read_special_texts(value, names);
    if (!key.ends_with("_token")) continue;
    if (auto text = token_text(value)) names->special.try_emplace(key, *text);
  }
}

// "eos_token_id": 2 or [2, 7]
void read_end_ids(const Json& config, TokenNames* names) {
  const auto ids = config.find("eos_token_id");
  if (ids == config.end()) return;
  auto add = [&](const Json& id) {
    if (id.is_number_unsigned() && id.get<uint64_t>() <= INT32_MAX) names->end.push_back(id.get<int32_t>());
  };
  if (!ids->is_array()) return add(*ids);
  for (const Json& id : *ids) add(id);
}

}  // namespace

TokenNames names_beside(const fs::path& folder) {
  TokenNames names;
  for (const char* file : {"tokenizer_config.json", "special_tokens_map.json"})
    read_special_texts(optional_model_json(folder / file), &names);
  // Faults in these files are reported where the model is opened.
  for (const char* file : {"generation_config.json", "config.json"})
    read_end_ids(optional_model_json(folder / file, Ignored::silently), &names);
  return names;
}

fs::path gguf_inside(const fs::path& folder) {
  const std::vector<fs::path> all = ggufs_in(folder);
  return all.empty() ? fs::path() : all.front();
}

std::unique_ptr<Tokenizer> with_names(CrateTokenizerHandle handle, TokenNames names) {
  if (auto eos = names.special.find("eos_token"); eos != names.special.end()) {
    const int64_t id = autark_tokenizer_id(handle.get(), borrow(eos->second));
    if (id >= 0) names.end.push_back(int32_t(id));
  }
  std::sort(names.end.begin(), names.end.end());
  names.end.erase(std::unique(names.end.begin(), names.end.end()), names.end.end());
  return std::make_unique<CrateTokenizer>(std::move(handle), std::move(names));
}

Result<std::unique_ptr<Tokenizer>> open_tokenizer_json(const fs::path& file) {
  AUTARK_TRY(std::string text, read_file(file));
  TokenNames names = names_beside(file.parent_path());
  autark_buffer error;
  CrateTokenizerHandle handle(autark_tokenizer_from_json(borrow(text), &error));
  if (!handle) return Error{Code::invalid, file.string() + ": " + take(error)};
  return with_names(std::move(handle), std::move(names));
}

Result<std::unique_ptr<Tokenizer>> Tokenizer::open(const fs::path& path) {
  switch (kind_of_file(path)) {
    case FileKind::missing:
      return Error{Code::not_found, path.string() + ": no such file or directory"};
    case FileKind::gguf:
      return open_gguf_tokenizer(path);
    case FileKind::safetensors:
      return Error{Code::invalid, folder_wanted(path)};
    case FileKind::other:
      if (path.extension() == ".json") return open_tokenizer_json(path);
      if (path.extension() == ".model" || path.extension() == ".tiktoken") return open_vocabulary_file(path);
      return Error{Code::not_found, path.string() + ": " + said_of_file(path) + ", and no tokenizer.json"};
    case FileKind::directory:
      break;
  }
  std::error_code ec;
  if (fs::exists(path / "tokenizer.json", ec)) return open_tokenizer_json(path / "tokenizer.json");
  if (const fs::path gguf = gguf_inside(path); !gguf.empty()) return open_gguf_tokenizer(gguf);
  if (const auto file = vocabulary_file_in(path)) return open_vocabulary_file(*file);
  return Error{Code::not_found, path.string() +
                                    ": neither tokenizer.json nor a GGUF file in this directory, "
                                    "nor tokenizer.model or a tiktoken file"};
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special) const {
  auto s = stream(skip_special);
  std::string text;
  for (int32_t id : ids) text += s->push(id);
  return text + s->flush();
}

}  // namespace autark::text
