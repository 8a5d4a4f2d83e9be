//! Tokens to a tree, by Jinja2's grammar with loop controls and transformers' generation tag.

use super::ast::{
    Binary, Block, Body, CallArgs, Comparison, Const, Expr, FilterCall, First, For, Macro, Name, Stmt,
    StmtKind, Target, Tree,
};
use super::fault::{Fault, Kind, Result};
use super::lexer::{tokens, Placed, Token};
use num_bigint::BigInt;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

const DEPTH_MAX: usize = 180; // of nested expressions and blocks

pub fn parse(source: &str) -> Result<Tree> {
    let mut parser = Parser {
        tokens: tokens(source)?,
        at: 0,
        depth: 0,
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
    loops: usize,             // around what is read, inside of the innermost macro
    uses: Vec<HashSet<Name>>, // names that each open macro reads
    scopes: Vec<HashMap<Name, First>>,
    tree: Tree,
    soft: bool, // an unknown filter here is an error only where it is reached
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
        let result = read(self);
        self.depth -= 1;
        result
    }

    // ---- statements

    /// Up to a block tag with one of the names; that tag's name is the next token. No names: up to the end.
    fn statements(&mut self, ends: &[&str]) -> Result<Vec<Stmt>> {
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

    /// The rest of a block tag, what is inside, and the name of the tag that ends it.
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

    /// As `body`, with a scope of its own. What is not reached there is not soft because of what stands around.
    fn frame(&mut self, end: &str) -> Result<Body> {
        self.scope(|p| p.hard(|p| p.body(end)))
    }

    fn hard<T>(&mut self, read: impl FnOnce(&mut Parser) -> Result<T>) -> Result<T> {
        let soft = std::mem::replace(&mut self.soft, false);
        let result = read(self);
        self.soft = soft;
        result
    }

    fn scope(&mut self, read: impl FnOnce(&mut Parser) -> Result<Vec<Stmt>>) -> Result<Body> {
        self.scopes.push(HashMap::new());
        let stmts = read(self);
        let names = self.scopes.pop().unwrap_or_default();
        Ok(Body { stmts: stmts?, names: names.into_iter().collect() })
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
            "generation" => Ok(StmtKind::Generation(self.function(|p| p.frame("endgeneration"))?)),
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

    /// Templates that load others cannot be met: there are none. The tag's words are read and not kept.
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
        let scope = self.scopes.last().cloned();
        let test = if self.eat_name("if") { Some(self.expression(true)?) } else { None };
        if let (Some(now), Some(before)) = (self.scopes.last_mut(), scope) {
            *now = before; // the test has a scope of its own
        }
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
        let mut scopes = Vec::new();
        let otherwise = loop {
            let test = self.tuple(false, &[])?;
            let body = self.branch(&mut scopes, |p| p.open_body(&["elif", "else", "endif"]))?;
            branches.push((test, body));
            if self.eat_name("elif") {
                continue;
            }
            if self.eat_name("else") {
                break self.branch(&mut scopes, |p| p.body("endif"))?;
            }
            self.at += 1;
            break Vec::new();
        };
        self.soft = soft;
        self.join_branches(&scopes);
        Ok(StmtKind::If(branches, otherwise))
    }

    /// Reads one branch of a condition and puts what it does with names aside.
    fn branch(
        &mut self,
        scopes: &mut Vec<HashMap<Name, First>>,
        read: impl FnOnce(&mut Parser) -> Result<Vec<Stmt>>,
    ) -> Result<Vec<Stmt>> {
        let before = self.scopes.last().cloned().unwrap_or_default();
        let body = read(self)?;
        if let Some(scope) = self.scopes.last_mut() {
            scopes.push(std::mem::replace(scope, before));
        }
        Ok(body)
    }

    /// What only a branch sets is the request's until then.
    fn join_branches(&mut self, branches: &[HashMap<Name, First>]) {
        for name in branches.iter().flat_map(HashMap::keys) {
            self.note(name, First::Read);
        }
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

    /// Inside a function no loop around it can be left.
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
            let usual = if self.eat_sign("=") { Some(self.expression(true)?) } else { None };
            if usual.is_none() && params.iter().any(|(_, v)| v.is_some()) {
                return fault(format!("parameter '{name}' without a default behind one with a default"));
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

    // ---- expressions

    fn expression(&mut self, with_condition: bool) -> Result<Expr> {
        self.nested(|p| if with_condition { p.conditional() } else { p.or() })
    }

    fn conditional(&mut self) -> Result<Expr> {
        // Either side of a condition may not be reached; which it is shows only at its end.
        let soft = self.soft;
        let from = self.at;
        let mut value = self.or_soft()?;
        while self.eat_name("if") {
            self.soft = true;
            let test = self.or()?;
            let other =
                if self.eat_name("else") { Some(Box::new(self.nested(Parser::conditional)?)) } else { None };
            value = Expr::Cond(Box::new(test), Box::new(value), other);
            self.soft = soft;
        }
        if !matches!(value, Expr::Cond(..)) {
            self.check_filters(from)?;
        }
        Ok(value)
    }

    fn or_soft(&mut self) -> Result<Expr> {
        let soft = std::mem::replace(&mut self.soft, true);
        let value = self.or();
        self.soft = soft;
        value
    }

    /// Unknown filters and tests among the tokens from `from` on.
    fn check_filters(&self, from: usize) -> Result<()> {
        if self.soft {
            return Ok(());
        }
        for at in from..self.at {
            let Token::Name(name) = &self.tokens[at].token else { continue };
            let before =
                |back: usize| at.checked_sub(back).filter(|i| *i >= from).map(|i| &self.tokens[i].token);
            let is_name =
                |token: Option<&Token>, word: &str| matches!(token, Some(Token::Name(n)) if **n == *word);
            let piped = before(1) == Some(&Token::Sign("|"));
            let after_is = is_name(before(1), "is") && &**name != "not";
            let after_is_not = is_name(before(1), "not") && is_name(before(2), "is");
            if piped && !super::filters::exists(name) {
                return fault(format!("no filter is called '{name}'"));
            }
            if (after_is || after_is_not) && !super::tests::exists(name) {
                return fault(format!("no test is called '{name}'"));
            }
        }
        Ok(())
    }

    fn or(&mut self) -> Result<Expr> {
        let mut left = self.and()?;
        while self.eat_name("or") {
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr> {
        let mut left = self.not()?;
        while self.eat_name("and") {
            left = Expr::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Expr> {
        if self.eat_name("not") {
            return Ok(Expr::Not(Box::new(self.nested(Parser::not)?)));
        }
        self.comparison()
    }

    fn comparison_sign(&mut self) -> Option<Comparison> {
        const SIGNS: [(&str, Comparison); 6] = [
            ("==", Comparison::Eq),
            ("!=", Comparison::Ne),
            ("<", Comparison::Lt),
            ("<=", Comparison::Le),
            (">", Comparison::Gt),
            (">=", Comparison::Ge),
        ];
        if let Some((_, found)) = SIGNS.into_iter().find(|(sign, _)| self.is_sign(sign)) {
            self.at += 1;
            return Some(found);
        }
        if self.eat_name("in") {
            return Some(Comparison::In);
        }
        if self.is_name("not") && matches!(self.look(1), Token::Name(n) if &**n == "in") {
            self.at += 2;
            return Some(Comparison::NotIn);
        }
        None
    }

    fn comparison(&mut self) -> Result<Expr> {
        let left = self.sum()?;
        let mut rest = Vec::new();
        while let Some(sign) = self.comparison_sign() {
            rest.push((sign, self.sum()?));
        }
        Ok(if rest.is_empty() { left } else { Expr::Compare(Box::new(left), rest) })
    }

    fn binary(&mut self, signs: &[(&str, Binary)], operand: fn(&mut Parser) -> Result<Expr>) -> Result<Expr> {
        let mut left = operand(self)?;
        while let Some((_, op)) = signs.iter().find(|(sign, _)| self.is_sign(sign)) {
            self.at += 1;
            left = Expr::Binary(*op, Box::new(left), Box::new(operand(self)?));
        }
        Ok(left)
    }

    fn sum(&mut self) -> Result<Expr> {
        self.binary(&[("+", Binary::Add), ("-", Binary::Sub)], Parser::concat)
    }

    fn concat(&mut self) -> Result<Expr> {
        let mut parts = vec![self.product()?];
        while self.eat_sign("~") {
            parts.push(self.product()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expr::Concat(parts) })
    }

    fn product(&mut self) -> Result<Expr> {
        let signs = [("*", Binary::Mul), ("/", Binary::Div), ("//", Binary::FloorDiv), ("%", Binary::Mod)];
        self.binary(&signs, Parser::power)
    }

    fn power(&mut self) -> Result<Expr> {
        self.binary(&[("**", Binary::Pow)], |p| p.unary(true))
    }

    fn unary(&mut self, with_filters: bool) -> Result<Expr> {
        let value = if self.eat_sign("-") {
            Expr::Negative(Box::new(self.nested(|p| p.unary(false))?))
        } else if self.eat_sign("+") {
            Expr::Positive(Box::new(self.nested(|p| p.unary(false))?))
        } else {
            self.primary()?
        };
        let value = self.postfix(value)?;
        if with_filters {
            return self.filters_and_tests(value);
        }
        Ok(value)
    }

    fn primary(&mut self) -> Result<Expr> {
        match self.token().clone() {
            Token::Name(name) => {
                self.at += 1;
                Ok(self.name_or_constant(name))
            }
            Token::Text(first) => {
                let mut text = first.to_string();
                self.at += 1;
                while let Token::Text(more) = self.token() {
                    text.push_str(more);
                    self.at += 1;
                }
                Ok(Expr::Const(Const::Text(text.into())))
            }
            Token::Int(digits) => {
                self.at += 1;
                int_constant(&digits)
            }
            Token::Float(v) => {
                self.at += 1;
                Ok(Expr::Const(Const::Float(v)))
            }
            Token::Sign("(") => {
                self.at += 1;
                let inner = self.nested(|p| p.tuple_in_parentheses())?;
                self.expect_sign(")")?;
                Ok(inner)
            }
            Token::Sign("[") => self.list(),
            Token::Sign("{") => self.dict(),
            _ => self.unexpected("a value"),
        }
    }

    fn name_or_constant(&mut self, name: Name) -> Expr {
        match &*name {
            "true" | "True" => Expr::Const(Const::Bool(true)),
            "false" | "False" => Expr::Const(Const::Bool(false)),
            "none" | "None" => Expr::Const(Const::None),
            _ => {
                self.uses.iter_mut().for_each(|names| {
                    names.insert(name.clone());
                });
                self.note(&name, First::Read);
                Expr::Name(name)
            }
        }
    }

    fn is_tuple_end(&self, ends: &[&str]) -> bool {
        matches!(self.token(), Token::EndOutput | Token::EndBlock | Token::Sign(")"))
            || ends.iter().any(|name| self.is_name(name))
    }

    fn tuple(&mut self, with_condition: bool, ends: &[&str]) -> Result<Expr> {
        self.tuple_or_one(with_condition, ends, false)
    }

    fn tuple_in_parentheses(&mut self) -> Result<Expr> {
        self.tuple_or_one(true, &[], true)
    }

    fn tuple_or_one(&mut self, with_condition: bool, ends: &[&str], may_be_empty: bool) -> Result<Expr> {
        let mut items = Vec::new();
        let mut is_tuple = false;
        while !self.is_tuple_end(ends) {
            items.push(self.expression(with_condition)?);
            if !self.eat_sign(",") {
                break;
            }
            is_tuple = true;
        }
        if is_tuple || (items.is_empty() && may_be_empty) {
            return Ok(Expr::Tuple(items));
        }
        match items.pop() {
            Some(one) => Ok(one),
            None => self.unexpected("an expression"),
        }
    }

    fn list(&mut self) -> Result<Expr> {
        self.expect_sign("[")?;
        let mut items = Vec::new();
        while !self.eat_sign("]") {
            if !items.is_empty() {
                self.expect_sign(",")?;
                if self.eat_sign("]") {
                    break;
                }
            }
            items.push(self.expression(true)?);
        }
        Ok(Expr::List(items))
    }

    fn dict(&mut self) -> Result<Expr> {
        self.expect_sign("{")?;
        let mut pairs = Vec::new();
        while !self.eat_sign("}") {
            if !pairs.is_empty() {
                self.expect_sign(",")?;
                if self.eat_sign("}") {
                    break;
                }
            }
            let key = self.expression(true)?;
            self.expect_sign(":")?;
            pairs.push((key, self.expression(true)?));
        }
        Ok(Expr::Dict(pairs))
    }

    fn postfix(&mut self, mut value: Expr) -> Result<Expr> {
        loop {
            if self.eat_sign(".") {
                value = self.attribute(value)?;
            } else if self.eat_sign("[") {
                value = self.nested(|p| p.subscript(value))?;
            } else if self.is_sign("(") {
                value = Expr::Call(Box::new(value), Box::new(self.nested(Parser::call_args)?));
            } else {
                return Ok(value);
            }
        }
    }

    fn attribute(&mut self, value: Expr) -> Result<Expr> {
        match self.token().clone() {
            Token::Name(name) => {
                self.at += 1;
                Ok(Expr::Attr(Box::new(value), name))
            }
            Token::Int(digits) => {
                self.at += 1;
                Ok(Expr::Item(Box::new(value), Box::new(int_constant(&digits)?)))
            }
            _ => self.unexpected("a name or a number"),
        }
    }

    fn subscript(&mut self, value: Expr) -> Result<Expr> {
        let mut parts = Vec::new();
        loop {
            if parts.is_empty() && self.eat_sign("]") {
                break; // the empty tuple is a key too
            }
            if self.is_sign(":") {
                return self.slice(value, None);
            }
            let part = self.expression(true)?;
            if self.is_sign(":") && parts.is_empty() {
                return self.slice(value, Some(part));
            }
            parts.push(part);
            if self.eat_sign("]") {
                break;
            }
            self.expect_sign(",")?;
        }
        let key = if parts.len() == 1 { parts.remove(0) } else { Expr::Tuple(parts) };
        Ok(Expr::Item(Box::new(value), Box::new(key)))
    }

    fn slice(&mut self, value: Expr, start: Option<Expr>) -> Result<Expr> {
        let mut parts = [start, None, None];
        for part in &mut parts[1..] {
            if self.eat_sign(":") && !self.is_sign(":") && !self.is_sign("]") {
                *part = Some(self.expression(true)?);
            }
        }
        self.expect_sign("]")?;
        Ok(Expr::Slice(Box::new(value), Box::new(parts)))
    }

    fn call_args(&mut self) -> Result<CallArgs> {
        let mut args = CallArgs::default();
        let mut is_first = true;
        self.expect_sign("(")?;
        while !self.eat_sign(")") {
            if !std::mem::replace(&mut is_first, false) {
                self.expect_sign(",")?;
                if self.eat_sign(")") {
                    break;
                }
            }
            self.call_arg(&mut args)?;
        }
        Ok(args)
    }

    fn call_arg(&mut self, args: &mut CallArgs) -> Result<()> {
        let named = matches!(self.token(), Token::Name(_)) && *self.look(1) == Token::Sign("=");
        if self.is_sign("*") && args.star.is_none() && args.stars.is_none() {
            self.at += 1;
            args.star = Some(self.expression(true)?);
        } else if self.is_sign("**") && args.stars.is_none() {
            self.at += 1;
            args.stars = Some(self.expression(true)?);
        } else if named && args.stars.is_none() {
            let name = self.any_name()?;
            self.at += 1;
            if args.named.iter().any(|(n, _)| *n == name) {
                return fault(format!("argument '{name}' is given twice"));
            }
            args.named.push((name, self.expression(true)?));
        } else if args.named.is_empty() && args.star.is_none() && args.stars.is_none() {
            args.pos.push(self.expression(true)?);
        } else {
            return fault("arguments in an order that no call may have");
        }
        Ok(())
    }

    fn filters_and_tests(&mut self, mut value: Expr) -> Result<Expr> {
        loop {
            if self.eat_sign("|") {
                value = Expr::Filter(Box::new(value), Box::new(self.filter()?));
            } else if self.eat_name("is") {
                value = self.test(value)?;
            } else if self.is_sign("(") {
                value = Expr::Call(Box::new(value), Box::new(self.nested(Parser::call_args)?));
            } else {
                return Ok(value);
            }
        }
    }

    fn dotted_name(&mut self) -> Result<Name> {
        let mut name = self.any_name()?.to_string();
        while self.eat_sign(".") {
            name = name + "." + &self.any_name()?;
        }
        Ok(name.into())
    }

    fn filter(&mut self) -> Result<FilterCall> {
        let name = self.dotted_name()?;
        let args = if self.is_sign("(") { self.nested(Parser::call_args)? } else { CallArgs::default() };
        if !self.soft && !super::filters::exists(&name) {
            return fault(format!("no filter is called '{name}'"));
        }
        Ok(FilterCall { name, args })
    }

    fn test(&mut self, value: Expr) -> Result<Expr> {
        let negated = self.eat_name("not");
        let name = self.dotted_name()?;
        let takes_one = match self.token() {
            Token::Name(n) => !matches!(&**n, "else" | "or" | "and"),
            Token::Text(_) | Token::Int(_) | Token::Float(_) | Token::Sign("[" | "{") => true,
            _ => false,
        };
        let mut args = CallArgs::default();
        if self.is_sign("(") {
            args = self.nested(Parser::call_args)?;
        } else if self.is_name("is") {
            return fault("tests cannot be chained by 'is'");
        } else if takes_one {
            let one = self.nested(Parser::primary)?;
            args.pos.push(self.postfix(one)?);
        }
        let test = Expr::Test(Box::new(value), Box::new(FilterCall { name, args }));
        Ok(if negated { Expr::Not(Box::new(test)) } else { test })
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

fn int_constant(digits: &str) -> Result<Expr> {
    let lower = digits.to_ascii_lowercase();
    let (text, radix) = match lower.get(..2) {
        Some("0x") => (&lower[2..], 16),
        Some("0o") => (&lower[2..], 8),
        Some("0b") => (&lower[2..], 2),
        _ => (&lower[..], 10),
    };
    if text.len() > 4300 {
        return fault("a number with too many digits");
    }
    if let Ok(v) = i64::from_str_radix(text, radix) {
        return Ok(Expr::Const(Const::Int(v)));
    }
    match BigInt::parse_bytes(text.as_bytes(), radix) {
        Some(v) => Ok(Expr::Const(Const::Big(v))),
        None => fault("a number that is none"),
    }
}
