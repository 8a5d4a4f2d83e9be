//! Operators between any two values: ==, <, in, +, * and so on.

use super::ast::{Binary, Comparison};
use super::fault::{refuse, Fault, Kind, Result};
use super::number::{arithmetic, compare as compare_numbers, number, small};
use super::show::string;
use super::text::escape_html;
use super::value::{Key, Object, Value, View};
use std::cell::Cell;
use std::cmp::Ordering;
use std::rc::Rc;

thread_local! {
    static COMPARISONS: Cell<u64> = const { Cell::new(0) };
}

/// Sets how many comparisons this thread may make: values that share parts can be larger than they look.
pub fn allow(comparisons: u64) {
    COMPARISONS.set(comparisons);
}

fn spend_comparison(bytes: usize) -> Result<()> {
    match COMPARISONS.get().checked_sub(1 + bytes as u64 / 256) {
        Some(left) => {
            COMPARISONS.set(left);
            Ok(())
        }
        None => Err(Fault::new(Kind::Fuel, "")),
    }
}

pub const BYTES_MAX: usize = 64 << 20; // of one text
const ITEMS_MAX: usize = 2 << 20; // of one list
const DEPTH_MAX: usize = 400;

/// The error of using an undefined value.
pub fn missing<T>(v: &Value) -> Result<T> {
    let Value::Undefined(m) = v else { return refuse("a value of a wrong type") };
    let kind = if m.is_unsafe { Kind::Security } else { Kind::Undefined };
    Err(Fault::new(kind, m.text.clone()))
}

pub fn equal(a: &Value, b: &Value) -> Result<bool> {
    equal_at(a, b, 0)
}

fn equal_at(a: &Value, b: &Value, depth: usize) -> Result<bool> {
    if depth > DEPTH_MAX {
        return refuse("values nested too deeply to be compared");
    }
    spend_comparison(a.as_str().map_or(0, str::len))?;
    Ok(match (a, b) {
        (Value::Undefined(_), Value::Undefined(_)) | (Value::None, Value::None) => true,
        (Value::Str(x), Value::Str(y)) => x.text == y.text,
        (Value::List(x), Value::List(y)) => Rc::ptr_eq(x, y) || equal_lists(x, y, depth)?,
        (Value::Tuple(x) | Value::Group(x), Value::Tuple(y) | Value::Group(y)) => {
            Rc::ptr_eq(x, y) || equal_lists(x, y, depth)?
        }
        (Value::Dict(x), Value::Dict(y)) => {
            if Rc::ptr_eq(x, y) {
                return Ok(true);
            }
            if x.entries.len() != y.entries.len() {
                return Ok(false);
            }
            for (key, value) in &x.entries {
                match y.get(key)? {
                    Some(other) if equal_at(value, other, depth + 1)? => {}
                    _ => return Ok(false),
                }
            }
            true
        }
        (Value::View(v, x), Value::View(w, y)) => equal_views((*v, x), (*w, y))?,
        (Value::Range(x), Value::Range(y)) => {
            let (n, m) = (x.len(), y.len());
            n == m && (n == 0 || (x.start == y.start && (n == 1 || x.step == y.step)))
        }
        (Value::Iter(x), Value::Iter(y)) => Rc::ptr_eq(x, y),
        (Value::Object(x), Value::Object(y)) => match (&**x, &**y) {
            (Object::Function(f), Object::Function(g)) => f == g,
            _ => Rc::ptr_eq(x, y),
        },
        _ => number(a).is_some() && number(b).is_some() && compare_numbers(a, b) == Some(Ordering::Equal),
    })
}

