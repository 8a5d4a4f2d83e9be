//! Where in a schema a fault of the library is. Its own messages name no place.

use super::calls::{of_tool, tools_of};
use super::disjoint::disjoint;
use super::keywords::{rule_of, Rule};
use super::schema::{below, read};
use super::{Fault, Kind, Why};
use serde_json::{json, Map, Value};

const TRIED_MAX: usize = 200; // schemas that are tried by themselves
const BOUNDS: [&str; 8] = [
    "minLength",
    "minimum",
    "exclusiveMinimum",
    "maximum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "minProperties",
];

/// The same fault with its place, if that is found. `refused` tells why the library refuses a small schema.
pub fn placed(fault: Fault, kind: Kind, text: &str, refused: &dyn Fn(Value) -> Option<String>) -> Fault {
    if fault.why != Why::Invalid || !fault.place.is_empty() {
        return fault;
    }
    let Ok(root) = read(text) else { return fault };
    let found = match kind {
        Kind::Schema => Search { root: &root, refused, tried: 0 }.schema(&root, ""),
        Kind::Calls => tools_of(&root).iter().find_map(|tool| {
            let schema = tool.get("schema")?;
            let found = Search { root: schema, refused, tried: 0 }.schema(schema, "")?;
            Some(of_tool(tool["name"].as_str().unwrap_or_default(), found))
        }),
        _ => None,
    };
    found.unwrap_or(fault)
}

struct Search<'a> {
    root: &'a Value,
    refused: &'a dyn Fn(Value) -> Option<String>,
    tried: usize,
}

impl Search<'_> {
    fn schema(&mut self, schema: &Value, place: &str) -> Option<Fault> {
        let map = schema.as_object()?;
        self.one_of(map, place)
            .or_else(|| self.pattern(map, place))
            .or_else(|| self.bounds(map, place))
            .or_else(|| {
                map.iter().find_map(|(keyword, value)| self.keyword(keyword, value, &below(place, keyword)))
            })
    }

    fn keyword(&mut self, keyword: &str, value: &Value, here: &str) -> Option<Fault> {
        if matches!(keyword, "properties" | "patternProperties" | "$defs" | "definitions") {
            return value.as_object()?.iter().find_map(|(k, s)| self.schema(s, &below(here, k)));
        }
        match (rule_of(keyword), value) {
            (Rule::Schema, _) => self.schema(value, here),
            (Rule::Schemas, Value::Array(list)) => self.list(list, here),
            (Rule::Own, Value::Array(list)) if keyword == "items" => self.list(list, here),
            (Rule::Own, _) if keyword == "items" => self.schema(value, here),
            _ => None,
        }
    }

    fn list(&mut self, list: &[Value], here: &str) -> Option<Fault> {
        list.iter().enumerate().find_map(|(i, s)| self.schema(s, &format!("{here}/{i}")))
    }

    fn one_of(&self, map: &Map<String, Value>, place: &str) -> Option<Fault> {
        let branches = map.get("oneOf")?.as_array()?;
        (!disjoint(self.root, branches)).then(|| {
            let why = "the schemas of 'oneOf' are not seen to exclude each other; use 'anyOf'";
            Fault::at(&below(place, "oneOf"), why)
        })
    }

    fn pattern(&mut self, map: &Map<String, Value>, place: &str) -> Option<Fault> {
        let own = map.get("pattern").and_then(Value::as_str).map(|p| (p, below(place, "pattern")));
        let named = map.get("patternProperties").and_then(Value::as_object);
        let named = named.into_iter().flatten();
        let here = below(place, "patternProperties");
        let all = own.into_iter().chain(named.map(|(p, _)| (p.as_str(), below(&here, p))));
        for (pattern, at) in all.collect::<Vec<_>>() {
            if let Some(why) = self.why_not(json!({"type": "string", "pattern": pattern})) {
                return Some(Fault::at(&at, format!("this pattern is not supported: {why}")));
            }
        }
        None
    }

    /// Limits that exclude each other, such as a minimum above the maximum.
    fn bounds(&mut self, map: &Map<String, Value>, place: &str) -> Option<Fault> {
        let named = BOUNDS.iter().find(|k| map.contains_key(**k))?;
        let limits =
            |k: &str| k == "type" || matches!(rule_of(k), Rule::Count | Rule::Number) || k.starts_with("ex");
        let own = map.iter().filter(|(k, _)| limits(k)).map(|(k, v)| (k.clone(), v.clone())).collect();
        Some(Fault::at(&below(place, named), self.why_not(Value::Object(own))?))
    }

    fn why_not(&mut self, schema: Value) -> Option<String> {
        self.tried += 1;
        (self.tried <= TRIED_MAX).then(|| (self.refused)(schema)).flatten()
    }
}
