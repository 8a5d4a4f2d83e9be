//! The grammar of statements: block tags and the text between them.

use super::super::ast::{Block, Body, Expr, FilterCall, First, For, Macro, Name, Stmt, StmtKind, Target};
use super::super::lexer::Token;
use super::{fault, Parser, Result, ARGS_MAX};
use std::collections::HashSet;
use std::sync::Arc;

impl Parser {
    /// Reads up to a block tag with one of the names; it is the next token then. No names: up to the end.
    pub(super) fn statements(&mut self, ends: &[&str]) -> Result<Vec<Stmt>> {
        self.nested(|p| {
            let mut body = Vec::new();
            loop {
                let line = p.line();
                let kind = match p.token().clone() {
                    Token::End if ends.is_empty() => return Ok(body),
                    Token::End => return fault(format!("the template ends where '{}' is expected", ends[0])),
                    Token::Data(text) => {
                        p.at += 1;
                        StmtKind::Data(text)
                    }
                    Token::BeginOutput => p.output()?,
                    _ => {
                        p.at += 1;
                        if ends.iter().any(|name| p.is_name(name)) {
                            return Ok(body);
                        }
                        let kind = p.statement()?;
                        p.expect(&Token::EndBlock, "the end of the block tag")?;
                        kind
                    }
                };
                body.push(Stmt { line, kind });
            }
        })
    }

    fn output(&mut self) -> Result<StmtKind> {
        self.at += 1;
        let value = self.tuple(true, &[])?;
        self.expect(&Token::EndOutput, "the end of the output")?;
        Ok(StmtKind::Output(vec![value]))
    }

    /// Reads the rest of a block tag, its content, and the name of the tag that ends it.
    fn body(&mut self, end: &str) -> Result<Vec<Stmt>> {
        let body = self.open_body(&[end])?;
        self.at += 1;
        Ok(body)
    }

    fn open_body(&mut self, ends: &[&str]) -> Result<Vec<Stmt>> {
        self.eat_sign(":");
        self.expect(&Token::EndBlock, "the end of the block tag")?;
        self.statements(ends)
    }

    /// Like `body`, with a scope of its own. An unknown filter in it is an error even inside a condition.
    fn frame(&mut self, end: &str) -> Result<Body> {
        self.scope(|p| p.hard(|p| p.body(end)))
    }

    fn hard<T>(&mut self, read: impl FnOnce(&mut Parser) -> Result<T>) -> Result<T> {
        let soft = std::mem::replace(&mut self.soft, false);
        let result = read(self);
        self.soft = soft;
        result
    }

    fn statement(&mut self) -> Result<StmtKind> {
        let name = self.any_name()?;
        match &*name {
            "for" => self.for_loop(),
            "if" => self.condition(),
            "set" => self.set(),
            "macro" => self.macro_definition(),
            "call" => self.call_block(),
            "filter" => self.filter_block(),
            "with" => self.with(),
            "block" => self.block(),
            "print" => self.print(),
            "generation" => {
                let said = self.macro_rest("generation".into(), "endgeneration", false)?;
                Ok(StmtKind::Generation(Arc::new(said)))
            }
            "autoescape" => {
                let wanted = self.expression(true)?;
                Ok(StmtKind::Autoescape(wanted, self.frame("endautoescape")?))
            }
            "break" | "continue" if self.loops == 0 => fault(format!("'{name}' outside of a loop")),
            "break" => Ok(StmtKind::Break),
            "continue" => Ok(StmtKind::Continue),
            "include" | "extends" | "import" | "from" => self.load(&name),
            _ => fault(format!("unknown tag '{name}'")),
        }
    }

    fn print(&mut self) -> Result<StmtKind> {
        let mut values = Vec::new();
        while *self.token() != Token::EndBlock {
            if !values.is_empty() {
                self.expect_sign(",")?;
            }
            values.push(self.expression(true)?);
        }
        Ok(StmtKind::Output(values))
    }

