//! Jinja2's filters by name; those of lists and numbers.

use super::args::{given, int, int_or, is_true, Args};
use super::fault::{refuse, Result};
use super::getter::Getter;
use super::index;
use super::interp::Interp;
use super::number::{self, as_float, Number};
use super::ops::{self, missing, sorted};
use super::show::string;
use super::text_filters as texts;
use super::value::{Dict, Key, Value};
use num_bigint::BigInt;
use std::collections::HashSet;
use std::rc::Rc;

pub type Filter = fn(&Interp, Value, Args) -> Result<Value>;

const FILTERS: &[(&str, Filter)] = &[
    ("abs", abs),
    ("attr", attr),
    ("batch", batch),
    ("capitalize", texts::capitalize),
    ("center", texts::center),
    ("count", length),
    ("d", default),
    ("default", default),
    ("dictsort", dictsort),
    ("e", texts::escape),
    ("escape", texts::escape),
    ("filesizeformat", texts::filesizeformat),
    ("first", first),
    ("float", float),
    ("forceescape", texts::forceescape),
    ("format", texts::format),
    ("groupby", groupby),
    ("indent", texts::indent),
    ("int", whole),
    ("items", items),
    ("join", join),
    ("last", last),
    ("length", length),
    ("list", list),
    ("lower", texts::lower),
    ("map", map),
    ("max", max),
    ("min", min),
    ("pprint", texts::pprint),
    ("random", random),
    ("reject", reject),
    ("rejectattr", rejectattr),
    ("replace", texts::replace),
    ("reverse", reverse),
    ("round", round),
    ("safe", texts::safe),
    ("select", select),
    ("selectattr", selectattr),
    ("slice", slice),
    ("sort", sort),
    ("string", texts::string_filter),
    ("striptags", texts::striptags),
    ("sum", sum),
    ("title", texts::title),
    ("tojson", |_, v, args| super::dump::tojson(&v, args)),
    ("trim", texts::trim),
    ("truncate", texts::truncate),
    ("unique", unique),
    ("upper", texts::upper),
    ("urlencode", texts::urlencode),
    ("urlize", super::urlize::urlize),
    ("wordcount", texts::wordcount),
    ("wordwrap", super::wrap::wordwrap),
    ("xmlattr", texts::xmlattr),
];

pub fn find(name: &str) -> Option<Filter> {
    FILTERS.binary_search_by_key(&name, |(n, _)| n).ok().map(|at| FILTERS[at].1)
}

pub fn exists(name: &str) -> bool {
    find(name).is_some()
}

fn abs(_: &Interp, v: Value, args: Args) -> Result<Value> {
    args.none("abs")?;
    match number::number(&v) {
        Some(Number::Int(i)) => Ok(BigInt::from(i.magnitude().clone()).into()),
        Some(Number::Float(f)) => Ok(Value::Float(f.abs())),
        None => refuse(format!("bad operand type for abs(): '{}'", v.type_name())),
    }
}

fn attr(_: &Interp, v: Value, args: Args) -> Result<Value> {
    let [name] = args.bind("attr", ["name"], 1)?;
    let name = string(&name.unwrap_or(Value::None))?;
    if v.is_undefined() {
        return missing(&v);
    }
    let absent = || Value::undefined(format!("'{} object' has no attribute '{name}'", v.type_name()));
    Ok(index::own(&v, &name.as_str().into())?.unwrap_or_else(absent))
}

fn batch(interp: &Interp, v: Value, args: Args) -> Result<Value> {
    let [size, fill] = args.bind("batch", ["linecount", "fill_with"], 1)?;
    let size = usize::try_from(int(&size.unwrap_or(Value::None))?).unwrap_or(0).max(1);
    let items = interp.iterate(&v)?;
    let mut rows: Vec<Vec<Value>> = items.chunks(size).map(<[Value]>::to_vec).collect();
    if let (Some(fill), Some(last)) = (given(&fill), rows.last_mut()) {
        interp.spend(size)?;
        last.resize(size, fill.clone());
    }
    Ok(Value::iter(rows.into_iter().map(Value::from).collect()))
}

