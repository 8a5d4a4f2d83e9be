//! Python's values as far as templates can use them. Values are immutable except namespaces,
//! iterators and the like. So they form reference cycles only through a namespace or a macro's
//! scope, and interp.rs breaks these.

use super::ast::{Const, For, Macro};
use super::fault::{refuse, Result};
use super::scope::Scope;
use num_bigint::BigInt;
use num_traits::ToPrimitive;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

#[derive(Clone)]
pub enum Value {
    Undefined(Rc<Missing>),
    None,
    Bool(bool),
    Int(i64),
    Big(Rc<BigInt>), // beyond i64
    Float(f64),
    Str(Text),
    List(Rc<Items>),
    Tuple(Rc<Items>),
    Group(Rc<Items>), // of groupby: a tuple with the names grouper and list
    Dict(Rc<Dict>),
    View(View, Rc<Dict>),
    Range(Rc<Range>),
    Iter(Rc<Iter>),
    Object(Rc<Object>),
}

/// A sequence of values, and its depth: 1 if its values contain no others.
#[derive(Default)]
pub struct Items {
    items: Vec<Value>,
    depth: usize,
}

impl From<Vec<Value>> for Items {
    fn from(items: Vec<Value>) -> Items {
        let depth = 1 + items.iter().map(Value::depth).max().unwrap_or(0);
        Items { items, depth }
    }
}

impl std::ops::Deref for Items {
    type Target = Vec<Value>;

    fn deref(&self) -> &Vec<Value> {
        &self.items
    }
}

/// Why a value is undefined, for the error.
pub struct Missing {
    pub text: String,
    pub is_unsafe: bool,
}

#[derive(Clone)]
pub struct Text {
    pub text: Arc<str>,
    pub is_safe: bool, // HTML that is escaped already
}

#[derive(Clone, Copy, PartialEq)]
pub enum View {
    Keys,
    Values,
    Items,
}

#[derive(Clone, PartialEq)]
pub struct Range {
    pub start: i64,
    pub stop: i64,
    pub step: i64, // never 0
}

/// An iterator: its items can be read once.
pub struct Iter {
    pub items: Items,
    pub at: Cell<usize>,
}

pub enum Object {
    Function(&'static str),
    Method(Value, Arc<str>),
    Macro(MacroValue),
    Loop(Rc<LoopState>),
    Namespace(RefCell<Dict>),
    Cycler { items: Items, at: Cell<usize> },
    Joiner { separator: Value, used: Cell<bool> },
    Blocks,
    Block(Arc<str>),
}

pub struct MacroValue {
    pub definition: Arc<Macro>,
    pub scope: Rc<Scope>,
}

pub struct LoopState {
    pub items: Items,
    pub at: Cell<usize>,
    pub depth: usize,                    // 0: outermost
    pub changed: RefCell<Option<Value>>, // a tuple
    pub recursive: Option<(Arc<For>, Rc<Scope>)>,
}

impl Range {
    pub fn len(&self) -> usize {
        let (low, high, step) = match self.step > 0 {
            true => (self.start, self.stop, self.step as i128),
            false => (self.stop, self.start, -(self.step as i128)),
        };
        let span = (high as i128 - low as i128).max(0);
        ((span + step - 1) / step).min(usize::MAX as i128) as usize
    }

    pub fn item(&self, at: usize) -> i64 {
        self.start.wrapping_add(self.step.wrapping_mul(at as i64))
    }
}

impl Iter {
    /// Takes the remaining items.
    pub fn take(&self) -> Vec<Value> {
        let from = self.at.replace(self.items.len());
        self.items[from..].to_vec()
    }

    pub fn next(&self) -> Option<Value> {
        let item = self.items.get(self.at.get())?;
        self.at.set(self.at.get() + 1);
        Some(item.clone())
    }
}

/// The key of a dict entry: equal values have equal keys.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Key {
    Undefined,
    None,
    Int(i64),
    Big(BigInt),
    Float(u64),
    Str(Arc<str>),
    Tuple(Vec<Key>),
    Object(usize),
}

impl Key {
    pub fn of(value: &Value) -> Result<Key> {
        Ok(match value {
            Value::Undefined(_) => Key::Undefined,
            Value::None => Key::None,
            Value::Bool(b) => Key::Int(i64::from(*b)),
            Value::Int(i) => Key::Int(*i),
            Value::Big(b) => Key::Big((**b).clone()),
            Value::Float(f) => Key::of_float(*f),
            Value::Str(s) => Key::Str(s.text.clone()),
            Value::Tuple(items) | Value::Group(items) => {
                Key::Tuple(items.iter().map(Key::of).collect::<Result<_>>()?)
            }
            Value::Range(r) => Key::Object(Rc::as_ptr(r) as usize),
            Value::Iter(i) => Key::Object(Rc::as_ptr(i) as usize),
            Value::Object(o) => Key::Object(Rc::as_ptr(o) as usize),
            Value::View(View::Values, d) => Key::Object(Rc::as_ptr(d) as usize),
            Value::List(_) | Value::Dict(_) | Value::View(..) => {
                return refuse(format!("unhashable type: '{}'", value.type_name()))
            }
        })
    }

