//! Scopes: names and their values. Look-ups go from the inner scope outwards.

use super::value::{Missing, Value};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

#[derive(Default)]
pub struct Scope {
    vars: RefCell<Vars>,
    parent: Option<Rc<Scope>>,
}

#[derive(Default)]
struct Vars {
    list: Vec<(Arc<str>, Value)>,
    places: HashMap<Arc<str>, usize>, // index of every name, once there are more than SCANNED
}

const SCANNED: usize = 16; // up to this many names a linear search is the fastest

impl Vars {
    fn place(&self, name: &str) -> Option<usize> {
        if self.list.len() > SCANNED {
            return self.places.get(name).copied();
        }
        self.list.iter().position(|(n, _)| **n == *name)
    }

    fn push(&mut self, name: &Arc<str>, value: Value) {
        self.list.push((name.clone(), value));
        match self.list.len() {
            0..=SCANNED => {}
            n if self.places.is_empty() => {
                self.places = self.list.iter().map(|(n, _)| n.clone()).zip(0..n).collect();
            }
            n => drop(self.places.insert(name.clone(), n - 1)),
        }
    }
}

impl Scope {
    pub fn inside(parent: &Rc<Scope>) -> Rc<Scope> {
        Rc::new(Scope { vars: RefCell::default(), parent: Some(parent.clone()) })
    }

    /// The number of its own names, without those of its parents.
    pub fn size(&self) -> usize {
        self.vars.borrow().list.len()
    }

    /// A copy of this scope without its parent and without the names that stand for `hidden`.
    pub fn without(&self, hidden: &Rc<Missing>) -> Rc<Scope> {
        let is_hidden = |v: &Value| matches!(v, Value::Undefined(m) if Rc::ptr_eq(m, hidden));
        let mut kept = Vars::default();
        for (name, value) in self.vars.borrow().list.iter().filter(|(_, v)| !is_hidden(v)) {
            kept.push(name, value.clone());
        }
        Rc::new(Scope { vars: RefCell::new(kept), parent: None })
    }

    pub fn get(&self, name: &str) -> Option<Value> {
        let mut scope = self;
        loop {
            let vars = scope.vars.borrow();
            if let Some(at) = vars.place(name) {
                return Some(vars.list[at].1.clone());
            }
            drop(vars);
            scope = scope.parent.as_deref()?;
        }
    }

    pub fn set(&self, name: &Arc<str>, value: Value) {
        let mut vars = self.vars.borrow_mut();
        match vars.place(name) {
            Some(at) => vars.list[at].1 = value,
            None => vars.push(name, value),
        }
    }

    pub fn clear(&self) {
        let vars = self.vars.take(); // dropped when the borrow is over
        drop(vars);
    }
}
