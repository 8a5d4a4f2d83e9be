//! Splits a template's source into tokens, by Jinja2's rules with trim_blocks and lstrip_blocks on:
//! the line end after a block tag is removed, and so is the white space before a block tag that
//! comes first on its line.

use super::fault::{Fault, Kind, Result};
use super::show::escape_of;
use super::text::is_space;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    Data(Arc<str>),
    BeginOutput,
    EndOutput,
    BeginBlock,
    EndBlock,
    Name(Arc<str>),
    Text(Arc<str>),
    Int(String), // digits with their prefix, without underscores
    Float(f64),
    Sign(&'static str),
    End,
}

pub struct Placed {
    pub token: Token,
    pub line: u32,
}

const SIGNS: [&str; 26] = [
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<",
    "=", ".", ":", "|", ",", ";",
];

/// Turns CRLF and CR into line feeds everywhere and removes one line feed at the end.
pub fn with_line_feeds(source: &str) -> String {
    let mut text = source.replace("\r\n", "\n").replace('\r', "\n");
    if text.ends_with('\n') {
        text.pop();
    }
    text
}

pub fn tokens(source: &str) -> Result<Vec<Placed>> {
    let text = with_line_feeds(source);
    let mut lexer = Lexer { text: &text, at: 0, line: 1, out: Vec::new(), starts_line: true };
    match lexer.run() {
        Ok(()) => Ok(lexer.out),
        Err(fault) => Err(fault.at(lexer.line)),
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    line: u32,
    out: Vec<Placed>,
    starts_line: bool, // the text before ends with a line end
}

fn fault<T>(text: impl Into<String>) -> Result<T> {
    Err(Fault::new(Kind::Syntax, text))
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn push(&mut self, token: Token) {
        self.out.push(Placed { token, line: self.line });
    }

    fn advance(&mut self, bytes: usize) {
        let passed = &self.text[self.at..self.at + bytes];
        self.line += passed.bytes().filter(|b| *b == b'\n').count() as u32;
        if !passed.is_empty() {
            self.starts_line = passed.ends_with('\n');
        }
        self.at += bytes;
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.advance(rest.len() - rest.trim_start_matches(is_space).len());
    }

    fn run(&mut self) -> Result<()> {
        while let Some(length) = next_tag(self.rest()) {
            let starts_line = self.starts_line;
            let data = &self.rest()[..length];
            let tag = &self.rest()[length..length + 2];
            let sign = self.rest()[length + 2..].chars().next().filter(|c| matches!(c, '-' | '+'));
            let kept = before_tag(data, sign, tag != "{{", starts_line);
            if !kept.is_empty() {
                self.push(Token::Data(kept.into()));
            }
            self.advance(length + 2 + usize::from(sign.is_some()));
            match tag {
                "{#" => self.comment()?,
                "{{" => self.tag(Token::BeginOutput, "}}", Token::EndOutput)?,
                _ => match self.raw_begin() {
                    Some(bytes) => self.raw(bytes)?,
                    None => self.tag(Token::BeginBlock, "%}", Token::EndBlock)?,
                },
            }
        }
        if !self.rest().is_empty() {
            let data = Token::Data(self.rest().into());
            self.push(data);
        }
        self.push(Token::End);
        Ok(())
    }

    /// Finds the end of a comment or a block. Its sign (- or +) decides about the white space after it.
    fn close(&self, from: &str, end: &str) -> Option<usize> {
        if let Some(rest) = from.strip_prefix('-').and_then(|r| r.strip_prefix(end)) {
            return Some(from.len() - rest.trim_start_matches(is_space).len());
        }
        if from.strip_prefix('+').is_some_and(|r| r.starts_with(end)) {
            return Some(1 + end.len());
        }
        let rest = from.strip_prefix(end)?;
        Some(end.len() + usize::from(end != "}}" && rest.starts_with('\n')))
    }

    fn comment(&mut self) -> Result<()> {
        let rest = self.rest();
        if rest.is_empty() {
            return Ok(()); // a comment that begins with the last characters counts as ended
        }
        let found = rest.match_indices("#}").find_map(|(at, _)| {
            let before = rest[..at].ends_with(['-', '+']);
            let begin = at - usize::from(before);
            Some(begin + self.close(&rest[begin..], "#}")?)
        });
        let Some(end) = found else { return fault("a comment without an end") };
        self.advance(end);
        Ok(())
    }

    /// The length up to the end of `raw %}`, if that follows the beginning of a tag.
    fn raw_begin(&self) -> Option<usize> {
        let rest = self.rest();
        let inner = rest.trim_start_matches(is_space).strip_prefix("raw")?.trim_start_matches(is_space);
        if let Some(after) = inner.strip_prefix("-%}") {
            return Some(rest.len() - after.trim_start_matches(is_space).len());
        }
        inner.strip_prefix("%}").map(|after| rest.len() - after.len())
    }

    fn raw(&mut self, begin: usize) -> Result<()> {
        self.advance(begin);
        let rest = self.rest();
        if rest.is_empty() {
            return Ok(()); // as with comments
        }
        for (at, _) in rest.match_indices("{%") {
            let inner = &rest[at + 2..];
            let sign = inner.chars().next().filter(|c| matches!(c, '-' | '+'));
            let inner = inner[usize::from(sign.is_some())..].trim_start_matches(is_space);
            let Some(inner) = inner.strip_prefix("endraw") else { continue };
            let inner = inner.trim_start_matches(is_space);
            let Some(end) = self.close(inner, "%}") else { continue };
            let kept = before_tag(&rest[..at], sign, true, self.starts_line);
            if !kept.is_empty() {
                self.push(Token::Data(kept.into()));
            }
            self.advance(rest.len() - inner.len() + end);
            return Ok(());
        }
        fault("a raw block without an end")
    }

    fn tag(&mut self, begin: Token, end: &'static str, ended: Token) -> Result<()> {
        self.push(begin);
        let mut open: Vec<char> = Vec::new();
        loop {
            let close = if open.is_empty() { self.tag_end(end) } else { None };
            if let Some(bytes) = close {
                self.push(ended);
                self.advance(bytes);
                return Ok(());
            }
            let rest = self.rest();
            let Some(c) = rest.chars().next() else {
                return fault("the template ends inside a tag");
            };
            if is_space(c) {
                self.skip_space();
            } else if c == '"' || c == '\'' {
                self.string(c)?;
            } else if let Some(bytes) = self.number()? {
                self.advance(bytes);
            } else if is_word(c) {
                self.name(rest)?;
            } else {
                self.sign(rest, &mut open)?;
            }
        }
    }

    fn tag_end(&self, end: &str) -> Option<usize> {
        if end == "}}" && self.rest().starts_with('+') {
            return None;
        }
        self.close(self.rest(), end)
    }

    fn string(&mut self, quote: char) -> Result<()> {
        let rest = self.rest();
        let mut escaped = false;
        for (at, c) in rest.char_indices().skip(1) {
            if escaped {
                escaped = false;
            } else if c == '\\' {
                escaped = true;
            } else if c == quote {
                let text = unescaped(&rest[1..at])?;
                self.push(Token::Text(text.into()));
                self.advance(at + 1);
                return Ok(());
            }
        }
        fault("a string without an end")
    }

    /// Pushes the number that starts here and returns its length; None if there is none.
    fn number(&mut self) -> Result<Option<usize>> {
        let rest = self.rest();
        let after_dot = self.text[..self.at].ends_with('.');
        if let Some(length) = if after_dot { None } else { float_length(rest) } {
            let plain = rest[..length].replace('_', "");
            let Ok(v) = plain.parse::<f64>() else { return fault("a number that is none") };
            self.push(Token::Float(v));
            return Ok(Some(length));
        }
        let length = int_length(rest);
        if length > 0 {
            self.push(Token::Int(rest[..length].replace('_', "")));
        }
        Ok((length > 0).then_some(length))
    }

    fn name(&mut self, rest: &str) -> Result<()> {
        let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        if !super::text::is_identifier(&rest[..length]) {
            return fault("a name with a character that no name may have");
        }
        self.push(Token::Name(rest[..length].into()));
        self.advance(length);
        Ok(())
    }

    fn sign(&mut self, rest: &str, open: &mut Vec<char>) -> Result<()> {
        let Some(sign) = SIGNS.into_iter().find(|s| rest.starts_with(s)) else {
            return fault(format!("an unexpected character {:?}", rest.chars().next().unwrap_or(' ')));
        };
        match sign {
            "(" => open.push(')'),
            "[" => open.push(']'),
            "{" => open.push('}'),
            ")" | "]" | "}" => match open.pop() {
                Some(c) if sign.starts_with(c) => {}
                Some(c) => return fault(format!("an unexpected '{sign}', '{c}' is expected")),
                None => return fault(format!("an unexpected '{sign}'")),
            },
            _ => {}
        }
        self.push(Token::Sign(sign));
        self.advance(sign.len());
        Ok(())
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn next_tag(rest: &str) -> Option<usize> {
    rest.match_indices('{')
        .map(|(at, _)| at)
        .find(|at| matches!(rest.as_bytes().get(at + 1), Some(b'{' | b'%' | b'#')))
}

/// The text before a tag after its white space is trimmed.
fn before_tag(data: &str, sign: Option<char>, is_block: bool, starts_line: bool) -> &str {
    if sign == Some('-') {
        return data.trim_end_matches(is_space);
    }
    if sign == Some('+') || !is_block {
        return data;
    }
    let line = data.rfind('\n').map_or(0, |at| at + 1);
    let is_first = line > 0 || starts_line;
    if is_first && data[line..].chars().all(is_space) {
        return &data[..line];
    }
    data
}

/// The length of groups of digits with single underscores between them.
fn digits_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let underscore = usize::from(at > 0 && bytes[at] == b'_');
        if !bytes.get(at + underscore).is_some_and(u8::is_ascii_digit) {
            break;
        }
        at += underscore + 1;
    }
    at
}

fn float_length(text: &str) -> Option<usize> {
    let whole = digits_length(text);
    if whole == 0 {
        return None;
    }
    let mut at = whole;
    if text[at..].starts_with('.') {
        let part = digits_length(&text[at + 1..]);
        at += if part > 0 { 1 + part } else { 0 };
    }
    if text[at..].starts_with(['e', 'E']) {
        let sign = usize::from(text[at + 1..].starts_with(['+', '-']));
        let part = digits_length(&text[at + 1 + sign..]);
        at += if part > 0 { 1 + sign + part } else { 0 };
    }
    (at > whole).then_some(at)
}

fn int_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let radix = |digit: fn(&u8) -> bool| {
        let mut at = 2;
        while at < bytes.len() {
            let underscore = usize::from(bytes[at] == b'_');
            if !bytes.get(at + underscore).is_some_and(digit) {
                break;
            }
            at += underscore + 1;
        }
        at
    };
    let (length, zero) = match (bytes.first(), bytes.get(1)) {
        (Some(b'0'), Some(b'x' | b'X')) => (radix(u8::is_ascii_hexdigit), true),
        (Some(b'0'), Some(b'b' | b'B')) => (radix(|b| matches!(b, b'0' | b'1')), true),
        (Some(b'0'), Some(b'o' | b'O')) => (radix(|b| matches!(b, b'0'..=b'7')), true),
        (Some(b'0'), _) => (2, true),
        _ => (digits_length(text), false),
    };
    if !zero || length > 2 {
        return length;
    }
    let mut at = 1;
    while matches!(&bytes[at..], [b'0', ..] | [b'_', b'0', ..]) {
        at += if bytes[at] == b'_' { 2 } else { 1 };
    }
    at
}

