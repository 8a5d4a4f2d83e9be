//! Methods of Python's values. Methods that examine the ends of a text ignore guard marks (guard.rs), so that
//! marking a message does not change what a template decides.

use super::args::{given, int, int_or, is_true, text as text_of, text_or_none, Args};
use super::fault::{refuse, Result};
use super::index::part_of;
use super::interp::Interp;
use super::number;
use super::ops::{equal, repeat, BYTES_MAX};
use super::text;
use super::value::{Dict, Object, Text, Value, View};
use crate::guard::{is_mark, without_marks};
use num_bigint::BigInt;
use std::collections::HashSet;
use std::rc::Rc;

const WIDTH_MAX: i64 = 1 << 20; // no prompt pads further

pub fn call(interp: &Interp, receiver: &Value, name: &str, args: Args) -> Result<Value> {
    match receiver {
        Value::Str(s) => of_text(interp, s, name, args),
        Value::List(items) | Value::Tuple(items) | Value::Group(items) => match name {
            "copy" => args.none(name).map(|()| receiver.clone()),
            "count" => count(items, args),
            _ => index(items, args),
        },
        Value::Range(_) => {
            let [wanted] = args.plain(name, 1)?;
            let args = Args { pos: wanted.into_iter().collect(), named: Vec::new() };
            let items = interp.iterate(receiver)?;
            if name == "count" {
                count(&items, args)
            } else {
                index(&items, args)
            }
        }
        Value::Dict(d) => of_dict(interp, d, name, args),
        Value::Float(f) => of_float(*f, name, args),
        Value::Object(o) => of_object(interp, o, name, args),
        _ => of_whole(receiver, name, args),
    }
}

fn count(items: &[Value], args: Args) -> Result<Value> {
    let [wanted] = args.plain("count", 1)?;
    let wanted = wanted.unwrap_or(Value::None);
    let mut n = 0usize;
    for item in items {
        n += usize::from(equal(item, &wanted)?);
    }
    Ok(Value::from(n))
}

fn index(items: &[Value], args: Args) -> Result<Value> {
    let [wanted, from, to] = args.plain("index", 1)?;
    let wanted = wanted.unwrap_or(Value::None);
    let count = items.len() as i64;
    let border = |v: i64| if v < 0 { v.saturating_add(count).max(0) } else { v.min(count) } as usize;
    let (from, to) = (border(int_or(&from, 0)?), border(int_or(&to, count)?));
    for (at, item) in items.iter().enumerate().take(to).skip(from) {
        if equal(item, &wanted)? {
            return Ok(Value::from(at));
        }
    }
    refuse("a value that is not in the list has no index")
}

fn of_dict(interp: &Interp, d: &Rc<Dict>, name: &str, args: Args) -> Result<Value> {
    match name {
        "get" => {
            let [key, usual] = args.plain(name, 1)?;
            let found = d.get(&key.unwrap_or(Value::None))?.cloned();
            return Ok(found.or(usual).unwrap_or(Value::None));
        }
        "fromkeys" => {
            let [keys, value] = args.plain(name, 1)?;
            let mut dict = Dict::default();
            for key in interp.iterate(&keys.unwrap_or(Value::None))? {
                dict.insert(key, value.clone().unwrap_or(Value::None))?;
            }
            return Ok(dict.into());
        }
        _ => args.none(name)?,
    }
    Ok(match name {
        "copy" => {
            interp.spend(d.entries.len())?;
            Value::Dict(Rc::new((**d).clone()))
        }
        "items" => Value::View(View::Items, d.clone()),
        "keys" => Value::View(View::Keys, d.clone()),
        _ => Value::View(View::Values, d.clone()),
    })
}

fn of_float(f: f64, name: &str, args: Args) -> Result<Value> {
    args.none(name)?;
    Ok(match name {
        "is_integer" => Value::Bool(f.fract() == 0.0 && f.is_finite()),
        "conjugate" => Value::Float(f),
        _ => return ratio(f),
    })
}

fn ratio(f: f64) -> Result<Value> {
    let mut f = f;
    let mut below = BigInt::from(1);
    while f.is_finite() && f.fract() != 0.0 {
        f *= 2.0;
        below *= 2;
    }
    Ok(Value::tuple(vec![number::truncated(f)?, below.into()]))
}

