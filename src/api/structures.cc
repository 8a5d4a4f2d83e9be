#include "api/structures.h"

namespace autark::api {
namespace {

using Kind = Structure::Kind;

// The fields of an object with "name", "schema" and "strict".
void read_schema(Fields& s, Structure& to) {
  to.kind = Kind::json_schema;
  to.name = s.text("name").value_or("");
  to.strict = s.flag("strict").value_or(false);
  const Json* schema = s.find("schema");
  if (schema && !schema->is_object() && !schema->is_boolean()) s.fail("schema", "must be an object");
  to.schema = schema ? *schema : Json::object();
  s.accept({"description"});
}

// `nested`: the schema's fields are in a member "json_schema" (Chat), else beside "type".
std::optional<Structure> format(Fields& f, std::string_view name, bool nested) {
  const Json* object = f.object(name);
  if (!object || object->empty()) return {};
  Fields o(*object, f.path_of(name) + ".");
  const std::string type = o.text("type").value_or("");
  Structure s{.param = f.path_of(name)};
  if (type == "json_schema" && !nested) {
    read_schema(o, s);
    if (!o.find("schema")) o.fail("schema", "is missing");
  } else if (type == "json_schema") {
    const Json* inner = o.object("json_schema");
    if (!o.fault() && !inner) o.fail("json_schema", "is missing");
    if (inner) {
      Fields i(*inner, o.path_of("json_schema") + ".");
      read_schema(i, s);
      if (i.fault()) o.fail(*i.fault());
    }
  } else if (type != "json_object" && type != "text" && !o.fault()) {
    o.fail("type", "must be text, json_object or json_schema");
  }
  if (o.fault()) return f.fail(*o.fault()), std::nullopt;
  return type == "text" ? std::nullopt : std::optional(std::move(s));
}

void add(Fields& f, std::string_view name, Structure s, Request& r) {
  if (r.structure) return f.fail(name, "cannot be used together with " + r.structure->param);
  s.param = f.path_of(name);
  r.structure = std::move(s);
}

// The schema may be the object itself or its JSON text.
void read_json(Fields& f, std::string_view name, Request& r) {
  const Json* v = f.find(name);
  if (!v) return;
  Structure s{.kind = Kind::json_schema, .schema = *v};
  if (v->is_string()) {
    auto parsed = parse_json(v->get_ref<const std::string&>(), "the schema");
    if (!parsed) return f.fail(name, "is not valid JSON");
    s.schema = std::move(*parsed);
  }
  if (!s.schema.is_object() && !s.schema.is_boolean()) return f.fail(name, "must be a JSON schema");
  add(f, name, std::move(s), r);
}

void read_text(Fields& f, std::string_view name, Kind kind, Request& r) {
  if (auto text = f.text(name)) add(f, name, {.kind = kind, .text = std::move(*text)}, r);
}

void read_choice(Fields& f, std::string_view name, Request& r) {
  const Json* list = f.array(name);
  if (!list || list->empty()) return;
  Structure s{.kind = Kind::choice};
  for (const Json& choice : *list) {
    if (!choice.is_string()) return f.fail(name, "must be a list of strings");
    s.choices.push_back(choice.get<std::string>());
  }
  add(f, name, std::move(s), r);
}

void read_structured_outputs(Fields& f, Request& r) {
  const Json* object = f.object("structured_outputs");
  if (!object) return;
  Fields o(*object, f.path_of("structured_outputs") + ".");
  read_json(o, "json", r);
  read_text(o, "regex", Kind::regex, r);
  read_choice(o, "choice", r);
  read_text(o, "grammar", Kind::grammar, r);
  if (o.flag("json_object").value_or(false)) add(o, "json_object", {}, r);
  o.refuse("structural_tag", is_empty_or_false);
  o.refuse("whitespace_pattern", is_empty_or_false);
  o.accept({"disable_any_whitespace", "disable_additional_properties", "disable_fallback"});
  if (o.fault()) return f.fail(*o.fault());
  for (std::string& name : o.unknown()) r.ignored.push_back(std::move(name));
}

}  // namespace

std::optional<Structure> flat_format(Fields& f, std::string_view name) {
  return format(f, name, false);
}

void read_openai_structure(Fields& f, Request& r) {
  if (auto s = format(f, "response_format", true)) r.structure = std::move(s);
  read_vllm_structure(f, r);
}

void read_vllm_structure(Fields& f, Request& r) {
  read_structured_outputs(f, r);
  read_json(f, "guided_json", r);
  read_text(f, "guided_regex", Kind::regex, r);
  read_choice(f, "guided_choice", r);
  read_text(f, "guided_grammar", Kind::grammar, r);
}

void read_anthropic_structure(Fields& o, Request& r) {
  if (auto s = flat_format(o, "format")) r.structure = std::move(s);
}

}  // namespace autark::api
