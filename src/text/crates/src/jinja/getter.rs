//! The argument `attribute` of many filters: a name, a number, or several of them separated by dots.

use super::fault::Result;
use super::index;
use super::interp::Interp;
use super::value::Value;

pub struct Getter {
    parts: Vec<Value>,
    usual: Option<Value>, // replaces missing values
    folds: bool,          // converts texts to lower case
}

impl Getter {
    /// Without an attribute the getter returns the value itself.
    pub fn of(attribute: Option<&Value>, usual: Option<Value>, folds: bool) -> Result<Getter> {
        let part = |name: &str| {
            let is_number = !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
            match name.parse() {
                Ok(n) if is_number => Value::Int(n),
                _ => Value::from(name),
            }
        };
        let parts = match attribute {
            None | Some(Value::None) => Vec::new(),
            Some(Value::Str(s)) => s.text.split('.').map(part).collect(),
            Some(other) => vec![other.clone()],
        };
        Ok(Getter { parts, usual, folds })
    }

    pub fn get(&self, interp: &Interp, item: &Value) -> Result<Value> {
        interp.spend(self.parts.len())?;
        let mut value = item.clone();
        for part in &self.parts {
            value = index::item(&value, part)?;
            if let (Some(usual), true) = (&self.usual, value.is_undefined()) {
                value = usual.clone();
            }
        }
        Ok(if self.folds { super::filters::folded(value) } else { value })
    }
}