fn of_whole(v: &Value, name: &str, args: Args) -> Result<Value> {
    args.none(name)?;
    let whole = number::whole(v).unwrap_or_default();
    Ok(match name {
        "bit_length" => Value::from(whole.bits() as usize),
        "bit_count" => Value::from(whole.iter_u64_digits().map(|d| d.count_ones() as usize).sum::<usize>()),
        "as_integer_ratio" => Value::tuple(vec![whole.into(), Value::Int(1)]),
        _ => whole.into(),
    })
}

fn of_object(interp: &Interp, object: &Object, name: &str, args: Args) -> Result<Value> {
    match object {
        Object::Loop(l) if name == "changed" => {
            let now = Value::tuple(args.pos);
            let before = l.changed.borrow().clone();
            let same = before.as_ref().map_or(Ok(false), |before| equal(before, &now))?;
            if before.is_none() {
                interp.may_hold_itself(l);
            }
            if !same {
                l.changed.replace(Some(now));
            }
            Ok(Value::Bool(!same))
        }
        Object::Loop(l) => match args.pos.len() {
            0 => refuse("no items for cycling given"),
            n => Ok(args.pos[l.at.get() % n].clone()),
        },
        Object::Cycler { items, at } => {
            args.none(name)?;
            if name == "reset" {
                at.set(0);
                return Ok(Value::None);
            }
            let item = items[at.get()].clone();
            at.set((at.get() + 1) % items.len());
            Ok(item)
        }
        _ => refuse(format!("no method is called '{name}'")),
    }
}

fn of_text(interp: &Interp, s: &Text, name: &str, args: Args) -> Result<Value> {
    let t = &*s.text;
    let escapes = s.is_safe && matches!(name, "join" | "format" | "format_map");
    let args = if escapes { with_safe(args) } else { args };
    let same_kind = |text: String| Value::Str(Text { text: text.into(), is_safe: s.is_safe });
    let plain: Option<fn(&str) -> String> = match name {
        "capitalize" => Some(text::capitalize),
        "casefold" => Some(text::casefold),
        "lower" => Some(str::to_lowercase),
        "swapcase" => Some(text::swapcase),
        "title" => Some(text::title),
        "upper" => Some(str::to_uppercase),
        _ => None,
    };
    if let Some(change) = plain {
        args.none(name)?;
        return Ok(same_kind(change(t)));
    }
    if name.starts_with("is") {
        interp.spend_bytes(t.len() * 8)?;
    }
    if let Some(answer) = question(t, name) {
        args.none(name)?;
        return Ok(Value::Bool(answer));
    }
    Ok(match name {
        "strip" | "lstrip" | "rstrip" => {
            let [chars] = args.plain(name, 0)?;
            spend_on_set(interp, text_or_none(&chars)?)?;
            same_kind(strip(t, text_or_none(&chars)?, name != "rstrip", name != "lstrip"))
        }
        "startswith" => affixed(t, args, |t, a| t.starts_with(a))?,
        "endswith" => affixed(t, args, |t, a| t.ends_with(a))?,
        "center" | "ljust" | "rjust" | "zfill" => same_kind(padded(t, name, args)?),
        "find" | "rfind" | "index" | "rindex" | "count" => position(t, name, args)?,
        "format" => same_kind(super::format::format(t, args)?),
        "format_map" => match &args.plain::<1>(name, 1)? {
            [Some(Value::Dict(names))] => same_kind(super::format::format_map(t, &[], names)?),
            _ => return refuse("format_map takes a mapping"),
        },
        "join" => same_kind(join(interp, t, args)?),
        "replace" => same_kind(replace(t, args)?),
        "split" | "rsplit" => texts(s, split(t, name, args)?),
        "splitlines" => {
            let [keep] = args.bind(name, ["keepends"], 0)?;
            texts(s, text::split_lines(t, is_true(&keep, false)))
        }
        "partition" | "rpartition" => partition(s, name, args)?,
        "removeprefix" | "removesuffix" => {
            let [affix] = args.plain(name, 1)?;
            let affix = affix.unwrap_or(Value::None);
            let affix = text_of(&affix)?;
            let rest = if name == "removeprefix" { t.strip_prefix(affix) } else { t.strip_suffix(affix) };
            same_kind(rest.unwrap_or(t).to_string())
        }
        "expandtabs" => same_kind(expand_tabs(t, args)?),
        "translate" => same_kind(translate(t, args)?),
        "maketrans" => make_translation(args)?,
        _ => return refuse(format!("str.{name} gives bytes, which a template cannot use")),
    })
}

