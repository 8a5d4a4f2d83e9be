//! Tool calls as a grammar, from behind the token that opens them to the end of the answer. The request is JSON:
//!
//!   {"form": "hermes" | "dsml" | "table", "parallel": bool,
//!    "tools": [{"name": string, "schema": a strict tool's parameters, or null}]}
//!
//! The form "table" is described in table_calls.rs.
//! Hermes writes {"name": …, "arguments": {…}} between two tokens. DSML writes each parameter by itself, in the
//! order of the schema: plain strings as they are, everything else as JSON. The arguments of a tool without a
//! schema are any object. A schema whose one property is "input", with the keyword "lark", asks for a text of that
//! grammar, which is written as a JSON string. The marks are tokens (vocabulary.rs), so no text of an argument can
//! end a call.

use super::keywords::{rule_of, Rule};
use super::quoted::quoted;
use super::references::resolved;
use super::restricted::restricted;
use super::schema::{below, prepared_part, read};
use super::Fault;
use serde_json::{json, Map, Value};

const TOOLS_MAX: usize = 128;
pub(super) const PARAMETERS_MAX: usize = 500; // of all tools, if each is a grammar of its own

pub fn grammar_of(text: &str) -> Result<String, Fault> {
    let request = read(text)?;
    let tools = tools_of(&request);
    if tools.is_empty() || tools.len() > TOOLS_MAX {
        return Err(Fault::complex("", format!("calls of 1 to {TOOLS_MAX} tools are held to a grammar")));
    }
    let parallel = request["parallel"] == json!(true);
    if request["form"] == json!("table") {
        super::table_calls::grammar(&request, tools, parallel)
    } else if request["form"] == json!("dsml") {
        Dsml::default().grammar(tools, parallel)
    } else {
        hermes(tools, parallel)
    }
}

