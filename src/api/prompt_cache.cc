#include "api/prompt_cache.h"

namespace autark::api {

Json to_json(const PromptCache& c) {
  Json j{{"read", c.read}, {"possible", c.possible}, {"tier", c.tier}, {"why", c.why}};
  if (c.at) j["at"] = *c.at;
  if (c.at && !c.part.empty()) j["part"] = c.part;
  if (!c.own.empty() || !c.other.empty()) j["diagnostics"] = {{"prompt", c.own}, {"entry", c.other}};
  return j;
}

std::string header_text(const PromptCache& c) {
  std::string text = "read=" + std::to_string(c.read) + ";possible=" + std::to_string(c.possible) +
                     ";tier=" + c.tier + ";why=" + c.why;
  if (c.at) text += ";at=" + std::to_string(*c.at);
  if (c.at && !c.part.empty()) text += ";part=" + c.part;
  return text;
}

void add(PromptCache& sum, const PromptCache& other) {
  const int64_t read = sum.read + other.read, possible = sum.possible + other.possible;
  const std::string tier = sum.tier == "none" ? other.tier : sum.tier;
  if (!sum.at) sum = other;
  sum.read = read, sum.possible = possible, sum.tier = tier;
}

}  // namespace autark::api