/// Escapes the arguments, for methods of a safe text.
fn with_safe(args: Args) -> Args {
    let listed = |v: &Value| match v {
        Value::List(items) => items.iter().map(Value::made_safe).collect::<Vec<_>>().into(),
        other => other.made_safe(),
    };
    let named = args.named.iter().map(|(name, v)| (name.clone(), listed(v)));
    Args { pos: args.pos.iter().map(listed).collect(), named: named.collect() }
}

/// A list of parts of a text; they are safe if the text is.
fn texts(of: &Text, parts: Vec<&str>) -> Value {
    parts.into_iter().map(|part| part_of_text(of, part)).collect::<Vec<_>>().into()
}

fn part_of_text(of: &Text, part: &str) -> Value {
    Value::Str(Text { text: part.into(), is_safe: of.is_safe })
}

fn question(t: &str, name: &str) -> Option<bool> {
    let all = |is: fn(char) -> bool| !t.is_empty() && t.chars().all(is);
    Some(match name {
        "isalnum" => all(text::is_alnum),
        "isalpha" => all(text::is_alpha),
        "isascii" => t.is_ascii(),
        "isdecimal" => all(text::is_decimal),
        "isdigit" => all(text::is_digit),
        "isidentifier" => text::is_identifier(t),
        "islower" => super::tests::is_cased_as(t, char::is_lowercase),
        "isnumeric" => all(text::is_numeric),
        "isprintable" => t.chars().all(text::is_printable),
        "isspace" => all(text::is_space),
        "istitle" => text::is_titled(t),
        "isupper" => super::tests::is_cased_as(t, char::is_uppercase),
        _ => return None,
    })
}

/// Spends fuel for the set that `strip` makes of the characters.
pub fn spend_on_set(interp: &Interp, chars: Option<&str>) -> Result<()> {
    interp.spend(chars.map_or(0, str::len) / 8)
}

/// Removes the characters from the ends. Guard marks are skipped and kept.
pub fn strip(t: &str, chars: Option<&str>, left: bool, right: bool) -> String {
    let set: Option<HashSet<char>> = chars.map(|set| set.chars().collect());
    let falls = |c: char| set.as_ref().map_or_else(|| text::is_space(c), |set| set.contains(&c));
    let begin = t.find(|c| !is_mark(c) && !falls(c)).unwrap_or(t.len());
    let end = t.rfind(|c: char| !is_mark(c) && !falls(c));
    let end = end.map_or(begin, |at| at + t[at..].chars().next().map_or(0, char::len_utf8));
    let marks = |s: &str| s.chars().filter(|c| is_mark(*c)).collect::<String>();
    if begin == t.len() {
        return marks(t); // all characters are removed
    }
    let head = if left { marks(&t[..begin]) } else { t[..begin].to_string() };
    let tail = if right { marks(&t[end..]) } else { t[end..].to_string() };
    head + &t[begin..end] + &tail
}

fn affixed(t: &str, args: Args, holds: fn(&str, &str) -> bool) -> Result<Value> {
    let [affix, from, to] = args.plain("startswith", 1)?;
    let bare = without_marks(t);
    let Some((begin, end)) = part_of(&bare, &from, &to)? else { return Ok(Value::Bool(false)) };
    let part = &bare[begin..end];
    match affix.unwrap_or(Value::None) {
        Value::Str(one) => Ok(Value::Bool(holds(part, &one.text))),
        Value::Tuple(many) => {
            let mut any = false;
            for one in many.iter() {
                any = any || holds(part, text_of(one)?);
            }
            Ok(Value::Bool(any))
        }
        other => refuse(format!("a str or a tuple of str is expected, not {}", other.type_name())),
    }
}

