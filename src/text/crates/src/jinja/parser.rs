//! Parses tokens to a syntax tree: Jinja2's grammar with loop controls and transformers' generation tag.

mod expressions;
mod statements;

use super::ast::{Body, First, Name, Stmt, Target, Tree};
use super::fault::{Fault, Kind, Result};
use super::lexer::{tokens, Placed, Token};
use std::collections::{HashMap, HashSet};

const DEPTH_MAX: usize = 180; // of nested expressions and blocks
const LINKS_MAX: usize = 2000; // operators, filters, attributes and the like in a row
const ARGS_MAX: usize = 1000; // of one call or macro

pub fn parse(source: &str) -> Result<Tree> {
    let mut parser = Parser {
        tokens: tokens(source)?,
        at: 0,
        depth: 0,
        links: 0,
        loops: 0,
        uses: Vec::new(),
        scopes: Vec::new(),
        tree: Tree::default(),
        soft: false,
    };
    match parser.scope(|p| p.statements(&[])) {
        Ok(body) => Ok(Tree { body, ..parser.tree }),
        Err(fault) => Err(fault.at(parser.line())),
    }
}

struct Parser {
    tokens: Vec<Placed>,
    at: usize,
    depth: usize,
    links: usize,             // between the outermost expression and the current one
    loops: usize,             // around the current statement, inside of the innermost macro
    uses: Vec<HashSet<Name>>, // names that each open macro reads
    scopes: Vec<HashMap<Name, First>>,
    tree: Tree,
    soft: bool, // an unknown filter here is an error only when it is evaluated
}

fn fault<T>(text: impl Into<String>) -> Result<T> {
    Err(Fault::new(Kind::Syntax, text))
}

impl Parser {
    fn token(&self) -> &Token {
        self.look(0)
    }

    fn look(&self, ahead: usize) -> &Token {
        &self.tokens[(self.at + ahead).min(self.tokens.len() - 1)].token
    }

    fn line(&self) -> u32 {
        self.tokens[self.at.min(self.tokens.len() - 1)].line
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.token(), Token::Sign(s) if *s == sign)
    }

    fn is_name(&self, name: &str) -> bool {
        matches!(self.token(), Token::Name(n) if **n == *name)
    }

    fn eat_sign(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        self.at += usize::from(found);
        found
    }

    fn eat_name(&mut self, name: &str) -> bool {
        let found = self.is_name(name);
        self.at += usize::from(found);
        found
    }

    fn unexpected<T>(&self, wanted: &str) -> Result<T> {
        let found = match self.token() {
            Token::Data(_) | Token::BeginOutput | Token::BeginBlock => "text".to_string(),
            Token::EndOutput => "the end of an output".into(),
            Token::EndBlock => "the end of a block tag".into(),
            Token::Name(n) => format!("'{n}'"),
            Token::Text(_) => "a string".into(),
            Token::Int(_) | Token::Float(_) => "a number".into(),
            Token::Sign(s) => format!("'{s}'"),
            Token::End => "the end of the template".into(),
        };
        fault(format!("{found} where {wanted} is expected"))
    }

    fn expect_sign(&mut self, sign: &str) -> Result<()> {
        if self.eat_sign(sign) {
            return Ok(());
        }
        self.unexpected(&format!("'{sign}'"))
    }

    fn expect_name(&mut self, name: &str) -> Result<()> {
        if self.eat_name(name) {
            return Ok(());
        }
        self.unexpected(&format!("'{name}'"))
    }

    fn expect(&mut self, token: &Token, what: &str) -> Result<()> {
        if self.token() != token {
            return self.unexpected(what);
        }
        self.at += 1;
        Ok(())
    }

    fn any_name(&mut self) -> Result<Name> {
        let Token::Name(name) = self.token() else { return self.unexpected("a name") };
        let name = name.clone();
        self.at += 1;
        Ok(name)
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Parser) -> Result<T>) -> Result<T> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return fault(format!("nested deeper than {DEPTH_MAX} levels"));
        }
        let links = self.links;
        let result = read(self);
        self.depth -= 1;
        self.links = links;
        result
    }

    /// Counts an operator, filter or attribute after another: the tree gets deeper, but not the recursion.
    fn link(&mut self) -> Result<()> {
        self.links += 1;
        if self.links > LINKS_MAX {
            return fault(format!("an expression with more than {LINKS_MAX} links"));
        }
        Ok(())
    }

    // ---- names

    /// Statements with a scope of their own.
    fn scope(&mut self, read: impl FnOnce(&mut Parser) -> Result<Vec<Stmt>>) -> Result<Body> {
        let (stmts, names) = self.apart(read)?;
        Ok(Body { stmts, names: names.into_iter().collect() })
    }

    fn note(&mut self, name: &Name, first: First) {
        if first == First::Set {
            self.tree.set_names.insert(name.clone());
        }
        if let Some(scope) = self.scopes.last_mut() {
            scope.entry(name.clone()).or_insert(first);
        }
    }

    fn note_targets(&mut self, target: &Target) {
        match target {
            Target::Name(name) => self.note(name, First::Set),
            Target::Field(name, _) => self.note(name, First::Read),
            Target::Tuple(list) => list.iter().for_each(|t| self.note_targets(t)),
        }
    }

    /// Calls `read` with an empty set of names, and returns the names that it recorded.
    fn apart<T>(&mut self, read: impl FnOnce(&mut Parser) -> Result<T>) -> Result<(T, HashMap<Name, First>)> {
        self.scopes.push(HashMap::new());
        let value = read(self);
        let names = self.scopes.pop().unwrap_or_default();
        Ok((value?, names))
    }
}
