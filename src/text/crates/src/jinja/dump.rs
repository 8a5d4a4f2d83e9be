//! The filter tojson as transformers defines it: json.dumps with the filter's arguments.

use super::args::{given, is_true, Args};
use super::fault::{refuse, Result};
use super::floats;
use super::number::small;
use super::ops::sorted;
use super::show::string;
use super::value::Value;

const DEPTH_MAX: usize = 400;
const INDENT_MAX: i64 = 1000;

struct Style {
    item: String,
    key: String,
    indent: Option<String>,
    ascii: bool,
    sorted: bool,
}

pub fn tojson(value: &Value, args: Args) -> Result<Value> {
    let [ascii, indent, separators, sort_keys] =
        args.bind("tojson", ["ensure_ascii", "indent", "separators", "sort_keys"], 0)?;
    let indent = match given(&indent) {
        None => None,
        Some(Value::Str(s)) => Some(s.text.to_string()),
        Some(n) => match small(n) {
            Some(n) if n <= INDENT_MAX => Some(" ".repeat(n.max(0) as usize)),
            _ => return refuse("tojson: an indent that is no whole number of reasonable size"),
        },
    };
    let item = if indent.is_some() { "," } else { ", " };
    let mut style = Style {
        item: item.into(),
        key: ": ".into(),
        indent,
        ascii: is_true(&ascii, false),
        sorted: is_true(&sort_keys, false),
    };
    if let Some(pair) = given(&separators) {
        match &pair.iterate()?[..] {
            [Value::Str(item), Value::Str(key)] => {
                style.item = item.text.to_string();
                style.key = key.text.to_string();
            }
            _ => return refuse("tojson: separators are two texts"),
        }
    }
    let mut out = String::new();
    write(value, &style, 0, &mut out)?;
    Ok(Value::from(out))
}

fn float_text(f: f64) -> String {
    if f.is_nan() {
        return "NaN".into();
    }
    if f.is_infinite() {
        return if f > 0.0 { "Infinity" } else { "-Infinity" }.into();
    }
    floats::repr(f)
}

fn write(value: &Value, style: &Style, depth: usize, out: &mut String) -> Result<()> {
    if depth > DEPTH_MAX {
        return refuse("a value nested too deeply to be written as JSON");
    }
    match value {
        Value::None => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Int(_) | Value::Big(_) => out.push_str(&string(value)?),
        Value::Float(f) => out.push_str(&float_text(*f)),
        Value::Str(s) => write_text(&s.text, style.ascii, out),
        Value::List(items) | Value::Tuple(items) | Value::Group(items) => {
            enclose(('[', ']'), items.len(), style, depth, out, |i, out| {
                write(&items[i], style, depth + 1, out)
            })?;
        }
        Value::Dict(d) => {
            let mut pairs = d.entries.clone();
            if style.sorted {
                pairs = sorted(pairs, false)?;
            }
            enclose(('{', '}'), pairs.len(), style, depth, out, |i, out| {
                write_text(&key_text(&pairs[i].0)?, style.ascii, out);
                out.push_str(&style.key);
                write(&pairs[i].1, style, depth + 1, out)
            })?;
        }
        _ => return refuse(format!("Object of type {} is not JSON serializable", value.type_name())),
    }
    Ok(())
}

fn key_text(key: &Value) -> Result<String> {
    match key {
        Value::Str(s) => Ok(s.text.to_string()),
        Value::None => Ok("null".into()),
        Value::Bool(b) => Ok(if *b { "true" } else { "false" }.into()),
        Value::Int(_) | Value::Big(_) => string(key),
        Value::Float(f) => Ok(float_text(*f)),
        _ => refuse(format!("keys must be str, int, float, bool or None, not {}", key.type_name())),
    }
}

fn enclose(
    (open, close): (char, char),
    count: usize,
    style: &Style,
    depth: usize,
    out: &mut String,
    mut item: impl FnMut(usize, &mut String) -> Result<()>,
) -> Result<()> {
    let line = |depth: usize, out: &mut String| {
        if let (Some(indent), true) = (&style.indent, count > 0) {
            out.push('\n');
            out.extend(std::iter::repeat_n(&**indent, depth));
        }
    };
    out.push(open);
    for i in 0..count {
        if i > 0 {
            out.push_str(&style.item);
        }
        line(depth + 1, out);
        item(i, out)?;
    }
    line(depth, out);
    out.push(close);
    Ok(())
}

fn write_text(text: &str, ascii: bool, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if (c as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", c as u32)),
            c if ascii && !matches!(c, ' '..='~') && !crate::guard::is_mark(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