    /// Reads a tag that loads another template. There is none: evaluating the expression is an error.
    fn load(&mut self, name: &str) -> Result<StmtKind> {
        let what = self.expression(true)?;
        while *self.token() != Token::EndBlock {
            if matches!(self.token(), Token::End | Token::Data(_)) || matches!(name, "extends") {
                return self.unexpected("the end of the block tag");
            }
            self.at += 1;
        }
        Ok(StmtKind::Load(what))
    }

    fn for_loop(&mut self) -> Result<StmtKind> {
        let target = self.targets()?;
        if holds(&target, "loop") {
            return fault("'loop' is the loop's own name");
        }
        self.expect_name("in")?;
        let items = self.tuple(false, &["recursive"])?;
        let has_test = self.eat_name("if");
        let test = if has_test { Some(self.apart(|p| p.expression(true))?.0) } else { None };
        let is_recursive = self.eat_name("recursive");
        self.loops += 1;
        let body = self.scope(|p| p.hard(|p| p.open_body(&["endfor", "else"])));
        self.loops -= 1;
        let body = body?;
        let is_end = self.eat_name("endfor");
        self.at += usize::from(!is_end);
        let otherwise = if is_end { Body::default() } else { self.frame("endfor")? };
        Ok(StmtKind::For(Arc::new(For { target, items, test, is_recursive, body, otherwise })))
    }

    fn condition(&mut self) -> Result<StmtKind> {
        let soft = std::mem::replace(&mut self.soft, true);
        let mut branches = Vec::new();
        let otherwise = loop {
            let test = self.tuple(false, &[])?;
            let body = self.branch(|p| p.open_body(&["elif", "else", "endif"]))?;
            branches.push((test, body));
            if self.eat_name("elif") {
                continue;
            }
            if self.eat_name("else") {
                break self.branch(|p| p.body("endif"))?;
            }
            self.at += 1;
            break Vec::new();
        };
        self.soft = soft;
        Ok(StmtKind::If(branches, otherwise))
    }

    /// Reads one branch of a condition. A name that only a branch sets has the request's value until then.
    fn branch(&mut self, read: impl FnOnce(&mut Parser) -> Result<Vec<Stmt>>) -> Result<Vec<Stmt>> {
        let (body, names) = self.apart(read)?;
        names.keys().for_each(|name| self.note(name, First::Read));
        Ok(body)
    }

    fn set(&mut self) -> Result<StmtKind> {
        let target = self.targets()?;
        if self.loops > 0 && holds(&target, "loop") {
            return fault("'loop' is the loop's own name");
        }
        if self.eat_sign("=") {
            let value = self.tuple(true, &[])?;
            self.note_targets(&target);
            return Ok(StmtKind::Set(target, value));
        }
        self.note_targets(&target);
        let filters = self.filter_chain(false)?;
        Ok(StmtKind::SetBlock(target, filters, self.frame("endset")?))
    }

    /// Reads a function. break and continue in it cannot leave a loop around it.
    fn function<T>(&mut self, read: impl FnOnce(&mut Parser) -> Result<T>) -> Result<T> {
        let loops = std::mem::replace(&mut self.loops, 0);
        let result = read(self);
        self.loops = loops;
        result
    }

    fn macro_definition(&mut self) -> Result<StmtKind> {
        let name = self.any_name()?;
        if is_constant(&name) {
            return fault(format!("a macro cannot be called '{name}'"));
        }
        self.note(&name, First::Set);
        Ok(StmtKind::Macro(Arc::new(self.macro_rest(name, "endmacro", true)?)))
    }

    fn macro_rest(&mut self, name: Name, end: &str, signed: bool) -> Result<Macro> {
        self.uses.push(HashSet::new());
        let params = if signed { self.signature()? } else { Vec::new() };
        let body = self.function(|p| p.frame(end))?;
        let used = self.uses.pop().unwrap_or_default();
        let uses = |name: &str| used.contains(name);
        Ok(Macro {
            uses_caller: uses("caller"),
            uses_kwargs: uses("kwargs"),
            uses_varargs: uses("varargs"),
            name,
            params,
            body,
        })
    }

