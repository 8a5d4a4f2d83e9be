// JSON of the files beside a model's weights, as Python writes and reads it. NaN, Infinity and -Infinity are
// read as texts of that spelling: whoever needs the number refuses it by name, and nobody computes with it.
#pragma once
#include <filesystem>
#include "base/json.h"

namespace autark {

inline constexpr size_t kModelJsonBytesMax = size_t{64} << 20;

Result<Json> parse_model_json(std::string_view text, std::string_view what, JsonLimits limits = {});

// An object in a file that must be there.
Result<Json> read_model_json(const std::filesystem::path& file, size_t bytes_max = kModelJsonBytesMax);

enum class Ignored : uint8_t { silently, with_a_word };

// An object in a file that a model can do without: empty where there is no such file, and where it cannot be
// used, which standard error may be told.
Json optional_model_json(const std::filesystem::path& file, Ignored how = Ignored::with_a_word,
                         size_t bytes_max = kModelJsonBytesMax);

// "autark: warning: FILE …; it is ignored" on standard error.
void warn_ignored(const std::string& what);

}  // namespace autark
