//! Jinja2's filters of texts.

use super::args::{given, int, int_or, is_true, text_or_none, Args};
use super::fault::{refuse, Result};
use super::interp::Interp;
use super::methods::{replaced, spend_on_set, strip};
use super::number::{as_float, read_float};
use super::ops::{missing, repeat, BYTES_MAX};
use super::show::{repr, string, with_text};
use super::text::{self, escape_html, is_space};
use super::value::{Dict, Text, Value};

const WIDTH_MAX: i64 = 1 << 20; // no prompt pads further

/// Applies a change to a text; a safe text stays safe.
fn changed(v: &Value, args: Args, what: &str, change: impl FnOnce(&str) -> String) -> Result<Value> {
    args.none(what)?;
    Ok(like(v, with_text(v, change)?))
}

fn like(v: &Value, text: String) -> Value {
    Value::Str(Text { text: text.into(), is_safe: v.is_safe() })
}

pub fn capitalize(_: &Interp, v: Value, args: Args) -> Result<Value> {
    changed(&v, args, "capitalize", text::capitalize)
}

pub fn lower(_: &Interp, v: Value, args: Args) -> Result<Value> {
    changed(&v, args, "lower", str::to_lowercase)
}

pub fn upper(_: &Interp, v: Value, args: Args) -> Result<Value> {
    changed(&v, args, "upper", str::to_uppercase)
}

/// The filter title. Words begin only after white space, hyphens and opening brackets.
pub fn title(_: &Interp, v: Value, args: Args) -> Result<Value> {
    let begins = |c: char| is_space(c) || matches!(c, '-' | '(' | '{' | '[' | '<');
    args.none("title")?;
    let t = string(&v)?;
    let mut out = String::with_capacity(t.len());
    let mut rest = &t[..];
    while !rest.is_empty() {
        let end = rest.find(begins).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let first = word.chars().next().map_or(0, char::len_utf8);
        out.push_str(&word[..first].to_uppercase());
        out.push_str(&word[first..].to_lowercase());
        let end = after.find(|c| !begins(c)).unwrap_or(after.len());
        out.push_str(&after[..end]);
        rest = &after[end..];
    }
    Ok(Value::from(out))
}

pub fn string_filter(_: &Interp, v: Value, args: Args) -> Result<Value> {
    args.none("string")?;
    Ok(if matches!(v, Value::Str(_)) { v } else { Value::from(string(&v)?) })
}

pub fn safe(_: &Interp, v: Value, args: Args) -> Result<Value> {
    args.none("safe")?;
    Ok(Value::safe(string(&v)?))
}

pub fn escape(_: &Interp, v: Value, args: Args) -> Result<Value> {
    args.none("escape")?;
    Ok(if v.is_safe() { v } else { Value::safe(escape_html(&string(&v)?)) })
}

pub fn forceescape(_: &Interp, v: Value, args: Args) -> Result<Value> {
    args.none("forceescape")?;
    Ok(Value::safe(escape_html(&string(&v)?)))
}

pub fn center(_: &Interp, v: Value, args: Args) -> Result<Value> {
    let [width] = args.bind("center", ["width"], 0)?;
    let width = int_or(&width, 80)?;
    if width > WIDTH_MAX {
        return refuse(format!("center: a width over {WIDTH_MAX}"));
    }
    let t = string(&v)?;
    let lacks = (width.max(0) as usize).saturating_sub(t.chars().count());
    let left = lacks / 2 + (lacks & width as usize & 1);
    Ok(like(&v, " ".repeat(left) + &t + &" ".repeat(lacks - left)))
}

pub fn trim(interp: &Interp, v: Value, args: Args) -> Result<Value> {
    let [chars] = args.bind("trim", ["chars"], 0)?;
    let chars = text_or_none(&chars)?;
    spend_on_set(interp, chars)?;
    Ok(like(&v, with_text(&v, |t| strip(t, chars, true, true))?))
}

pub fn replace(interp: &Interp, v: Value, args: Args) -> Result<Value> {
    let [old, new, count] = args.bind("replace", ["old", "new", "count"], 2)?;
    let (old, new) = (string(&old.unwrap_or(Value::None))?, string(&new.unwrap_or(Value::None))?);
    let count = given(&count).map_or(Ok(-1), int)?;
    if interp.escapes() {
        let escaped = if v.is_safe() { string(&v)? } else { escape_html(&string(&v)?) };
        return Ok(Value::safe(replaced(&escaped, &old, &new, count)?));
    }
    let text = with_text(&v, |t| replaced(t, &old, &new, count))??;
    interp.spend_bytes(text.len())?;
    Ok(Value::from(text))
}

