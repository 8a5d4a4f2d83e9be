#include "models/config_file.h"
#include <cmath>

namespace autark {

const Json* ConfigFile::find(const std::string& key) const {
  if (!json_.is_object()) return nullptr;
  if (const auto whole = json_.find(key); whole != json_.end()) return whole->is_null() ? nullptr : &*whole;
  const Json* at = &json_;
  for (size_t from = 0; from <= key.size();) {
    const size_t dot = std::min(key.find('.', from), key.size());
    if (!at->is_object()) return nullptr;
    const auto it = at->find(key.substr(from, dot - from));
    if (it == at->end() || it->is_null()) return nullptr;
    at = &*it;
    from = dot + 1;
  }
  return at;
}

int64_t ConfigFile::need_int(const std::string& key, int64_t min, int64_t max) const {
  const size_t faults = faults_.size();
  const double v = need_number(key);
  if (faults_.size() > faults) return min;
  if (v == std::floor(v) && v >= double(min) && v <= double(max)) return static_cast<int64_t>(v);
  refuse(key + " is " + dump_json(*find(key)) + ", a whole number from " + std::to_string(min) + " to " +
         std::to_string(max) + " is expected");
  return min;
}

double ConfigFile::need_number(const std::string& key) const {
  const Json* j = find(key);
  if (j && j->is_number()) return j->get<double>();
  constexpr size_t kShown = 80;
  const std::string is = j ? dump_json(*j) : "";
  if (!j)
    faults_.push_back(key + " is missing");
  else
    faults_.push_back(key +
                      (is.size() > kShown ? " is not a number" : " is " + is + ", a number is expected"));
  return 0;
}

int64_t ConfigFile::value(const std::string& key, int64_t fallback) const {
  return has(key) ? need_int(key, 0) : fallback;
}
double ConfigFile::value(const std::string& key, double fallback) const {
  return has(key) ? need_number(key) : fallback;
}

bool ConfigFile::value(const std::string& key, bool fallback) const {
  const Json* j = find(key);
  if (j && !j->is_boolean()) refuse(key + " is not true or false");
  return j && j->is_boolean() ? j->get<bool>() : fallback;
}

std::string ConfigFile::value(const std::string& key, const char* fallback) const {
  const Json* j = find(key);
  if (j && !j->is_string()) refuse(key + " is not text");
  return j && j->is_string() ? j->get<std::string>() : fallback;
}

std::vector<int64_t> ConfigFile::ints(const std::string& key) const {
  std::vector<int64_t> v;
  if (const Json* j = find(key); j && j->is_array())
    for (const Json& e : *j) {
      if (!e.is_number_integer()) refuse(key + " has an entry that is not a whole number");
      v.push_back(e.is_number_integer() ? e.get<int64_t>() : 0);
    }
  return v;
}

std::vector<std::string> ConfigFile::texts(const std::string& key) const {
  std::vector<std::string> v;
  if (const Json* j = find(key); j && j->is_array())
    for (const Json& e : *j) {
      if (!e.is_string()) refuse(key + " has an entry that is not text");
      v.push_back(e.is_string() ? e.get<std::string>() : "");
    }
  return v;
}

std::optional<Error> ConfigFile::fault() const {
  if (faults_.empty()) return {};
  std::string all = "config.json: ";
  for (const auto& f : faults_) all += (&f == &faults_[0] ? "" : "; ") + f;
  return Error{Code::invalid, all + "; another architecture?"};
}

}  // namespace autark
