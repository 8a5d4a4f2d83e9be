//! What templates expect of Python and of transformers: tojson, raise_exception, strftime_now, string methods.
//! Methods that look at the ends of a text look past guard marks (guard.rs), so that marking a message never
//! changes what a template decides.

use crate::guard::{is_mark, without_marks};
use crate::json::{dump, float_text, Style};
use minijinja::formatting::{format, FormatStyle};
use minijinja::value::{from_args, Kwargs, Rest, StringInput, Tuple, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};

/// What a template says by raise_exception.
#[derive(Debug)]
pub struct Raised(pub String);

impl std::fmt::Display for Raised {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Raised {}

pub fn install(env: &mut Environment<'static>) {
    minijinja_contrib::add_to_environment(env); // cycler, joiner, wordcount …
    env.add_function("raise_exception", |message: Value| -> Result<Value, Error> {
        let message = without_marks(&message.to_string());
        Err(Error::new(ErrorKind::InvalidOperation, message.clone()).with_source(Raised(message)))
    });
    env.add_filter("tojson", tojson);
    env.add_filter("trim", |text: &Value, chars: Option<String>| {
        strip(&text.to_string(), chars.as_deref(), true, true)
    });
    env.add_filter("string", |v: &Value| if v.as_str().is_some() { v.clone() } else { Value::from(show(v)) });
    env.add_test("sequence", |v: &Value| {
        matches!(v.kind(), ValueKind::Seq | ValueKind::String | ValueKind::Map | ValueKind::Undefined)
    });
    env.add_test("iterable", |v: &Value| {
        use ValueKind::{Iterable, Map, Seq, String, Undefined};
        matches!(v.kind(), Iterable | Map | Seq | String | Undefined)
    });
    env.add_test("callable", |v: &Value| v.kind() == ValueKind::Plain);
    env.add_filter("join", join);
    env.add_filter("format", |pattern: &str, args: Rest<Value>| {
        check_widths(pattern)?;
        format(FormatStyle::Printf, pattern, &args)
    });
    env.set_formatter(|out, state, value| match value.kind() {
        ValueKind::None | ValueKind::Number => out.write_str(&show(value)).map_err(Error::from),
        _ => minijinja::escape_formatter(out, state, value),
    });
    env.set_unknown_method_callback(method);
}

/// str(value)
fn show(v: &Value) -> String {
    match v.kind() {
        ValueKind::Number if !v.is_integer() => {
            f64::try_from(v.clone()).map_or_else(|_| v.to_string(), float_text)
        }
        _ => v.to_string(),
    }
}

fn tojson(value: &Value, indent: Option<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let mut style = Style::default();
    let indent = match indent {
        Some(v) => Some(v),
        None => kwargs.get("indent")?,
    };
    style.indent = indent.filter(|v| !v.is_none()).map(usize::try_from).transpose()?.map(|n| n.min(64));
    style.ascii = kwargs.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false);
    style.sorted = kwargs.get::<Option<bool>>("sort_keys")?.unwrap_or(false);
    if style.indent.is_some() {
        style.item = ",".into();
    }
    if let Some(pair) = kwargs.get::<Option<Value>>("separators")?.filter(|v| !v.is_none()) {
        style.item = pair.get_item_by_index(0)?.to_string();
        style.key = pair.get_item_by_index(1)?.to_string();
    }
    kwargs.assert_all_used()?;
    dump(value, &style).map(Value::from)
}

/// A pattern asks for a width before anything is written; none has five digits.
fn check_widths(pattern: &str) -> Result<(), Error> {
    let mut digits = 0;
    for c in pattern.chars() {
        digits = if c.is_ascii_digit() { digits + 1 } else { 0 };
        if digits > 4 {
            return Err(Error::new(ErrorKind::InvalidOperation, "a format pattern with a width over 9999"));
        }
    }
    Ok(())
}

/// The library's own, with floats as Python writes them.
fn join(
    state: &mut State,
    value: &Value,
    joiner: Option<StringInput<'_>>,
    attribute: Option<&str>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let is_float = |v: &Value| v.kind() == ValueKind::Number && !v.is_integer();
    let shown: Value = match value.kind() {
        ValueKind::Seq if value.try_iter()?.any(|v| is_float(&v)) => {
            value.try_iter()?.map(|v| if is_float(&v) { Value::from(show(&v)) } else { v }).collect()
        }
        _ => value.clone(),
    };
    minijinja::filters::join(state, &shown, joiner, attribute, kwargs)
}

fn method(state: &mut State, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    if let Some(text) = value.as_str() {
        if let Some(result) = text_method(text, name, args) {
            return result;
        }
    }
    minijinja_contrib::pycompat::unknown_method_callback(state, value, name, args)
}

