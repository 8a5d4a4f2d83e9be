//! Jinja2's tests, for the operator `is`.

use super::args::Args;
use super::ast::{Binary, Comparison};
use super::fault::{refuse, Result};
use super::ops;
use super::show::string;
use super::value::{Object, Value};

const NAMES: &[&str] = &[
    "odd",
    "even",
    "divisibleby",
    "defined",
    "undefined",
    "filter",
    "test",
    "none",
    "boolean",
    "false",
    "true",
    "integer",
    "float",
    "lower",
    "upper",
    "string",
    "mapping",
    "number",
    "sequence",
    "iterable",
    "callable",
    "sameas",
    "escaped",
    "in",
    "==",
    "eq",
    "equalto",
    "!=",
    "ne",
    ">",
    "gt",
    "greaterthan",
    "ge",
    ">=",
    "<",
    "lt",
    "lessthan",
    "<=",
    "le",
];

pub fn exists(name: &str) -> bool {
    NAMES.contains(&name)
}

fn comparison(name: &str) -> Option<Comparison> {
    Some(match name {
        "in" => Comparison::In,
        "==" | "eq" | "equalto" => Comparison::Eq,
        "!=" | "ne" => Comparison::Ne,
        ">" | "gt" | "greaterthan" => Comparison::Gt,
        ">=" | "ge" => Comparison::Ge,
        "<" | "lt" | "lessthan" => Comparison::Lt,
        "<=" | "le" => Comparison::Le,
        _ => return None,
    })
}

pub fn run(name: &str, v: &Value, args: Args) -> Result<bool> {
    if !exists(name) {
        return refuse(format!("no test is called '{name}'"));
    }
    if let Some(sign) = comparison(name) {
        let [other] = args.plain(name, 1)?;
        return ops::compare(sign, v, &other.unwrap_or(Value::None));
    }
    match name {
        "divisibleby" => {
            let [by] = args.bind(name, ["num"], 1)?;
            ops::equal(&ops::binary(Binary::Mod, v, &by.unwrap_or(Value::None))?, &Value::Int(0))
        }
        "sameas" => {
            let [other] = args.bind(name, ["other"], 1)?;
            Ok(other.is_some_and(|other| ops::same(v, &other)))
        }
        _ => {
            args.none(name)?;
            plain(name, v)
        }
    }
}

fn plain(name: &str, v: &Value) -> Result<bool> {
    let rest = |n: i64| ops::equal(&ops::binary(Binary::Mod, v, &Value::Int(2))?, &Value::Int(n));
    Ok(match name {
        "odd" => rest(1)?,
        "even" => rest(0)?,
        "defined" => !v.is_undefined(),
        "undefined" => v.is_undefined(),
        "filter" => hashable(v)?.as_str().is_some_and(super::filters::exists),
        "test" => hashable(v)?.as_str().is_some_and(exists),
        "none" => matches!(v, Value::None),
        "boolean" => matches!(v, Value::Bool(_)),
        "true" => matches!(v, Value::Bool(true)),
        "false" => matches!(v, Value::Bool(false)),
        "integer" => matches!(v, Value::Int(_) | Value::Big(_)),
        "float" => matches!(v, Value::Float(_)),
        "number" => matches!(v, Value::Bool(_) | Value::Int(_) | Value::Big(_) | Value::Float(_)),
        "lower" => is_cased_as(&string(v)?, char::is_lowercase),
        "upper" => is_cased_as(&string(v)?, char::is_uppercase),
        "string" => matches!(v, Value::Str(_)),
        "mapping" => matches!(v, Value::Dict(_)),
        "sequence" => v.len().is_some() && !matches!(v, Value::View(..) | Value::Object(_)),
        "iterable" => match v {
            Value::Object(o) => matches!(**o, Object::Loop(_)),
            _ => v.len().is_some() || matches!(v, Value::Iter(_)),
        },
        "callable" => match v {
            Value::Undefined(_) => true,
            Value::Object(o) => !matches!(**o, Object::Namespace(_) | Object::Cycler { .. } | Object::Blocks),
            _ => false,
        },
        _ => v.is_safe(),
    })
}

fn hashable(v: &Value) -> Result<&Value> {
    super::value::Key::of(v).map(|_| v)
}

/// str.islower and str.isupper
pub fn is_cased_as(text: &str, wanted: fn(char) -> bool) -> bool {
    let cased = |c: &char| super::text::is_cased(*c);
    text.chars().any(|c| wanted(c)) && text.chars().filter(cased).all(wanted)
}
