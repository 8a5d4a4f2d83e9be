#include "apps/trace_writer.h"
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>
#include "base/json.h"

namespace autark::apps {
namespace {

struct Named {
  std::string name;
  const void* values;
  bool whole;  // I32, else F32
  std::vector<int64_t> shape;
  int64_t count() const {
    int64_t n = 1;
    for (int64_t d : shape) n *= d;
    return n;
  }
};

std::vector<Named> named(const engine::Trace& t) {
  const int64_t rows = std::ssize(t.positions);
  std::vector<Named> all;
  const auto ints = [&](std::string name, const std::vector<int32_t>& v) {
    all.push_back({std::move(name), v.data(), true, {std::ssize(v)}});
  };
  const auto matrix = [&](std::string name, const engine::Trace::Matrix& m) {
    std::vector<int64_t> shape = m.row.empty() ? std::vector{m.cols} : m.row;
    shape.insert(shape.begin(), rows);
    all.push_back({std::move(name), m.values.data(), false, std::move(shape)});
  };
  ints("tokens", t.tokens);
  ints("positions", t.positions);
  matrix("embed", t.embed);
  for (size_t i = 0; i < t.layers.size(); ++i) {
    const std::string name = "layers." + std::to_string(i);
    matrix(name, t.layers[i]);
    const auto route = t.routes.find(int(i));
    if (route == t.routes.end()) continue;
    all.push_back({name + ".router_ids", route->second.ids.data(), true, {rows, route->second.k}});
    matrix(name + ".router_weights", route->second.weights);
  }
  for (const auto& [name, n] : t.notes) {
    const void* values = n.whole ? static_cast<const void*>(n.integers.data()) : n.values.data();
    all.push_back({name, values, n.whole, n.shape});
  }
  matrix("norm", t.norm);
  matrix("logits", t.logits);
  if (t.greedy.empty()) return all;
  ints("greedy", t.greedy);
  all.push_back({"greedy_margin", t.greedy_margin.data(), false, {std::ssize(t.greedy_margin)}});
  return all;
}

Error write_error(const std::string& where) {
  return {Code::io, where + ": cannot write: " + std::strerror(errno)};
}

class JsonText {  // numbers as JSON in pieces, so that a long trace is never in memory as text
 public:
  explicit JsonText(std::FILE* to) : to_(to) {}
  void text(std::string_view s) { std::fwrite(s.data(), 1, s.size(), to_); }
  void number(const Named& n, int64_t i) {
    char buffer[32];
    if (n.whole) {
      const auto end =
          std::to_chars(buffer, buffer + sizeof buffer, static_cast<const int32_t*>(n.values)[i]);
      return text({buffer, size_t(end.ptr - buffer)});
    }
    const float v = static_cast<const float*>(n.values)[i];
    if (!std::isfinite(v)) return text("null");
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, v);
    text({buffer, size_t(end.ptr - buffer)});
  }
  // The values of dimension `dim` from value `from` on; arrays of arrays down to the last one.
  void nested(const Named& n, size_t dim, int64_t from) {
    int64_t step = 1;
    for (size_t d = dim + 1; d < n.shape.size(); ++d) step *= n.shape[d];
    text("[");
    for (int64_t i = 0; i < n.shape[dim]; ++i) {
      if (i > 0) text(",");
      dim + 1 == n.shape.size() ? number(n, from + i) : nested(n, dim + 1, from + i * step);
    }
    text("]");
  }

 private:
  std::FILE* to_;
};

}  // namespace

std::optional<Error> write_safetensors(const std::filesystem::path& path, const engine::Trace& t) {
  const auto all = named(t);
  Json header = Json::object();
  int64_t at = 0;
  for (const Named& n : all) {
    const int64_t end = at + n.count() * 4;
    header[n.name] = {{"dtype", n.whole ? "I32" : "F32"}, {"shape", n.shape}, {"data_offsets", {at, end}}};
    at = end;
  }
  std::string text = dump_json(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');  // tensors begin at a multiple of 8
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (!file) return write_error(path.string());
  const uint64_t size = text.size();
  bool good = std::fwrite(&size, 8, 1, file) == 1 && std::fwrite(text.data(), 1, size, file) == size;
  for (const Named& n : all) {
    const size_t count = n.count();
    good = good && std::fwrite(n.values, 4, count, file) == count;
  }
  good = std::fclose(file) == 0 && good;
  if (!good) return write_error(path.string());
  return std::nullopt;
}

std::optional<Error> write_json(std::FILE* to, const engine::Trace& t) {
  JsonText out(to);
  const char* between = "{";
  for (const Named& n : named(t)) {
    out.text(between);
    out.text("\"" + n.name + "\":");
    between = ",";
    out.nested(n, 0, 0);
  }
  out.text("}\n");
  if (std::fflush(to) != 0 || std::ferror(to)) return write_error("standard output");
  return std::nullopt;
}

}  // namespace autark::apps