fn slice(interp: &Interp, v: Value, args: Args) -> Result<Value> {
    let [count, fill] = args.bind("slice", ["slices", "fill_with"], 1)?;
    let count = int(&count.unwrap_or(Value::None))?;
    let items = interp.iterate(&v)?;
    if count == 0 {
        return refuse("slice: integer division or modulo by zero");
    }
    let count = usize::try_from(count).unwrap_or(0);
    interp.spend(count)?;
    let (each, more) = (items.len() / count.max(1), items.len() % count.max(1));
    let mut from = 0;
    let mut rows = Vec::new();
    for at in 0..count {
        let to = from + each + usize::from(at < more);
        let mut row = items[from..to].to_vec();
        if let (Some(fill), true) = (given(&fill), at >= more) {
            row.push(fill.clone());
        }
        rows.push(Value::from(row));
        from = to;
    }
    Ok(Value::iter(rows))
}

fn default(_: &Interp, v: Value, args: Args) -> Result<Value> {
    let [usual, boolean] = args.bind("default", ["default_value", "boolean"], 0)?;
    let replaced = v.is_undefined() || (is_true(&boolean, false) && !v.is_true());
    Ok(if replaced { usual.unwrap_or_else(|| Value::from("")) } else { v })
}

fn dictsort(_: &Interp, v: Value, args: Args) -> Result<Value> {
    let [case, by, reverse] = args.bind("dictsort", ["case_sensitive", "by", "reverse"], 0)?;
    let by_value = match &by {
        None => false,
        Some(Value::Str(s)) if &*s.text == "key" => false,
        Some(Value::Str(s)) if &*s.text == "value" => true,
        _ => return refuse("dictsort: by is either 'key' or 'value'"),
    };
    let Value::Dict(d) = &v else {
        return if v.is_undefined() { missing(&v) } else { refuse("dictsort takes a mapping") };
    };
    let folds = !is_true(&case, false);
    let keyed = |(k, item): &(Value, Value)| {
        let key = if by_value { item } else { k };
        (if folds { folded(key.clone()) } else { key.clone() }, Value::tuple(vec![k.clone(), item.clone()]))
    };
    let pairs = sorted(d.entries.iter().map(keyed).collect(), is_true(&reverse, false))?;
    Ok(values(pairs).into())
}

fn values(pairs: Vec<(Value, Value)>) -> Vec<Value> {
    pairs.into_iter().map(|(_, v)| v).collect()
}

/// Converts a text to lower case; other values do not change.
pub fn folded(v: Value) -> Value {
    match &v {
        Value::Str(s) => Value::from(s.text.to_lowercase()),
        _ => v,
    }
}

fn first(interp: &Interp, v: Value, args: Args) -> Result<Value> {
    args.none("first")?;
    let found = match &v {
        Value::List(items) | Value::Tuple(items) | Value::Group(items) => items.first().cloned(),
        Value::Str(s) => s.text.chars().next().map(Value::from),
        Value::Iter(iter) => iter.next(),
        _ => interp.iterate(&v)?.into_iter().next(),
    };
    Ok(found.unwrap_or_else(|| Value::undefined("No first item, sequence was empty.")))
}

fn last(interp: &Interp, v: Value, args: Args) -> Result<Value> {
    args.none("last")?;
    let found = match &v {
        Value::List(items) | Value::Tuple(items) | Value::Group(items) => items.last().cloned(),
        Value::Str(s) => s.text.chars().next_back().map(Value::from),
        Value::Iter(_) | Value::Object(_) => {
            return refuse(format!("'{}' object is not reversible", v.type_name()))
        }
        _ => interp.iterate(&v)?.pop(),
    };
    Ok(found.unwrap_or_else(|| Value::undefined("No last item, sequence was empty.")))
}

fn length(_: &Interp, v: Value, args: Args) -> Result<Value> {
    args.none("length")?;
    match v.len() {
        Some(n) => Ok(Value::from(n)),
        None => refuse(format!("object of type '{}' has no len()", v.type_name())),
    }
}

fn list(interp: &Interp, v: Value, args: Args) -> Result<Value> {
    args.none("list")?;
    interp.iterate(&v).map(Value::from)
}

