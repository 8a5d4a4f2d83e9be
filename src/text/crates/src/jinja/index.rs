//! value.name, value[key] and value[from:to:step], as Jinja2's sandbox reads them.

use super::args::int;
use super::fault::{refuse, Result};
use super::number::small;
use super::ops::missing;
use super::value::{LoopState, Missing, Object, Range, Value};
use std::rc::Rc;
use std::sync::Arc;

const TEXT_METHODS: &[&str] = &[
    "capitalize",
    "casefold",
    "center",
    "count",
    "encode",
    "endswith",
    "expandtabs",
    "find",
    "format",
    "format_map",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "maketrans",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "translate",
    "upper",
    "zfill",
];
const LIST_METHODS: &[&str] = &["copy", "count", "index"];
const LIST_CHANGES: &[&str] = &["append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"];
const DICT_METHODS: &[&str] = &["copy", "fromkeys", "get", "items", "keys", "values"];
const DICT_CHANGES: &[&str] = &["clear", "pop", "popitem", "setdefault", "update"];
const INT_METHODS: &[&str] = &["as_integer_ratio", "bit_count", "bit_length", "conjugate"];
const FLOAT_METHODS: &[&str] = &["as_integer_ratio", "conjugate", "is_integer"];

/// value.name: the attribute of the Python type, else the dict's value under that key.
pub fn attribute(v: &Value, name: &Arc<str>) -> Result<Value> {
    if v.is_undefined() && !is_dunder(name) {
        return missing(v);
    }
    if let Some(found) = own(v, name)? {
        return Ok(found);
    }
    match v {
        Value::Dict(d) => Ok(d.get_text(name).cloned().unwrap_or_else(|| no_attribute(v, name))),
        _ => Ok(no_attribute(v, name)),
    }
}

/// The attribute that the value's Python type has under that name; None if it has none.
pub fn own(v: &Value, name: &Arc<str>) -> Result<Option<Value>> {
    let (methods, changes): (&[&str], &[&str]) = match v {
        Value::Str(_) => (TEXT_METHODS, &[]),
        Value::List(_) => (LIST_METHODS, LIST_CHANGES),
        Value::Tuple(_) | Value::Range(_) => (&["count", "index"], &[]),
        Value::Dict(_) => (DICT_METHODS, DICT_CHANGES),
        Value::Bool(_) | Value::Int(_) | Value::Big(_) => (INT_METHODS, &[]),
        Value::Float(_) => (FLOAT_METHODS, &[]),
        Value::Group(_) => (&["count", "index"], &[]),
        _ => (&[], &[]),
    };
    if changes.contains(&&**name) || is_dunder(name) {
        return Ok(Some(no_access(v, name)));
    }
    if methods.contains(&&**name) {
        return Ok(Some(Value::object(Object::Method(v.clone(), name.clone()))));
    }
    Ok(match v {
        Value::Group(items) if &**name == "grouper" => items.first().cloned(),
        Value::Group(items) if &**name == "list" => items.get(1).cloned(),
        Value::Range(r) => range_field(r, name),
        Value::Bool(_) | Value::Int(_) | Value::Big(_) => match &**name {
            "real" | "numerator" => Some(super::number::positive(v)?),
            "imag" => Some(Value::Int(0)),
            "denominator" => Some(Value::Int(1)),
            _ => None,
        },
        Value::Float(_) if &**name == "real" => Some(v.clone()),
        Value::Float(_) if &**name == "imag" => Some(Value::Float(0.0)),
        Value::Object(o) => object_field(o, name),
        _ => None,
    })
}

fn is_dunder(name: &str) -> bool {
    matches!(
        name,
        "__class__"
            | "__doc__"
            | "__init__"
            | "__dict__"
            | "__getattribute__"
            | "__str__"
            | "__repr__"
            | "__len__"
            | "__eq__"
            | "__hash__"
            | "__module__"
            | "__new__"
            | "__reduce__"
            | "__dir__"
    )
}

fn range_field(r: &Range, name: &str) -> Option<Value> {
    match name {
        "start" => Some(Value::Int(r.start)),
        "stop" => Some(Value::Int(r.stop)),
        "step" => Some(Value::Int(r.step)),
        _ => None,
    }
}

