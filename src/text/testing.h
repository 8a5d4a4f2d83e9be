// For tests: golden rows from files of JSON lines (plain or .gz), and the paths of tokenizers.
#pragma once
#include <filesystem>
#include <string>
#include <vector>
#include "base/json.h"

namespace autark::text {

std::string read_all(const std::filesystem::path& file);
std::vector<Json> read_rows(const std::filesystem::path& file);
std::filesystem::path cache_folder();

// Where tests/fetch_tokenizers puts NAME.
std::filesystem::path tokenizer_folder(const std::string& name);

// The first GGUF file of a model in the model folder; empty when it is not there.
std::filesystem::path model_file(const std::string& name);

// Golden files: the whole set where AUTARK_GOLDEN names it, else the selection in the repository.
std::filesystem::path golden_file(const std::string& name);

}  // namespace autark::text