fn items(_: &Interp, v: Value, args: Args) -> Result<Value> {
    args.none("items")?;
    match &v {
        Value::Undefined(_) => Ok(Value::iter(Vec::new())),
        Value::Dict(d) => Ok(Value::iter(d.items())),
        _ => refuse("Can only get item pairs from a mapping."),
    }
}

fn float(_: &Interp, v: Value, args: Args) -> Result<Value> {
    let [usual] = args.bind("float", ["default"], 0)?;
    let usual = usual.unwrap_or(Value::Float(0.0));
    let read = match &v {
        Value::Undefined(_) => return missing(&v),
        Value::Str(s) => number::read_float(&s.text),
        _ => as_float(&v)?,
    };
    Ok(read.map_or(usual, Value::Float))
}

fn whole(_: &Interp, v: Value, args: Args) -> Result<Value> {
    let [usual, base] = args.bind("int", ["default", "base"], 0)?;
    let usual = usual.unwrap_or(Value::Int(0));
    let base = int_or(&base, 10)?;
    match &v {
        Value::Undefined(_) => missing(&v),
        Value::Float(f) if f.is_infinite() => refuse("cannot convert float infinity to integer"),
        Value::Float(f) if f.is_nan() => Ok(usual),
        Value::Float(f) => number::truncated(*f),
        Value::Str(s) => Ok(match number::read_int(&s.text, base) {
            Some(i) => i.into(),
            None => match number::read_float(&s.text) {
                Some(f) if f.is_finite() => number::truncated(f)?,
                _ => usual,
            },
        }),
        _ => Ok(number::whole(&v).map_or(usual, Value::from)),
    }
}

fn round(_: &Interp, v: Value, args: Args) -> Result<Value> {
    let [precision, method] = args.bind("round", ["precision", "method"], 0)?;
    let precision = int_or(&precision, 0)?;
    let method = method.map_or(Ok("common".to_string()), |m| string(&m))?;
    if !matches!(&*method, "common" | "ceil" | "floor") {
        return refuse("round: method must be common, ceil or floor");
    }
    let Some(number) = number::number(&v) else {
        return if v.is_undefined() { missing(&v) } else { refuse("round takes a number") };
    };
    if method == "common" {
        return Ok(match number {
            Number::Int(i) => number::rounded_whole(&i, precision).into(),
            Number::Float(f) => Value::Float(number::rounded(f, precision)),
        });
    }
    let unit = 10f64.powi(precision.clamp(-400, 400) as i32);
    if unit == 0.0 || unit.is_infinite() {
        return refuse("round: a precision out of range");
    }
    let scaled = as_float(&v)?.unwrap_or(0.0) * unit;
    let whole = if method == "ceil" { scaled.ceil() } else { scaled.floor() };
    let whole = as_float(&number::truncated(whole)?)?.unwrap_or(0.0);
    Ok(Value::Float(whole / unit))
}

fn random(interp: &Interp, v: Value, args: Args) -> Result<Value> {
    args.none("random")?;
    let Some(count) = v.len().filter(|_| !matches!(v, Value::View(..))) else {
        return refuse(format!("object of type '{}' has no len()", v.type_name()));
    };
    if count == 0 {
        return Ok(Value::undefined("No random item, sequence was empty."));
    }
    index::item(&v, &Value::from(interp.throw(count)))
}

fn reverse(interp: &Interp, v: Value, args: Args) -> Result<Value> {
    args.none("reverse")?;
    match &v {
        Value::Str(s) => Ok(Value::from(s.text.chars().rev().collect::<String>())),
        Value::Object(_) | Value::None | Value::Bool(_) | Value::Int(_) | Value::Big(_) | Value::Float(_) => {
            refuse("argument must be iterable")
        }
        Value::Iter(_) => {
            let mut items = interp.iterate(&v)?;
            items.reverse();
            Ok(items.into())
        }
        _ => {
            let mut items = interp.iterate(&v)?;
            items.reverse();
            Ok(Value::iter(items))
        }
    }
}

