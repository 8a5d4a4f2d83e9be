// JSON of the files beside a model's weights, as Python writes it: NaN, Infinity and -Infinity are
// accepted and become strings of that spelling. Code that needs a number then reports the string; nothing
// computes with it.
#pragma once
#include <filesystem>
#include "base/json.h"

namespace autark {

inline constexpr size_t kModelJsonBytesMax = size_t{64} << 20;

// As parse_json, and accepts Python's numbers.
Result<Json> parse_model_json(std::string_view text, std::string_view what, JsonLimits limits = {});

// Reads a file that must exist and hold a JSON object. `bytes_max` limits its size.
Result<Json> read_model_json(const std::filesystem::path& file, size_t bytes_max = kModelJsonBytesMax);

// Whether optional_model_json warns about a file that it cannot use.
enum class Ignored : uint8_t { silently, with_a_word };

// Reads a file that a model can do without. An empty object if there is no such file or it cannot be used;
// the second case is a warning on standard error unless `how` is silently.
Json optional_model_json(const std::filesystem::path& file, Ignored how = Ignored::with_a_word,
                         size_t bytes_max = kModelJsonBytesMax);

// Prints "autark: warning: WHAT; it is ignored" to standard error.
void warn_ignored(const std::string& what);

}  // namespace autark
