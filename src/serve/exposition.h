// Numbers in the Prometheus text format. Families are written one after the other; labels are escaped.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace autark::serve {

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

class Exposition {
 public:
  // Opens a family; its samples follow. `name` without the namespace: "requests_total".
  void family(std::string_view name, std::string_view type, std::string_view help);
  void sample(double value, Labels labels = {}, std::string_view suffix = {});
  // A family of one sample.
  void counter(std::string_view name, std::string_view help, double value);
  void gauge(std::string_view name, std::string_view help, double value);
  const std::string& text() const { return text_; }

 private:
  std::string name_, text_;
};

}  // namespace autark::serve
