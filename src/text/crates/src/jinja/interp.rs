//! Evaluates a syntax tree and writes the prompt. Every step costs fuel in proportion to the data it handles.
//! The nesting of calls and values and the length of the prompt are limited.

use super::args::Args;
use super::ast::{
    Block, Body, CallArgs, Expr, FilterCall, First, For, Macro, Name, Stmt, StmtKind, Target, Tree,
};
use super::fault::{refuse, Fault, Kind, Result};
use super::index;
use super::number;
use super::ops::{self, missing};
use super::scope::Scope;
use super::show::{string, with_text};
use super::text::escape_html;
use super::value::{Dict, LoopState, MacroValue, Missing, Object, Value};
use crate::clock::Time;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

const CALLS_MAX: usize = 200; // nested calls of macros and loops
const EXPRESSIONS_MAX: usize = 10_000; // nested evaluations, in all open calls together
const DEPTH_MAX: usize = 1000; // nesting of values that can be assigned to a name
const BYTES_PER_FUEL: usize = 256;

/// The limits of a rendering, and its inputs besides the context.
pub struct Limits {
    pub fuel: u64,
    pub output_bytes: usize,
    pub now: Option<Time>,
}

pub fn render(tree: &Tree, context: Dict, limits: Limits) -> Result<String> {
    let shadowed = tree.set_names.iter().filter(|name| context.get_text(name).is_some());
    let interp = Interp {
        tree,
        shadowed: shadowed.cloned().collect(),
        hidden: Rc::new(Missing { text: "a variable is used before it is set".into(), is_unsafe: false }),
        context,
        fuel: Cell::new(limits.fuel),
        output_bytes: limits.output_bytes,
        now: limits.now,
        calls: Cell::new(0),
        expressions: Cell::new(0),
        escapes: Cell::new(false),
        line: Cell::new(0),
        root: Rc::new(Scope::default()),
        rings: RefCell::default(),
        dice: Cell::new(0x2545_f491_4f6c_dd1d),
    };
    ops::allow(limits.fuel);
    let mut out = String::new();
    let result = interp.frame(&tree.body, &interp.root.clone(), &mut out);
    interp.take_rings_apart();
    match result {
        Ok(_) => Ok(out),
        Err(fault) => Err(fault.at(interp.line.get())),
    }
}

#[derive(PartialEq)]
enum Flow {
    Next,
    Break,
    Continue,
}

enum Ring {
    Scope(Rc<Scope>),
    Loop(Rc<LoopState>),
    Namespace(Value),
}

pub struct Interp<'a> {
    tree: &'a Tree,
    shadowed: HashSet<Name>, // names to which both the request and the template give a value
    hidden: Rc<Missing>,     // stands for the request's value of such a name
    context: Dict,
    fuel: Cell<u64>,
    output_bytes: usize,
    pub now: Option<Time>,
    calls: Cell<usize>,
    expressions: Cell<usize>,
    escapes: Cell<bool>, // autoescape
    line: Cell<u32>,
    root: Rc<Scope>,
    rings: RefCell<Vec<Ring>>, // objects that may contain themselves
    dice: Cell<u64>,
}