    fn signature(&mut self) -> Result<Vec<(Name, Option<Expr>)>> {
        let mut params: Vec<(Name, Option<Expr>)> = Vec::new();
        self.expect_sign("(")?;
        while !self.eat_sign(")") {
            if !params.is_empty() {
                self.expect_sign(",")?;
            }
            let name = self.any_name()?;
            if is_constant(&name) {
                return fault(format!("a parameter cannot be called '{name}'"));
            }
            if params.iter().any(|(n, _)| *n == name) {
                return fault(format!("parameter '{name}' is there twice"));
            }
            let usual = if self.eat_sign("=") { Some(self.expression(true)?) } else { None };
            if usual.is_none() && params.iter().any(|(_, v)| v.is_some()) {
                return fault(format!("parameter '{name}' without a default behind one with a default"));
            }
            if usual.is_none() && &*name == "caller" {
                return fault("parameter 'caller' needs a default");
            }
            if params.len() == ARGS_MAX {
                return fault(format!("more than {ARGS_MAX} parameters"));
            }
            params.push((name, usual));
        }
        Ok(params)
    }

    fn call_block(&mut self) -> Result<StmtKind> {
        self.uses.push(HashSet::new());
        let params = if self.is_sign("(") { self.signature()? } else { Vec::new() };
        self.uses.pop();
        let call = self.expression(true)?;
        if !matches!(call, Expr::Call(..)) {
            return fault("a call tag without a call");
        }
        let caller = self.macro_rest("caller".into(), "endcall", false)?;
        Ok(StmtKind::CallBlock(call, Arc::new(Macro { params, ..caller })))
    }

    fn filter_block(&mut self) -> Result<StmtKind> {
        let filters = self.filter_chain(true)?;
        Ok(StmtKind::FilterBlock(filters, self.frame("endfilter")?))
    }

    fn filter_chain(&mut self, starts_bare: bool) -> Result<Vec<FilterCall>> {
        let mut filters = Vec::new();
        if starts_bare {
            filters.push(self.filter()?);
        }
        while self.eat_sign("|") {
            filters.push(self.filter()?);
        }
        Ok(filters)
    }

    fn with(&mut self) -> Result<StmtKind> {
        let mut pairs = Vec::new();
        while *self.token() != Token::EndBlock {
            if !pairs.is_empty() {
                self.expect_sign(",")?;
            }
            let target = self.targets()?;
            self.expect_sign("=")?;
            pairs.push((target, self.expression(true)?));
        }
        Ok(StmtKind::With(pairs, self.frame("endwith")?))
    }

    fn block(&mut self) -> Result<StmtKind> {
        let name = self.any_name()?;
        let is_scoped = self.eat_name("scoped");
        self.eat_name("required");
        let body = self.function(|p| p.frame("endblock"))?;
        self.eat_name(&name.clone());
        let block = Arc::new(Block { is_scoped, body });
        if self.tree.blocks.insert(name.clone(), block.clone()).is_some() {
            return fault(format!("block '{name}' is defined twice"));
        }
        Ok(StmtKind::Block(block))
    }

    // ---- targets

    fn targets(&mut self) -> Result<Target> {
        let mut list = vec![self.target()?];
        let mut is_tuple = false;
        while self.eat_sign(",") {
            is_tuple = true;
            if self.is_sign(")") {
                break;
            }
            list.push(self.target()?);
        }
        Ok(if is_tuple { Target::Tuple(list) } else { list.remove(0) })
    }

    fn target(&mut self) -> Result<Target> {
        if self.eat_sign("(") {
            let inner = self.nested(Parser::targets)?;
            self.expect_sign(")")?;
            return Ok(inner);
        }
        let name = self.any_name()?;
        if is_constant(&name) {
            return fault(format!("'{name}' cannot be assigned to"));
        }
        if self.eat_sign(".") {
            return Ok(Target::Field(name, self.any_name()?));
        }
        Ok(Target::Name(name))
    }
}

fn is_constant(name: &str) -> bool {
    matches!(name, "true" | "True" | "false" | "False" | "none" | "None")
}

fn holds(target: &Target, name: &str) -> bool {
    match target {
        Target::Name(n) => **n == *name,
        Target::Field(..) => false,
        Target::Tuple(list) => list.iter().any(|t| holds(t, name)),
    }
}