fn padded(t: &str, name: &str, args: Args) -> Result<String> {
    let [width, fill] = if name == "zfill" {
        let [width] = args.plain(name, 1)?;
        [width, None]
    } else {
        args.plain(name, 1)?
    };
    let width = int(&width.unwrap_or(Value::None))?;
    let fill = fill.unwrap_or_else(|| Value::from(if name == "zfill" { "0" } else { " " }));
    let fill = text_of(&fill)?;
    if fill.chars().count() != 1 {
        return refuse("the fill character must be exactly one character long");
    }
    if width > WIDTH_MAX {
        return refuse(format!("a width over {WIDTH_MAX}"));
    }
    let count = t.chars().filter(|c| !is_mark(*c)).count();
    let lacks = (width.max(0) as usize).saturating_sub(count);
    Ok(match name {
        "ljust" => t.to_string() + &fill.repeat(lacks),
        "rjust" => fill.repeat(lacks) + t,
        "zfill" => {
            let (sign, digits) = t.split_at(usize::from(t.starts_with(['+', '-'])));
            format!("{sign}{}{digits}", fill.repeat(lacks))
        }
        _ => {
            let left = lacks / 2 + (lacks & width as usize & 1);
            fill.repeat(left) + t + &fill.repeat(lacks - left)
        }
    })
}

fn position(t: &str, name: &str, args: Args) -> Result<Value> {
    let [part, from, to] = args.plain(name, 1)?;
    let part = part.unwrap_or(Value::None);
    let part = text_of(&part)?;
    let within = part_of(t, &from, &to)?;
    if name == "count" {
        let Some((begin, end)) = within else { return Ok(Value::Int(0)) };
        let within = &t[begin..end];
        let n = if part.is_empty() { within.chars().count() + 1 } else { within.matches(part).count() };
        return Ok(Value::from(n));
    }
    let found = within.and_then(|(begin, end)| {
        let within = &t[begin..end];
        let at = if name.starts_with('r') { within.rfind(part) } else { within.find(part) };
        at.map(|at| t[..begin + at].chars().count())
    });
    match found {
        Some(at) => Ok(Value::from(at)),
        None if name.ends_with("find") => Ok(Value::Int(-1)),
        None => refuse("substring not found"),
    }
}

fn join(interp: &Interp, t: &str, args: Args) -> Result<String> {
    let [items] = args.plain("join", 1)?;
    let items = interp.iterate(&items.unwrap_or(Value::None))?;
    let mut out = String::new();
    for (at, item) in items.iter().enumerate() {
        let Value::Str(item) = item else {
            return refuse(format!("sequence item {at}: expected str instance, {} found", item.type_name()));
        };
        out.push_str(if at > 0 { t } else { "" });
        out.push_str(&item.text);
        interp.spend_bytes(item.text.len())?;
    }
    Ok(out)
}

fn replace(t: &str, args: Args) -> Result<String> {
    let [old, new, count] = args.bind("replace", ["", "", "count"], 2)?;
    let (old, new) = (old.unwrap_or(Value::None), new.unwrap_or(Value::None));
    replaced(t, text_of(&old)?, text_of(&new)?, int_or(&count, -1)?)
}

pub fn replaced(t: &str, old: &str, new: &str, count: i64) -> Result<String> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let found = if old.is_empty() { t.chars().count() + 1 } else { t.matches(old).count() }.min(count);
    if t.len().saturating_add(found.saturating_mul(new.len())) > BYTES_MAX {
        return refuse("a text longer than a template can need");
    }
    Ok(t.replacen(old, new, count))
}

fn split<'t>(t: &'t str, name: &str, args: Args) -> Result<Vec<&'t str>> {
    let [separator, most] = args.bind(name, ["sep", "maxsplit"], 0)?;
    let most = usize::try_from(int_or(&most, -1)?).unwrap_or(usize::MAX).saturating_add(1);
    let from_left = name == "split";
    let separator = text_or_none(&separator)?;
    let mut parts: Vec<&str> = match separator {
        Some("") => return refuse("empty separator"),
        Some(s) if from_left => t.splitn(most, s).collect(),
        Some(s) => t.rsplitn(most, s).collect(),
        None => split_at_space(t, most, from_left),
    };
    if !from_left {
        parts.reverse();
    }
    Ok(parts)
}

