//! Finds definitions that no finite value can meet, such as a ring of references or an object that requires
//! itself. The library would give an answer that never ends.

use serde_json::Value;

pub const PREFIX: &str = "#/$defs/d";

/// For each definition, whether a finite value may meet it. It grows from none to the least fixed point.
pub fn productive(definitions: &[Value]) -> Vec<bool> {
    let mut known = vec![false; definitions.len()];
    loop {
        let mut changed = false;
        for (i, d) in definitions.iter().enumerate() {
            if !known[i] && may_end(d, &known) {
                known[i] = true;
                changed = true;
            }
        }
        if !changed {
            return known;
        }
    }
}

pub fn index_of(reference: &str) -> Option<usize> {
    reference.strip_prefix(PREFIX)?.parse().ok()
}

pub fn may_end(schema: &Value, known: &[bool]) -> bool {
    let Some(map) = schema.as_object() else { return *schema != Value::Bool(false) };
    let each = |name: &str| map.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if let Some(r) = map.get("$ref").and_then(Value::as_str) {
        if !index_of(r).is_some_and(|i| known.get(i) == Some(&true)) {
            return false;
        }
    }
    if !each("allOf").iter().all(|s| may_end(s, known)) {
        return false;
    }
    for name in ["anyOf", "oneOf"] {
        if map.contains_key(name) && !each(name).iter().any(|s| may_end(s, known)) {
            return false;
        }
    }
    if allows_other_types(map) {
        return true;
    }
    required_may_end(map, known) && items_may_end(map, known)
}

/// True if a value that is neither an object nor an array may meet the schema.
fn allows_other_types(map: &serde_json::Map<String, Value>) -> bool {
    let compound = |t: &Value| t == "object" || t == "array";
    match map.get("type") {
        Some(Value::Array(types)) => !types.iter().all(compound),
        Some(t) => !compound(t),
        None => true,
    }
}

fn required_may_end(map: &serde_json::Map<String, Value>, known: &[bool]) -> bool {
    let required = map.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    required.iter().filter_map(Value::as_str).all(|name| {
        let own = map.get("properties").and_then(|p| p.get(name));
        own.or_else(|| map.get("additionalProperties")).is_none_or(|s| may_end(s, known))
    })
}

fn items_may_end(map: &serde_json::Map<String, Value>, known: &[bool]) -> bool {
    let least = map.get("minItems").and_then(Value::as_u64).unwrap_or(0) as usize;
    let first = map.get("prefixItems").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let rest = map.get("items").is_none_or(|s| may_end(s, known));
    first.iter().take(least).all(|s| may_end(s, known)) && (least <= first.len() || rest)
}

/// Replaces references to definitions that never end by `false`.
pub fn closed(schema: &mut Value, known: &[bool]) {
    let lost = |s: &Value| {
        let reference = s.get("$ref").and_then(Value::as_str).and_then(index_of);
        reference.is_some_and(|i| known.get(i) != Some(&true))
    };
    if lost(schema) {
        *schema = Value::Bool(false);
    }
    match schema {
        Value::Object(map) => {
            let data = |k: &str| k == "const" || k == "enum";
            map.iter_mut().filter(|(k, _)| !data(k)).for_each(|(_, v)| closed(v, known));
        }
        Value::Array(list) => list.iter_mut().for_each(|v| closed(v, known)),
        _ => {}
    }
}