impl Interp<'_> {
    fn take_rings_apart(&self) {
        for ring in self.rings.take() {
            match ring {
                Ring::Scope(scope) => scope.clear(),
                Ring::Loop(state) => drop(state.changed.take()),
                Ring::Namespace(Value::Object(o)) => {
                    if let Object::Namespace(fields) = &*o {
                        drop(fields.take());
                    }
                }
                Ring::Namespace(_) => {}
            }
        }
    }

    pub fn spend(&self, steps: usize) -> Result<()> {
        match self.fuel.get().checked_sub(steps as u64) {
            Some(left) => {
                self.fuel.set(left);
                Ok(())
            }
            None => Err(Fault::new(Kind::Fuel, "")),
        }
    }

    /// Spends the fuel for processing `bytes` bytes.
    pub fn spend_bytes(&self, bytes: usize) -> Result<()> {
        self.spend(bytes / BYTES_PER_FUEL)
    }

    /// A random number below `sides`. The sequence is the same in every rendering, because a prompt is
    /// rendered more than once.
    pub fn throw(&self, sides: usize) -> usize {
        let mut x = self.dice.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.dice.set(x);
        (x % sides.max(1) as u64) as usize
    }

    pub fn escapes(&self) -> bool {
        self.escapes.get()
    }

    // ---- statements

    /// Runs a body in a scope of its own, which has its parameters.
    fn frame(&self, body: &Body, scope: &Rc<Scope>, out: &mut String) -> Result<Flow> {
        self.spend(body.names.len() / 4)?;
        for (name, first) in body.names.iter().filter(|(name, _)| self.shadowed.contains(name)) {
            match (scope.get(name), first) {
                (Some(_), _) => {}
                (None, First::Set) => scope.set(name, Value::Undefined(self.hidden.clone())),
                (None, First::Read) => scope.set(name, self.lookup(name, scope)),
            }
        }
        self.body(&body.stmts, scope, out)
    }

    fn body(&self, body: &[Stmt], scope: &Rc<Scope>, out: &mut String) -> Result<Flow> {
        for stmt in body {
            self.spend(1)?;
            self.line.set(stmt.line);
            let flow = self.statement(&stmt.kind, scope, out)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn statement(&self, stmt: &StmtKind, scope: &Rc<Scope>, out: &mut String) -> Result<Flow> {
        match stmt {
            StmtKind::Data(text) => self.write(text, out)?,
            StmtKind::Output(values) => {
                for value in values {
                    let value = self.eval(value, scope)?;
                    self.put(&value, out)?;
                }
            }
            StmtKind::For(node) => return self.run_for(node, scope, out),
            StmtKind::If(branches, otherwise) => {
                for (test, body) in branches {
                    if self.eval(test, scope)?.is_true() {
                        return self.body(body, scope, out);
                    }
                }
                return self.body(otherwise, scope, out);
            }
            StmtKind::Set(target, value) => {
                let value = self.eval(value, scope)?;
                self.assign(target, value, scope)?;
            }
            StmtKind::SetBlock(target, filters, body) => {
                let (text, flow) = self.captured(body, &Scope::inside(scope))?;
                if flow != Flow::Next {
                    return Ok(flow); // what was captured is dropped
                }
                let value = self.filtered(self.as_output(text), filters, scope)?;
                self.assign(target, value, scope)?;
            }
            StmtKind::Macro(node) => {
                let value = self.macro_value(node, scope);
                scope.set(&node.name, value);
            }
            StmtKind::CallBlock(call, node) => self.call_block(call, node, scope, out)?,
            StmtKind::FilterBlock(filters, body) => {
                let (text, flow) = self.captured(body, &Scope::inside(scope))?;
                if flow != Flow::Next {
                    return Ok(flow); // what was captured is dropped
                }
                let value = self.filtered(self.as_output(text), filters, scope)?;
                self.put_text(&value, out)?;
            }
            StmtKind::With(pairs, body) => {
                let inner = Scope::inside(scope);
                for (target, value) in pairs {
                    let value = self.eval(value, scope)?;
                    self.assign(target, value, &inner)?;
                }
                return self.frame(body, &inner, out);
            }
            StmtKind::Autoescape(wanted, body) => return self.autoescaped(wanted, body, scope, out),
            StmtKind::Block(block) => self.block(block, scope, out)?,
            StmtKind::Generation(said) => {
                let inner = Scope::inside(scope);
                self.rest_of_args(said, Vec::new(), Vec::new(), &inner)?;
                self.frame(&said.body, &inner, out)?;
            }
            StmtKind::Break => return Ok(Flow::Break),
            StmtKind::Continue => return Ok(Flow::Continue),
            StmtKind::Load(what) => {
                let name = string(&self.eval(what, scope)?)?;
                return refuse(format!("there is no other template to load, such as '{name}'"));
            }
        }
        Ok(Flow::Next)
    }

    pub fn write(&self, text: &str, out: &mut String) -> Result<()> {
        self.spend_bytes(text.len())?;
        if out.len() + text.len() > self.output_bytes {
            return Err(Fault::new(Kind::Output, ""));
        }
        out.push_str(text);
        Ok(())
    }

    fn put(&self, value: &Value, out: &mut String) -> Result<()> {
        if self.escapes() && !value.is_safe() {
            return self.write(&escape_html(&string(value)?), out);
        }
        with_text(value, |text| self.write(text, out))?
    }

    /// Writes the result of a filter or call block, which must be a text.
    fn put_text(&self, value: &Value, out: &mut String) -> Result<()> {
        match value {
            Value::Str(_) => self.put(value, out),
            _ => refuse(format!("a block may give a str, not {}", value.type_name())),
        }
    }

    fn captured(&self, body: &Body, scope: &Rc<Scope>) -> Result<(String, Flow)> {
        let mut text = String::new();
        let flow = self.frame(body, scope, &mut text)?;
        Ok((text, flow))
    }

    fn as_output(&self, text: String) -> Value {
        if self.escapes() {
            Value::safe(text)
        } else {
            Value::from(text)
        }
    }

    fn filtered(&self, mut value: Value, filters: &[FilterCall], scope: &Rc<Scope>) -> Result<Value> {
        for call in filters {
            let args = self.args(&call.args, scope)?;
            value = self.filter(&call.name, value, args)?;
        }
        Ok(value)
    }

    fn autoescaped(&self, wanted: &Expr, body: &Body, scope: &Rc<Scope>, out: &mut String) -> Result<Flow> {
        let wanted = self.eval(wanted, scope)?.is_true();
        let before = self.escapes.replace(wanted);
        let flow = self.frame(body, &Scope::inside(scope), out);
        self.escapes.set(before);
        flow
    }

    /// Refuses values that nest too deeply: freeing them recurses and would overflow the stack.
    fn check_depth(&self, value: &Value) -> Result<()> {
        if value.depth() > DEPTH_MAX {
            return refuse(format!("values nested deeper than {DEPTH_MAX} levels"));
        }
        Ok(())
    }

    fn assign(&self, target: &Target, value: Value, scope: &Rc<Scope>) -> Result<()> {
        self.check_depth(&value)?;
        match target {
            Target::Name(name) => scope.set(name, value),
            Target::Field(name, field) => {
                let object = self.lookup(name, scope);
                match &object {
                    Value::Object(o) => match &**o {
                        Object::Namespace(fields) => {
                            let old = fields.borrow().get_text(field).cloned(); // dropped after the borrow
                            fields.borrow_mut().insert_text(field, value);
                            drop(old);
                        }
                        _ => return refuse("cannot assign attribute on non-namespace object"),
                    },
                    _ => return refuse("cannot assign attribute on non-namespace object"),
                }
            }
            Target::Tuple(targets) => {
                if value.is_undefined() {
                    return missing(&value);
                }
                let values = value.iterate()?;
                if values.len() != targets.len() {
                    let (n, m) = (targets.len(), values.len());
                    return refuse(format!("{n} values are expected to unpack, {m} are there"));
                }
                for (target, value) in targets.iter().zip(values) {
                    self.assign(target, value, scope)?;
                }
            }
        }
        Ok(())
    }

    fn run_for(&self, node: &Arc<For>, scope: &Rc<Scope>, out: &mut String) -> Result<Flow> {
        let items = self.eval(&node.items, scope)?;
        self.run_loop(node, items, 0, scope, out)
    }

    fn run_loop(
        &self,
        node: &Arc<For>,
        items: Value,
        depth: usize,
        scope: &Rc<Scope>,
        out: &mut String,
    ) -> Result<Flow> {
        let items = self.loop_items(node, items, scope)?;
        let recursive = node.is_recursive.then(|| (node.clone(), scope.clone()));
        if node.is_recursive {
            self.rings.borrow_mut().push(Ring::Scope(scope.clone()));
        }
        let state = Rc::new(LoopState {
            items: items.into(),
            at: Cell::new(0),
            depth,
            changed: RefCell::default(),
            recursive,
        });
        let name: Arc<str> = "loop".into();
        let object = Value::object(Object::Loop(state.clone()));
        let (mut place, mut completed) = (0, false);
        while let Some(item) = state.items.get(place).cloned() {
            self.spend(2)?;
            state.at.set(place);
            let inner = Scope::inside(scope);
            inner.set(&name, object.clone());
            self.assign(&node.target, item, &inner)?;
            match self.frame(&node.body, &inner, out)? {
                Flow::Next => completed = true,
                Flow::Continue => {}
                Flow::Break => break,
            }
            place = state.at.get().max(place) + 1; // the body may iterate over its own loop and use up items
        }
        if !completed {
            return self.frame(&node.otherwise, &Scope::inside(scope), out);
        }
        Ok(Flow::Next)
    }

    fn loop_items(&self, node: &For, items: Value, scope: &Rc<Scope>) -> Result<Vec<Value>> {
        let mut items = self.iterate(&items)?;
        let Some(test) = &node.test else { return Ok(items) };
        let mut kept = Vec::new();
        for item in items.drain(..) {
            let inner = Scope::inside(scope);
            self.assign(&node.target, item.clone(), &inner)?;
            if self.eval(test, &inner)?.is_true() {
                kept.push(item);
            }
        }
        Ok(kept)
    }

    pub fn iterate(&self, value: &Value) -> Result<Vec<Value>> {
        let items = value.iterate()?;
        self.spend(items.len() / 4)?;
        Ok(items)
    }

    fn block(&self, block: &Block, scope: &Rc<Scope>, out: &mut String) -> Result<()> {
        self.spend(self.root.size())?;
        let inner = if block.is_scoped { Scope::inside(scope) } else { self.root.without(&self.hidden) };
        inner.set(&"self".into(), Value::object(Object::Blocks));
        self.deeper(|| self.frame(&block.body, &inner, out))?;
        Ok(())
    }

    /// Runs a macro, a block or a recursive loop; at most CALLS_MAX of them may be open at a time.
    fn deeper<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.calls.set(self.calls.get() + 1);
        if self.calls.get() > CALLS_MAX {
            return refuse(format!("macros or loops call each other deeper than {CALLS_MAX} levels"));
        }
        let result = work();
        self.calls.set(self.calls.get() - 1);
        result
    }

    // ---- macros

    fn macro_value(&self, node: &Arc<Macro>, scope: &Rc<Scope>) -> Value {
        self.rings.borrow_mut().push(Ring::Scope(scope.clone()));
        Value::object(Object::Macro(MacroValue { definition: node.clone(), scope: scope.clone() }))
    }

    pub fn namespace(&self, fields: Dict) -> Value {
        let value = Value::object(Object::Namespace(RefCell::new(fields)));
        self.rings.borrow_mut().push(Ring::Namespace(value.clone()));
        value
    }

    fn call_block(&self, call: &Expr, node: &Arc<Macro>, scope: &Rc<Scope>, out: &mut String) -> Result<()> {
        let Expr::Call(callee, args) = call else { return refuse("a call tag without a call") };
        let callee = self.eval(callee, scope)?;
        let mut args = self.args(args, scope)?;
        args.named.push(("caller".into(), self.macro_value(node, scope)));
        let value = self.call(&callee, args)?;
        self.put_text(&value, out)
    }

    fn call_macro(&self, value: &MacroValue, args: Args) -> Result<Value> {
        let node = &value.definition;
        let scope = Scope::inside(&value.scope);
        let mut named = args.named;
        let mut pos = args.pos.into_iter();
        for (name, usual) in &node.params {
            let mut given = pos.next();
            if given.is_none() {
                given = named.iter().position(|(n, _)| n == name).map(|at| named.remove(at).1);
            }
            let value = match (given, usual) {
                (Some(v), _) => v,
                (None, Some(usual)) => self.eval(usual, &scope)?,
                (None, None) => Value::undefined(format!("parameter '{name}' was not provided")),
            };
            self.check_depth(&value)?;
            scope.set(name, value);
        }
        self.rest_of_args(node, pos.collect(), named, &scope)?;
        self.deeper(|| {
            let (text, _) = self.captured(&node.body, &scope)?;
            Ok(self.as_output(text))
        })
    }

    /// The arguments of a macro beyond its parameters: caller, kwargs, varargs.
    fn rest_of_args(
        &self,
        node: &Macro,
        pos: Vec<Value>,
        mut named: Vec<(Arc<str>, Value)>,
        scope: &Rc<Scope>,
    ) -> Result<()> {
        let is_param = |name: &str| node.params.iter().any(|(n, _)| **n == *name);
        if node.uses_caller && !is_param("caller") {
            let at = named.iter().position(|(n, _)| &**n == "caller");
            let caller = at.map(|at| named.remove(at).1);
            scope.set(&"caller".into(), caller.unwrap_or_else(|| Value::undefined("No caller defined")));
        }
        if node.uses_kwargs && !is_param("kwargs") {
            let mut kwargs = Dict::default();
            named.drain(..).for_each(|(name, value)| kwargs.insert_text(&name, value));
            self.assign(&Target::Name("kwargs".into()), kwargs.into(), scope)?;
        }
        if node.uses_varargs && !is_param("varargs") {
            self.assign(&Target::Name("varargs".into()), Value::tuple(pos), scope)?;
        } else if !pos.is_empty() {
            let (name, count) = (&node.name, node.params.len());
            return refuse(format!("macro '{name}' takes not more than {count} argument(s)"));
        }
        match named.first() {
            Some((extra, _)) => refuse(format!("macro '{}' takes no keyword argument '{extra}'", node.name)),
            None => Ok(()),
        }
    }

    // ---- calls

    fn args(&self, args: &CallArgs, scope: &Rc<Scope>) -> Result<Args> {
        let mut out = Args::default();
        for value in &args.pos {
            out.pos.push(self.eval(value, scope)?);
        }
        for (name, value) in &args.named {
            out.named.push((name.clone(), self.eval(value, scope)?));
        }
        if let Some(star) = &args.star {
            out.pos.extend(self.iterate(&self.eval(star, scope)?)?);
        }
        if let Some(stars) = &args.stars {
            let Value::Dict(more) = self.eval(stars, scope)? else {
                return refuse("an argument after ** must be a mapping");
            };
            self.spend(more.entries.len())?;
            for (name, value) in &more.entries {
                let Value::Str(name) = name else { return refuse("keywords must be strings") };
                if args.named.iter().any(|(n, _)| *n == name.text) {
                    return refuse(format!("argument '{}' is given twice", name.text));
                }
                out.named.push((name.text.clone(), value.clone()));
            }
        }
        Ok(out)
    }

    pub fn call(&self, callee: &Value, args: Args) -> Result<Value> {
        let Value::Object(object) = callee else {
            if callee.is_undefined() {
                return missing(callee);
            }
            return refuse(format!("'{}' object is not callable", callee.type_name()));
        };
        match &**object {
            Object::Function(name) => super::functions::call(self, name, args),
            Object::Method(receiver, name) => self.method(receiver, name, args),
            Object::Macro(m) => self.call_macro(m, args),
            Object::Loop(l) => self.call_loop(l, args),
            Object::Joiner { separator, used } => {
                args.none("joiner")?;
                Ok(if used.replace(true) { separator.clone() } else { Value::from("") })
            }
            Object::Block(name) => {
                args.none("block")?;
                let Some(block) = self.tree.blocks.get(name) else {
                    return refuse(format!("there is no block '{name}'"));
                };
                let mut text = String::new();
                self.block(block, &self.root, &mut text)?;
                Ok(self.as_output(text))
            }
            _ => refuse(format!("'{}' object is not callable", callee.type_name())),
        }
    }

    fn call_loop(&self, state: &LoopState, args: Args) -> Result<Value> {
        let [items] = args.plain("loop", 1)?;
        let Some((node, scope)) = &state.recursive else {
            return refuse("the loop must have the 'recursive' marker to be called recursively");
        };
        let mut text = String::new();
        self.deeper(|| {
            let items = items.unwrap_or(Value::None);
            self.run_loop(node, items, state.depth + 1, scope, &mut text)
        })?;
        Ok(self.as_output(text))
    }

    fn method(&self, receiver: &Value, name: &str, args: Args) -> Result<Value> {
        self.spend_size(receiver)?;
        self.spend_args(&args)?;
        let value = super::methods::call(self, receiver, name, args)?;
        self.spend_size(&value)?;
        Ok(value)
    }

    pub fn filter(&self, name: &str, value: Value, args: Args) -> Result<Value> {
        self.spend(1)?;
        self.spend_size(&value)?;
        self.spend_args(&args)?;
        let Some(filter) = super::filters::find(name) else {
            return refuse(format!("no filter is called '{name}'"));
        };
        let value = filter(self, value, args)?;
        self.spend_size(&value)?;
        Ok(value)
    }

    pub fn test(&self, name: &str, value: &Value, args: Args) -> Result<bool> {
        self.spend(1)?;
        self.spend_size(value)?;
        self.spend_args(&args)?;
        super::tests::run(name, value, args)
    }

    // ---- expressions

    fn lookup(&self, name: &Arc<str>, scope: &Rc<Scope>) -> Value {
        if let Some(v) = scope.get(name) {
            return v;
        }
        if let Some(v) = self.context.get_text(name) {
            return v.clone();
        }
        super::functions::find(name).unwrap_or_else(|| Value::undefined(format!("'{name}' is undefined")))
    }

    fn eval(&self, expr: &Expr, scope: &Rc<Scope>) -> Result<Value> {
        self.spend(1)?;
        let depth = self.expressions.get();
        if depth > EXPRESSIONS_MAX {
            return refuse(format!("expressions nested deeper than {EXPRESSIONS_MAX} levels"));
        }
        self.expressions.set(depth + 1);
        let value = self.value_of(expr, scope);
        self.expressions.set(depth);
        value
    }

    fn value_of(&self, expr: &Expr, scope: &Rc<Scope>) -> Result<Value> {
        Ok(match expr {
            Expr::Const(c) => Value::from(c),
            Expr::Name(name) if &**name == "self" => {
                scope.get(name).unwrap_or_else(|| Value::object(Object::Blocks))
            }
            Expr::Name(name) => self.lookup(name, scope),
            Expr::List(items) => self.all(items, scope)?.into(),
            Expr::Tuple(items) => Value::tuple(self.all(items, scope)?),
            Expr::Dict(pairs) => {
                let mut dict = Dict::default();
                for (key, value) in pairs {
                    let key = self.eval(key, scope)?;
                    self.spend_size(&key)?;
                    dict.insert(key, self.eval(value, scope)?)?;
                }
                dict.into()
            }
            Expr::Attr(object, name) => self.known(index::attribute(&self.eval(object, scope)?, name)?),
            Expr::Item(object, key) => {
                let (object, key) = (self.eval(object, scope)?, self.eval(key, scope)?);
                for text in [&object, &key].into_iter().filter_map(|v| v.as_str()) {
                    self.spend_bytes(text.len())?;
                }
                self.known(index::item(&object, &key)?)
            }
            Expr::Slice(object, parts) => self.slice(object, parts, scope)?,
            Expr::Call(callee, args) => {
                let callee = self.eval(callee, scope)?;
                let args = self.args(args, scope)?;
                self.call(&callee, args)?
            }
            Expr::Filter(value, call) => {
                let value = self.eval(value, scope)?;
                let args = self.args(&call.args, scope)?;
                self.filter(&call.name, value, args)?
            }
            Expr::Test(value, call) => {
                let value = self.eval(value, scope)?;
                let args = self.args(&call.args, scope)?;
                Value::Bool(self.test(&call.name, &value, args)?)
            }
            _ => return self.operation(expr, scope),
        })
    }

    /// Replaces a block that the template does not have by undefined.
    fn known(&self, value: Value) -> Value {
        match &value {
            Value::Object(o) => match &**o {
                Object::Block(name) if !self.tree.blocks.contains_key(name) => {
                    Value::undefined(format!("there is no block '{name}'"))
                }
                _ => value,
            },
            _ => value,
        }
    }

    fn operation(&self, expr: &Expr, scope: &Rc<Scope>) -> Result<Value> {
        Ok(match expr {
            Expr::Not(value) => Value::Bool(!self.eval(value, scope)?.is_true()),
            Expr::Negative(value) => self.signed(value, number::negative, scope)?,
            Expr::Positive(value) => self.signed(value, number::positive, scope)?,
            Expr::And(left, right) => {
                let left = self.eval(left, scope)?;
                if left.is_true() {
                    self.eval(right, scope)?
                } else {
                    left
                }
            }
            Expr::Or(left, right) => {
                let left = self.eval(left, scope)?;
                if left.is_true() {
                    left
                } else {
                    self.eval(right, scope)?
                }
            }
            Expr::Binary(op, left, right) => {
                let (left, right) = (self.eval(left, scope)?, self.eval(right, scope)?);
                self.spend(number::work(&left, &right))?;
                let value = ops::binary(*op, &left, &right)?;
                self.spend_size(&value)?;
                value
            }
            Expr::Concat(parts) => {
                let value = ops::concat(&self.all(parts, scope)?, self.escapes())?;
                self.spend_size(&value)?;
                value
            }
            Expr::Compare(first, rest) => self.comparison(first, rest, scope)?,
            Expr::Cond(test, then, otherwise) => {
                if self.eval(test, scope)?.is_true() {
                    return self.eval(then, scope);
                }
                match otherwise {
                    Some(value) => self.eval(value, scope)?,
                    None => Value::undefined(
                        "the inline if-expression evaluated to false and no else section was defined",
                    ),
                }
            }
            _ => return refuse("an expression without a meaning"),
        })
    }

    /// Spends the fuel for processing all of a value.
    fn spend_size(&self, value: &Value) -> Result<()> {
        match value {
            Value::Str(s) => self.spend_bytes(s.text.len()),
            Value::Big(b) => self.spend(b.bits() as usize / 32),
            other => self.spend(other.len().unwrap_or(0) / 4),
        }
    }

    fn spend_args(&self, args: &Args) -> Result<()> {
        let named = args.named.iter().map(|(_, v)| v);
        args.pos.iter().chain(named).try_for_each(|v| self.spend_size(v))
    }

    /// Records a loop whose `changed` got values: one of them may be the loop itself.
    pub fn may_hold_itself(&self, state: &Rc<LoopState>) {
        self.rings.borrow_mut().push(Ring::Loop(state.clone()));
    }

    fn all(&self, exprs: &[Expr], scope: &Rc<Scope>) -> Result<Vec<Value>> {
        exprs.iter().map(|e| self.eval(e, scope)).collect()
    }

    fn signed(&self, value: &Expr, sign: fn(&Value) -> Result<Value>, scope: &Rc<Scope>) -> Result<Value> {
        let value = self.eval(value, scope)?;
        if value.is_undefined() {
            return missing(&value);
        }
        sign(&value)
    }

    fn slice(&self, object: &Expr, parts: &[Option<Expr>; 3], scope: &Rc<Scope>) -> Result<Value> {
        let object = self.eval(object, scope)?;
        let mut borders = [Value::None, Value::None, Value::None];
        for (border, part) in borders.iter_mut().zip(parts) {
            if let Some(part) = part {
                *border = self.eval(part, scope)?;
            }
        }
        self.spend_size(&object)?;
        index::slice(&object, [&borders[0], &borders[1], &borders[2]])
    }

    fn comparison(
        &self,
        first: &Expr,
        rest: &[(super::ast::Comparison, Expr)],
        scope: &Rc<Scope>,
    ) -> Result<Value> {
        let mut left = self.eval(first, scope)?;
        for (sign, right) in rest {
            let right = self.eval(right, scope)?;
            self.spend_size(&left)?;
            self.spend_size(&right)?;
            if !ops::compare(*sign, &left, &right)? {
                return Ok(Value::Bool(false));
            }
            left = right;
        }
        Ok(Value::Bool(true))
    }
}
