#include "serve/exposition.h"
#include <fmt/format.h>

namespace autark::serve {
namespace {

std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

Exposition::Exposition(std::string space, const std::string& model)
    : space_(std::move(space)),
      labels_(model.empty() ? "" : fmt::format("model_name=\"{}\",engine=\"0\"", escaped(model))) {}

void Exposition::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = space_ + std::string(name);
  text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name_, help, name_, type);
}

void Exposition::sample(double value, Labels labels, std::string_view suffix) {
  text_ += name_;
  text_ += suffix;
  std::string list = labels_;
  for (const auto& [key, label] : labels)
    list += fmt::format("{}{}=\"{}\"", list.empty() ? "" : ",", key, escaped(label));
  if (!list.empty()) text_ += "{" + list + "}";
  text_ += fmt::format(" {}\n", value);
}

void Exposition::histogram(std::span<const double> bounds, std::span<const uint64_t> counts, double sum) {
  uint64_t total = 0;
  for (size_t i = 0; i < bounds.size(); ++i)
    sample(double(total += counts[i]), {{"le", fmt::format("{}", bounds[i])}}, "_bucket");
  sample(double(total += counts.back()), {{"le", "+Inf"}}, "_bucket");
  sample(sum, {}, "_sum");
  sample(double(total), {}, "_count");
}

void Exposition::counter(std::string_view name, std::string_view help, double value) {
  family(name, "counter", help);
  sample(value);
}

void Exposition::gauge(std::string_view name, std::string_view help, double value) {
  family(name, "gauge", help);
  sample(value);
}

}  // namespace autark::serve
