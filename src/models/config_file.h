// A checkpoint's config.json as a model reads it: keys that are absent or of another kind are remembered,
// so that loading names all of them at once. Dots walk into objects, where no key is spelled
// so as a whole: "rope_scaling.factor".
#pragma once
#include <optional>
#include <string>
#include <vector>
#include "base/json.h"

namespace autark {

inline constexpr int64_t kLayersMax = 4096;
inline constexpr int64_t kIntMax = int64_t{1} << 30;  // no size of a model; products of two fit into 64 bits

class ConfigFile {
 public:
  explicit ConfigFile(const Json& json) : json_(json) {}

  // Numbers that must be there. Absent ones, and whole numbers outside [min, max], are a fault and read as
  // min.
  int64_t need_int(const std::string& key, int64_t min = 1, int64_t max = kIntMax) const;
  double need_number(const std::string& key) const;

  // `fallback` where the key is absent or null.
  int64_t value(const std::string& key, int64_t fallback) const;
  int64_t value(const std::string& key, int fallback) const { return value(key, int64_t{fallback}); }
  double value(const std::string& key, double fallback) const;
  bool value(const std::string& key, bool fallback) const;
  std::string value(const std::string& key, const char* fallback) const;
  std::vector<int64_t> ints(const std::string& key) const;
  std::vector<std::string> texts(const std::string& key) const;
  bool has(const std::string& key) const { return find(key) != nullptr; }

  // A fault of the model's own: "head_dim 31 is odd".
  void refuse(std::string why) const { faults_.push_back(std::move(why)); }
  std::optional<Error> fault() const;

 private:
  const Json* find(const std::string& key) const;  // empty for null too

  const Json& json_;
  mutable std::vector<std::string> faults_;
};

}  // namespace autark