fn split_at_space(t: &str, most: usize, from_left: bool) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = t;
    loop {
        rest = if from_left {
            rest.trim_start_matches(text::is_space)
        } else {
            rest.trim_end_matches(text::is_space)
        };
        if rest.is_empty() {
            return parts;
        }
        let border = if from_left {
            rest.find(text::is_space)
        } else {
            rest.char_indices().rev().find(|(_, c)| text::is_space(*c)).map(|(at, c)| at + c.len_utf8())
        };
        let Some(at) = border.filter(|_| parts.len() + 1 < most) else {
            parts.push(rest);
            return parts;
        };
        let (head, tail) = rest.split_at(at);
        let (part, left) = if from_left { (head, tail) } else { (tail, head) };
        parts.push(part);
        rest = left;
    }
}

fn partition(of: &Text, name: &str, args: Args) -> Result<Value> {
    let t = &*of.text;
    let [separator] = args.plain(name, 1)?;
    let separator = separator.unwrap_or(Value::None);
    let s = text_of(&separator)?;
    if s.is_empty() {
        return refuse("empty separator");
    }
    let from_left = name == "partition";
    let at = if from_left { t.find(s) } else { t.rfind(s) };
    let parts = match at {
        Some(at) => [&t[..at], s, &t[at + s.len()..]],
        None if from_left => [t, "", ""],
        None => ["", "", t],
    };
    Ok(Value::tuple(parts.map(|part| part_of_text(of, part)).to_vec()))
}

fn expand_tabs(t: &str, args: Args) -> Result<String> {
    let [size] = args.bind("expandtabs", ["tabsize"], 0)?;
    let size = int_or(&size, 8)?.clamp(0, 1000) as usize;
    let mut out = String::with_capacity(t.len());
    let mut column = 0;
    for c in t.chars() {
        match c {
            '\t' if size > 0 => {
                let n = size - column % size;
                out.push_str(&repeat(" ", n)?);
                column += n;
            }
            '\t' => {}
            '\n' | '\r' => {
                out.push(c);
                column = 0;
            }
            _ => {
                out.push(c);
                column += 1;
            }
        }
        if out.len() > BYTES_MAX {
            return refuse("a text longer than a template can need");
        }
    }
    Ok(out)
}

fn translate(t: &str, args: Args) -> Result<String> {
    let [table] = args.plain("translate", 1)?;
    let table = table.unwrap_or(Value::None);
    let mut out = String::with_capacity(t.len());
    for c in t.chars() {
        let code = Value::Int(i64::from(c as u32));
        let found = match &table {
            Value::Dict(d) => d.get(&code)?.cloned().unwrap_or(code),
            Value::List(_) | Value::Tuple(_) | Value::Str(_) => match super::index::item(&table, &code)? {
                Value::Undefined(_) => code,
                found => found,
            },
            _ => return refuse(format!("'{}' object is not subscriptable", table.type_name())),
        };
        match &found {
            Value::None => {}
            Value::Str(s) => out.push_str(&s.text),
            _ => match u32::try_from(int(&found)?).ok().and_then(char::from_u32) {
                Some(c) => out.push(c),
                None => return refuse("a translation that is no character"),
            },
        }
        if out.len() > BYTES_MAX {
            return refuse("a text longer than a template can need");
        }
    }
    Ok(out)
}

fn make_translation(args: Args) -> Result<Value> {
    let [from, to, falls] = args.plain("maketrans", 1)?;
    let code = |c: char| Value::Int(i64::from(c as u32));
    let mut table = Dict::default();
    let from = from.unwrap_or(Value::None);
    match (&from, given(&to)) {
        (Value::Dict(d), None) => {
            for (key, value) in &d.entries {
                let mut chars = key.as_str().unwrap_or_default().chars();
                match (key, chars.next(), chars.next()) {
                    (_, Some(c), None) => table.insert(code(c), value.clone())?,
                    (Value::Int(_), ..) => table.insert(key.clone(), value.clone())?,
                    _ => return refuse("keys of a translation are single characters or integers"),
                }
            }
        }
        (_, Some(to)) => {
            let (from, to) = (text_of(&from)?, text_of(to)?);
            if from.chars().count() != to.chars().count() {
                return refuse("the first two maketrans arguments must have equal length");
            }
            for (a, b) in from.chars().zip(to.chars()) {
                table.insert(code(a), code(b))?;
            }
            for c in text_or_none(&falls)?.unwrap_or_default().chars() {
                table.insert(code(c), Value::None)?;
            }
        }
        _ => return refuse("maketrans takes a dict, or two or three texts"),
    }
    Ok(table.into())
}
