//! Calls of the dialects that are tables (text/dialect.h), from behind the text that opens them. The request of
//! calls.rs has these keys, too. Parts are lists of {"mark": a special token}, {"text": …}, which may be "optional",
//! and {"index": true}, a number.
//!
//!   rest, call_end, between, block_end, after_name   parts: from the opening to the first name, and so on
//!   json_name      the name is a JSON string
//!   tagged         each parameter stands by itself, between key, after_key and after_value (parts)
//!   markers        spellings that no value may hold
//!
//! A tagged value has no type of its own. Where the schema says that it is a text, it stands as it is; where it may
//! be a text or something else, a text that could be read as JSON is written as a JSON string.

use super::calls::{
    followed, input, json_arguments, literal, name_of, of_tool, parameters, ways_of, INPUT, PARAMETERS_MAX,
};
use super::restricted::{in_slashes, restricted};
use super::schema::prepared_part;
use super::vocabulary::MARKS;
use super::Fault;
use serde_json::{json, Value};

pub fn grammar(request: &Value, tools: &[Value], parallel: bool) -> Result<String, Fault> {
    let mut table = Table { request, rules: Vec::new(), parameters: 0 };
    let more = if parallel { format!("({} call)*", table.parts("between")?) } else { String::new() };
    table.rules = vec![
        format!("start: SPACE? {} call {more} {}", table.parts("rest")?, table.parts("block_end")?),
        "SPACE: /[ \\n]{1,4}/".into(),
        "INDEX: /[0-9]{1,3}/".into(),
        INPUT.into(),
    ];
    if request["tagged"] == json!(true) {
        table.add_texts()?;
    }
    let mut names = Vec::new();
    for (i, tool) in tools.iter().enumerate() {
        let name = name_of(tool)?;
        if name.contains(|c: char| "<>{}[]'`:".contains(c) || c.is_whitespace()) {
            return Err(of_tool(name, Fault::at("", "a call cannot have this name")));
        }
        let inside = table.inside(i, tool).map_err(|f| of_tool(name, f))?;
        let spelling = if request["json_name"] == json!(true) { literal(name) } else { name.to_string() };
        table.rules.push(format!("t{i}: {} {} {inside}", literal(&spelling), table.parts("after_name")?));
        names.push(format!("t{i}"));
    }
    table.rules.push(format!("call: ({}) {}", names.join(" | "), table.parts("call_end")?));
    Ok(table.rules.join("\n") + "\n")
}

struct Table<'a> {
    request: &'a Value,
    rules: Vec<String>,
    parameters: usize,
}

/// What the type of a parameter says to the reader of calls (text/tool_types.h).
#[derive(PartialEq)]
enum Reading {
    Text,
    Other,
    Unknown,
}