pub(super) fn tools_of(request: &Value) -> &[Value] {
    request["tools"].as_array().map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn name_of(tool: &Value) -> Result<&str, Fault> {
    let name = tool["name"].as_str().unwrap_or_default();
    let breaks = |c: char| c == '<' || c == '"' || c == '\u{ff5c}' || c.is_control();
    if name.is_empty() || name.contains(breaks) {
        return Err(of_tool(name, Fault::at("", "a call cannot have this name")));
    }
    Ok(name)
}

pub(super) fn of_tool(name: &str, fault: Fault) -> Fault {
    Fault { message: format!("the tool '{name}': {}", fault.message), ..fault }
}

/// A text as a literal of the grammar.
pub(super) fn literal(text: &str) -> String {
    Value::from(text).to_string()
}

fn any_object() -> Value {
    json!({"type": "object"})
}

/// What stands around an input that has a grammar of its own.
pub(super) const INPUT: &str = concat!(
    "INPUT: /\\{[ \\t\\r\\n]{0,8}\"input\"[ \\t\\r\\n]{0,8}:[ \\t\\r\\n]{0,8}\"/\n",
    "END: /\"[ \\t\\r\\n]{0,8}\\}/"
);

fn hermes(tools: &[Value], parallel: bool) -> Result<String, Fault> {
    let mut rules = vec![
        format!("start: call <call-end>{}", if parallel { " (FEEDS? <call> call <call-end>)*" } else { "" }),
        "FEEDS: /\\n{1,2}/".into(),
        "OPEN: /[ \\t\\r\\n]{0,8}\\{[ \\t\\r\\n]{0,8}\"name\"[ \\t\\r\\n]{0,8}:[ \\t\\r\\n]{0,8}/".into(),
        "NEXT: /[ \\t\\r\\n]{0,8},[ \\t\\r\\n]{0,8}\"arguments\"[ \\t\\r\\n]{0,8}:[ \\t\\r\\n]{0,8}/".into(),
        INPUT.into(),
        "CLOSE: /[ \\t\\r\\n]{0,8}\\}[ \\t\\r\\n]{0,8}/".into(),
    ];
    let mut names = Vec::new();
    for (i, tool) in tools.iter().enumerate() {
        let name = name_of(tool)?;
        rules.push(format!("t{i}: {} NEXT a{i}", literal(&literal(name))));
        rules.push(json_arguments(i, tool).map_err(|f| of_tool(name, f))?);
        names.push(format!("t{i}"));
    }
    rules.push(format!("call: OPEN ({}) CLOSE", names.join(" | ")));
    Ok(rules.join("\n") + "\n")
}

/// The rule `a{i}` of a tool's arguments as one JSON object.
pub(super) fn json_arguments(i: usize, tool: &Value) -> Result<String, Fault> {
    if let Some(input) = input(tool)? {
        return Ok(format!("a{i}: INPUT g{i} END\ng{i}: {input}"));
    }
    let schema = if tool["schema"].is_null() { any_object() } else { tool["schema"].clone() };
    let schema = arguments(schema)?;
    Ok(format!("a{i}: %json {}", prepared_part(&schema, &schema, "")?))
}

/// The grammar of the input of a tool that has one, inside a JSON string.
pub(super) fn input(tool: &Value) -> Result<Option<String>, Fault> {
    let properties = tool["schema"]["properties"].as_object().filter(|p| p.len() == 1);
    let Some(lark) = properties.and_then(|p| p.get("input")?.get("lark")?.as_str()) else { return Ok(None) };
    if lark.len() > super::GRAMMAR_MAX {
        return Err(Fault::complex("", format!("its grammar has more than {} bytes", super::GRAMMAR_MAX)));
    }
    Ok(Some(format!("%lark {{\n{}\n}}", quoted(lark)?)))
}

/// Arguments are an object even if the schema does not say so.
fn arguments(mut schema: Value) -> Result<Value, Fault> {
    let Some(map) = schema.as_object_mut() else { return Err(Fault::at("/", "must be an object")) };
    let open = ["$ref", "anyOf", "oneOf", "allOf"].iter().all(|k| !map.contains_key(*k));
    if open && !map.contains_key("type") {
        map.insert("type".into(), json!("object"));
    }
    Ok(schema)
}

/// How a parameter may be written.
#[derive(Default)]
pub(super) struct Ways {
    pub plain: bool,        // any text
    pub texts: Vec<String>, // one of these texts
    pub json: bool,         // JSON of its schema
}

#[derive(Default)]
struct Dsml {
    rules: Vec<String>,
    parameters: usize,
}

impl Dsml {
    fn grammar(mut self, tools: &[Value], parallel: bool) -> Result<String, Fault> {
        let many = if parallel { "+" } else { "" };
        self.rules = vec![
            format!("start: \"tool_calls>\\n\" invoke{many} \"</\" <dsml> \"tool_calls>\""),
            // Ends with what the closing tag begins with, because the lexer takes the longest text.
            "TEXT: /(?s:.*)<\\// & ~/(?s:.*\u{ff5c}DSML\u{ff5c}.*)/".into(),
            "NAME: /[^\"<>\\n\u{ff5c}]{1,200}/".into(),
            "any: \"<\" <dsml> \"parameter name=\\\"\" NAME any_value <dsml> \"parameter>\\n\"".into(),
            "any_value: \"\\\" string=\\\"true\\\">\" TEXT | \"\\\" string=\\\"false\\\">\" any_json \"</\""
                .into(),
            format!("any_json: %json {}", prepared_part(&json!({}), &json!({}), "")?),
        ];
        let mut names = Vec::new();
        for (i, tool) in tools.iter().enumerate() {
            let name = name_of(tool)?;
            let parameters = self.arguments(tool).map_err(|f| of_tool(name, f))?;
            self.rules.push(format!("t{i}: {} {parameters}", literal(&format!("{name}\">\n"))));
            names.push(format!("t{i}"));
        }
        self.rules.push(format!(
            "invoke: \"<\" <dsml> \"invoke name=\\\"\" ({}) \"</\" <dsml> \"invoke>\\n\"",
            names.join(" | ")
        ));
        Ok(self.rules.join("\n") + "\n")
    }

    fn arguments(&mut self, tool: &Value) -> Result<String, Fault> {
        if let Some(input) = input(tool)? {
            let i = self.rules.len();
            let tag = literal("parameter name=\"input\" string=\"false\">\"");
            self.rules.push(format!("g{i}: {input}"));
            return Ok(format!("\"<\" <dsml> {tag} g{i} \"\\\"</\" <dsml> \"parameter>\\n\""));
        }
        match &tool["schema"] {
            Value::Null => Ok("any*".to_string()),
            schema => parameters(schema, |key, one, here| self.parameter(schema, key, one, here)),
        }
    }

    fn parameter(&mut self, root: &Value, key: &str, schema: &Value, here: &str) -> Result<String, Fault> {
        self.parameters += 1;
        if self.parameters > PARAMETERS_MAX {
            return Err(Fault::complex(here, format!("there are more than {PARAMETERS_MAX} parameters")));
        }
        if key.is_empty() || key.contains(|c: char| "\"<>\u{ff5c}".contains(c) || c.is_control()) {
            return Err(Fault::at(here, "a parameter of a call cannot have this name"));
        }
        let i = self.parameters;
        let values = self.values(root, schema, here)?;
        let tag = literal(&format!("parameter name=\"{key}\""));
        self.rules
            .push(format!("p{i}: \"<\" <dsml> {tag} ({}) <dsml> \"parameter>\\n\"", values.join(" | ")));
        Ok(format!("p{i}"))
    }

    fn values(&mut self, root: &Value, schema: &Value, here: &str) -> Result<Vec<String>, Fault> {
        if let Some(text) = self.restricted_text(root, schema, here)? {
            return Ok(vec![text]);
        }
        let i = self.parameters;
        let ways = ways_of(root, schema, here, 0)?;
        let mut values = Vec::new();
        if ways.plain {
            values.push("\" string=\\\"true\\\">\" TEXT".to_string());
        } else if !ways.texts.is_empty() {
            let texts: Vec<_> = ways.texts.iter().map(|t| literal(t)).collect();
            values.push(format!("\" string=\\\"true\\\">\" ({}) \"</\"", texts.join(" | ")));
        }
        if ways.json {
            let schema = prepared_part(root, schema, here)?;
            self.rules.push(format!("j{i}: %json {schema}"));
            values.push(format!("\" string=\\\"false\\\">\" j{i} \"</\""));
        }
        Ok(values)
    }

    /// A text with a pattern, a format or a length.
    fn restricted_text(&mut self, root: &Value, schema: &Value, here: &str) -> Result<Option<String>, Fault> {
        let (schema, place) = followed(root, schema, here)?;
        if schema["type"] != "string" {
            return Ok(None);
        }
        let Some(text) = restricted(schema, &place)?.filter(|t| !t.regexes.is_empty()) else {
            return Ok(None);
        };
        let i = self.parameters;
        let regexes: Vec<_> = text.regexes.iter().map(|r| format!("/{r}<\\//")).collect();
        self.rules.push(format!("TEXT{i}: {} & ~/(?s:.*\u{ff5c}DSML\u{ff5c}.*)/", regexes.join(" & ")));
        Ok(Some(format!("\" string=\\\"true\\\">\" TEXT{i}")))
    }
}

/// The parameters of one tool, in the order of its schema. `one(name, schema, place)`: the rule of one of them.
pub(super) fn parameters(
    root: &Value,
    mut one: impl FnMut(&str, &Value, &str) -> Result<String, Fault>,
) -> Result<String, Fault> {
    let (top, place) = followed(root, root, "")?;
    let Some(map) = top.as_object() else { return Err(Fault::at("/", "must be an object")) };
    only_properties(map, &place)?;
    let none = Map::new();
    let properties = map.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let required: Vec<&str> = map
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if let Some(lost) = required.iter().find(|r| !properties.contains_key(**r)) {
        let lost: String = lost.chars().take(80).collect();
        return Err(Fault::at(&below(&place, "required"), format!("'{lost}' is not among the properties")));
    }
    let mut parts = Vec::new();
    for (key, schema) in properties {
        let here = below(&below(&place, "properties"), key);
        let rule = one(key, schema, &here)?;
        parts.push(if required.contains(&key.as_str()) { rule } else { rule + "?" });
    }
    Ok(parts.join(" "))
}

/// Follows references that have nothing beside them, and tells the place of what they name.
pub(super) fn followed<'a>(
    root: &'a Value,
    schema: &'a Value,
    place: &str,
) -> Result<(&'a Value, String), Fault> {
    let (mut at, mut place) = (schema, place.to_string());
    for _ in 0..16 {
        let Some(reference) = at.get("$ref").and_then(Value::as_str) else { return Ok((at, place)) };
        let alone = restricting(at).all(|k| k == "$ref");
        if !alone {
            return Ok((at, place));
        }
        at = resolved(root, reference, &below(&place, "$ref"))?;
        place = reference.trim_start_matches('#').to_string();
    }
    Err(Fault::at(&place, "its references do not end"))
}

