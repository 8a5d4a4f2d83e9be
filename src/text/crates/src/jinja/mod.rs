//! Jinja2 for chat templates, with Python's values: the environment of transformers, without access to
//! anything outside of it. A template is parsed once (parser.rs) and rendered by evaluating its tree
//! (interp.rs).

mod args;
mod ast;
mod dump;
mod fault;
mod filters;
mod floats;
mod format;
mod functions;
mod getter;
mod index;
mod interp;
mod lexer;
mod methods;
mod number;
mod ops;
mod parser;
mod printf;
mod scope;
mod show;
mod tests;
mod text;
mod text_filters;
mod urlize;
mod value;
mod wrap;

pub use ast::Tree;
pub use fault::{Fault, Kind};
pub use interp::{render, Limits};
pub use parser::parse;
pub use text::{is_space, prepare};
pub use value::{Dict, Value};