fn text_method(text: &str, name: &str, args: &[Value]) -> Option<Result<Value, Error>> {
    let stripped = |left, right| {
        let (chars,): (Option<&str>,) = from_args(args)?;
        Ok(Value::from(strip(text, chars, left, right)))
    };
    let cut = |prefix: bool| {
        let (affix,): (&str,) = from_args(args)?;
        let rest = if prefix { text.strip_prefix(affix) } else { text.strip_suffix(affix) };
        Ok(Value::from(rest.unwrap_or(text)))
    };
    Some(match name {
        "strip" => stripped(true, true),
        "lstrip" => stripped(true, false),
        "rstrip" => stripped(false, true),
        "startswith" => affixed(text, args, |t, a| t.starts_with(a)),
        "endswith" => affixed(text, args, |t, a| t.ends_with(a)),
        "index" | "rindex" => position(text, args, name == "rindex"),
        "zfill" => pad(text, args, |text, n| {
            let (sign, digits) = text.split_at(usize::from(text.starts_with(['+', '-'])));
            format!("{sign}{}{digits}", "0".repeat(n))
        }),
        "ljust" => pad(text, args, |text, n| text.to_string() + &" ".repeat(n)),
        "rjust" => pad(text, args, |text, n| " ".repeat(n) + text),
        "format" => match check_widths(text) {
            Ok(()) => return None, // the library's own
            refused => refused.map(Value::from),
        },
        "removeprefix" => cut(true),
        "removesuffix" => cut(false),
        "rsplit" => rsplit(text, args),
        "partition" => partition(text, args, text.find(args.first().and_then(Value::as_str).unwrap_or("\0"))),
        "rpartition" => rpartition(text, args),
        _ => return None,
    })
}

pub fn is_python_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Takes the characters off the ends; guard marks stay where they are and are looked past.
fn strip(text: &str, chars: Option<&str>, left: bool, right: bool) -> String {
    let falls = |c: char| chars.map_or_else(|| is_python_space(c), |set| set.contains(c));
    let begin = text.find(|c| !is_mark(c) && !falls(c)).unwrap_or(text.len());
    let end = text.rfind(|c: char| !is_mark(c) && !falls(c));
    let end = end.map_or(begin, |at| at + text[at..].chars().next().map_or(0, char::len_utf8));
    let marks = |s: &str| s.chars().filter(|c| is_mark(*c)).collect::<String>();
    let (head, tail) = if begin == text.len() {
        // Nothing but what falls.
        return if left || right { marks(text) } else { text.to_string() };
    } else {
        (&text[..begin], &text[end..])
    };
    let head = if left { marks(head) } else { head.to_string() };
    let tail = if right { marks(tail) } else { tail.to_string() };
    head + &text[begin..end] + &tail
}

fn affixed(text: &str, args: &[Value], holds: fn(&str, &str) -> bool) -> Result<Value, Error> {
    let (affix,): (&Value,) = from_args(args)?;
    let bare = without_marks(text);
    if let Some(one) = affix.as_str() {
        return Ok(Value::from(holds(&bare, one)));
    }
    let mut any = false;
    for one in affix.try_iter()? {
        any |= one.as_str().is_some_and(|one| holds(&bare, one));
    }
    Ok(Value::from(any))
}

fn position(text: &str, args: &[Value], last: bool) -> Result<Value, Error> {
    let (part,): (&str,) = from_args(args)?;
    let at = if last { text.rfind(part) } else { text.find(part) };
    let at = at.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "substring not found"))?;
    Ok(Value::from(text[..at].chars().count()))
}

/// To a width of at most 10,000.
fn pad(text: &str, args: &[Value], fill: fn(&str, usize) -> String) -> Result<Value, Error> {
    let (width,): (i64,) = from_args(args)?;
    let lacks = (width.clamp(0, 10_000) as usize).saturating_sub(text.chars().count());
    Ok(Value::from(fill(text, lacks)))
}

fn rsplit(text: &str, args: &[Value]) -> Result<Value, Error> {
    let (separator, most): (Option<&str>, Option<i64>) = from_args(args)?;
    let most = most.filter(|n| *n >= 0).map_or(usize::MAX, |n| n as usize);
    let mut parts: Vec<&str> = match separator {
        Some("") => return Err(Error::new(ErrorKind::InvalidOperation, "empty separator")),
        Some(s) => text.rsplitn(most.saturating_add(1), s).collect(),
        None => {
            text.trim().rsplitn(most.saturating_add(1), is_python_space).filter(|p| !p.is_empty()).collect()
        }
    };
    parts.reverse();
    Ok(parts.into_iter().map(Value::from).collect())
}

fn partition(text: &str, args: &[Value], at: Option<usize>) -> Result<Value, Error> {
    let (separator,): (&str,) = from_args(args)?;
    let parts = match at {
        Some(at) => [&text[..at], separator, &text[at + separator.len()..]],
        None => [text, "", ""],
    };
    Ok(Value::from(Tuple::from(parts.map(Value::from))))
}

fn rpartition(text: &str, args: &[Value]) -> Result<Value, Error> {
    let (separator,): (&str,) = from_args(args)?;
    match text.rfind(separator) {
        Some(at) => partition(text, args, Some(at)),
        None => Ok(Value::from(Tuple::from(["", "", text].map(Value::from)))),
    }
}
