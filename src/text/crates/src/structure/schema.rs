//! Checks a client's JSON schema and writes the one that the library gets: bounded in size and nesting,
//! references numbered, keywords of OpenAPI and `propertyNames` in other words. What a schema asks and cannot
//! be kept is a fault that names the keyword and its place.

use super::disjoint::disjoint;
use super::keywords::{rule_of, Rule, DESCRIPTIVE, FORMATS};
use super::productive::{closed, may_end, productive, PREFIX};
use super::references::resolved;
use super::Fault;
use serde_json::{json, Map, Value};
use std::collections::HashMap;

const NODES_MAX: usize = 20_000; // schemas in a document, after references were followed
const DEFINITIONS_MAX: usize = 1000;
const REQUIRED_MAX: usize = 1000;
const BRANCHES_MAX: usize = 500; // of one anyOf or oneOf
const ALL_OF_MAX: usize = 64;
const VALUES_MAX: usize = 10_000; // of one enum
const COUNT_MAX: u64 = 100_000;
const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53

/// The library's own settings, which a client cannot set. Unbounded white space would let a model write
/// nothing else.
fn settings() -> Value {
    json!({"whitespace_pattern": "[\\x20\\x0A\\x0D\\x09]{1,64}"})
}

/// The schema for the library. REQUIRES: a large stack.
pub fn prepared(text: &str) -> Result<Value, Fault> {
    let root = read(text)?;
    prepared_part(&root, &root, "")
}

pub fn read(text: &str) -> Result<Value, Fault> {
    serde_json::from_str(text).map_err(|e| {
        if e.to_string().contains("recursion limit") {
            Fault::complex("/", "it is nested deeper than 127 levels")
        } else {
            Fault::at("/", "it is not valid JSON")
        }
    })
}

/// The same for the schema `part` at `place` of the document `root`, which its references are about.
pub fn prepared_part(root: &Value, part: &Value, place: &str) -> Result<Value, Fault> {
    let whole = if place.is_empty() { "/" } else { place };
    let mut rewriting = Rewriting { root, names: HashMap::new(), definitions: Vec::new(), nodes: 0 };
    let mut schema = rewriting.schema(part, place)?;
    let mut definitions = rewriting.definitions();
    let known = productive(&definitions);
    if !may_end(&schema, &known) {
        return Err(Fault::at(whole, "no finite value can match it"));
    }
    closed(&mut schema, &known);
    if schema == Value::Bool(true) {
        schema = json!({});
    }
    let Some(map) = schema.as_object_mut() else { return Err(Fault::at(whole, "nothing can match it")) };
    let mut named = Map::new();
    for (i, d) in definitions.iter_mut().enumerate().filter(|(i, _)| known[*i]) {
        closed(d, &known);
        named.insert(format!("d{i}"), d.take());
    }
    map.insert("$defs".into(), Value::Object(named));
    map.insert("x-guidance".into(), settings());
    Ok(schema)
}

struct Rewriting<'a> {
    root: &'a Value,
    names: HashMap<*const Value, usize>, // a schema that a reference names → its number
    definitions: Vec<Value>,             // Null: not written yet
    nodes: usize,
}

pub fn below(place: &str, key: &str) -> String {
    format!("{place}/{}", key.replace('~', "~0").replace('/', "~1"))
}

impl<'a> Rewriting<'a> {
    fn definitions(self) -> Vec<Value> {
        self.definitions
    }