fn equal_lists(x: &[Value], y: &[Value], depth: usize) -> Result<bool> {
    if x.len() != y.len() {
        return Ok(false);
    }
    for (a, b) in x.iter().zip(y) {
        if !equal_at(a, b, depth + 1)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Compares views of dicts. Keys and items compare as sets; a view of values equals only itself.
fn equal_views(
    (v, x): (View, &Rc<super::value::Dict>),
    (w, y): (View, &Rc<super::value::Dict>),
) -> Result<bool> {
    if v != w || v == View::Values || x.entries.len() != y.entries.len() {
        return Ok(false);
    }
    for (key, value) in &x.entries {
        match y.get(key)? {
            Some(other) if v == View::Keys || equal(value, other)? => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// None if neither is smaller, as with NaN; an error if the two cannot be compared.
pub fn order(a: &Value, b: &Value, sign: &str) -> Result<Option<Ordering>> {
    spend_comparison(a.as_str().map_or(0, str::len))?;
    match (a, b) {
        (Value::Undefined(_), _) => return missing(a),
        (_, Value::Undefined(_)) => return missing(b),
        (Value::Str(x), Value::Str(y)) => return Ok(Some(x.text.cmp(&y.text))),
        (Value::List(x), Value::List(y)) => return order_lists(x, y, sign),
        (Value::Tuple(x) | Value::Group(x), Value::Tuple(y) | Value::Group(y)) => {
            return order_lists(x, y, sign)
        }
        _ if number(a).is_some() && number(b).is_some() => return Ok(compare_numbers(a, b)),
        _ => {}
    }
    let (x, y) = (a.type_name(), b.type_name());
    refuse(format!("'{sign}' not supported between instances of '{x}' and '{y}'"))
}

fn order_lists(x: &[Value], y: &[Value], sign: &str) -> Result<Option<Ordering>> {
    for (a, b) in x.iter().zip(y) {
        if !equal(a, b)? {
            return order(a, b, sign);
        }
    }
    Ok(Some(x.len().cmp(&y.len())))
}

pub fn compare(sign: Comparison, a: &Value, b: &Value) -> Result<bool> {
    Ok(match sign {
        Comparison::Eq => equal(a, b)?,
        Comparison::Ne => !equal(a, b)?,
        Comparison::Lt => order(a, b, "<")? == Some(Ordering::Less),
        Comparison::Gt => order(a, b, ">")? == Some(Ordering::Greater),
        Comparison::Le => matches!(order(a, b, "<=")?, Some(Ordering::Less | Ordering::Equal)),
        Comparison::Ge => matches!(order(a, b, ">=")?, Some(Ordering::Greater | Ordering::Equal)),
        Comparison::In => contains(b, a)?,
        Comparison::NotIn => !contains(b, a)?,
    })
}

pub fn contains(container: &Value, item: &Value) -> Result<bool> {
    match container {
        Value::Undefined(_) => Ok(false),
        Value::Str(s) => match item {
            Value::Str(part) => Ok(s.text.contains(&*part.text)),
            _ => refuse(format!("'in <string>' requires string as left operand, not {}", item.type_name())),
        },
        Value::Dict(d) | Value::View(View::Keys, d) => Ok(d.get(item)?.is_some()),
        Value::Range(r) if small(item).is_some() => {
            let at = small(item).unwrap_or(0) as i128 - r.start as i128;
            let step = r.step as i128;
            Ok(at % step == 0 && at / step >= 0 && ((at / step) as usize) < r.len())
        }
        Value::List(items) | Value::Tuple(items) | Value::Group(items) => any_equal(items, item),
        Value::Iter(iter) => {
            while let Some(found) = iter.next() {
                if equal(&found, item)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Value::View(..) | Value::Range(_) => any_equal(&container.iterate()?, item),
        Value::Object(o) if matches!(**o, Object::Loop(_)) => any_equal(&container.iterate()?, item),
        _ => refuse(format!("argument of type '{}' is not iterable", container.type_name())),
    }
}

fn any_equal(items: &[Value], item: &Value) -> Result<bool> {
    for i in items {
        if equal(i, item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

pub fn binary(op: Binary, a: &Value, b: &Value) -> Result<Value> {
    if let Some(v) = arithmetic(op, a, b)? {
        return Ok(v);
    }
    match (op, a, b) {
        (Binary::Mod, Value::Str(s), _) => {
            let values = if s.is_safe { b.made_safe() } else { b.clone() };
            let text = super::printf::format(&s.text, &values)?;
            return Ok(Value::Str(super::value::Text { text: text.into(), is_safe: s.is_safe }));
        }
        (_, Value::Undefined(_), _) => return missing(a),
        (_, _, Value::Undefined(_)) => return missing(b),
        (Binary::Add, Value::Str(_), Value::Str(_)) => return Ok(joined(a, b)),
        (Binary::Add, Value::List(x), Value::List(y)) => return Ok([&x[..], &y[..]].concat().into()),
        (Binary::Add, Value::Tuple(x) | Value::Group(x), Value::Tuple(y) | Value::Group(y)) => {
            return Ok(Value::tuple([&x[..], &y[..]].concat()))
        }
        (Binary::Mul, _, _) => match (small(a), small(b)) {
            (None, Some(n)) if is_sequence(a) => return repeated(a, n),
            (Some(n), None) if is_sequence(b) => return repeated(b, n),
            _ => {}
        },
        _ => {}
    }
    let sign = match op {
        Binary::Add => "+",
        Binary::Sub => "-",
        Binary::Mul => "*",
        Binary::Div => "/",
        Binary::FloorDiv => "//",
        Binary::Mod => "%",
        Binary::Pow => "** or pow()",
    };
    let (x, y) = (a.type_name(), b.type_name());
    refuse(format!("unsupported operand type(s) for {sign}: '{x}' and '{y}'"))
}

fn is_sequence(v: &Value) -> bool {
    matches!(v, Value::Str(_) | Value::List(_) | Value::Tuple(_) | Value::Group(_))
}

/// Joins two texts. If one of them is safe, the other is escaped.
fn joined(a: &Value, b: &Value) -> Value {
    let (x, y) = (a.as_str().unwrap_or_default(), b.as_str().unwrap_or_default());
    match (a.is_safe(), b.is_safe()) {
        (false, false) => Value::from(x.to_string() + y),
        (true, false) => Value::safe(x.to_string() + &escape_html(y)),
        (false, true) => Value::safe(escape_html(x) + y),
        (true, true) => Value::safe(x.to_string() + y),
    }
}

fn repeated(v: &Value, n: i64) -> Result<Value> {
    let n = usize::try_from(n).unwrap_or(0);
    match v {
        Value::Str(s) => {
            let text = repeat(&s.text, n)?;
            Ok(Value::Str(super::value::Text { text: text.into(), is_safe: s.is_safe }))
        }
        Value::List(items) => Ok(repeated_items(items, n)?.into()),
        Value::Tuple(items) | Value::Group(items) => Ok(Value::tuple(repeated_items(items, n)?)),
        _ => refuse("a value that cannot be repeated"),
    }
}

fn repeated_items(items: &[Value], n: usize) -> Result<Vec<Value>> {
    if items.len().saturating_mul(n) > ITEMS_MAX {
        return refuse("a list longer than a template can need");
    }
    Ok((0..n).flat_map(|_| items.iter().cloned()).collect())
}

pub fn repeat(text: &str, n: usize) -> Result<String> {
    if text.len().saturating_mul(n) > BYTES_MAX {
        return refuse("a text longer than a template can need");
    }
    Ok(text.repeat(n))
}

pub fn concat(values: &[Value], escapes: bool) -> Result<Value> {
    if !escapes || !values.iter().any(Value::is_safe) {
        let texts = values.iter().map(string).collect::<Result<Vec<_>>>()?;
        return Ok(Value::from(texts.concat()));
    }
    let one = |v: &Value| Ok(if v.is_safe() { string(v)? } else { escape_html(&string(v)?) });
    Ok(Value::safe(values.iter().map(one).collect::<Result<Vec<_>>>()?.concat()))
}

/// A stable sort. An error at the first pair that cannot be compared.
pub fn sorted<T: Clone>(items: Vec<(Value, T)>, reverse: bool) -> Result<Vec<(Value, T)>> {
    if items.len() < 2 {
        return Ok(items);
    }
    let mut left = items;
    let right = sorted(left.split_off(left.len() / 2), reverse)?;
    let left = sorted(left, reverse)?;
    let mut out = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let (small, large) = if reverse { (&a.0, &b.0) } else { (&b.0, &a.0) };
        let takes_right = order(small, large, "<")? == Some(Ordering::Less);
        out.extend(if takes_right { right.next() } else { left.next() });
    }
    out.extend(left);
    out.extend(right);
    Ok(out)
}

/// `is sameas`: Python shares small values.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Undefined(x), Value::Undefined(y)) => Rc::ptr_eq(x, y),
        (Value::List(x), Value::List(y)) => Rc::ptr_eq(x, y),
        (Value::Tuple(x) | Value::Group(x), Value::Tuple(y) | Value::Group(y)) => {
            Rc::ptr_eq(x, y) || (x.is_empty() && y.is_empty())
        }
        (Value::Dict(x), Value::Dict(y)) => Rc::ptr_eq(x, y),
        (Value::Range(x), Value::Range(y)) => Rc::ptr_eq(x, y),
        (Value::Bool(_), Value::Bool(_)) | (Value::Float(_), Value::Float(_)) => {
            Key::of(a).ok() == Key::of(b).ok()
        }
        (Value::Bool(_) | Value::Float(_), _) | (_, Value::Bool(_) | Value::Float(_)) => false,
        _ => equal(a, b).unwrap_or(false),
    }
}
