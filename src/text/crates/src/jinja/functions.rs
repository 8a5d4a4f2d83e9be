//! Functions that every template may call.

use super::args::{int, int_or, is_true, Args};
use super::fault::{refuse, Fault, Kind, Result};
use super::interp::Interp;
use super::show::string;
use super::value::{Dict, Object, Range, Value};
use crate::guard::without_marks;
use std::cell::Cell;
use std::rc::Rc;

const RANGE_MAX: usize = 100_000; // the sandbox's
const NAMES: [&str; 8] =
    ["range", "dict", "lipsum", "cycler", "joiner", "namespace", "raise_exception", "strftime_now"];

pub fn find(name: &str) -> Option<Value> {
    let name = NAMES.into_iter().find(|n| *n == name)?;
    Some(Value::object(Object::Function(name)))
}

pub fn call(interp: &Interp, name: &str, args: Args) -> Result<Value> {
    match name {
        "range" => range(args),
        "dict" => dict(interp, "dict", args).map(Value::from),
        "namespace" => Ok(interp.namespace(dict(interp, "namespace", args)?)),
        "cycler" => {
            if args.pos.is_empty() || !args.named.is_empty() {
                return refuse("cycler needs at least one item and no names");
            }
            Ok(Value::object(Object::Cycler { items: args.pos.into(), at: Cell::new(0) }))
        }
        "joiner" => {
            let [separator] = args.bind("joiner", ["sep"], 0)?;
            let separator = separator.unwrap_or_else(|| Value::from(", "));
            Ok(Value::object(Object::Joiner { separator, used: Cell::new(false) }))
        }
        "lipsum" => lipsum(interp, args),
        "raise_exception" => {
            let [message] = args.bind("raise_exception", ["message"], 1)?;
            let message = string(&message.unwrap_or(Value::None))?;
            Err(Fault::new(Kind::Raised, without_marks(&message)))
        }
        _ => strftime_now(interp, args),
    }
}

fn range(args: Args) -> Result<Value> {
    let [a, b, step] = args.plain("range", 1)?;
    let a = int(&a.unwrap_or(Value::None))?;
    let (start, stop) = match &b {
        Some(b) => (a, int(b)?),
        None => (0, a),
    };
    let step = int_or(&step, 1)?;
    if step == 0 {
        return refuse("range() arg 3 must not be zero");
    }
    let range = Range { start, stop, step };
    if range.len() > RANGE_MAX {
        return refuse(format!("a range of more than {RANGE_MAX} numbers"));
    }
    Ok(Value::Range(Rc::new(range)))
}

/// dict(mapping or pairs, name=value …)
pub fn dict(interp: &Interp, what: &str, mut args: Args) -> Result<Dict> {
    let named = std::mem::take(&mut args.named);
    interp.spend(named.len())?;
    let [from] = args.plain(what, 0)?;
    let mut out = match from {
        None => Dict::default(),
        Some(Value::Dict(d)) => {
            interp.spend(d.entries.len())?;
            (*d).clone()
        }
        Some(pairs) => {
            let mut dict = Dict::default();
            for pair in interp.iterate(&pairs)? {
                let mut pair = interp.iterate(&pair)?.into_iter();
                match (pair.next(), pair.next(), pair.next()) {
                    (Some(key), Some(value), None) => dict.insert(key, value)?,
                    _ => return refuse(format!("{what} takes pairs")),
                }
            }
            dict
        }
    };
    named.into_iter().for_each(|(name, value)| out.insert_text(&name, value));
    Ok(out)
}

fn strftime_now(interp: &Interp, args: Args) -> Result<Value> {
    let [format] = args.bind("strftime_now", ["format"], 1)?;
    let Some(Value::Str(format)) = format else { return refuse("strftime_now takes a text") };
    match interp.now {
        Some(now) => Ok(Value::from(now.format(&format.text))),
        None => refuse("the request has no valid time"),
    }
}

const WORDS: [&str; 20] = [
    "lorem",
    "ipsum",
    "dolor",
    "sit",
    "amet",
    "consectetur",
    "adipiscing",
    "elit",
    "sed",
    "eiusmod",
    "tempor",
    "incididunt",
    "labore",
    "dolore",
    "magna",
    "aliqua",
    "enim",
    "minim",
    "veniam",
    "nostrud",
];

/// lipsum(): paragraphs of meaningless words.
fn lipsum(interp: &Interp, args: Args) -> Result<Value> {
    let [n, html, min, max] = args.bind("lipsum", ["n", "html", "min", "max"], 0)?;
    let (n, min, max) = (int_or(&n, 5)?, int_or(&min, 20)?, int_or(&max, 100)?);
    if !(0..=1000).contains(&n) || min < 0 || min >= max || max > 10_000 {
        return refuse("lipsum: numbers out of range");
    }
    let html = is_true(&html, true);
    let paragraph = |_| -> Result<String> {
        let count = min as usize + interp.throw((max - min) as usize);
        interp.spend(count)?;
        let words: Vec<&str> = (0..count).map(|_| WORDS[interp.throw(WORDS.len())]).collect();
        let text = super::text::capitalize(&words.join(" ")) + ".";
        Ok(if html { format!("<p>{text}</p>") } else { text })
    };
    let paragraphs = (0..n).map(paragraph).collect::<Result<Vec<_>>>()?;
    let text = paragraphs.join(if html { "\n" } else { "\n\n" });
    Ok(if html { Value::safe(text) } else { Value::from(text) })
}