    fn schema(&mut self, schema: &'a Value, place: &str) -> Result<Value, Fault> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(Fault::complex(place, format!("it has more than {NODES_MAX} schemas")));
        }
        let map = match schema {
            Value::Bool(b) => return Ok(Value::Bool(*b)),
            Value::Object(map) => map,
            _ => return Err(Fault::at(place, "a schema must be an object or a boolean")),
        };
        let mut out = Map::new();
        for (keyword, value) in map {
            let here = below(place, keyword);
            if let Some(kept) = self.keyword(keyword, value, map, &here)? {
                out.insert(keyword.clone(), kept);
            }
        }
        if let Some(names) = map.get("propertyNames") {
            self.property_names(names, &mut out, &below(place, "propertyNames"))?;
        }
        bounds(map, &mut out, place)?;
        self.one_of(map, &mut out);
        Ok(nullable(map, out))
    }

    fn keyword(
        &mut self,
        keyword: &str,
        value: &'a Value,
        map: &'a Map<String, Value>,
        here: &str,
    ) -> Result<Option<Value>, Fault> {
        let kept = match rule_of(keyword) {
            Rule::Schema => self.schema(value, here)?,
            Rule::Schemas => self.list(keyword, value, here)?,
            Rule::Named => self.named(value, here)?,
            Rule::Count => count(value, here)?,
            Rule::Number => number(keyword, value, here)?,
            Rule::Value => exact(value, here)?,
            Rule::Values => values(value, here)?,
            Rule::Plain => text(value, here)?,
            Rule::Own => return self.own(keyword, value, map, here),
            Rule::Ignored => return Ok(None),
            Rule::Unsupported => {
                return Err(Fault::at(here, format!("'{keyword}' is not supported")));
            }
        };
        Ok(Some(kept))
    }

    fn own(
        &mut self,
        keyword: &str,
        value: &'a Value,
        map: &'a Map<String, Value>,
        here: &str,
    ) -> Result<Option<Value>, Fault> {
        match keyword {
            "$ref" => self.reference(value, here).map(Some),
            "type" => types(value, here).map(Some),
            "items" if value.is_array() => self.list(keyword, value, here).map(Some),
            "items" => self.schema(value, here).map(Some),
            "required" => required(value, here).map(Some),
            "format" => format_of(value, map, here),
            "uniqueItems" if *value == Value::Bool(true) => {
                Err(Fault::at(here, "'uniqueItems' is not supported"))
            }
            _ => Ok(None), // nullable, propertyNames and exclusive bounds are written by schema()
        }
    }

    fn list(&mut self, keyword: &str, value: &'a Value, here: &str) -> Result<Value, Fault> {
        let list = value.as_array().ok_or_else(|| Fault::at(here, "must be a list of schemas"))?;
        let most = if keyword == "allOf" { ALL_OF_MAX } else { BRANCHES_MAX };
        if list.len() > most {
            return Err(Fault::complex(here, format!("'{keyword}' has more than {most} schemas")));
        }
        let each = list.iter().enumerate().map(|(i, s)| self.schema(s, &format!("{here}/{i}")));
        each.collect::<Result<Vec<_>, _>>().map(Value::Array)
    }

    fn named(&mut self, value: &'a Value, here: &str) -> Result<Value, Fault> {
        let map = value.as_object().ok_or_else(|| Fault::at(here, "must be an object of schemas"))?;
        let each = map.iter().map(|(k, s)| Ok((k.clone(), self.schema(s, &below(here, k))?)));
        each.collect::<Result<Map<_, _>, Fault>>().map(Value::Object)
    }

    /// The library takes a `oneOf` only where it sees itself that the branches exclude each other.
    fn one_of(&self, map: &Map<String, Value>, out: &mut Map<String, Value>) {
        let excluding = map.get("oneOf").and_then(Value::as_array).is_some_and(|b| disjoint(self.root, b));
        if excluding && !out.contains_key("anyOf") {
            let branches = out.remove("oneOf").unwrap_or_default();
            out.insert("anyOf".into(), branches);
        }
    }

    /// Gives the named schema a number, and writes it once.
    fn reference(&mut self, value: &'a Value, here: &str) -> Result<Value, Fault> {
        let name = value.as_str().ok_or_else(|| Fault::at(here, "must be a string"))?;
        let target = resolved(self.root, name, here)?;
        if let Some(i) = self.names.get(&(target as *const Value)) {
            return Ok(Value::String(format!("{PREFIX}{i}")));
        }
        let i = self.definitions.len();
        if i >= DEFINITIONS_MAX {
            return Err(Fault::complex(here, format!("it refers to more than {DEFINITIONS_MAX} schemas")));
        }
        self.names.insert(target, i);
        self.definitions.push(Value::Null);
        self.definitions[i] = self.schema(target, name.trim_start_matches('#'))?;
        Ok(Value::String(format!("{PREFIX}{i}")))
    }

    /// Says in other words which names an object may have.
    fn property_names(
        &mut self,
        names: &'a Value,
        out: &mut Map<String, Value>,
        here: &str,
    ) -> Result<(), Fault> {
        let mut names = names;
        for _ in 0..8 {
            match names.get("$ref").and_then(Value::as_str) {
                Some(r) => names = resolved(self.root, r, here)?,
                None => break,
            }
        }
        let Some(map) = names.as_object() else {
            if *names == Value::Bool(false) {
                out.insert("maxProperties".into(), json!(0));
            }
            return Ok(());
        };
        let known = ["type", "enum", "const", "pattern", "minLength", "maxLength"];
        if let Some(k) =
            map.keys().find(|k| !known.contains(&k.as_str()) && !matches!(rule_of(k), Rule::Ignored))
        {
            return Err(Fault::at(&below(here, k), format!("'{k}' is not supported in propertyNames")));
        }
        let list = map.get("enum").and_then(Value::as_array).cloned();
        let list = list.or_else(|| map.get("const").map(|c| vec![c.clone()]));
        if let Some(list) = list {
            return listed_names(&list, out, here);
        }
        let pattern = match (map.get("pattern").and_then(Value::as_str), lengths(map)) {
            (Some(p), None) => p.to_string(),
            (None, Some(p)) => p,
            (None, None) => return Ok(()),
            _ => return Err(Fault::at(here, "a pattern and a length together are not supported")),
        };
        if out.contains_key("properties") || out.contains_key("patternProperties") {
            return Err(Fault::at(here, "'propertyNames' beside 'properties' is not supported"));
        }
        let values = out.insert("additionalProperties".into(), Value::Bool(false));
        out.insert("patternProperties".into(), json!({ pattern: values.unwrap_or(Value::Bool(true)) }));
        Ok(())
    }
}