/// Resolves Python's escapes. A backslash before a letter without a meaning is kept.
fn unescaped(text: &str) -> Result<String> {
    if !text.contains('\\') {
        return Ok(text.to_string());
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let Some(kind) = chars.next() else { return fault("a backslash at the end of a string") };
        match kind {
            '\n' => {}
            '\\' | '\'' | '"' => out.push(kind),
            'a' => out.push('\x07'),
            'b' => out.push('\x08'),
            'f' => out.push('\x0c'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'v' => out.push('\x0b'),
            'x' => out.push(code_point(&mut chars, 2)?),
            'u' => out.push(code_point(&mut chars, 4)?),
            'U' => out.push(code_point(&mut chars, 8)?),
            'N' => return fault("characters by name (\\N{...}) are not known here"),
            '0'..='7' => {
                let mut code = kind.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(d) = chars.peek().and_then(|c| c.to_digit(8)) else { break };
                    code = code * 8 + d;
                    chars.next();
                }
                out.extend(char::from_u32(code));
            }
            c if c.is_ascii() => out.extend(['\\', c]),
            c => out.push_str(&escape_of(c)), // Jinja2 writes these as escapes before it reads escapes
        }
    }
    Ok(out)
}

fn code_point(chars: &mut std::iter::Peekable<std::str::Chars>, digits: usize) -> Result<char> {
    let mut code = 0u32;
    for _ in 0..digits {
        let Some(d) = chars.next().and_then(|c| c.to_digit(16)) else {
            return fault("an escape with too few digits");
        };
        code = code.checked_mul(16).unwrap_or(u32::MAX - 15) | d;
    }
    char::from_u32(code).map_or_else(|| fault("an escape that is no character"), Ok)
}
