// Writes metrics in the Prometheus text format, version 0.0.4. Label values are escaped.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace autark::serve {

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

class Exposition {
 public:
  // `space` is put before the names of all families, `model` is a label of all samples unless it is empty.
  explicit Exposition(std::string space = "autark_", const std::string& model = {});
  // Begins a family; its samples must follow. `name` has no namespace ("requests_total").
  void family(std::string_view name, std::string_view type, std::string_view help);
  // Adds a sample to the family. `suffix` is appended to the name: "_bucket", "_sum", "_count".
  void sample(double value, Labels labels = {}, std::string_view suffix = {});
  // The samples of a histogram: counts[i] have at most bounds[i], the last ones more than all.
  void histogram(std::span<const double> bounds, std::span<const uint64_t> counts, double sum);
  // These write a family of one sample.
  void counter(std::string_view name, std::string_view help, double value);
  void gauge(std::string_view name, std::string_view help, double value);
  const std::string& text() const { return text_; }  // all that was written

 private:
  const std::string space_, labels_;
  std::string name_, text_;  // name_: of the current family
};

}  // namespace autark::serve
