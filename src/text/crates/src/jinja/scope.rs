//! Names and what they stand for, from the inside out.

use super::value::{Missing, Value};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

#[derive(Default)]
pub struct Scope {
    vars: RefCell<Vec<(Arc<str>, Value)>>,
    parent: Option<Rc<Scope>>,
}

impl Scope {
    pub fn inside(parent: &Rc<Scope>) -> Rc<Scope> {
        Rc::new(Scope { vars: RefCell::default(), parent: Some(parent.clone()) })
    }

    /// A scope with the names of this one, but for those with that value.
    pub fn without(&self, hidden: &Rc<Missing>) -> Rc<Scope> {
        let is_hidden = |v: &Value| matches!(v, Value::Undefined(m) if Rc::ptr_eq(m, hidden));
        let vars = self.vars.borrow().iter().filter(|(_, v)| !is_hidden(v)).cloned().collect();
        Rc::new(Scope { vars: RefCell::new(vars), parent: None })
    }

    pub fn get(&self, name: &str) -> Option<Value> {
        let mut scope = self;
        loop {
            if let Some((_, v)) = scope.vars.borrow().iter().find(|(n, _)| **n == *name) {
                return Some(v.clone());
            }
            scope = scope.parent.as_deref()?;
        }
    }

    pub fn set(&self, name: &Arc<str>, value: Value) {
        let mut vars = self.vars.borrow_mut();
        match vars.iter_mut().find(|(n, _)| n == name) {
            Some((_, v)) => *v = value,
            None => vars.push((name.clone(), value)),
        }
    }

    pub fn clear(&self) {
        let vars = self.vars.take(); // dropped when the borrow is over
        drop(vars);
    }
}