/// The keywords that restrict a value.
fn restricting(schema: &Value) -> impl Iterator<Item = &str> {
    let keys = schema.as_object().into_iter().flatten().map(|(k, _)| k.as_str());
    keys.filter(|k| !matches!(rule_of(k), Rule::Ignored))
}

fn only_properties(map: &Map<String, Value>, place: &str) -> Result<(), Fault> {
    let kept = ["type", "properties", "required", "additionalProperties"];
    let other = map.keys().find(|k| !kept.contains(&k.as_str()) && !matches!(rule_of(k), Rule::Ignored));
    if let Some(k) = other {
        let why = format!("'{k}' is not supported at the top of the parameters of this model's tools");
        return Err(Fault::at(&below(place, k), why));
    }
    if map.get("type").is_some_and(|t| t != "object") {
        return Err(Fault::at(&below(place, "type"), "must be object"));
    }
    Ok(())
}

pub(super) fn ways_of(root: &Value, schema: &Value, here: &str, depth: usize) -> Result<Ways, Fault> {
    let json = Ways { json: true, ..Ways::default() };
    let (schema, _) = followed(root, schema, here)?;
    let keys: Vec<&str> = restricting(schema).collect();
    if let ["anyOf"] | ["oneOf"] = keys[..] {
        let any = schema[keys[0]].as_array().filter(|_| depth < 8).into_iter().flatten();
        let ways: Vec<Ways> = any.map(|s| ways_of(root, s, here, depth + 1)).collect::<Result<_, _>>()?;
        return Ok(Ways { json: ways.iter().any(|w| w.json) || ways.is_empty(), ..joined(ways) });
    }
    if keys.iter().all(|k| *k == "type" || *k == "enum" || *k == "const") {
        if let Some(texts) = texts_of(schema) {
            return Ok(Ways { texts, ..Ways::default() });
        }
    }
    let of_text = |t: &Value| t == "string" || t.as_array().is_some_and(|l| l.contains(&json!("string")));
    Ok(match keys[..] {
        [] => Ways { plain: true, ..json },
        ["type"] if schema["type"] == "string" => Ways { plain: true, ..Ways::default() },
        ["type"] if of_text(&schema["type"]) => Ways { plain: true, ..json },
        _ => json,
    })
}

fn joined(ways: Vec<Ways>) -> Ways {
    let plain = ways.iter().any(|w| w.plain);
    Ways { plain, texts: ways.into_iter().flat_map(|w| w.texts).collect(), json: false }
}

/// The values of an enum or const if they are texts that can be written as they are.
fn texts_of(schema: &Value) -> Option<Vec<String>> {
    let list = match (schema.get("enum"), schema.get("const")) {
        (Some(list), None) => list.as_array()?.clone(),
        (None, Some(value)) => vec![value.clone()],
        _ => return None,
    };
    let fits = |t: &&str| !t.is_empty() && t.len() <= 256 && !t.contains(['<', '\u{ff5c}', '\u{7f}']);
    list.iter().map(|v| v.as_str().filter(fits).map(String::from)).collect()
}