    fn of_float(f: f64) -> Key {
        if f.fract() != 0.0 || !f.is_finite() {
            return Key::Float(f.to_bits());
        }
        match num_traits::FromPrimitive::from_f64(f) {
            Some(big) => {
                let big: BigInt = big;
                big.to_i64().map_or(Key::Big(big), Key::Int)
            }
            None => Key::Float(f.to_bits()),
        }
    }
}

#[derive(Clone, Default)]
pub struct Dict {
    pub entries: Vec<(Value, Value)>,
    places: HashMap<Key, usize>,
    depth: usize, // of its deepest key or value
}

const SCANNED: usize = 8; // up to this many entries a linear search is the fastest

impl Dict {
    pub fn insert(&mut self, key: Value, value: Value) -> Result<()> {
        self.depth = self.depth.max(key.depth()).max(value.depth());
        match self.places.entry(Key::of(&key)?) {
            std::collections::hash_map::Entry::Occupied(place) => self.entries[*place.get()].1 = value,
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(self.entries.len());
                self.entries.push((key, value));
            }
        }
        Ok(())
    }

    pub fn insert_text(&mut self, key: &str, value: Value) {
        let _ = self.insert(Value::from(key), value); // a text is always a key
    }

    pub fn get(&self, key: &Value) -> Result<Option<&Value>> {
        if let Value::Str(s) = key {
            return Ok(self.get_text(&s.text));
        }
        Ok(self.places.get(&Key::of(key)?).map(|at| &self.entries[*at].1))
    }

    pub fn get_text(&self, key: &str) -> Option<&Value> {
        if self.entries.len() <= SCANNED {
            let is = |k: &Value| matches!(k, Value::Str(s) if *s.text == *key);
            return self.entries.iter().find(|(k, _)| is(k)).map(|(_, v)| v);
        }
        self.places.get(&Key::Str(key.into())).map(|at| &self.entries[*at].1)
    }

    pub fn keys(&self) -> Vec<Value> {
        self.entries.iter().map(|(k, _)| k.clone()).collect()
    }

    pub fn values(&self) -> Vec<Value> {
        self.entries.iter().map(|(_, v)| v.clone()).collect()
    }

    pub fn items(&self) -> Vec<Value> {
        self.entries.iter().map(|(k, v)| Value::tuple(vec![k.clone(), v.clone()])).collect()
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Str(Text { text: text.into(), is_safe: false })
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Str(Text { text: text.into(), is_safe: false })
    }
}

impl From<char> for Value {
    fn from(c: char) -> Value {
        Value::from(&*c.encode_utf8(&mut [0; 4]))
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Value {
        Value::Bool(b)
    }
}

impl From<usize> for Value {
    fn from(n: usize) -> Value {
        Value::Int(n as i64)
    }
}

impl From<BigInt> for Value {
    fn from(big: BigInt) -> Value {
        big.to_i64().map_or_else(|| Value::Big(Rc::new(big)), Value::Int)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Value {
        Value::List(Rc::new(items.into()))
    }
}

impl From<Dict> for Value {
    fn from(dict: Dict) -> Value {
        Value::Dict(Rc::new(dict))
    }
}

impl From<&Const> for Value {
    fn from(c: &Const) -> Value {
        match c {
            Const::None => Value::None,
            Const::Bool(b) => Value::Bool(*b),
            Const::Int(i) => Value::Int(*i),
            Const::Big(b) => Value::Big(Rc::new(b.clone())),
            Const::Float(f) => Value::Float(*f),
            Const::Text(t) => Value::Str(Text { text: t.clone(), is_safe: false }),
        }
    }
}

impl Value {
    pub fn tuple(items: Vec<Value>) -> Value {
        Value::Tuple(Rc::new(items.into()))
    }

    pub fn iter(items: Vec<Value>) -> Value {
        Value::Iter(Rc::new(Iter { items: items.into(), at: Cell::new(0) }))
    }

    pub fn safe(text: String) -> Value {
        Value::Str(Text { text: text.into(), is_safe: true })
    }

    pub fn object(object: Object) -> Value {
        Value::Object(Rc::new(object))
    }

    pub fn undefined(text: impl Into<String>) -> Value {
        Value::Undefined(Rc::new(Missing { text: text.into(), is_unsafe: false }))
    }

    /// How deeply values nest, without the content of namespaces and macros' scopes (interp.rs frees it).
    pub fn depth(&self) -> usize {
        match self {
            Value::List(v) | Value::Tuple(v) | Value::Group(v) => v.depth,
            Value::Dict(d) | Value::View(_, d) => d.depth + 1,
            Value::Iter(iter) => iter.items.depth,
            Value::Object(o) => match &**o {
                Object::Method(receiver, _) => receiver.depth() + 1,
                Object::Loop(l) => l.depth_of_values(),
                Object::Cycler { items, .. } => items.depth,
                Object::Joiner { separator, .. } => separator.depth() + 1,
                _ => 0,
            },
            _ => 0,
        }
    }

