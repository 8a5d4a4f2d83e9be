// A checkpoint's config.json as models read it. Absent keys and values of a wrong kind are collected, so that
// loading reports all of them at once. A key with dots is looked up as a whole first, then as a path into
// objects: "rope_scaling.factor".
#pragma once
#include <optional>
#include <string>
#include <vector>
#include "base/json.h"

namespace autark {

inline constexpr int64_t kLayersMax = 4096;
inline constexpr int64_t kIntMax = int64_t{1} << 30;  // largest size; products of two fit in 64 bits

class ConfigFile {
 public:
  explicit ConfigFile(const Json& json) : json_(json) {}

  // Required numbers. An absent one is a fault, as is a whole number outside [min, max]; the result is then
  // min (or 0).
  int64_t need_int(const std::string& key, int64_t min = 1, int64_t max = kIntMax) const;
  double need_number(const std::string& key) const;
  // need_int(), or `fallback` if the config has no such key. A null is a fault.
  int64_t int_or(const std::string& key, int64_t fallback, int64_t min = 1, int64_t max = kIntMax) const {
    return mentions(key) ? need_int(key, min, max) : fallback;
  }

  // Optional values: `fallback` if the key is absent or null; another kind is a fault.
  int64_t value(const std::string& key, int64_t fallback) const;
  int64_t value(const std::string& key, int fallback) const { return value(key, int64_t{fallback}); }
  double value(const std::string& key, double fallback) const;
  bool value(const std::string& key, bool fallback) const;
  std::string value(const std::string& key, const char* fallback) const;
  // Lists, empty if the key is absent or not a list; an entry of another kind is a fault.
  std::vector<int64_t> ints(const std::string& key) const;
  std::vector<std::string> texts(const std::string& key) const;
  bool has(const std::string& key) const { return find(key) != nullptr; }
  // Whether the key is there, be it null. Keys with dots are not looked up as paths.
  bool mentions(const std::string& key) const { return json_.is_object() && json_.contains(key); }

  // Adds a fault that a model has found: "head_dim 31 is odd".
  void refuse(std::string why) const { faults_.push_back(std::move(why)); }
  // All faults in one message; empty if there are none.
  std::optional<Error> fault() const;

 private:
  const Json* find(const std::string& key) const;  // null for absent and null values

  const Json& json_;
  mutable std::vector<std::string> faults_;
};

}  // namespace autark