impl Table<'_> {
    fn list(&self, key: &str) -> &[Value] {
        self.request[key].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// Parts as a sequence of the grammar.
    fn parts(&self, key: &str) -> Result<String, Fault> {
        let all: Result<Vec<String>, Fault> = self.list(key).iter().map(part).collect();
        Ok(all?.join(" "))
    }

    /// The arguments of a call.
    fn inside(&mut self, i: usize, tool: &Value) -> Result<String, Fault> {
        if self.request["tagged"] != json!(true) {
            self.rules.push(json_arguments(i, tool)?);
            return Ok(format!("a{i}"));
        }
        if input(tool)?.is_some() {
            return Err(Fault::at("", "this model's calls cannot keep an input to a grammar"));
        }
        match &tool["schema"] {
            Value::Null => Ok("any*".into()),
            schema => parameters(schema, |key, one, here| self.parameter(schema, key, one, here)),
        }
    }

    /// The end of a text: the part that a terminal of the text holds itself, because a terminal takes the longest
    /// text, as a regex, and what follows. The first is empty if the end begins with a mark.
    fn end_of_text(&self) -> Result<(String, String), Fault> {
        let first = self.list("after_value").first().and_then(|p| p["text"].as_str()).map(pattern_of);
        let skipped = usize::from(first.is_some());
        let behind: Result<Vec<_>, _> = self.list("after_value").iter().skip(skipped).map(part).collect();
        Ok((first.unwrap_or_default(), behind?.join(" ")))
    }

    /// A regex of the texts that hold a marker.
    fn held(&self) -> String {
        let markers: Vec<String> =
            self.list("markers").iter().filter_map(Value::as_str).map(pattern_of).collect();
        format!("(?s:.*)({})(?s:.*)", markers.join("|"))
    }

    /// Any text up to the end of a value, and those that cannot be read as JSON.
    fn add_texts(&mut self) -> Result<(), Fault> {
        let (end, behind) = self.end_of_text()?;
        let held = self.held();
        let (least, optional) = if end.is_empty() { ("+", "?") } else { ("*", "") };
        let plain = format!("([^\\s0-9\"\\[{{tfn\\-](?s:.*)){}", if end.is_empty() { "" } else { "?" });
        self.rules.push(format!("TEXT: /(?s:.{least}){end}/ & ~/{held}{end}/"));
        self.rules.push(format!("PLAIN: /{plain}{end}/ & ~/{held}{end}/"));
        self.rules.push(format!("text: TEXT{optional} {behind}"));
        self.rules.push(format!("plain: PLAIN{optional} {behind}"));
        self.rules.push("NAME: /[^\"<>\\[\\]\\s\u{ff5c}]{1,200}/".into());
        let (key, after_key) = (self.parts("key")?, self.parts("after_key")?);
        self.rules.push(format!("any: {key} NAME {after_key} text"));
        Ok(())
    }

    fn parameter(&mut self, root: &Value, key: &str, schema: &Value, here: &str) -> Result<String, Fault> {
        self.parameters += 1;
        if self.parameters > PARAMETERS_MAX {
            return Err(Fault::complex(here, format!("there are more than {PARAMETERS_MAX} parameters")));
        }
        let breaks = |c: char| "\"<>[]\u{ff5c}".contains(c) || c.is_control();
        if key.is_empty() || key.trim() != key || key.contains(breaks) {
            return Err(Fault::at(here, "a parameter of a call cannot have this name"));
        }
        let i = self.parameters;
        let values = self.values(root, schema, here)?;
        let (before, after) = (self.parts("key")?, self.parts("after_key")?);
        self.rules.push(format!("p{i}: {before} {} {after} ({})", literal(key), values.join(" | ")));
        Ok(format!("p{i}"))
    }

    /// The rule of a text that its schema restricts, with its end.
    fn restricted_text(&mut self, root: &Value, schema: &Value, here: &str) -> Result<String, Fault> {
        let (schema, place) = followed(root, schema, here)?;
        let Some(text) = restricted(schema, &place)? else {
            return Err(Fault::at(
                here,
                "a text that this model's calls hold cannot be restricted like this",
            ));
        };
        let i = self.parameters;
        let (end, behind) = self.end_of_text()?;
        let mut all: Vec<String> = text.regexes.iter().map(|r| format!("/{r}{end}/")).collect();
        all.push(format!("~/{}{end}/", self.held()));
        if end.is_empty() {
            all.push("/(?s:.+)/".into());
        }
        self.rules.push(format!("TEXT{i}: {}", all.join(" & ")));
        let optional = if end.is_empty() && text.may_be_empty { "?" } else { "" };
        Ok(format!("TEXT{i}{optional} {behind}"))
    }

    /// How a value and its end may be written.
    fn values(&mut self, root: &Value, schema: &Value, here: &str) -> Result<Vec<String>, Fault> {
        let end = self.parts("after_value")?;
        let ways = ways_of(root, schema, here, 0)?;
        let reading = reading_of(schema);
        if reading == Reading::Text {
            return match (ways.plain, ways.texts.as_slice()) {
                (true, _) => Ok(vec!["text".into()]),
                (false, []) => Ok(vec![self.restricted_text(root, schema, here)?]),
                (false, texts) => {
                    let texts: Vec<_> = texts.iter().map(|t| literal(t)).collect();
                    Ok(vec![format!("({}) {end}", texts.join(" | "))])
                }
            };
        }
        let schema = prepared_part(root, schema, here)?;
        let i = self.parameters;
        self.rules.push(format!("j{i}: %json {schema}"));
        let mut values = vec![format!("j{i} {end}")];
        if reading == Reading::Unknown && ways.plain {
            values.push("plain".into());
        }
        Ok(values)
    }
}

fn part(part: &Value) -> Result<String, Fault> {
    if let Some(mark) = part["mark"].as_str() {
        let known = MARKS.iter().find(|(spelling, _)| *spelling == mark);
        return known
            .map(|(_, name)| name.to_string())
            .ok_or_else(|| Fault::at("", "a mark of this model's calls is not known"));
    }
    if part["index"] == json!(true) {
        return Ok("INDEX".into());
    }
    let text = literal(part["text"].as_str().unwrap_or_default());
    Ok(if part["optional"] == json!(true) { text + "?" } else { text })
}

/// A regex of the grammar that matches a text.
fn pattern_of(text: &str) -> String {
    in_slashes(&regex_syntax::escape(text))
}

fn reading_of(schema: &Value) -> Reading {
    let of_name = |t: &Value| if t == "string" { Reading::Text } else { Reading::Other };
    let of_value = |v: &Value| if v.is_string() { Reading::Text } else { Reading::Other };
    match (schema.get("type"), schema.get("enum")) {
        (Some(Value::Array(types)), _) => common(types, of_name),
        (Some(name), _) => of_name(name),
        (None, Some(Value::Array(values))) => common(values, of_value),
        (None, _) => Reading::Unknown,
    }
}

fn common(list: &[Value], of: impl Fn(&Value) -> Reading) -> Reading {
    let Some(first) = list.first().map(&of) else { return Reading::Unknown };
    if list.iter().all(|v| of(v) == first) {
        first
    } else {
        Reading::Unknown
    }
}