fn object_field(object: &Rc<Object>, name: &Arc<str>) -> Option<Value> {
    let method = || Some(Value::object(Object::Method(Value::Object(object.clone()), name.clone())));
    match &**object {
        Object::Namespace(fields) => fields.borrow().get_text(name).cloned(),
        Object::Loop(l) => match &**name {
            "changed" | "cycle" => method(),
            _ => loop_field(l, name),
        },
        Object::Cycler { items, at } => match &**name {
            "current" => Some(items[at.get()].clone()),
            "pos" => Some(Value::from(at.get())),
            "items" => Some(Value::tuple(items.to_vec())),
            "next" | "reset" => method(),
            _ => None,
        },
        Object::Joiner { separator, used } => match &**name {
            "sep" => Some(separator.clone()),
            "used" => Some(Value::Bool(used.get())),
            _ => None,
        },
        Object::Macro(m) => match &**name {
            "name" => Some(Value::from(&*m.definition.name)),
            "arguments" => {
                Some(Value::tuple(m.definition.params.iter().map(|(n, _)| Value::from(&**n)).collect()))
            }
            "catch_kwargs" => Some(Value::Bool(m.definition.uses_kwargs)),
            "catch_varargs" => Some(Value::Bool(m.definition.uses_varargs)),
            "caller" => Some(Value::Bool(m.definition.uses_caller)),
            _ => None,
        },
        Object::Blocks => Some(Value::object(Object::Block(name.clone()))),
        _ => None,
    }
}

fn loop_field(l: &LoopState, name: &str) -> Option<Value> {
    let (at, count) = (l.at.get(), l.items.len());
    Some(match name {
        "index" => Value::from(at + 1),
        "index0" => Value::from(at),
        "revindex" => Value::from(count - at),
        "revindex0" => Value::from(count - at - 1),
        "first" => Value::Bool(at == 0),
        "last" => Value::Bool(at + 1 == count),
        "length" => Value::from(count),
        "depth" => Value::from(l.depth + 1),
        "depth0" => Value::from(l.depth),
        "previtem" if at == 0 => Value::undefined("there is no previous item"),
        "previtem" => l.items[at - 1].clone(),
        "nextitem" => {
            l.items.get(at + 1).cloned().unwrap_or_else(|| Value::undefined("there is no next item"))
        }
        _ => return None,
    })
}

fn no_access(v: &Value, name: &str) -> Value {
    let text = format!("access to attribute '{name}' of '{}' object is unsafe", v.type_name());
    Value::Undefined(Rc::new(Missing { text, is_unsafe: true }))
}

fn no_attribute(v: &Value, name: &str) -> Value {
    Value::undefined(format!("'{} object' has no attribute '{name}'", v.type_name()))
}

/// value[key]; undefined if there is no such item.
pub fn item(v: &Value, key: &Value) -> Result<Value> {
    let found = match (v, small(key)) {
        (Value::Undefined(_), _) => return missing(v),
        (Value::Dict(d), _) => d.get(key).unwrap_or(None).cloned(),
        (Value::List(items) | Value::Tuple(items) | Value::Group(items), Some(at)) => {
            place(at, items.len()).map(|at| items[at].clone())
        }
        (Value::Str(s), Some(at)) => character(&s.text, at),
        (Value::Range(r), Some(at)) => place(at, r.len()).map(|at| Value::Int(r.item(at))),
        _ => None,
    };
    if let Some(found) = found {
        return Ok(found);
    }
    if let Value::Str(name) = key {
        return Ok(own(v, &name.text)?.unwrap_or_else(|| no_attribute(v, &name.text)));
    }
    let key = super::show::repr(key).unwrap_or_else(|_| key.type_name().into());
    Ok(Value::undefined(format!("'{} object' has no element {key}", v.type_name())))
}

fn place(at: i64, count: usize) -> Option<usize> {
    let at = if at < 0 { at.checked_add(count as i64)? } else { at };
    usize::try_from(at).ok().filter(|at| *at < count)
}

