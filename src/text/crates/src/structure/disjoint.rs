//! Which branches of a `oneOf` exclude each other, so that it means the same as `anyOf`.

use super::references::resolved;
use serde_json::Value;

const VALUES_MAX: usize = 3000; // of all branches; beyond them nothing is certain

/// True if it is certain that no value fits two of the schemas: they have different types, list different values,
/// or are objects that require a property of different values. References are followed.
pub fn disjoint(root: &Value, branches: &[Value]) -> bool {
    let all: Vec<_> = branches.iter().map(|b| Branch::of(root, b)).collect();
    if all.iter().map(Branch::count).sum::<usize>() > VALUES_MAX {
        return false;
    }
    all.iter().enumerate().all(|(i, a)| all[..i].iter().all(|b| a.excludes(b)))
}

/// What is known of the values that fit a schema. Empty: anything.
#[derive(Default)]
struct Branch<'a> {
    types: Vec<&'a str>,
    values: Vec<&'a Value>,
    required: Vec<(&'a str, Vec<&'a Value>)>, // properties that must be there, with their values
}

impl<'a> Branch<'a> {
    fn of(root: &'a Value, schema: &'a Value) -> Self {
        let schema = followed(root, schema);
        let mut branch = Branch { values: listed(schema), ..Branch::default() };
        match schema.get("type") {
            Some(Value::String(t)) => branch.types.push(t),
            Some(Value::Array(list)) => branch.types.extend(list.iter().filter_map(Value::as_str)),
            _ => branch.types.extend(branch.values.iter().map(|v| type_of(v))),
        }
        let names = schema.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for name in names.iter().filter_map(Value::as_str) {
            let Some(property) = schema.get("properties").and_then(|p| p.get(name)) else { continue };
            let values = listed(followed(root, property));
            if !values.is_empty() {
                branch.required.push((name, values));
            }
        }
        branch
    }

    fn count(&self) -> usize {
        1 + self.types.len() + self.values.len() + self.required.iter().map(|(_, v)| v.len()).sum::<usize>()
    }

    fn excludes(&self, other: &Self) -> bool {
        let typed = !self.types.is_empty() && !other.types.is_empty();
        if typed && self.types.iter().all(|a| other.types.iter().all(|b| types_differ(a, b))) {
            return true;
        }
        if all_differ(&self.values, &other.values) {
            return true;
        }
        self.types == ["object"]
            && other.types == ["object"]
            && self.required.iter().any(|(name, values)| {
                other.required.iter().any(|(n, others)| n == name && all_differ(values, others))
            })
    }
}

fn followed<'a>(root: &'a Value, mut schema: &'a Value) -> &'a Value {
    for _ in 0..8 {
        let Some(name) = schema.get("$ref").and_then(Value::as_str) else { break };
        let Ok(target) = resolved(root, name, "") else { break };
        schema = target;
    }
    schema
}

fn listed(schema: &Value) -> Vec<&Value> {
    match (schema.get("const"), schema.get("enum")) {
        (Some(v), _) => vec![v],
        (None, Some(Value::Array(list))) => list.iter().collect(),
        _ => Vec::new(),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn types_differ(a: &str, b: &str) -> bool {
    let number = |t: &str| t == "integer" || t == "number";
    a != b && !(number(a) && number(b))
}

fn all_differ(a: &[&Value], b: &[&Value]) -> bool {
    !a.is_empty() && !b.is_empty() && a.iter().all(|x| b.iter().all(|y| differ(x, y)))
}

/// 1 and 1.0 are the same number. Lists and objects count as equal, which is the safe side.
fn differ(a: &Value, b: &Value) -> bool {
    if type_of(a) != type_of(b) {
        return true;
    }
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x.as_f64() != y.as_f64(),
        (Value::Array(_), _) | (Value::Object(_), _) => false,
        _ => a != b,
    }
}
