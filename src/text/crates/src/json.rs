//! JSON as templates see it: key order kept, integers of any usual size exact, floats printed as Python does.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

const DEPTH_MAX: usize = 100;

/// A request's data, with text leaves that can be changed before it becomes a template's value.
#[derive(Clone)]
pub enum Json {
    Value(Value), // null, bool, number
    Text(String),
    List(Vec<Json>),
    Map(Vec<(String, Json)>), // keys differ: a repeated key keeps its first place and last value
}

pub fn parse(text: &str) -> Result<Json, String> {
    let mut p = Parser { text: text.as_bytes(), at: 0, depth: 0 };
    let value = p.value()?;
    p.space();
    if p.at != p.text.len() {
        return Err(p.fault());
    }
    Ok(value)
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn fault(&self) -> String {
        format!("not JSON at byte {}", self.at)
    }

    fn space(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, b: u8) -> bool {
        self.space();
        let found = self.text.get(self.at) == Some(&b);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self) -> Result<Json, String> {
        self.space();
        match self.text.get(self.at) {
            Some(b'{') => self.nested(Self::map),
            Some(b'[') => self.nested(Self::list),
            Some(b'"') => self.string().map(Json::Text),
            Some(b't') => self.word("true", Value::from(true)),
            Some(b'f') => self.word("false", Value::from(false)),
            Some(b'n') => self.word("null", Value::from(())),
            _ => self.number(),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Json, String>) -> Result<Json, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("JSON is nested deeper than {DEPTH_MAX} levels"));
        }
        self.at += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Json, String> {
        if !self.text[self.at..].starts_with(word.as_bytes()) {
            return Err(self.fault());
        }
        self.at += word.len();
        Ok(Json::Value(value))
    }

    fn list(&mut self) -> Result<Json, String> {
        let mut items = Vec::new();
        if self.eat(b']') {
            return Ok(Json::List(items));
        }
        loop {
            items.push(self.value()?);
            if self.eat(b']') {
                return Ok(Json::List(items));
            }
            if !self.eat(b',') {
                return Err(self.fault());
            }
        }
    }

    fn map(&mut self) -> Result<Json, String> {
        let mut items: Vec<(String, Json)> = Vec::new();
        let mut places = std::collections::HashMap::new();
        if self.eat(b'}') {
            return Ok(Json::Map(items));
        }
        loop {
            self.space();
            let key = self.string()?;
            if !self.eat(b':') {
                return Err(self.fault());
            }
            let value = self.value()?;
            match places.get(&key) {
                Some(&at) => items[at] = (key, value),
                None => {
                    places.insert(key.clone(), items.len());
                    items.push((key, value));
                }
            }
            if self.eat(b'}') {
                return Ok(Json::Map(items));
            }
            if !self.eat(b',') {
                return Err(self.fault());
            }
        }
    }

    fn string(&mut self) -> Result<String, String> {
        let begin = self.at;
        if self.text.get(begin) != Some(&b'"') {
            return Err(self.fault());
        }
        let mut at = begin + 1;
        while let Some(&b) = self.text.get(at) {
            match b {
                b'"' => {
                    self.at = at + 1;
                    // The escapes are serde_json's business; what it gets is one string.
                    return serde_json::from_slice(&self.text[begin..self.at])
                        .map_err(|_| format!("not a JSON string at byte {begin}"));
                }
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        Err(format!("a string without end at byte {begin}"))
    }

    fn number(&mut self) -> Result<Json, String> {
        let begin = self.at;
        while matches!(self.text.get(self.at), Some(b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) {
            self.at += 1;
        }
        let text = std::str::from_utf8(&self.text[begin..self.at]).unwrap_or_default();
        let digits = text.strip_prefix('-').unwrap_or(text);
        let value = if !digits.starts_with(|c: char| c.is_ascii_digit()) {
            None
        } else if digits.bytes().all(|b| b.is_ascii_digit()) {
            integer(text)
        } else {
            text.parse::<f64>().ok().map(Value::from)
        };
        value.map(Json::Value).ok_or_else(|| format!("not JSON at byte {begin}"))
    }
}

fn integer(text: &str) -> Option<Value> {
    if let Ok(v) = text.parse::<i64>() {
        return Some(Value::from(v));
    }
    if let Ok(v) = text.parse::<i128>() {
        return Some(Value::from(v));
    }
    match text.parse::<u128>() {
        Ok(v) => Some(Value::from(v)),
        Err(_) => text.parse::<f64>().ok().map(Value::from),
    }
}

/// Python's repr of a float: the shortest text that reads back, 1.0, 1e-07, 1e+16.
pub fn float_text(v: f64) -> String {
    if !v.is_finite() {
        return if v.is_nan() {
            "NaN"
        } else if v > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_string();
    }
    let short = format!("{v:e}"); // d.ddde±x, shortest digits
    let (digits, exponent) = short.split_once('e').unwrap_or((&short, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if v != 0.0 && !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    let plain = format!("{v}");
    if plain.contains('.') {
        plain
    } else {
        plain + ".0"
    }
}

/// How json.dumps would write it.
pub struct Style {
    pub item: String,
    pub key: String,
    pub indent: Option<usize>,
    pub ascii: bool,
    pub sorted: bool,
}

impl Default for Style {
    fn default() -> Style {
        Style { item: ", ".into(), key: ": ".into(), indent: None, ascii: false, sorted: false }
    }
}

pub fn dump(value: &Value, style: &Style) -> Result<String, Error> {
    let mut out = String::new();
    write(value, style, 0, &mut out)?;
    Ok(out)
}

fn refuse(what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("{what} cannot be written as JSON"))
}

fn write(value: &Value, style: &Style, depth: usize, out: &mut String) -> Result<(), Error> {
    if depth > DEPTH_MAX {
        return Err(refuse("a value nested that deep"));
    }
    match value.kind() {
        ValueKind::None => out.push_str("null"),
        ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::Number if value.is_integer() => out.push_str(&value.to_string()),
        ValueKind::Number => out.push_str(&float_text(f64::try_from(value.clone())?)),
        ValueKind::String => write_text(value.as_str().unwrap_or_default(), style.ascii, out),
        ValueKind::Seq | ValueKind::Iterable => {
            let items: Vec<Value> = value.try_iter()?.collect();
            enclose('[', ']', items.len(), style, depth, out, |i, out| {
                write(&items[i], style, depth + 1, out)
            })?;
        }
        ValueKind::Map => {
            let mut keys: Vec<Value> = value.try_iter()?.collect();
            if style.sorted {
                keys.sort();
            }
            enclose('{', '}', keys.len(), style, depth, out, |i, out| {
                write_text(&keys[i].to_string(), style.ascii, out);
                out.push_str(&style.key);
                write(&value.get_item(&keys[i])?, style, depth + 1, out)
            })?;
        }
        kind => return Err(refuse(kind)),
    }
    Ok(())
}

fn enclose(
    open: char,
    close: char,
    count: usize,
    style: &Style,
    depth: usize,
    out: &mut String,
    mut item: impl FnMut(usize, &mut String) -> Result<(), Error>,
) -> Result<(), Error> {
    let line = |depth: usize, out: &mut String| {
        if let (Some(width), true) = (style.indent, count > 0) {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', width * depth));
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
            c if ascii && !c.is_ascii() => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