fn join(interp: &Interp, v: Value, args: Args) -> Result<Value> {
    let [separator, attribute] = args.bind("join", ["d", "attribute"], 0)?;
    let separator = separator.unwrap_or_else(|| Value::from(""));
    let getter = Getter::of(given(&attribute), None, false)?;
    let mut parts = Vec::new();
    for (at, item) in interp.iterate(&v)?.iter().enumerate() {
        if at > 0 {
            parts.push(separator.clone());
        }
        let item = getter.get(interp, item)?;
        if let Value::Str(s) = &item {
            interp.spend_bytes(s.text.len())?;
        }
        parts.push(item);
    }
    ops::concat(&parts, interp.escapes())
}

fn sum(interp: &Interp, v: Value, args: Args) -> Result<Value> {
    let [attribute, start] = args.bind("sum", ["attribute", "start"], 0)?;
    let getter = Getter::of(given(&attribute), None, false)?;
    let mut total = start.unwrap_or(Value::Int(0));
    if matches!(total, Value::Str(_)) {
        return refuse("sum() can't sum strings");
    }
    for item in interp.iterate(&v)? {
        interp.spend(total.len().unwrap_or(0) / 4)?;
        total = ops::binary(super::ast::Binary::Add, &total, &getter.get(interp, &item)?)?;
    }
    Ok(total)
}

fn extreme(interp: &Interp, v: Value, args: Args, what: &str, wanted: std::cmp::Ordering) -> Result<Value> {
    let [case, attribute] = args.bind(what, ["case_sensitive", "attribute"], 0)?;
    let getter = Getter::of(given(&attribute), None, !is_true(&case, false))?;
    let mut best: Option<(Value, Value)> = None;
    let sign = if what == "min" { "<" } else { ">" };
    for item in interp.iterate(&v)? {
        let key = getter.get(interp, &item)?;
        let is_better = match &best {
            Some((other, _)) => ops::order(&key, other, sign)? == Some(wanted),
            None => true,
        };
        if is_better {
            best = Some((key, item));
        }
    }
    Ok(best.map_or_else(|| Value::undefined("No aggregated item, sequence was empty."), |(_, v)| v))
}

fn max(interp: &Interp, v: Value, args: Args) -> Result<Value> {
    extreme(interp, v, args, "max", std::cmp::Ordering::Greater)
}

fn min(interp: &Interp, v: Value, args: Args) -> Result<Value> {
    extreme(interp, v, args, "min", std::cmp::Ordering::Less)
}

fn sort(interp: &Interp, v: Value, args: Args) -> Result<Value> {
    let [reverse, case, attribute] = args.bind("sort", ["reverse", "case_sensitive", "attribute"], 0)?;
    let folds = !is_true(&case, false);
    let getters = match given(&attribute) {
        Some(Value::Str(s)) => {
            let names = s.text.split(',').map(Value::from);
            names.map(|n| Getter::of(Some(&n), None, folds)).collect::<Result<Vec<_>>>()?
        }
        other => vec![Getter::of(other, None, folds)?],
    };
    let items = interp.iterate(&v)?;
    interp.spend(items.len() * 4)?;
    let mut keyed = Vec::new();
    for item in items {
        let keys = getters.iter().map(|g| g.get(interp, &item)).collect::<Result<Vec<_>>>()?;
        keyed.push((Value::from(keys), item));
    }
    Ok(values(sorted(keyed, is_true(&reverse, false))?).into())
}

fn unique(interp: &Interp, v: Value, args: Args) -> Result<Value> {
    let [case, attribute] = args.bind("unique", ["case_sensitive", "attribute"], 0)?;
    let getter = Getter::of(given(&attribute), None, !is_true(&case, false))?;
    let mut seen = HashSet::new();
    let mut kept = Vec::new();
    for item in interp.iterate(&v)? {
        if seen.insert(Key::of(&getter.get(interp, &item)?)?) {
            kept.push(item);
        }
    }
    Ok(Value::iter(kept))
}

