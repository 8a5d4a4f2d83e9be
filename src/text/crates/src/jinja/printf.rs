//! text % values: Python's printf-style formatting.

use super::fault::{refuse, Result};
use super::floats;
use super::number::{as_float, number, truncated, whole, Number};
use super::ops::missing;
use super::show::{ascii, repr, string};
use super::value::{Dict, Value};
use num_bigint::{BigInt, Sign};

pub const WIDTH_MAX: usize = 100_000; // no prompt pads further
pub const PRECISION_MAX: usize = 1000; // of floats

struct Flags {
    left: bool,
    plus: bool,
    space: bool,
    zero: bool,
    alternate: bool,
}

struct Printf<'a> {
    values: Vec<Value>, // the items of a tuple, or the single value
    next: usize,
    names: Option<&'a Dict>,
    may_be_left: bool, // unused values are allowed
}

pub fn format(pattern: &str, values: &Value) -> Result<String> {
    let mut printf = Printf {
        values: match values {
            Value::Tuple(items) | Value::Group(items) => items.to_vec(),
            one => vec![one.clone()],
        },
        next: 0,
        names: if let Value::Dict(d) = values { Some(d) } else { None },
        may_be_left: matches!(
            values,
            Value::Dict(_) | Value::List(_) | Value::Range(_) | Value::Undefined(_)
        ),
    };
    printf.run(pattern)
}

impl Printf<'_> {
    fn run(&mut self, pattern: &str) -> Result<String> {
        let mut out = String::with_capacity(pattern.len());
        let mut rest = pattern;
        while let Some(at) = rest.find('%') {
            out.push_str(&rest[..at]);
            rest = self.directive(&rest[at + 1..], &mut out)?;
            if out.len() > super::ops::BYTES_MAX {
                return refuse("a text longer than a template can need");
            }
        }
        if self.next < self.values.len() && !self.may_be_left {
            return refuse("not all arguments converted during string formatting");
        }
        Ok(out + rest)
    }

    fn take(&mut self) -> Result<Value> {
        match self.values.get(self.next) {
            Some(v) => {
                self.next += 1;
                Ok(v.clone())
            }
            None => refuse("not enough arguments for format string"),
        }
    }

    /// Writes the directive after a % and returns the text after it.
    fn directive<'t>(&mut self, text: &'t str, out: &mut String) -> Result<&'t str> {
        if let Some(rest) = text.strip_prefix('%') {
            out.push('%');
            return Ok(rest);
        }
        let mut rest = text;
        let mut named = None;
        if let Some(inner) = rest.strip_prefix('(') {
            let Some(names) = self.names else { return refuse("format requires a mapping") };
            let Some(end) = closing(inner) else { return refuse("incomplete format key") };
            let key = &inner[..end];
            match names.get_text(key) {
                Some(v) => named = Some(v.clone()),
                None => return refuse(format!("there is no '{key}' to format")),
            }
            rest = &inner[end + 1..];
        }
        let mut flags = Flags { left: false, plus: false, space: false, zero: false, alternate: false };
        while let Some(c) = rest.chars().next() {
            match c {
                '-' => flags.left = true,
                '+' => flags.plus = true,
                ' ' => flags.space = true,
                '0' => flags.zero = true,
                '#' => flags.alternate = true,
                _ => break,
            }
            rest = &rest[1..];
        }
        let (mut width, mut precision) = (0, None);
        if let Some(n) = self.size(&mut rest)? {
            flags.left |= n < 0;
            width = n.unsigned_abs() as usize;
        }
        if let Some(after) = rest.strip_prefix('.') {
            rest = after;
            precision = Some(self.size(&mut rest)?.unwrap_or(0).max(0) as usize);
        }
        if width > WIDTH_MAX || precision > Some(WIDTH_MAX) {
            return refuse(format!("a format pattern with a width over {WIDTH_MAX}"));
        }
        rest = rest.strip_prefix(['h', 'l', 'L']).unwrap_or(rest);
        let Some(kind) = rest.chars().next() else { return refuse("incomplete format") };
        rest = &rest[kind.len_utf8()..];
        let value = match named {
            Some(v) => v,
            None => self.take()?,
        };
        let (sign, body) = converted(kind, &value, &flags, precision)?;
        flags.zero &= !matches!(kind, 's' | 'r' | 'a' | 'c');
        pad(&sign, &body, width, &flags, out);
        Ok(rest)
    }

    /// A width or precision: a number in the pattern, or an argument for `*`.
    fn size(&mut self, rest: &mut &str) -> Result<Option<i64>> {
        if let Some(after) = rest.strip_prefix('*') {
            *rest = after;
            return match super::number::small(&self.take()?) {
                Some(n) => Ok(Some(n)),
                None => refuse("* wants int"),
            };
        }
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let digits = &rest[..end];
        *rest = &rest[end..];
        if digits.is_empty() {
            return Ok(None);
        }
        match digits.parse() {
            Ok(n) => Ok(Some(n)),
            Err(_) => refuse("a format pattern with a width too large"),
        }
    }
}

