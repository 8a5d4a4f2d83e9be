#include "weights/hf/shards.h"
#include <algorithm>
#include "base/json.h"

namespace autark {
namespace {

constexpr const char* kIndex = "model.safetensors.index.json";
constexpr size_t kIndexBytesMax = 100'000'000;

// Reads the index's JSON, {"metadata": …, "weight_map": {tensor: file}}, without building a tree.
class IndexReader final : public nlohmann::json_sax<Json> {
 public:
  std::map<std::string, std::string, std::less<>> file_of;
  std::string fault;

  bool null() override { return other("null"); }
  bool boolean(bool) override { return other("a truth value"); }
  bool number_integer(number_integer_t) override { return other("a number"); }
  bool number_unsigned(number_unsigned_t) override { return other("a number"); }
  bool number_float(number_float_t, const string_t&) override { return other("a number"); }
  bool binary(binary_t&) override { return other("binary"); }
  bool start_array(std::size_t) override { return other("a list") && enter(); }
  bool end_array() override { return --depth_, true; }
  bool start_object(std::size_t) override {
    if (inside() || depth_ == 2) return other("an object") && enter();
    return enter();
  }
  bool end_object() override {
    --depth_;
    if (depth_ == 1) in_map_ = false;
    return true;
  }
  bool key(string_t& v) override {
    if (depth_ == 1) in_map_ = v == "weight_map";
    name_ = v;
    return true;
  }
  bool string(string_t& v) override {
    if (!inside()) return true;
    if (file_of.emplace(name_, v).second) return true;
    fault = "names tensor " + dump_json(Json(name_)) + " twice";
    return false;
  }
  bool parse_error(std::size_t at, const std::string&, const nlohmann::detail::exception&) override {
    fault = "is not JSON at byte " + std::to_string(at);
    return false;
  }

 private:
  bool inside() const { return in_map_ && depth_ == 2; }
  bool enter() {
    if (++depth_ <= 64) return true;
    fault = "is nested too deeply";
    return false;
  }
  bool other(const char* what) {
    if (!in_map_) return true;
    fault = "has " + std::string(what) + " in its weight_map, file names are expected";
    return false;
  }

  bool in_map_ = false;
  int depth_ = 0;
  std::string name_;
};

bool is_there(const std::filesystem::path& path) {
  std::error_code failed;
  return std::filesystem::exists(path, failed);
}

Result<Shards> open_one(const std::filesystem::path& path) {
  AUTARK_TRY(Safetensors file, Safetensors::open(path));
  Shards s;
  for (const auto& [name, entry] : file.tensors()) s.file_of.emplace(name, 0);
  s.files.push_back(std::move(file));
  return s;
}

// Where a tensor is that its indexed file lacks, for a message.
std::string elsewhere(const Shards& s, const std::string& tensor) {
  for (const Safetensors& f : s.files)
    if (f.tensors().contains(tensor)) return "it is in " + f.path().filename().string();
  return "it is in none of the files";
}

// Opens every file that the index names, and checks that each has the tensors that the index assigns to it.
// Other tensors of these files are not listed.
Result<Shards> open_indexed(const std::filesystem::path& index) {
  AUTARK_TRY(const std::string text, read_file(index, kIndexBytesMax));
  IndexReader reader;
  const auto fault = [&](const std::string& what) {
    return Error{Code::invalid, index.string() + ": " + what};
  };
  if (!sax_parse_json(text, reader)) return fault(reader.fault.empty() ? "is not JSON" : reader.fault);
  if (reader.file_of.empty()) return fault("has no weight_map");
  Shards s;
  std::map<std::string, size_t> opened;
  for (const auto& [tensor, name] : reader.file_of) {
    if (opened.contains(name)) continue;
    if (name.empty() || name.find('/') != name.npos || name.find('\0') != name.npos)
      return fault("names the file " + dump_json(Json(name)) + ", a file beside it is expected");
    const auto path = index.parent_path() / name;
    if (!is_there(path))
      return Error{Code::not_found,
                   index.string() + ": names the file " + name + ", which is missing; pull again"};
    AUTARK_TRY(Safetensors file, Safetensors::open(path));
    opened.emplace(name, s.files.size());
    s.files.push_back(std::move(file));
  }
  for (const auto& [tensor, name] : reader.file_of) {
    const size_t at = opened.at(name);
    if (!s.files[at].tensors().contains(tensor))
      return fault("says that tensor " + dump_json(Json(tensor)) + " is in " + name + ", but " +
                   elsewhere(s, tensor));
    s.file_of.emplace(tensor, at);
  }
  return s;
}

}  // namespace

Result<Shards> open_shards(const std::filesystem::path& path) {
  std::error_code failed;
  if (path.filename() == kIndex) return open_indexed(path);
  if (!std::filesystem::is_directory(path, failed)) return open_one(path);
  // If both exist, the single file was merged from the indexed shards later.
  if (is_there(path / "model.safetensors")) return open_one(path / "model.safetensors");
  if (is_there(path / kIndex)) return open_indexed(path / kIndex);
  return Error{Code::not_found,
               path.string() + ": has neither model.safetensors nor " + kIndex + "; not a model directory?"};
}

}  // namespace autark