pub fn format(_: &Interp, v: Value, args: Args) -> Result<Value> {
    if !args.pos.is_empty() && !args.named.is_empty() {
        return refuse("can't handle positional and keyword arguments at the same time");
    }
    let pattern = string(&v)?;
    let values =
        if args.named.is_empty() { Value::tuple(args.pos) } else { super::filters::named(&args).into() };
    Ok(like(&v, super::printf::format(&pattern, &values)?))
}

pub fn indent(_: &Interp, v: Value, args: Args) -> Result<Value> {
    let [width, first, blank] = args.bind("indent", ["width", "first", "blank"], 0)?;
    let by = match &width {
        Some(Value::Str(s)) => s.text.to_string(),
        other => repeat(" ", usize::try_from(int_or(other, 4)?).unwrap_or(0))?,
    };
    let Value::Str(s) = &v else {
        return if v.is_undefined() { missing(&v) } else { refuse("indent takes a text") };
    };
    let t = s.text.to_string() + "\n";
    let lines = text::split_lines(&t, false);
    if t.len().saturating_add(lines.len().saturating_mul(by.len())) > BYTES_MAX {
        return refuse("a text longer than a template can need");
    }
    let (first, blank) = (is_true(&first, false), is_true(&blank, false));
    let mut out = String::new();
    for (at, line) in lines.iter().enumerate() {
        out.push_str(if at > 0 { "\n" } else { "" });
        let indents = if at == 0 { first } else { blank || !line.is_empty() };
        out.push_str(if indents { &by } else { "" });
        out.push_str(line);
    }
    Ok(like(&v, out))
}

pub fn truncate(_: &Interp, v: Value, args: Args) -> Result<Value> {
    let [length, kill, end, leeway] = args.bind("truncate", ["length", "killwords", "end", "leeway"], 0)?;
    let (length, leeway) = (int_or(&length, 255)?, given(&leeway).map_or(Ok(5), int)?);
    let end = end.map_or(Ok("...".to_string()), |e| string(&e))?;
    let Some(count) = v.len() else { return refuse("truncate takes a text") };
    let end_count = end.chars().count() as i64;
    if length < end_count || leeway < 0 {
        return refuse("truncate: a length shorter than its end, or a negative leeway");
    }
    if count as i64 <= length.saturating_add(leeway) {
        return Ok(v);
    }
    let Value::Str(s) = &v else { return refuse("truncate takes a text") };
    let kept: String = s.text.chars().take((length - end_count) as usize).collect();
    let kept = match kept.rfind(' ') {
        Some(at) if !is_true(&kill, false) => &kept[..at],
        _ => &kept[..],
    };
    Ok(like(&v, kept.to_string() + &end))
}

pub fn wordcount(_: &Interp, v: Value, args: Args) -> Result<Value> {
    args.none("wordcount")?;
    let is_word = |c: char| c == '_' || c.is_alphanumeric();
    with_text(&v, |t| Value::from(t.split(|c| !is_word(c)).filter(|w| !w.is_empty()).count()))
}

pub fn urlencode(interp: &Interp, v: Value, args: Args) -> Result<Value> {
    args.none("urlencode")?;
    let pairs = match &v {
        Value::Str(_) => return Ok(Value::from(quoted(&string(&v)?, false))),
        Value::Dict(d) => d.items(),
        _ if v.iterate().is_ok() => interp.iterate(&v)?,
        _ => return Ok(Value::from(quoted(&string(&v)?, false))),
    };
    let mut parts = Vec::new();
    for pair in pairs {
        match &interp.iterate(&pair)?[..] {
            [key, value] => parts.push(quoted(&string(key)?, true) + "=" + &quoted(&string(value)?, true)),
            _ => return refuse("urlencode takes pairs"),
        }
    }
    Ok(Value::from(parts.join("&")))
}

