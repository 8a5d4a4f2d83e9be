//! str.format with Python's format specifications: {0.name[key]!r:>{width}.3f}.

use super::args::Args;
use super::fault::{refuse, Result};
use super::floats;
use super::index;
use super::number::{as_float, number, Number};
use super::ops::BYTES_MAX;
use super::printf::{PRECISION_MAX, WIDTH_MAX};
use super::show::{ascii, repr, string};
use super::value::{Dict, Value};
use num_bigint::{BigInt, Sign};

struct Fields<'a> {
    pos: &'a [Value],
    names: &'a Dict,
    next: Option<usize>, // number of the next field without one; None: the pattern numbers its fields
    counted: bool,
}

pub fn format(pattern: &str, args: Args) -> Result<String> {
    let mut names = Dict::default();
    args.named.iter().for_each(|(name, value)| names.insert_text(name, value.clone()));
    format_map(pattern, &args.pos, &names)
}

pub fn format_map(pattern: &str, pos: &[Value], names: &Dict) -> Result<String> {
    Fields { pos, names, next: Some(0), counted: false }.text(pattern, 2)
}

impl Fields<'_> {
    fn text(&mut self, pattern: &str, depth: i32) -> Result<String> {
        if depth < 0 {
            return refuse("Max string recursion exceeded");
        }
        let mut out = String::new();
        let mut rest = pattern;
        while let Some(at) = rest.find(['{', '}']) {
            out.push_str(&rest[..at]);
            let sign = &rest[at..at + 1];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(sign) {
                out.push_str(sign);
                rest = after;
                continue;
            }
            if sign == "}" {
                return refuse("Single '}' encountered in format string");
            }
            let Some(end) = field_end(rest) else { return refuse("expected '}' before end of string") };
            out.push_str(&self.field(&rest[..end], depth)?);
            rest = &rest[end + 1..];
            if out.len() > BYTES_MAX {
                return refuse("a text longer than a template can need");
            }
        }
        Ok(out + rest)
    }

    fn field(&mut self, field: &str, depth: i32) -> Result<String> {
        let name_end = name_end(field);
        let (name, rest) = field.split_at(name_end);
        let value = self.value(name)?;
        let (conversion, spec) = match rest.strip_prefix('!') {
            None => (None, rest.strip_prefix(':').unwrap_or("")),
            Some(after) => {
                let mut chars = after.chars();
                let kind = chars.next();
                match (kind, chars.as_str()) {
                    (Some(_), "") => (kind, ""),
                    (Some(_), spec) if spec.starts_with(':') => (kind, &spec[1..]),
                    _ => return refuse("expected ':' after conversion specifier"),
                }
            }
        };
        let value = match conversion {
            None => value,
            Some('s') => Value::from(string(&value)?),
            Some('r') => Value::from(repr(&value)?),
            Some('a') => Value::from(ascii(&value)?),
            Some(c) => return refuse(format!("Unknown conversion specifier '{c}'")),
        };
        let spec = self.text(spec, depth - 1)?;
        formatted(&value, &spec)
    }

    fn value(&mut self, name: &str) -> Result<Value> {
        let end = name.find(['.', '[']).unwrap_or(name.len());
        let (first, mut rest) = name.split_at(end);
        if name.contains('{') {
            return refuse("unexpected '{' in field name");
        }
        let is_number = !first.is_empty() && first.bytes().all(|b| b.is_ascii_digit());
        let mut value = match rest {
            _ if rest.is_empty() => self.whole_name(first, is_number)?,
            _ if is_number => self.at(first.parse().unwrap_or(usize::MAX))?,
            _ => self.named(first)?,
        };
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                if end == 0 {
                    return refuse("Empty attribute in format string");
                }
                value = index::attribute(&value, &after[..end].into())?;
                rest = &after[end..];
            } else {
                let Some(end) = rest.find(']') else { return refuse("Missing ']' in format string") };
                let key = &rest[1..end];
                if key.is_empty() {
                    return refuse("Empty attribute in format string");
                }
                let is_number = key.bytes().all(|b| b.is_ascii_digit());
                let key = match key.parse() {
                    Ok(n) if is_number => Value::Int(n),
                    _ => Value::from(key),
                };
                value = index::item(&value, &key)?;
                rest = &rest[end + 1..];
                if !rest.is_empty() && !rest.starts_with(['.', '[']) {
                    return refuse("Only '.' or '[' may follow ']' in format field specifier");
                }
            }
        }
        Ok(value)
    }

    /// Resolves a field name. Only names without attributes take part in the numbering.
    fn whole_name(&mut self, name: &str, is_number: bool) -> Result<Value> {
        if name.is_empty() {
            let Some(next) = self.next else {
                return refuse("cannot switch from manual field specification to automatic field numbering");
            };
            self.counted = true;
            self.next = Some(next + 1);
            return self.at(next);
        }
        if !is_number {
            return self.named(name);
        }
        if self.counted {
            return refuse("cannot switch from automatic field numbering to manual field specification");
        }
        self.next = None;
        self.at(name.parse().unwrap_or(usize::MAX))
    }

    fn named(&self, name: &str) -> Result<Value> {
        let found = self.names.get_text(name).cloned();
        found.map_or_else(|| refuse(format!("there is no '{name}' to format")), Ok)
    }

    fn at(&self, at: usize) -> Result<Value> {
        let found = self.pos.get(at).cloned();
        found.map_or_else(|| refuse(format!("Replacement index {at} out of range")), Ok)
    }
}

