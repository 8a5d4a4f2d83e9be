//! Binds the arguments of a call to parameters by Python's rules.

use super::fault::{refuse, Result};
use super::number::small;
use super::ops::missing;
use super::value::Value;
use std::sync::Arc;

#[derive(Clone, Default)]
pub struct Args {
    pub pos: Vec<Value>,
    pub named: Vec<(Arc<str>, Value)>,
}

impl Args {
    /// Returns the arguments in the order of the parameters. The first `required` ones must be given. A
    /// parameter named "" cannot be given by name.
    pub fn bind<const N: usize>(
        self,
        what: &str,
        params: [&str; N],
        required: usize,
    ) -> Result<[Option<Value>; N]> {
        let mut out = [const { None }; N];
        if self.pos.len() > N {
            return refuse(format!("{what} takes at most {N} arguments, {} are given", self.pos.len()));
        }
        for (place, value) in out.iter_mut().zip(self.pos) {
            *place = Some(value);
        }
        for (name, value) in self.named {
            let Some(at) = params.iter().position(|p| **p == *name && !name.is_empty()) else {
                return refuse(format!("{what} has no argument '{name}'"));
            };
            if out[at].replace(value).is_some() {
                return refuse(format!("{what} got argument '{name}' twice"));
            }
        }
        match out[..required].iter().position(Option::is_none) {
            Some(at) => refuse(format!("{what} misses argument {}", at + 1)),
            None => Ok(out),
        }
    }

    /// bind() for a method that takes no arguments by name.
    pub fn plain<const N: usize>(self, what: &str, required: usize) -> Result<[Option<Value>; N]> {
        self.bind(what, [""; N], required)
    }

    pub fn none(self, what: &str) -> Result<()> {
        self.plain::<0>(what, 0).map(|_| ())
    }
}

pub fn int(v: &Value) -> Result<i64> {
    match v {
        Value::Undefined(_) => missing(v),
        Value::Big(_) => refuse("a number too large here"),
        _ => small(v).map_or_else(
            || refuse(format!("'{}' object cannot be interpreted as an integer", v.type_name())),
            Ok,
        ),
    }
}

pub fn int_or(v: &Option<Value>, usual: i64) -> Result<i64> {
    v.as_ref().map_or(Ok(usual), int)
}

pub fn text(v: &Value) -> Result<&str> {
    match v {
        Value::Str(s) => Ok(&s.text),
        _ => refuse(format!("a str is expected, not {}", v.type_name())),
    }
}

/// The text of an argument; None if it is missing or none.
pub fn text_or_none(v: &Option<Value>) -> Result<Option<&str>> {
    match v {
        None | Some(Value::None) => Ok(None),
        Some(v) => text(v).map(Some),
    }
}

pub fn is_true(v: &Option<Value>, usual: bool) -> bool {
    v.as_ref().map_or(usual, Value::is_true)
}

/// The argument; None if it is missing or none.
pub fn given(v: &Option<Value>) -> Option<&Value> {
    v.as_ref().filter(|v| !matches!(v, Value::None))
}