fn quoted(text: &str, in_query: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        match b {
            b'/' if !in_query => out.push('/'),
            b' ' if in_query => out.push('+'),
            b'_' | b'.' | b'-' | b'~' => out.push(b as char),
            _ if b.is_ascii_alphanumeric() => out.push(b as char),
            _ => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

pub fn filesizeformat(_: &Interp, v: Value, args: Args) -> Result<Value> {
    let [binary] = args.bind("filesizeformat", ["binary"], 0)?;
    let read = match &v {
        Value::Str(s) => read_float(&s.text),
        _ => as_float(&v)?,
    };
    let Some(bytes) = read else {
        return if v.is_undefined() { missing(&v) } else { refuse("filesizeformat takes a number") };
    };
    let binary = is_true(&binary, false);
    let base: f64 = if binary { 1024.0 } else { 1000.0 };
    if bytes == 1.0 {
        return Ok(Value::from("1 Byte"));
    }
    if bytes < base {
        return Ok(Value::from(string(&super::number::truncated(bytes)?)? + " Bytes"));
    }
    let (mut unit, mut name) = (base, "");
    for prefix in if binary {
        ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"]
    } else {
        ["k", "M", "G", "T", "P", "E", "Z", "Y"]
    } {
        name = prefix;
        unit *= base;
        if bytes < unit {
            break;
        }
    }
    Ok(Value::from(format!("{:.1} {name}B", base * bytes / unit)))
}

pub fn xmlattr(interp: &Interp, v: Value, args: Args) -> Result<Value> {
    let [space] = args.bind("xmlattr", ["autospace"], 0)?;
    let Value::Dict(d) = &v else {
        return if v.is_undefined() { missing(&v) } else { refuse("xmlattr takes a mapping") };
    };
    let escaped = |v: &Value| Ok(if v.is_safe() { string(v)? } else { escape_html(&string(v)?) });
    let mut parts = Vec::new();
    for (key, value) in &d.entries {
        if matches!(value, Value::None | Value::Undefined(_)) {
            continue;
        }
        let Value::Str(name) = key else { return refuse("xmlattr: names are texts") };
        if name.text.contains(|c: char| is_space(c) || matches!(c, '/' | '>' | '=')) {
            return refuse("xmlattr: an invalid character in an attribute name");
        }
        parts.push(format!("{}=\"{}\"", escaped(key)?, escaped(value)?));
    }
    let gap = if is_true(&space, true) && !parts.is_empty() { " " } else { "" };
    let text = gap.to_string() + &parts.join(" ");
    Ok(if interp.escapes() { Value::safe(text) } else { Value::from(text) })
}

pub fn striptags(_: &Interp, v: Value, args: Args) -> Result<Value> {
    args.none("striptags")?;
    let t = string(&v)?;
    let t = without(&without(&t, "<!--", "-->"), "<", ">");
    let words: Vec<&str> = t.split(is_space).filter(|w| !w.is_empty()).collect();
    unescape_html(&words.join(" ")).map(Value::from)
}

/// Removes everything from `open` to `close`, both included.
fn without(text: &str, open: &str, close: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(from) = rest.find(open) {
        let Some(to) = rest[from..].find(close) else { break };
        out.push_str(&rest[..from]);
        rest = &rest[from + to + close.len()..];
    }
    out + rest
}

const ENTITIES: [(&str, char); 14] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", '\u{a0}'),
    ("copy", '©'),
    ("reg", '®'),
    ("hellip", '…'),
    ("mdash", '—'),
    ("ndash", '–'),
    ("euro", '€'),
    ("laquo", '«'),
    ("raquo", '»'),
];

fn unescape_html(text: &str) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let end = after.find(|c: char| c != '#' && !c.is_ascii_alphanumeric()).unwrap_or(after.len());
        let name = &after[..end];
        if name.is_empty() || !after[end..].starts_with(';') {
            out.push('&');
            rest = after;
            continue;
        }
        match entity(name) {
            Some(c) => out.push(c),
            None => return refuse(format!("striptags: the entity '&{name};' is not known here")),
        }
        rest = &after[end + 1..];
    }
    Ok(out + rest)
}

fn entity(name: &str) -> Option<char> {
    if let Some(code) = name.strip_prefix('#') {
        let hex = code.strip_prefix(['x', 'X']);
        let code = hex.map_or_else(|| code.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok());
        return code.and_then(char::from_u32);
    }
    ENTITIES.into_iter().find(|(n, _)| *n == name).map(|(_, c)| c)
}

const PPRINT_WIDTH: usize = 80;

/// repr with sorted keys; a value that does not fit one line is an error.
pub fn pprint(_: &Interp, v: Value, args: Args) -> Result<Value> {
    args.none("pprint")?;
    let text = repr(&sorted_keys(&v)?)?;
    if text.chars().count() > PPRINT_WIDTH {
        return refuse("pprint: a value that does not fit one line");
    }
    Ok(Value::from(text))
}

fn sorted_keys(v: &Value) -> Result<Value> {
    Ok(match v {
        Value::List(items) => items.iter().map(sorted_keys).collect::<Result<Vec<_>>>()?.into(),
        Value::Tuple(items) => Value::tuple(items.iter().map(sorted_keys).collect::<Result<Vec<_>>>()?),
        Value::Dict(d) => {
            let mut out = Dict::default();
            for (key, value) in super::ops::sorted(d.entries.clone(), false)? {
                out.insert(key, sorted_keys(&value)?)?;
            }
            out.into()
        }
        _ => v.clone(),
    })
}
