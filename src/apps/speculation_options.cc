#include "apps/speculation_options.h"
#include <algorithm>
#include <sstream>
#include "hub/hub.h"

namespace autark::apps {
namespace {

using engine::DraftSource;

constexpr const char* kAlways = "always";

std::vector<std::string> words_of(const std::string& list) {
  std::vector<std::string> words;
  std::istringstream in(list + ",");
  for (std::string word; std::getline(in, word, ',');) words.push_back(word);
  return words;
}

std::optional<DraftSource> source_named(const std::string& name) {
  for (int s = 0; s < engine::kDraftSources; ++s)
    if (name == engine::name_of(DraftSource(s))) return DraftSource(s);
  return {};
}

}  // namespace

std::string speculation_fault(const std::string& value) {
  if (value == "auto" || value == "off") return {};
  const auto words = words_of(value);
  const auto always = [](const std::string& w) { return w == kAlways; };
  const auto known = [&](const std::string& w) { return always(w) || source_named(w); };
  if (std::ranges::all_of(words, known) && !std::ranges::all_of(words, always)) return {};
  return "must be auto, off or a list of lookup, mtp, dspark, draft and always, not " + value.substr(0, 40);
}

void add_speculation_options(const Command& c, SpeculationArguments& a) {
  c.option(
      "--speculate", a.sources,
      "What guesses tokens ahead, as far as it pays: lookup (what followed the last tokens earlier in the "
      "conversation), the checkpoint's head mtp or dspark, draft (--draft-model); with `always`, whatever it "
      "costs. auto: what there is; lookup only where tokens "
      "can be taken back cheaply. Changes speed, never the text",
      {.rule = ValueRule{"auto, off or a list of lookup,mtp,dspark,draft", speculation_fault},
       .shows_default = true});
  c.option("--draft-model", a.model,
           "A smaller model with the same vocabulary: a path, or the name of one that was pulled",
           {.kind = "REF"});
  c.option("--drafts", a.drafts, "Tokens that are guessed ahead, at most; 0: none",
           {.rule = whole_number(0, 32), .shows_default = true});
}

std::optional<Error> set_speculation(const SpeculationArguments& a, engine::Options& to) {
  if (a.sources == "off") return {};
  to.drafts = a.drafts;
  if (a.sources != "auto") {
    for (const std::string& word : words_of(a.sources)) {
      const auto source = source_named(word);
      if (source)
        to.drafting.sources.push_back(*source);
      else
        to.drafting.always = true;
    }
  }
  if (a.model.empty() || a.drafts == 0 || !to.drafting.wants(DraftSource::draft)) return {};
  const auto path = hub::find_model(a.model);
  if (!path) return path.error();
  to.drafting.model = *path;
  return {};
}

}  // namespace autark::apps
