// Which drafters an engine gets from its options.
#include <algorithm>
#include <string_view>
#include "engine/draft_policy.h"
#include "engine/engine_parts.h"

namespace autark::engine {
namespace {

bool wants(const DraftOptions& o, DraftSource s) {
  return o.sources.empty() || std::ranges::count(o.sources, s) > 0;
}

DraftSource source_of(const Drafter& head) {
  return std::string_view(head.name()) == "DSpark" ? DraftSource::dspark : DraftSource::mtp;
}

// A recurrent state that is stored once is recomputed in every step for the tokens that could be taken back.
bool rewinds_cheaply(const Model& m) {
  for (int i = 0; i < m.layers(); ++i) {
    for (const StateSpec& s : m.state_specs(i))
      if (s.rewind == Rewind::replay) return false;
  }
  return true;
}

}  // namespace

Drafting drafting_of(const Options& o, const LoadedModel& m, bool draft_model) {
  Drafting d;
  const bool named = !o.drafting.sources.empty();
  if (m.drafter && wants(o.drafting, source_of(*m.drafter))) d.head = m.drafter.get();
  d.lookup = wants(o.drafting, DraftSource::lookup) && (named || rewinds_cheaply(*m.model));
  d.model = draft_model && wants(o.drafting, DraftSource::draft);
  d.most = std::clamp(o.drafts, 0, DraftPolicy::kPassesMax);
  if (!d.lookup && !d.model) d.most = d.head ? std::min(d.most, d.head->drafts_max()) : 0;
  return d.most > 0 ? d : Drafting{};
}

std::string line_of(const Drafting& d) {
  std::string line;
  const auto add = [&](bool there, const char* name) {
    if (there) line += (line.empty() ? "" : ", ") + std::string(name);
  };
  add(d.lookup, "lookup");
  add(d.head, d.head ? d.head->name() : "");
  add(d.model, "draft model");
  return line + ", up to " + std::to_string(d.most) + " tokens ahead";
}

}  // namespace autark::engine