fn closing(text: &str) -> Option<usize> {
    let mut depth = 1;
    for (at, c) in text.char_indices() {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

fn pad(sign: &str, body: &str, width: usize, flags: &Flags, out: &mut String) {
    let lacks = width.saturating_sub(sign.chars().count() + body.chars().count());
    let fill = |c: char| std::iter::repeat_n(c, lacks);
    if flags.left {
        out.push_str(sign);
        out.push_str(body);
        out.extend(fill(' '));
    } else if flags.zero {
        out.push_str(sign);
        out.extend(fill('0'));
        out.push_str(body);
    } else {
        out.extend(fill(' '));
        out.push_str(sign);
        out.push_str(body);
    }
}

/// Converts a value. Returns the sign with a prefix such as 0x, after which zeros are inserted, and the rest.
fn converted(kind: char, v: &Value, flags: &Flags, precision: Option<usize>) -> Result<(String, String)> {
    let text = |text: String| {
        let cut = precision.map_or(text.clone(), |p| text.chars().take(p).collect());
        Ok((String::new(), cut))
    };
    match kind {
        's' => text(string(v)?),
        'r' => text(repr(v)?),
        'a' => text(ascii(v)?),
        'c' => Ok((String::new(), character(v)?)),
        'd' | 'i' | 'u' | 'x' | 'X' | 'o' => whole_text(kind, v, flags, precision),
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' => float_text(kind, v, flags, precision),
        _ => refuse(format!("unsupported format character '{kind}'")),
    }
}

fn character(v: &Value) -> Result<String> {
    if let Value::Str(s) = v {
        if s.text.chars().count() == 1 {
            return Ok(s.text.to_string());
        }
    }
    let code = super::number::small(v).and_then(|n| u32::try_from(n).ok()).and_then(char::from_u32);
    code.map_or_else(|| refuse("%c requires int or char"), |c| Ok(c.to_string()))
}

fn sign_of(is_negative: bool, flags: &Flags) -> String {
    if is_negative {
        "-"
    } else if flags.plus {
        "+"
    } else if flags.space {
        " "
    } else {
        ""
    }
    .to_string()
}

fn whole_text(kind: char, v: &Value, flags: &Flags, precision: Option<usize>) -> Result<(String, String)> {
    let number: BigInt = match (number(v), kind) {
        (Some(Number::Int(i)), _) => i,
        (Some(Number::Float(f)), 'd' | 'i' | 'u') => whole(&truncated(f)?).unwrap_or_default(),
        _ => return refuse(format!("%{kind} format: a number is required, not {}", v.type_name())),
    };
    let radix = match kind {
        'x' | 'X' => 16,
        'o' => 8,
        _ => 10,
    };
    if number.bits() > super::number::DIGITS_MAX as u64 * 3 {
        return refuse("a number with too many digits to be written");
    }
    let mut digits = number.magnitude().to_str_radix(radix);
    if kind == 'X' {
        digits = digits.to_uppercase();
    }
    let lacks = precision.unwrap_or(0).saturating_sub(digits.len());
    let mut sign = sign_of(number.sign() == Sign::Minus, flags);
    if flags.alternate && radix != 10 {
        sign.extend(['0', kind]);
    }
    Ok((sign, "0".repeat(lacks) + &digits))
}

fn float_text(kind: char, v: &Value, flags: &Flags, precision: Option<usize>) -> Result<(String, String)> {
    let Some(f) = as_float(v)? else {
        if v.is_undefined() {
            return missing(v);
        }
        return refuse(format!("must be real number, not {}", v.type_name()));
    };
    let precision = precision.unwrap_or(6);
    if precision > PRECISION_MAX {
        return refuse(format!("a format pattern with a precision over {PRECISION_MAX}"));
    }
    let digits = floats::digits(f, kind.to_ascii_lowercase(), precision, flags.alternate);
    let digits = if kind.is_uppercase() { digits.to_uppercase() } else { digits };
    Ok((sign_of(f.is_sign_negative() && !f.is_nan(), flags), digits))
}