fn lengths(map: &Map<String, Value>) -> Option<String> {
    let of = |name: &str| map.get(name).and_then(Value::as_u64);
    let (least, most) = (of("minLength"), of("maxLength"));
    let most_text = most.map(|m| m.to_string()).unwrap_or_default();
    (least.is_some() || most.is_some()).then(|| format!("^(?s:.){{{},{most_text}}}$", least.unwrap_or(0)))
}

/// The names are known: each becomes a property, others are not allowed.
fn listed_names(list: &[Value], out: &mut Map<String, Value>, here: &str) -> Result<(), Fault> {
    if list.len() > REQUIRED_MAX {
        return Err(Fault::complex(here, format!("it has more than {REQUIRED_MAX} names")));
    }
    let others = out.insert("additionalProperties".into(), Value::Bool(false)).unwrap_or(Value::Bool(true));
    let Value::Object(own) = out.remove("properties").unwrap_or_else(|| json!({})) else { return Ok(()) };
    let mut properties = Map::new();
    for name in list.iter().filter_map(Value::as_str) {
        let schema = own.get(name).cloned().unwrap_or_else(|| others.clone());
        properties.insert(name.to_string(), schema);
    }
    out.insert("properties".into(), Value::Object(properties));
    Ok(())
}

/// OpenAPI 3.0 and JSON schema 4 write exclusive bounds as flags.
fn bounds(map: &Map<String, Value>, out: &mut Map<String, Value>, place: &str) -> Result<(), Fault> {
    for (flag, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        match map.get(flag) {
            Some(Value::Bool(true)) => {
                if let Some(b) = out.remove(bound) {
                    out.insert(flag.into(), b);
                }
            }
            Some(Value::Bool(false)) | None => {}
            Some(b) => {
                out.insert(flag.into(), number(flag, b, &below(place, flag))?);
            }
        }
    }
    Ok(())
}

fn nullable(map: &Map<String, Value>, out: Map<String, Value>) -> Value {
    if map.get("nullable") != Some(&Value::Bool(true)) {
        return Value::Object(out);
    }
    json!({"anyOf": [Value::Object(out), {"type": "null"}]})
}