/// The place of the brace that closes a field.
fn field_end(text: &str) -> Option<usize> {
    let mut depth = 1;
    let mut in_key = false;
    for (at, c) in text.char_indices() {
        match c {
            '[' if depth == 1 => in_key = true,
            ']' => in_key = false,
            '{' if !in_key => depth += 1,
            '}' if !in_key => depth -= 1,
            ':' | '!' if depth == 1 && !in_key => {
                // In a format specification brackets have no meaning.
                return spec_end(text, at);
            }
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

fn spec_end(text: &str, from: usize) -> Option<usize> {
    let mut depth = 1;
    for (at, c) in text[from..].char_indices() {
        depth += match c {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        if depth == 0 {
            return Some(from + at);
        }
    }
    None
}

fn name_end(field: &str) -> usize {
    let mut in_key = false;
    for (at, c) in field.char_indices() {
        match c {
            '[' => in_key = true,
            ']' => in_key = false,
            '!' | ':' if !in_key => return at,
            _ => {}
        }
    }
    field.len()
}

struct Spec {
    fill: char,
    align: Option<char>,
    sign: char,
    no_negative_zero: bool,
    alternate: bool,
    zero: bool,
    width: usize,
    grouping: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

fn read_number(rest: &mut &str) -> Result<Option<usize>> {
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let digits = &rest[..end];
    *rest = &rest[end..];
    if digits.is_empty() {
        return Ok(None);
    }
    match digits.parse() {
        Ok(n) if n <= WIDTH_MAX => Ok(Some(n)),
        _ => refuse(format!("a format pattern with a width over {WIDTH_MAX}")),
    }
}

fn read_spec(text: &str) -> Result<Spec> {
    let mut rest = text;
    let is_align = |c: char| matches!(c, '<' | '>' | '=' | '^');
    let mut spec = Spec {
        fill: ' ',
        align: None,
        sign: '-',
        no_negative_zero: false,
        alternate: false,
        zero: false,
        width: 0,
        grouping: None,
        precision: None,
        kind: None,
    };
    let mut chars = rest.chars();
    match (chars.next(), chars.next()) {
        (Some(fill), Some(align)) if is_align(align) => {
            (spec.fill, spec.align) = (fill, Some(align));
            rest = chars.as_str();
        }
        (Some(align), _) if is_align(align) => {
            spec.align = Some(align);
            rest = &rest[1..];
        }
        _ => {}
    }
    if let Some(sign) = rest.chars().next().filter(|c| matches!(c, '+' | '-' | ' ')) {
        spec.sign = sign;
        rest = &rest[1..];
    }
    let mut eat = |what: char| {
        let after = rest.strip_prefix(what);
        rest = after.unwrap_or(rest);
        after.is_some()
    };
    spec.no_negative_zero = eat('z');
    spec.alternate = eat('#');
    spec.zero = eat('0');
    spec.width = read_number(&mut rest)?.unwrap_or(0);
    if let Some(c) = rest.chars().next().filter(|c| matches!(c, ',' | '_')) {
        spec.grouping = Some(c);
        rest = &rest[1..];
    }
    if let Some(after) = rest.strip_prefix('.') {
        rest = after;
        spec.precision = read_number(&mut rest)?;
        if spec.precision.is_none() {
            return refuse("Format specifier missing precision");
        }
    }
    let mut chars = rest.chars();
    spec.kind = chars.next();
    if !chars.as_str().is_empty() {
        return refuse(format!("Invalid format specifier '{text}'"));
    }
    Ok(spec)
}

/// format(value, spec)
pub fn formatted(value: &Value, spec: &str) -> Result<String> {
    if spec.is_empty() {
        return string(value);
    }
    let kind = value.type_name();
    if matches!(value, Value::Str(_)) {
        return text_as(value, &read_spec(spec)?);
    }
    match number(value) {
        Some(Number::Int(i)) => whole_as(value, &i, &read_spec(spec)?),
        Some(Number::Float(f)) => float_as(f, &read_spec(spec)?),
        None => refuse(format!("unsupported format string passed to {kind}.__format__")),
    }
}

fn unknown<T>(kind: char, of: &str) -> Result<T> {
    refuse(format!("Unknown format code '{kind}' for object of type '{of}'"))
}

fn text_as(value: &Value, spec: &Spec) -> Result<String> {
    match spec.kind {
        None | Some('s') => {}
        Some(kind) => return unknown(kind, "str"),
    }
    let wrong = spec.sign != '-' || spec.alternate || spec.grouping.is_some() || spec.align == Some('=');
    if wrong || spec.no_negative_zero {
        return refuse("a format specifier that no text takes");
    }
    let text = value.as_str().unwrap_or_default();
    let text: String = match spec.precision {
        Some(p) => text.chars().take(p).collect(),
        None => text.to_string(),
    };
    let (fill, align) = match (spec.zero, spec.align) {
        (true, None) => ('0', '<'),
        (true, Some(align)) if spec.fill == ' ' => ('0', align),
        (_, align) => (spec.fill, align.unwrap_or('<')),
    };
    Ok(padded("", &text, fill, align, spec.width))
}

fn padded(sign: &str, body: &str, fill: char, align: char, width: usize) -> String {
    let lacks = width.saturating_sub(sign.chars().count() + body.chars().count());
    let fill = |n: usize| std::iter::repeat_n(fill, n).collect::<String>();
    match align {
        '<' => format!("{sign}{body}{}", fill(lacks)),
        '^' => format!("{}{sign}{body}{}", fill(lacks / 2), fill(lacks - lacks / 2)),
        '=' => format!("{sign}{}{body}", fill(lacks)),
        _ => format!("{}{sign}{body}", fill(lacks)),
    }
}

/// Applies width, sign and grouping to a number. `digits` may end in a fraction, an exponent or %.
fn laid_out(is_negative: bool, prefix: &str, digits: &str, group: usize, spec: &Spec) -> String {
    let sign = match (is_negative, spec.sign) {
        (true, _) => "-",
        (false, '+') => "+",
        (false, ' ') => " ",
        _ => "",
    };
    let sign = format!("{sign}{prefix}");
    let (fill, align) = match (spec.zero, spec.align) {
        (true, None) => ('0', '='),
        (true, Some(align)) if spec.fill == ' ' => ('0', align),
        (_, align) => (spec.fill, align.unwrap_or('>')),
    };
    let whole = digits.find(|c: char| !c.is_ascii_hexdigit() || (group == 3 && !c.is_ascii_digit()));
    let (whole, tail) = digits.split_at(whole.unwrap_or(digits.len()));
    let body = match spec.grouping {
        None => digits.to_string(),
        Some(mark) => {
            let fills = fill == '0' && align == '=';
            let room = if fills { spec.width.saturating_sub(sign.len() + tail.len()) } else { 0 };
            grouped(whole, mark, group, room) + tail
        }
    };
    padded(&sign, &body, fill, align, spec.width)
}

/// Groups digits, and adds zeros in front until there are `room` characters.
fn grouped(digits: &str, mark: char, group: usize, room: usize) -> String {
    let mut out: Vec<char> = Vec::new();
    let mut count = 0;
    let mut rest = digits.chars().rev();
    loop {
        let next = rest.next();
        if next.is_none() && out.len() >= room {
            break;
        }
        if count > 0 && count % group == 0 {
            out.push(mark);
        }
        out.push(next.unwrap_or('0'));
        count += 1;
    }
    out.into_iter().rev().collect()
}

fn whole_as(value: &Value, i: &BigInt, spec: &Spec) -> Result<String> {
    let kind = spec.kind.unwrap_or('d');
    if matches!(kind, 'e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%') {
        return float_as(as_float(value)?.unwrap_or(0.0), spec);
    }
    if spec.precision.is_some() || spec.no_negative_zero {
        return refuse("Precision not allowed in integer format specifier");
    }
    if kind == 'c' {
        let code = super::number::small(value).and_then(|n| u32::try_from(n).ok()).and_then(char::from_u32);
        let Some(c) = code else { return refuse("%c arg not in range(0x110000)") };
        return Ok(padded("", &c.to_string(), spec.fill, spec.align.unwrap_or('<'), spec.width));
    }
    let (radix, prefix) = match kind {
        'd' | 'n' => (10, ""),
        'b' => (2, "0b"),
        'o' => (8, "0o"),
        'x' => (16, "0x"),
        'X' => (16, "0X"),
        kind => return unknown(kind, value.type_name()),
    };
    if radix != 10 && spec.grouping == Some(',') || (kind == 'n' && spec.grouping.is_some()) {
        return refuse(format!("Cannot specify this grouping with '{kind}'."));
    }
    if i.bits() > super::number::DIGITS_MAX as u64 * 3 {
        return refuse("a number with too many digits to be written");
    }
    let digits = i.magnitude().to_str_radix(radix);
    let digits = if kind == 'X' { digits.to_uppercase() } else { digits };
    let prefix = if spec.alternate { prefix } else { "" };
    let group = if radix == 10 { 3 } else { 4 };
    Ok(laid_out(i.sign() == Sign::Minus, prefix, &digits, group, spec))
}

fn float_as(f: f64, spec: &Spec) -> Result<String> {
    let precision = spec.precision.unwrap_or(6);
    if precision > PRECISION_MAX {
        return refuse(format!("a format pattern with a precision over {PRECISION_MAX}"));
    }
    let digits = match spec.kind {
        Some(kind @ ('e' | 'f' | 'g')) => floats::digits(f, kind, precision, spec.alternate),
        Some(kind @ ('E' | 'F' | 'G')) => {
            floats::digits(f, kind.to_ascii_lowercase(), precision, spec.alternate).to_uppercase()
        }
        Some('n') if spec.grouping.is_none() => floats::digits(f, 'g', precision, spec.alternate),
        Some('%') => floats::digits(f * 100.0, 'f', precision, spec.alternate) + "%",
        None => bare(f, spec),
        Some(kind) => return unknown(kind, "float"),
    };
    let is_zero = !digits.contains(|c: char| c.is_ascii_digit() && c != '0');
    let is_negative = f.is_sign_negative() && !f.is_nan() && !(spec.no_negative_zero && is_zero);
    Ok(laid_out(is_negative, "", &digits, 3, spec))
}

/// A float without a format type keeps the form of a float: 1.0, not 1.
fn bare(f: f64, spec: &Spec) -> String {
    let Some(precision) = spec.precision else {
        return floats::repr(f.abs());
    };
    let precision = precision.max(1);
    let text = floats::digits(f, 'g', precision, spec.alternate);
    if text.contains(['.', 'e', 'n', 'i']) {
        return text;
    }
    if text.len() < precision {
        return text + ".0";
    }
    floats::digits(f, 'e', precision - 1, spec.alternate) // the digits leave no room for a fraction
}
