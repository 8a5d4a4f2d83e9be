#include "apps/trace_writer.h"
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>
#include "weights/safetensors.h"

namespace autark::apps {
namespace {

Shape shape_of(const std::vector<int64_t>& dims) {
  Shape s;
  for (int64_t d : dims) s.d[s.rank++] = d;
  return s;
}

// Tensors over the trace's own memory. The writers do not change it.
Tensor view(const std::vector<float>& v, Shape shape) {
  return {const_cast<float*>(v.data()), Format::f32, shape};
}
Tensor view(const std::vector<int32_t>& v, Shape shape) {
  return {const_cast<int32_t*>(v.data()), Format::i32, shape};
}

// All tensors of the trace with their names, in the order in which they are written.
std::vector<NamedTensor> named(const engine::Trace& t) {
  const int64_t rows = std::ssize(t.positions);
  std::vector<NamedTensor> all;
  const auto list = [&](std::string name, const auto& values) {
    all.push_back({std::move(name), view(values, {std::ssize(values)})});
  };
  const auto matrix = [&](std::string name, const engine::Trace::Matrix& m) {
    std::vector<int64_t> shape = m.row.empty() ? std::vector{m.cols} : m.row;
    shape.insert(shape.begin(), rows);
    all.push_back({std::move(name), view(m.values, shape_of(shape))});
  };
  list("tokens", t.tokens);
  list("positions", t.positions);
  matrix("embed", t.embed);
  for (size_t i = 0; i < t.layers.size(); ++i) {
    const std::string name = "layers." + std::to_string(i);
    matrix(name, t.layers[i]);
    const auto route = t.routes.find(int(i));
    if (route == t.routes.end()) continue;
    all.push_back({name + ".router_ids", view(route->second.ids, {rows, route->second.k})});
    matrix(name + ".router_weights", route->second.weights);
  }
  for (const auto& [name, n] : t.notes) {
    const Shape shape = shape_of(n.shape);
    all.push_back({name, n.whole ? view(n.integers, shape) : view(n.values, shape)});
  }
  matrix("norm", t.norm);
  matrix("logits", t.logits);
  if (t.greedy.empty()) return all;
  list("greedy", t.greedy);
  list("greedy_margin", t.greedy_margin);
  return all;
}

// Writes JSON piece by piece, so that a long trace is never in memory as text.
class JsonText {
 public:
  explicit JsonText(std::FILE* to) : to_(to) {}
  void text(std::string_view s) { std::fwrite(s.data(), 1, s.size(), to_); }
  void number(auto v) {
    char buffer[32];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, v);
    text({buffer, size_t(end.ptr - buffer)});
  }
  void value(const Tensor& x, int64_t i) {
    if (x.format == Format::i32) return number(x.i32()[i]);
    std::isfinite(x.f32()[i]) ? number(x.f32()[i]) : text("null");
  }
  // Writes the values of dimension `dim`, beginning at value `from`, as nested arrays.
  void nested(const Tensor& x, int dim, int64_t from) {
    int64_t step = 1;
    for (int d = dim + 1; d < x.shape.rank; ++d) step *= x.shape[d];
    text("[");
    for (int64_t i = 0; i < x.shape[dim]; ++i) {
      if (i > 0) text(",");
      dim + 1 == x.shape.rank ? value(x, from + i) : nested(x, dim + 1, from + i * step);
    }
    text("]");
  }

 private:
  std::FILE* to_;
};

}  // namespace

std::optional<Error> write_safetensors(const std::filesystem::path& path, const engine::Trace& t) {
  return autark::write_safetensors(path, named(t));
}

std::optional<Error> write_json(std::FILE* to, const engine::Trace& t) {
  JsonText out(to);
  const char* between = "{";
  for (const auto& [name, x] : named(t)) {
    out.text(between);
    out.text("\"" + name + "\":");
    between = ",";
    out.nested(x, 0, 0);
  }
  out.text("}\n");
  if (std::fflush(to) != 0 || std::ferror(to))
    return Error{Code::io, std::string("standard output: cannot write: ") + std::strerror(errno)};
  return std::nullopt;
}

}  // namespace autark::apps
