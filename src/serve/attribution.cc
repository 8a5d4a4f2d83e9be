#include "serve/attribution.h"

namespace autark::serve {

void drop_attribution(api::Request& request) {
  if (request.items.empty() || request.items[0].role != api::Role::system) return;
  api::Item& system = request.items[0];
  if (system.parts.empty()) return;
  auto* first = std::get_if<api::Text>(&system.parts[0]);
  if (!first || !first->text.starts_with("x-anthropic-billing-header:")) return;
  const size_t end = first->text.find('\n');
  first->text.erase(0, end == std::string::npos ? end : end + 1);
  if (!first->text.empty()) return;
  system.parts.erase(system.parts.begin());
  if (system.parts.empty()) request.items.erase(request.items.begin());
}

}  // namespace autark::serve
