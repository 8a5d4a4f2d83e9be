// Renders conversations in which the assistant's answer is a word that no template contains. The end is the
// first added token after that word. If the conversation ends with the answer, plain text may come before the
// token. If a user message follows, the token must come immediately, else it may belong to that message. Turns with
// calls may end otherwise: there it is the first added token between the call and its result that is no markup
// of calls.
#include "text/turn_end.h"
#include <algorithm>
#include "text/chat/call_form.h"
#include "text/dialect.h"

namespace autark::text {
namespace {

constexpr std::string_view kQuestion = "Qzvquestion", kThought = "Qzvthought", kAnswer = "Qzvanswer",
                           kNext = "Qzvnext";

// Markers that stand inside a turn. Behind a call, any other one ends it.
constexpr Mark kInside[] = {Mark::think,    Mark::think_end, Mark::block,     Mark::block_end, Mark::call,
                            Mark::call_end, Mark::call_id,   Mark::separator, Mark::key,       Mark::key_end,
                            Mark::value,    Mark::value_end, Mark::heading,   Mark::message};

Json message(const char* role, std::string_view text, bool in_parts) {
  Json content = text;
  if (in_parts) content = Json::array({{{"type", "text"}, {"text", text}}});
  return {{"role", role}, {"content", std::move(content)}};
}

class Probe {
 public:
  Probe(const ChatTemplate& chat, const Tokenizer& tokenizer)
      : chat_(chat), tokenizer_(tokenizer), markup_(tokenizer.markup()) {
    in_parts_ = rendered(talk()).find(kAnswer) == std::string::npos;
  }

  std::vector<int32_t> ends() {
    std::vector<int32_t> found;
    Json more = talk();
    more.push_back(message("user", kNext, in_parts_));
    const std::string last = rendered(talk()), middle = rendered(more), thought = rendered(thinking());
    for (const std::string& mark : {behind_answer(last, false), behind_answer(middle, true), behind_call()}) {
      const auto id = mark.empty() ? std::nullopt : tokenizer_.id_of(mark);
      if (id && !stands_inside(thought, mark) && std::ranges::find(found, *id) == found.end())
        found.push_back(*id);
    }
    return found;
  }

 private:
  Json talk() const {
    return Json::array({message("user", kQuestion, in_parts_), message("assistant", kAnswer, in_parts_)});
  }
  Json thinking() const {
    Json all = talk();
    for (const char* field : {"reasoning_content", "reasoning", "thinking"}) all[1][field] = kThought;
    return all;
  }
  // Empty if the template cannot render it.
  std::string rendered(Json messages) const {
    const auto prompt =
        chat_.render({.messages = std::move(messages), .kwargs = {{"add_generation_prompt", false}}});
    return prompt ? prompt->text : std::string();
  }

  // The first added token after the answer, or empty. `at_once`: only space may come before it.
  std::string behind_answer(std::string_view text, bool at_once) const {
    const size_t at = text.rfind(kAnswer);
    if (at == text.npos) return {};
    const std::string_view rest = text.substr(at + kAnswer.size());
    size_t first = rest.size();
    std::string_view mark;
    for (const std::string& m : markup_) {
      const size_t here = rest.find(m);
      if (here > first || here == rest.npos || (here == first && m.size() <= mark.size())) continue;
      first = here;
      mark = m;
    }
    if (at_once && rest.find_first_not_of(" \t\r\n") < first) return {};
    return std::string(mark);
  }

  // The token that ends a turn with a call, or that begins the result if nothing ends the turn. Empty if it also
  // stands before the call or between two calls, or if calls of this form are not read.
  std::string behind_call() const {
    if (chat_.syntax() == OutputSyntax::plain) return {};
    for (const Conversation& c : conversations_with_call()) {
      const auto prompt = chat_.render(c);
      const std::string_view text = prompt ? std::string_view(prompt->text) : std::string_view();
      const size_t value = text.find(kProbedValue), result = text.find(kProbedResult, value);
      if (value == text.npos || result == text.npos) continue;
      const size_t end = value + kProbedValue.size(), question = text.rfind(kProbedQuestion, value);
      const std::string_view mark = outside_call(text.substr(end, result - end));
      const size_t before = question == text.npos ? 0 : question;
      const bool known = text.substr(before, value - before).find(mark) != text.npos;
      return std::string(known || stands_between_calls(c, mark) ? "" : mark);
    }
    return {};
  }
  bool stands_between_calls(Conversation c, std::string_view mark) const {
    for (Json& m : c.messages)
      if (m.contains("tool_calls")) m["tool_calls"].push_back(Json(m["tool_calls"][0]));
    const auto prompt = chat_.render(c);
    const std::string_view text = prompt ? std::string_view(prompt->text) : std::string_view();
    const size_t first = text.find(kProbedValue), last = text.rfind(kProbedValue);
    return first < last && text.substr(first, last - first).find(mark) != text.npos;
  }

  // The first added token that is no markup of calls.
  std::string_view outside_call(std::string_view rest) const {
    while (true) {
      size_t first = rest.size();
      std::string_view found;
      bool of_call = false;
      const auto look = [&](std::string_view mark, bool call) {
        const size_t here = rest.find(mark);
        if (here > first || here == rest.npos || (here == first && mark.size() <= found.size())) return;
        first = here, found = mark, of_call = call;
      };
      for (const Marker& m : dialect_of(chat_.syntax()).markers)
        if (std::ranges::find(kInside, m.mark) != std::end(kInside)) look(m.text, true);
      for (const std::string& m : markup_) look(m, false);
      if (!of_call) return found;
      rest.remove_prefix(first + found.size());
    }
  }

  // True if the token is between reasoning and answer: then it closes a part of a turn, not the turn.
  static bool stands_inside(std::string_view text, std::string_view mark) {
    const size_t from = text.find(kThought), to = text.rfind(kAnswer);
    return from < to && to != text.npos && text.substr(from, to - from).find(mark) != text.npos;
  }

  const ChatTemplate& chat_;
  const Tokenizer& tokenizer_;
  const std::vector<std::string> markup_;
  bool in_parts_ = false;
};

}  // namespace

std::vector<int32_t> turn_ends(const ChatTemplate& chat, const Tokenizer& tokenizer) {
  return Probe(chat, tokenizer).ends();
}

}  // namespace autark::text
