// Writes metrics in the Prometheus text format, version 0.0.4. Label values are escaped.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace autark::serve {

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

class Exposition {
 public:
  // Begins a family; its samples must follow. `name` has no namespace ("requests_total"); "autark_" is added.
  void family(std::string_view name, std::string_view type, std::string_view help);
  // Adds a sample to the family. `suffix` is appended to the name: "_bucket", "_sum", "_count".
  void sample(double value, Labels labels = {}, std::string_view suffix = {});
  // These write a family of one sample.
  void counter(std::string_view name, std::string_view help, double value);
  void gauge(std::string_view name, std::string_view help, double value);
  const std::string& text() const { return text_; }  // all that was written

 private:
  std::string name_, text_;  // name_: of the current family
};

}  // namespace autark::serve
