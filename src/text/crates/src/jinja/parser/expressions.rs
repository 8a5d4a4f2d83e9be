//! The grammar of expressions.

use super::super::ast::{Binary, CallArgs, Comparison, Const, Expr, FilterCall, First, Name};
use super::super::lexer::Token;
use super::{fault, Parser, Result, ARGS_MAX};
use num_bigint::BigInt;

impl Parser {
    pub(super) fn expression(&mut self, with_condition: bool) -> Result<Expr> {
        self.nested(|p| if with_condition { p.conditional() } else { p.or() })
    }

    fn conditional(&mut self) -> Result<Expr> {
        // Either side of a condition may stay unevaluated; whether this is one shows only at its end.
        let soft = self.soft;
        let from = self.at;
        let mut value = self.or_soft()?;
        while self.eat_name("if") {
            self.link()?;
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

    /// An error if the tokens from `from` on name an unknown filter or test.
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
            if piped && !super::super::filters::exists(name) {
                return fault(format!("no filter is called '{name}'"));
            }
            if (after_is || after_is_not) && !super::super::tests::exists(name) {
                return fault(format!("no test is called '{name}'"));
            }
        }
        Ok(())
    }

    fn or(&mut self) -> Result<Expr> {
        let mut left = self.and()?;
        while self.eat_name("or") {
            self.link()?;
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr> {
        let mut left = self.not()?;
        while self.eat_name("and") {
            self.link()?;
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
            self.link()?;
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

    pub(super) fn tuple(&mut self, with_condition: bool, ends: &[&str]) -> Result<Expr> {
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
            value = if self.eat_sign(".") {
                self.attribute(value)?
            } else if self.eat_sign("[") {
                self.nested(|p| p.subscript(value))?
            } else if self.is_sign("(") {
                Expr::Call(Box::new(value), Box::new(self.nested(Parser::call_args)?))
            } else {
                return Ok(value);
            };
            self.link()?;
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
                break; // the empty tuple is a key, too
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
            if args.named.len() == ARGS_MAX {
                return fault(format!("more than {ARGS_MAX} named arguments"));
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
            value = if self.eat_sign("|") {
                Expr::Filter(Box::new(value), Box::new(self.filter()?))
            } else if self.eat_name("is") {
                self.test(value)?
            } else if self.is_sign("(") {
                Expr::Call(Box::new(value), Box::new(self.nested(Parser::call_args)?))
            } else {
                return Ok(value);
            };
            self.link()?;
        }
    }

    fn dotted_name(&mut self) -> Result<Name> {
        let mut name = self.any_name()?.to_string();
        while self.eat_sign(".") {
            name = name + "." + &self.any_name()?;
        }
        Ok(name.into())
    }

    pub(super) fn filter(&mut self) -> Result<FilterCall> {
        let name = self.dotted_name()?;
        let args = if self.is_sign("(") { self.nested(Parser::call_args)? } else { CallArgs::default() };
        if !self.soft && !super::super::filters::exists(&name) {
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