fn groupby(interp: &Interp, v: Value, args: Args) -> Result<Value> {
    let [attribute, usual, case] = args.bind("groupby", ["attribute", "default", "case_sensitive"], 1)?;
    let usual = given(&usual);
    let real = Getter::of(attribute.as_ref(), usual.cloned(), false)?;
    let getter = Getter::of(attribute.as_ref(), usual.cloned(), !is_true(&case, false))?;
    let items = interp.iterate(&v)?;
    interp.spend(items.len() * 4)?;
    let mut keyed = Vec::new();
    for item in items {
        keyed.push((getter.get(interp, &item)?, item));
    }
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    for (key, item) in sorted(keyed, false)? {
        match groups.last_mut() {
            Some((last, group)) if ops::equal(last, &key)? => group.push(item),
            _ => groups.push((key, vec![item])),
        }
    }
    let mut out = Vec::new();
    for (_, group) in groups {
        out.push(Value::Group(Rc::new(vec![real.get(interp, &group[0])?, group.into()].into())));
    }
    Ok(out.into())
}

fn map(interp: &Interp, v: Value, args: Args) -> Result<Value> {
    if !v.is_true() {
        return Ok(Value::iter(Vec::new()));
    }
    let mut out = Vec::new();
    let is_by_attribute = args.pos.is_empty() && args.named.iter().any(|(n, _)| &**n == "attribute");
    if is_by_attribute {
        let [attribute, usual] = named_only(args, "map")?;
        let getter = Getter::of(attribute.as_ref(), given(&usual).cloned(), false)?;
        for item in interp.iterate(&v)? {
            out.push(getter.get(interp, &item)?);
        }
        return Ok(Value::iter(out));
    }
    let (name, rest) = split_name(args, 0, "map requires a filter argument")?;
    let Some(name) = name else { return refuse("map requires a filter argument") };
    for item in interp.iterate(&v)? {
        out.push(interp.filter(&name, item, rest.clone())?);
    }
    Ok(Value::iter(out))
}

fn named_only(args: Args, what: &str) -> Result<[Option<Value>; 2]> {
    args.bind(what, ["attribute", "default"], 0)
}

/// Takes the name of a filter or test at position `at`; returns it and the arguments after it.
fn split_name(mut args: Args, at: usize, absent: &str) -> Result<(Option<String>, Args)> {
    if args.pos.len() < at {
        return refuse(absent);
    }
    let mut rest = args.pos.split_off(at).into_iter();
    let name = rest.next().map(|v| string(&v)).transpose()?;
    Ok((name, Args { pos: rest.collect(), named: args.named }))
}

fn filtered(interp: &Interp, v: Value, args: Args, keeps: bool, by_attribute: bool) -> Result<Value> {
    if !v.is_true() {
        return Ok(Value::iter(Vec::new()));
    }
    let absent = "Missing parameter for attribute name";
    if by_attribute && args.pos.is_empty() {
        return refuse(absent);
    }
    let getter = Getter::of(if by_attribute { args.pos.first() } else { None }, None, false)?;
    let (test, rest) = split_name(args, usize::from(by_attribute), absent)?;
    let mut kept = Vec::new();
    for item in interp.iterate(&v)? {
        let tested = getter.get(interp, &item)?;
        let holds = match &test {
            Some(name) => interp.test(name, &tested, rest.clone())?,
            None => tested.is_true(),
        };
        if holds == keeps {
            kept.push(item);
        }
    }
    Ok(Value::iter(kept))
}

fn select(interp: &Interp, v: Value, args: Args) -> Result<Value> {
    filtered(interp, v, args, true, false)
}

fn reject(interp: &Interp, v: Value, args: Args) -> Result<Value> {
    filtered(interp, v, args, false, false)
}

fn selectattr(interp: &Interp, v: Value, args: Args) -> Result<Value> {
    filtered(interp, v, args, true, true)
}

fn rejectattr(interp: &Interp, v: Value, args: Args) -> Result<Value> {
    filtered(interp, v, args, false, true)
}

/// The named arguments of a call as a dict.
pub fn named(args: &Args) -> Dict {
    let mut dict = Dict::default();
    args.named.iter().for_each(|(name, value)| dict.insert_text(name, value.clone()));
    dict
}
