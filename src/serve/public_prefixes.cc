#include "serve/public_prefixes.h"
#include <algorithm>
#include <variant>

namespace autark::serve {

// A template that refuses such a conversation, or none at all, leaves only the first way.
PublicPrefixes::PublicPrefixes(const Prompts& prompts, std::span<const std::string> texts) {
  for (const std::string& text : texts) {
    api::Request as_given, as_system;
    as_given.parse_special = true;
    as_given.prompts = {text};
    as_system.items = {{.role = api::Role::system, .parts = {api::Text{text}}},
                       {.role = api::Role::user, .parts = {api::Text{"."}}}};
    for (const api::Request& request : {as_given, as_system}) {
      auto made = prompts.of(request, {});
      if (auto* all = std::get_if<std::vector<Prompt>>(&made))
        for (Prompt& p : *all) known_.push_back(std::move(p.ids));
    }
  }
}

int64_t PublicPrefixes::shared(std::span<const int32_t> prompt) const {
  int64_t most = 0;
  for (const auto& known : known_)
    most = std::max<int64_t>(most, std::ranges::mismatch(prompt, known).in1 - prompt.begin());
  return most;
}

}  // namespace autark::serve
