//! The syntax tree of a template.

use num_bigint::BigInt;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub type Name = Arc<str>;

#[derive(Clone, Debug)]
pub enum Const {
    None,
    Bool(bool),
    Int(i64),
    Big(BigInt),
    Float(f64),
    Text(Name),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Mod,
    Pow,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    NotIn,
}

#[derive(Clone, Debug)]
pub enum Expr {
    Const(Const),
    Name(Name),
    List(Vec<Expr>),
    Tuple(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    Attr(Box<Expr>, Name),
    Item(Box<Expr>, Box<Expr>),
    Slice(Box<Expr>, Box<[Option<Expr>; 3]>),
    Call(Box<Expr>, Box<CallArgs>),
    Filter(Box<Expr>, Box<FilterCall>),
    Test(Box<Expr>, Box<FilterCall>),
    Negative(Box<Expr>),
    Positive(Box<Expr>),
    Not(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Binary(Binary, Box<Expr>, Box<Expr>),
    Concat(Vec<Expr>),
    Compare(Box<Expr>, Vec<(Comparison, Expr)>),
    Cond(Box<Expr>, Box<Expr>, Option<Box<Expr>>), // test, then, else
}

#[derive(Clone, Debug, Default)]
pub struct CallArgs {
    pub pos: Vec<Expr>,
    pub named: Vec<(Name, Expr)>,
    pub star: Option<Expr>,
    pub stars: Option<Expr>,
}

#[derive(Clone, Debug)]
pub struct FilterCall {
    pub name: Name,
    pub args: CallArgs,
}

#[derive(Clone, Debug)]
pub enum Target {
    Name(Name),
    Field(Name, Name), // of a namespace
    Tuple(Vec<Target>),
}

/// Statements with a scope of their own.
#[derive(Debug, Default)]
pub struct Body {
    pub stmts: Vec<Stmt>,
    pub names: Vec<(Name, First)>,
}

/// Whether a scope first sets or first reads a name. One that is set first never has the request's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum First {
    Read,
    Set,
}

#[derive(Debug)]
pub struct For {
    pub target: Target,
    pub items: Expr,
    pub test: Option<Expr>,
    pub is_recursive: bool,
    pub body: Body,
    pub otherwise: Body,
}

#[derive(Debug)]
pub struct Macro {
    pub name: Name,
    pub params: Vec<(Name, Option<Expr>)>,
    pub body: Body,
    pub uses_caller: bool,
    pub uses_kwargs: bool,
    pub uses_varargs: bool,
}

#[derive(Debug)]
pub struct Block {
    pub is_scoped: bool,
    pub body: Body,
}

#[derive(Debug)]
pub struct Stmt {
    pub line: u32,
    pub kind: StmtKind,
}

#[derive(Debug)]
pub enum StmtKind {
    Data(Name),
    Output(Vec<Expr>),
    For(Arc<For>),
    If(Vec<(Expr, Vec<Stmt>)>, Vec<Stmt>),
    Set(Target, Expr),
    SetBlock(Target, Vec<FilterCall>, Body),
    Macro(Arc<Macro>),
    CallBlock(Expr, Arc<Macro>),
    FilterBlock(Vec<FilterCall>, Body),
    With(Vec<(Target, Expr)>, Body),
    Autoescape(Expr, Body),
    Block(Arc<Block>),
    Generation(Arc<Macro>),
    Break,
    Continue,
    Load(Expr), // include, import, extends: always an error, because there are no other templates
}

#[derive(Debug, Default)]
pub struct Tree {
    pub body: Body,
    pub blocks: HashMap<Name, Arc<Block>>,
    pub set_names: HashSet<Name>, // names that are set anywhere in the template
}
