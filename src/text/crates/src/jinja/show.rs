//! str() and repr()

use super::fault::{refuse, Result};
use super::floats;
use super::number::DIGITS_MAX;
use super::text::is_printable;
use super::value::{Object, Value, View};

const DEPTH_MAX: usize = 400;

pub fn string(v: &Value) -> Result<String> {
    match v {
        Value::Str(s) => Ok(s.text.to_string()),
        Value::Undefined(_) => Ok(String::new()),
        _ => repr(v),
    }
}

/// Calls `work` with str(v), without a copy if v is a text.
pub fn with_text<T>(v: &Value, work: impl FnOnce(&str) -> T) -> Result<T> {
    match v {
        Value::Str(s) => Ok(work(&s.text)),
        _ => Ok(work(&string(v)?)),
    }
}

pub fn repr(v: &Value) -> Result<String> {
    let mut out = String::new();
    write(v, 0, &mut out)?;
    Ok(out)
}

fn write(v: &Value, depth: usize, out: &mut String) -> Result<()> {
    if depth > DEPTH_MAX {
        return refuse("a value nested too deeply to be written");
    }
    match v {
        Value::Undefined(_) => out.push_str("Undefined"),
        Value::None => out.push_str("None"),
        Value::Bool(b) => out.push_str(if *b { "True" } else { "False" }),
        Value::Int(i) => out.push_str(&i.to_string()),
        Value::Big(b) if b.bits() > DIGITS_MAX as u64 * 3322 / 1000 => {
            return refuse("a number with too many digits to be written")
        }
        Value::Big(b) => out.push_str(&b.to_string()),
        Value::Float(f) => out.push_str(&floats::repr(*f)),
        Value::Str(s) if s.is_safe => {
            out.push_str("Markup(");
            write_text(&s.text, out);
            out.push(')');
        }
        Value::Str(s) => write_text(&s.text, out),
        Value::List(items) => write_items(items, ("[", "]"), depth, out)?,
        Value::Tuple(items) | Value::Group(items) => {
            write_items(items, ("(", if items.len() == 1 { ",)" } else { ")" }), depth, out)?
        }
        Value::Dict(d) => write_pairs(&d.entries, depth, out)?,
        Value::View(view, d) => {
            let items = Value::items_of_view(*view, d);
            let name = match view {
                View::Keys => "dict_keys([",
                View::Values => "dict_values([",
                View::Items => "dict_items([",
            };
            write_items(&items, (name, "])"), depth, out)?;
        }
        Value::Range(r) if r.step == 1 => out.push_str(&format!("range({}, {})", r.start, r.stop)),
        Value::Range(r) => out.push_str(&format!("range({}, {}, {})", r.start, r.stop, r.step)),
        Value::Iter(_) => return refuse("an iterator cannot be written; |list makes a list of it"),
        Value::Object(o) => write_object(o, depth, out)?,
    }
    Ok(())
}

fn write_items(items: &[Value], (open, close): (&str, &str), depth: usize, out: &mut String) -> Result<()> {
    out.push_str(open);
    for (at, item) in items.iter().enumerate() {
        out.push_str(if at > 0 { ", " } else { "" });
        write(item, depth + 1, out)?;
    }
    out.push_str(close);
    Ok(())
}

fn write_pairs(pairs: &[(Value, Value)], depth: usize, out: &mut String) -> Result<()> {
    out.push('{');
    for (at, (key, value)) in pairs.iter().enumerate() {
        out.push_str(if at > 0 { ", " } else { "" });
        write(key, depth + 1, out)?;
        out.push_str(": ");
        write(value, depth + 1, out)?;
    }
    out.push('}');
    Ok(())
}

fn write_object(object: &Object, depth: usize, out: &mut String) -> Result<()> {
    match object {
        Object::Macro(m) => {
            out.push_str("<Macro ");
            write_text(&m.definition.name, out);
            out.push('>');
        }
        Object::Loop(l) => out.push_str(&format!("<LoopContext {}/{}>", l.at.get() + 1, l.items.len())),
        Object::Namespace(fields) => {
            out.push_str("<Namespace ");
            write_pairs(&fields.borrow().entries, depth + 1, out)?;
            out.push('>');
        }
        Object::Function("namespace") => out.push_str("<class 'jinja2.utils.Namespace'>"),
        Object::Function("cycler") => out.push_str("<class 'jinja2.utils.Cycler'>"),
        Object::Function("joiner") => out.push_str("<class 'jinja2.utils.Joiner'>"),
        Object::Function("dict") => out.push_str("<class 'dict'>"),
        Object::Blocks => out.push_str("<TemplateReference None>"),
        _ => return refuse("a function cannot be written"),
    }
    Ok(())
}

fn write_text(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if is_printable(c) || super::super::guard::is_mark(c) => out.push(c),
            c => out.push_str(&escape_of(c)),
        }
    }
    out.push(quote);
}

/// The escape of a character in Python's source.
pub fn escape_of(c: char) -> String {
    match c as u32 {
        n @ 0..=0xff => format!("\\x{n:02x}"),
        n @ 0x100..=0xffff => format!("\\u{n:04x}"),
        n => format!("\\U{n:08x}"),
    }
}

/// ascii()
pub fn ascii(v: &Value) -> Result<String> {
    let text = repr(v)?;
    Ok(text.chars().map(|c| if c.is_ascii() { c.to_string() } else { escape_of(c) }).collect())
}
