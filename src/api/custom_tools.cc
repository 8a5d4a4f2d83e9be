#include "api/custom_tools.h"

namespace autark::api {
namespace {

// The parameters of a tool whose input is text; `more` is added to the schema of the input.
Json parameters(Json more) {
  Json input{{"type", "string"}};
  input.update(more);
  return {{"type", "object"},
          {"properties", {{"input", std::move(input)}}},
          {"required", Json::array({"input"})}};
}

// The model is shown the grammar: what it tends to write should fit.
void read_grammar(Fields& g, Tool& tool) {
  const std::string syntax = g.text("syntax").value_or("");
  const auto definition = g.text("definition");
  if (!g.fault() && syntax != "regex" && syntax != "lark") g.fail("syntax", "must be lark or regex");
  if (!g.fault() && (!definition || definition->empty())) g.fail("definition", "is missing");
  if (g.fault()) return;
  tool.strict = true;
  tool.function["parameters"] = syntax == "lark" ? parameters({{"lark", *definition}})
                                                 : parameters({{"pattern", "^(?:" + *definition + ")$"}});
}

}  // namespace

void read_custom_format(Fields& tool, bool nested, Tool& to) {
  to.function["parameters"] = parameters(Json::object());
  const Json* format = tool.object("format");
  if (!format) return;
  Fields f(*format, tool.path_of("format") + ".");
  const std::string type = f.text("type").value_or("");
  if (!f.fault() && type != "text" && type != "grammar") f.fail("type", "must be text or grammar");
  if (type == "grammar" && !nested) read_grammar(f, to);
  if (type == "grammar" && nested) {
    const Json* inner = f.object("grammar");
    if (!f.fault() && !inner) f.fail("grammar", "is missing");
    if (!f.fault()) {
      Fields g(*inner, f.path_of("grammar") + ".");
      read_grammar(g, to);
      if (g.fault()) f.fail(*g.fault());
    }
  }
  if (f.fault()) tool.fail(*f.fault());
}

}  // namespace autark::api
