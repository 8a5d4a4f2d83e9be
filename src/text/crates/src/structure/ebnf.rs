//! Grammars as llama.cpp and vLLM write them (`root ::= "a" name+`), in Lark.
//!
//!   rules    NAME ::= alternatives; `root` is the first. A rule ends where the next one begins.
//!   parts    "text", [a-z] and [^a-z], `.`, NAME, ( … ), each with * + ? {n} {n,} {n,m}
//!   escapes  \n \r \t \xHH \uHHHH \UHHHHHHHH; of any other character: itself
//!   comments from # to the end of the line

use super::Fault;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::fmt::Write;

/// True if a line defines a rule in this form.
pub fn is_ebnf(text: &str) -> bool {
    text.lines().any(|line| {
        let Some((name, _)) = line.split_once("::=") else { return false };
        let name = name.trim();
        !name.is_empty() && name.chars().all(of_name)
    })
}

pub fn lark_of(text: &str) -> Result<String, Fault> {
    let mut reader = Reader { left: text.chars().peekable(), numbers: HashMap::new(), out: String::new() };
    let mut defined = HashSet::new();
    let mut name = reader.heading()?;
    while let Some(rule) = name {
        if !defined.insert(rule.clone()) {
            return Err(wrong(&format!("the rule '{rule}' is there twice")));
        }
        let lark = reader.lark_name(&rule);
        let _ = write!(reader.out, "{lark}:");
        name = reader.parts()?;
        reader.out.push('\n');
    }
    match reader.numbers.keys().find(|n| !defined.contains(*n)) {
        Some(missing) => Err(wrong(&format!("there is no rule '{missing}'"))),
        None if !defined.contains("root") => Err(wrong("there is no rule 'root'")),
        None => Ok(reader.out),
    }
}

fn of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

fn wrong(message: &str) -> Fault {
    Fault::at("", format!("the grammar cannot be read: {message}"))
}

struct Reader<'a> {
    left: std::iter::Peekable<std::str::Chars<'a>>,
    numbers: HashMap<String, usize>, // of rules, by their names
    out: String,
}

impl Reader<'_> {
    fn lark_name(&mut self, name: &str) -> String {
        let next = self.numbers.len();
        let number = *self.numbers.entry(name.to_string()).or_insert(next);
        if name == "root" {
            "start".into()
        } else {
            format!("r{number}")
        }
    }

    fn skip(&mut self) {
        while let Some(&c) = self.left.peek() {
            if c == '#' {
                while self.left.next_if(|c| *c != '\n').is_some() {}
            } else if !c.is_whitespace() {
                return;
            } else {
                self.left.next();
            }
        }
    }

    fn name(&mut self) -> String {
        std::iter::from_fn(|| self.left.next_if(|c| of_name(*c))).collect()
    }

    fn defines(&mut self) -> bool {
        let mut ahead = self.left.clone();
        ahead.by_ref().take(3).eq("::=".chars())
    }

    /// The name of the first rule, up to behind its `::=`.
    fn heading(&mut self) -> Result<Option<String>, Fault> {
        self.skip();
        let name = self.name();
        self.skip();
        if name.is_empty() || !self.defines() {
            return Err(wrong("it does not begin with a rule"));
        }
        self.left.nth(2);
        Ok(Some(name))
    }

    /// The parts of one rule. Returns the name of the next one.
    fn parts(&mut self) -> Result<Option<String>, Fault> {
        loop {
            self.skip();
            let Some(&c) = self.left.peek() else { return Ok(None) };
            if of_name(c) {
                let name = self.name();
                self.skip();
                if self.defines() {
                    self.left.nth(2);
                    return Ok(Some(name));
                }
                let lark = self.lark_name(&name);
                let _ = write!(self.out, " {lark}");
                continue;
            }
            self.left.next();
            match c {
                '"' => self.text()?,
                '[' => self.class()?,
                '.' => self.out.push_str(" /(?s:.)/"),
                '(' | '|' => {
                    let _ = write!(self.out, " {c}");
                }
                ')' | '*' | '+' | '?' => self.out.push(c),
                '{' => self.count()?,
                _ => return Err(wrong(&format!("'{c}' has no meaning there"))),
            }
        }
    }

    fn count(&mut self) -> Result<(), Fault> {
        let inner: String = std::iter::from_fn(|| self.left.next_if(|c| *c != '}' && *c != '\n')).collect();
        let fits = inner.chars().all(|c| c.is_ascii_digit() || c == ',' || c == ' ');
        if !fits || self.left.next() != Some('}') {
            return Err(wrong("a number of repetitions is not closed"));
        }
        let _ = write!(self.out, "{{{inner}}}");
        Ok(())
    }

    /// The next character of a text or class; None at its end.
    fn character(&mut self, end: char) -> Result<Option<char>, Fault> {
        let c = self.left.next().ok_or_else(|| wrong(&format!("a '{end}' is missing")))?;
        if c == end {
            return Ok(None);
        }
        if c != '\\' {
            return Ok(Some(c));
        }
        let code = self.left.next().ok_or_else(|| wrong("it ends with a backslash"))?;
        Ok(Some(match code {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'x' => self.hex(2)?,
            'u' => self.hex(4)?,
            'U' => self.hex(8)?,
            other => other,
        }))
    }

    fn hex(&mut self, digits: usize) -> Result<char, Fault> {
        let text: String = self.left.by_ref().take(digits).collect();
        let number = u32::from_str_radix(&text, 16).ok().and_then(char::from_u32);
        number.ok_or_else(|| wrong(&format!("'{text}' is no character's number")))
    }

    fn text(&mut self) -> Result<(), Fault> {
        let mut all = String::new();
        while let Some(c) = self.character('"')? {
            all.push(c);
        }
        let _ = write!(self.out, " {}", Value::from(all));
        Ok(())
    }

    fn class(&mut self) -> Result<(), Fault> {
        let negated = self.left.next_if_eq(&'^').is_some();
        let mut inner = String::new();
        while let Some(c) = self.character(']')? {
            let _ = write!(inner, "\\u{{{:x}}}", c as u32);
            if self.left.peek() == Some(&'-') && self.left.clone().nth(1) != Some(']') {
                self.left.next();
                let last = self.character(']')?.unwrap_or(c);
                let _ = write!(inner, "-\\u{{{:x}}}", last as u32);
            }
        }
        if inner.is_empty() {
            return Err(wrong("a class of characters is empty"));
        }
        let _ = write!(self.out, " /[{}{inner}]/", if negated { "^" } else { "" });
        Ok(())
    }
}