    pub fn is_undefined(&self) -> bool {
        matches!(self, Value::Undefined(_))
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(s) => Some(&s.text),
            _ => None,
        }
    }

    /// The value as it is inserted into a safe text: its texts are escaped unless they are safe.
    pub fn made_safe(&self) -> Value {
        match self {
            Value::Str(s) if !s.is_safe => Value::safe(super::text::escape_html(&s.text)),
            Value::Tuple(items) => Value::tuple(items.iter().map(Value::made_safe).collect()),
            Value::Dict(d) => {
                let mut safe = Dict::clone(d);
                safe.entries.iter_mut().for_each(|(_, v)| *v = v.made_safe());
                safe.into()
            }
            _ => self.clone(),
        }
    }

    pub fn is_safe(&self) -> bool {
        matches!(self, Value::Str(s) if s.is_safe)
    }

    pub fn is_true(&self) -> bool {
        match self {
            Value::Undefined(_) | Value::None => false,
            Value::Bool(b) => *b,
            Value::Int(i) => *i != 0,
            Value::Float(f) => *f != 0.0,
            Value::Str(s) => !s.text.is_empty(),
            Value::List(v) | Value::Tuple(v) | Value::Group(v) => !v.is_empty(),
            Value::Dict(d) | Value::View(_, d) => !d.entries.is_empty(),
            Value::Range(r) => r.len() > 0,
            Value::Big(_) | Value::Iter(_) | Value::Object(_) => true,
        }
    }

    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Undefined(_) => "Undefined",
            Value::None => "NoneType",
            Value::Bool(_) => "bool",
            Value::Int(_) | Value::Big(_) => "int",
            Value::Float(_) => "float",
            Value::Str(_) => "str",
            Value::List(_) => "list",
            Value::Tuple(_) | Value::Group(_) => "tuple",
            Value::Dict(_) => "dict",
            Value::View(View::Keys, _) => "dict_keys",
            Value::View(View::Values, _) => "dict_values",
            Value::View(View::Items, _) => "dict_items",
            Value::Range(_) => "range",
            Value::Iter(_) => "generator",
            Value::Object(o) => match &**o {
                Object::Function(_) => "function",
                Object::Method(..) => "builtin_function_or_method",
                Object::Macro(_) => "Macro",
                Object::Loop(_) => "LoopContext",
                Object::Namespace(_) => "Namespace",
                Object::Cycler { .. } => "Cycler",
                Object::Joiner { .. } => "Joiner",
                Object::Blocks => "TemplateReference",
                Object::Block(_) => "BlockReference",
            },
        }
    }

    pub fn items_of_view(view: View, dict: &Dict) -> Vec<Value> {
        match view {
            View::Keys => dict.keys(),
            View::Values => dict.values(),
            View::Items => dict.items(),
        }
    }

    /// len(); None if the value has no length.
    pub fn len(&self) -> Option<usize> {
        Some(match self {
            Value::Undefined(_) => 0,
            Value::Str(s) => s.text.chars().count(),
            Value::List(v) | Value::Tuple(v) | Value::Group(v) => v.len(),
            Value::Dict(d) | Value::View(_, d) => d.entries.len(),
            Value::Range(r) => r.len(),
            Value::Object(o) => match &**o {
                Object::Loop(l) => l.items.len(),
                _ => return None,
            },
            _ => return None,
        })
    }

    /// The items that a loop would read. An iterator has no items afterwards.
    pub fn iterate(&self) -> Result<Vec<Value>> {
        Ok(match self {
            Value::Undefined(_) => Vec::new(),
            Value::Str(s) => s.text.chars().map(Value::from).collect(),
            Value::List(v) | Value::Tuple(v) | Value::Group(v) => v.to_vec(),
            Value::Dict(d) => d.keys(),
            Value::View(view, d) => Value::items_of_view(*view, d),
            Value::Range(r) => (0..r.len()).map(|at| Value::Int(r.item(at))).collect(),
            Value::Iter(i) => i.take(),
            Value::Object(o) => match &**o {
                Object::Loop(l) => l.rest(),
                _ => return refuse(format!("'{}' object is not iterable", self.type_name())),
            },
            _ => return refuse(format!("'{}' object is not iterable", self.type_name())),
        })
    }
}

impl LoopState {
    fn depth_of_values(&self) -> usize {
        let changed = self.changed.borrow().as_ref().map_or(0, Value::depth);
        self.items.depth.max(changed)
    }

    /// Takes the items after the current one, each paired with the loop. The loop is at its end afterwards.
    fn rest(self: &Rc<LoopState>) -> Vec<Value> {
        let next = (self.at.get() + 1).min(self.items.len());
        self.at.set(self.items.len().saturating_sub(1));
        let this = Value::object(Object::Loop(self.clone()));
        self.items[next..].iter().map(|i| Value::tuple(vec![i.clone(), this.clone()])).collect()
    }
}