pub fn count(value: &Value, here: &str) -> Result<Value, Fault> {
    let whole =
        value.as_u64().or_else(|| value.as_f64().filter(|f| *f >= 0.0 && f.fract() == 0.0).map(|f| f as u64));
    match whole {
        Some(n) if n <= COUNT_MAX => Ok(json!(n)),
        Some(_) => Err(Fault::complex(here, format!("it is above {COUNT_MAX}"))),
        None => Err(Fault::at(here, "must be a whole number that is not negative")),
    }
}

fn number(keyword: &str, value: &Value, here: &str) -> Result<Value, Fault> {
    let Some(n) = value.as_f64() else { return Err(Fault::at(here, "must be a number")) };
    if keyword == "multipleOf" && n <= 0.0 {
        return Err(Fault::at(here, "must be above 0"));
    }
    exact(value, here)
}

/// A number beyond 2^53 would be rounded.
fn exact(value: &Value, here: &str) -> Result<Value, Fault> {
    match value {
        Value::Number(n) if n.as_f64().is_none_or(|f| f.abs() >= EXACT) => {
            Err(Fault::at(here, "a number beyond 2^53 cannot be kept exactly"))
        }
        Value::Array(list) => {
            list.iter().enumerate().try_for_each(|(i, v)| exact(v, &format!("{here}/{i}")).map(drop))?;
            Ok(value.clone())
        }
        Value::Object(map) => {
            map.iter().try_for_each(|(k, v)| exact(v, &below(here, k)).map(drop))?;
            Ok(value.clone())
        }
        _ => Ok(value.clone()),
    }
}

fn values(value: &Value, here: &str) -> Result<Value, Fault> {
    let list = value.as_array().ok_or_else(|| Fault::at(here, "must be a list"))?;
    if list.is_empty() {
        return Err(Fault::at(here, "must have at least one value"));
    }
    if list.len() > VALUES_MAX {
        return Err(Fault::complex(here, format!("it has more than {VALUES_MAX} values")));
    }
    exact(value, here)
}

pub fn text(value: &Value, here: &str) -> Result<Value, Fault> {
    let text = value.as_str().ok_or_else(|| Fault::at(here, "must be a string"))?;
    if text.len() > super::REGEX_MAX {
        return Err(Fault::complex(here, format!("it has more than {} bytes", super::REGEX_MAX)));
    }
    Ok(value.clone())
}

fn required(value: &Value, here: &str) -> Result<Value, Fault> {
    if value.is_boolean() {
        return Ok(json!([])); // a flag of JSON schema 3 on a property
    }
    let list = value.as_array().ok_or_else(|| Fault::at(here, "must be a list of names"))?;
    if list.len() > REQUIRED_MAX {
        return Err(Fault::complex(here, format!("it has more than {REQUIRED_MAX} names")));
    }
    if !list.iter().all(Value::is_string) {
        return Err(Fault::at(here, "must be a list of names"));
    }
    Ok(value.clone())
}

fn types(value: &Value, here: &str) -> Result<Value, Fault> {
    const KNOWN: [&str; 7] = ["null", "boolean", "integer", "number", "string", "array", "object"];
    let known = |v: &Value| v.as_str().is_some_and(|t| KNOWN.contains(&t));
    let fits = known(value) || value.as_array().is_some_and(|l| !l.is_empty() && l.iter().all(known));
    if !fits {
        return Err(Fault::at(here, "is not a type of JSON schema"));
    }
    Ok(value.clone())
}

/// Keeps the formats that the library enforces; those that restrict nothing are left out.
pub fn format_of(value: &Value, map: &Map<String, Value>, here: &str) -> Result<Option<Value>, Fault> {
    let name = value.as_str().ok_or_else(|| Fault::at(here, "must be a string"))?;
    let of_text = map.get("type").is_none_or(|t| t == "string" || t.is_array());
    if DESCRIPTIVE.contains(&name) || !of_text {
        return Ok(None);
    }
    if FORMATS.contains(&name) {
        return Ok(Some(value.clone()));
    }
    let name: String = name.chars().take(40).collect();
    Err(Fault::at(here, format!("format '{name}' is not supported")))
}
