#include "api/thinking.h"
#include <algorithm>
#include <iterator>
#include "api/structures.h"

namespace autark::api {
namespace {

void read_type(Fields& f, Request& r) {
  const Json* thinking = f.object("thinking");
  if (!thinking) return;
  Fields t(*thinking, f.path_of("thinking") + ".");
  const std::string type = t.text("type").value_or("");
  if (!t.fault() && type != "enabled" && type != "disabled" && type != "adaptive" && type != "between_tools")
    t.fail("type", "must be enabled, disabled or adaptive");
  r.thinking = type != "disabled";
  r.thinking_budget = t.integer("budget_tokens", 0, std::numeric_limits<int64_t>::max());
  t.accept({"display"});
  if (t.fault()) return f.fail(*t.fault());
  for (std::string& name : t.unknown()) r.ignored.push_back(std::move(name));
}

void read_effort(Fields& f, std::string_view name, Request& r) {
  r.effort = effort_in(f, name).value_or("");
  if (r.effort != "none") return;
  r.effort.clear();
  if (!r.thinking) r.thinking = false;
}

}  // namespace

std::vector<std::string> efforts() {
  return {"minimal", "low", "medium", "high", "xhigh", "max"};
}

std::optional<std::string> effort_in(Fields& f, std::string_view name) {
  auto effort = f.text(name);
  if (effort == "ultra") effort = "max";
  if (effort && *effort != "none" && std::ranges::count(efforts(), *effort) == 0)
    f.fail(name, "must be none, minimal, low, medium, high, xhigh or max");
  return effort;
}

void read_openai_thinking(Fields& f, Request& r) {
  r.thinking = f.flag("enable_thinking");
  read_type(f, r);
  read_effort(f, "reasoning_effort", r);
  if (!r.thinking && !r.effort.empty()) r.thinking = true;
}

void read_anthropic_thinking(Fields& f, Request& r) {
  read_type(f, r);
  if (auto s = flat_format(f, "output_format")) r.structure = std::move(s);
  if (const Json* output = f.object("output_config")) {
    Fields o(*output, f.path_of("output_config") + ".");
    read_effort(o, "effort", r);
    read_anthropic_structure(o, r);
    if (o.fault()) f.fail(*o.fault());
  }
  read_vllm_structure(f, r);
}

}  // namespace autark::api