fn character(text: &str, at: i64) -> Option<Value> {
    if at >= 0 {
        return text.chars().nth(at as usize).map(Value::from);
    }
    let back = usize::try_from(at.checked_neg()? - 1).ok()?;
    text.chars().rev().nth(back).map(Value::from)
}

/// The items that a slice takes of `count` items: index of the first, number, step.
pub fn slice_places(count: usize, parts: [&Value; 3]) -> Result<(i64, usize, i64)> {
    let count = count as i64;
    let part = |v: &Value| match v {
        Value::None => Ok(None),
        Value::Undefined(_) => missing(v),
        Value::Big(b) => Ok(Some(if b.sign() == num_bigint::Sign::Minus { i64::MIN } else { i64::MAX })),
        _ => match small(v) {
            Some(n) => Ok(Some(n)),
            None => refuse("slice indices must be integers or None"),
        },
    };
    let step = part(parts[2])?.unwrap_or(1).max(-i64::MAX);
    if step == 0 {
        return refuse("slice step cannot be zero");
    }
    let (low, high) = if step > 0 { (0, count) } else { (-1, count - 1) };
    let border = |v: Option<i64>, usual: i64| match v {
        None => usual,
        Some(n) if n < 0 => n.saturating_add(count).max(low),
        Some(n) => n.min(high),
    };
    let start = border(part(parts[0])?, if step > 0 { low } else { high });
    let stop = border(part(parts[1])?, if step > 0 { high } else { low });
    let number = Range { start, stop, step }.len();
    Ok((start, number, step))
}

pub fn slice(v: &Value, parts: [&Value; 3]) -> Result<Value> {
    let Some(count) = v.len().filter(|_| !matches!(v, Value::Dict(_) | Value::View(..) | Value::Object(_)))
    else {
        return refuse(format!("'{}' object has no slices", v.type_name()));
    };
    if v.is_undefined() {
        return missing(v);
    }
    let (start, number, step) = slice_places(count, parts)?;
    let at = |i: usize| (start + i as i64 * step) as usize;
    Ok(match v {
        Value::Str(s) if step == 1 => {
            let text: String = s.text.chars().skip(start as usize).take(number).collect();
            Value::Str(super::value::Text { text: text.into(), is_safe: s.is_safe })
        }
        Value::Str(s) => {
            let chars: Vec<char> = s.text.chars().collect();
            let text: String = (0..number).map(|i| chars[at(i)]).collect();
            Value::Str(super::value::Text { text: text.into(), is_safe: s.is_safe })
        }
        Value::List(items) => (0..number).map(|i| items[at(i)].clone()).collect::<Vec<_>>().into(),
        Value::Tuple(items) | Value::Group(items) => {
            Value::tuple((0..number).map(|i| items[at(i)].clone()).collect())
        }
        Value::Range(r) => {
            let border = |n: i64| r.step.checked_mul(n).and_then(|far| r.start.checked_add(far));
            let end = step.checked_mul(number as i64).and_then(|far| start.checked_add(far));
            match (border(start), end.and_then(border), r.step.checked_mul(step)) {
                (Some(start), Some(stop), Some(step)) => Value::Range(Rc::new(Range { start, stop, step })),
                _ => return refuse("a range with too large numbers"),
            }
        }
        _ => return refuse("a value without slices"),
    })
}

/// The byte range between optional start and end positions, counted in characters as str.find counts them.
pub fn part_of(text: &str, from: &Option<Value>, to: &Option<Value>) -> Result<Option<(usize, usize)>> {
    let count = text.chars().count() as i64;
    let border = |v: &Option<Value>, usual: i64| match v {
        None | Some(Value::None) => Ok(usual),
        Some(v) => int(v).map(|n| if n < 0 { n.saturating_add(count).max(0) } else { n }),
    };
    let (from, to) = (border(from, 0)?, border(to, count)?.min(count));
    if from > to {
        return Ok(None);
    }
    let byte = |n: i64| text.char_indices().nth(n as usize).map_or(text.len(), |(at, _)| at);
    Ok(Some((byte(from), byte(to))))
}
