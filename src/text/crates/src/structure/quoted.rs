//! A Lark grammar of texts becomes a grammar of the same texts inside a JSON string.
//!
//! The library's lexer looks one byte ahead, so a terminal cannot end where an escape sequence may begin or go on.
//! Therefore a terminal that has characters to escape becomes a rule: runs of other characters and each escape
//! sequence are terminals of their own. Terminals without such characters stay as they are. Each character has one
//! escaped form: the short one where JSON has one, else \u and four digits.

use super::Fault;
use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Repetition};
use regex_syntax::ParserBuilder;
use std::collections::HashSet;

/// Terminals of Lark's library that have a character to escape. All others stay as they are.
const COMMON: &[(&str, &str)] = &[
    ("ESCAPED_STRING", r#""([^"\\]|\\.)*""#),
    ("WS_INLINE", r"[ \t]+"),
    ("WS", r"[ \t\f\r\n]+"),
    ("CR", r"\r"),
    ("LF", r"\n"),
    ("NEWLINE", r"(\r?\n)+"),
    ("SH_COMMENT", r"#[^\n]*"),
    ("CPP_COMMENT", r"//[^\n]*"),
    ("C_COMMENT", r"/\*[^*]*\*+([^/*][^*]*\*+)*/"),
    ("SQL_COMMENT", r"--[^\n]*"),
];

enum Piece {
    Name(String),
    Plain(String), // punctuation, or a terminal without characters to escape
    Escaped(Hir),  // a terminal with such characters
}

/// A rule or terminal: its name, and what follows it up to the next one. The first one has no name.
#[derive(Default)]
struct Definition {
    name: String,
    body: Vec<Piece>,
}

pub fn quoted(grammar: &str) -> Result<String, Fault> {
    let definitions = read(grammar)?;
    let escaped = escaped_terminals(&definitions);
    let mut out = String::new();
    for d in &definitions {
        write_name(&d.name, &escaped, &mut out);
        for piece in &d.body {
            match piece {
                Piece::Name(name) => write_name(name, &escaped, &mut out),
                Piece::Plain(text) => out.push_str(text),
                Piece::Escaped(hir) => write(hir, &mut out)?,
            }
        }
    }
    Ok(out)
}

/// A terminal that became a rule has the name of one.
fn write_name(name: &str, escaped: &HashSet<&str>, out: &mut String) {
    if escaped.contains(name) {
        out.push_str(&format!("quoted_{}", name.trim_start_matches('_').to_lowercase()));
    } else {
        out.push_str(name);
    }
}

/// The terminals that have characters to escape, or a part that has.
fn escaped_terminals(definitions: &[Definition]) -> HashSet<&str> {
    let is_terminal =
        |d: &&Definition| d.name.trim_start_matches('_').starts_with(|c: char| c.is_ascii_uppercase());
    let mut found = HashSet::new();
    loop {
        let before = found.len();
        for d in definitions.iter().filter(is_terminal) {
            let escaped = d.body.iter().any(|p| match p {
                Piece::Name(name) => found.contains(name.as_str()),
                Piece::Escaped(_) => true,
                Piece::Plain(_) => false,
            });
            if escaped {
                found.insert(d.name.as_str());
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

#[derive(Default)]
struct Reader {
    definitions: Vec<Definition>,
    current: Definition,
    braces: i32,
}

fn read(grammar: &str) -> Result<Vec<Definition>, Fault> {
    let mut reader = Reader::default();
    let mut rest = grammar;
    let mut at_line_start = true;
    while let Some(first) = rest.chars().next() {
        let taken = reader.piece(first, rest, at_line_start)?;
        at_line_start = first == '\n' || (at_line_start && (first == ' ' || first == '\t'));
        rest = &rest[taken..];
    }
    reader.definitions.push(reader.current);
    if reader.braces != 0 {
        return Err(Fault::at("", "the braces of the grammar do not match"));
    }
    Ok(reader.definitions)
}

impl Reader {
    /// Reads one piece and returns its length.
    fn piece(&mut self, first: char, rest: &str, at_line_start: bool) -> Result<usize, Fault> {
        match first {
            '"' => self.string(rest),
            '#' => Ok(comment(rest)),
            '/' if rest.starts_with("//") => Ok(comment(rest)),
            '/' => self.regex(rest),
            '%' => self.import(rest),
            '<' | '@' | '&' => Err(refused(rest)),
            '~' if !rest[1..].trim_start_matches(' ').starts_with(|c: char| c.is_ascii_digit()) => {
                Err(refused(rest))
            }
            'a'..='z' | 'A'..='Z' | '_' => Ok(self.name(rest, at_line_start)),
            _ => self.other(first),
        }
    }

    fn other(&mut self, first: char) -> Result<usize, Fault> {
        self.braces += i32::from(first == '{') - i32::from(first == '}');
        if self.braces < 0 {
            return Err(Fault::at("", "the braces of the grammar do not match"));
        }
        self.plain(first.to_string());
        Ok(first.len_utf8())
    }

    fn plain(&mut self, text: String) {
        self.current.body.push(Piece::Plain(text));
    }

    fn begin(&mut self, name: &str) {
        let next = Definition { name: name.into(), body: Vec::new() };
        self.definitions.push(std::mem::replace(&mut self.current, next));
    }

    /// The name at the beginning of a line begins a definition if it has a colon, a priority or attributes.
    fn name(&mut self, rest: &str, at_line_start: bool) -> usize {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let defines = rest[end..].trim_start_matches([' ', '\t']).starts_with([':', '.', '[']);
        if at_line_start && defines {
            self.begin(&rest[..end]);
        } else {
            self.current.body.push(Piece::Name(rest[..end].into()));
        }
        end
    }

    /// A string, perhaps with the flag i, or a range of characters.
    fn string(&mut self, rest: &str) -> Result<usize, Fault> {
        let (value, end) = literal(rest)?;
        let after = rest[end..].trim_start_matches(' ');
        if let Some(to) = after.strip_prefix("..") {
            let to = to.trim_start_matches(' ');
            let (last, length) = literal(to)?;
            let class = format!("[{}-{}]", regex_syntax::escape(&value), regex_syntax::escape(&last));
            let taken = rest.len() - to.len() + length;
            self.terminal(&class, "", &rest[..taken])?;
            return Ok(taken);
        }
        let insensitive = rest[end..].starts_with('i');
        let (flags, end) = if insensitive { ("i", end + 1) } else { ("", end) };
        self.terminal(&regex_syntax::escape(&value), flags, &rest[..end])?;
        Ok(end)
    }

    /// /pattern/flags
    fn regex(&mut self, rest: &str) -> Result<usize, Fault> {
        let Some(end) = end_of(rest, '/') else { return Err(refused(rest)) };
        let flags: String = rest[end..].chars().take_while(|c| "imsux".contains(*c)).collect();
        let taken = end + flags.len();
        self.terminal(&rest[1..end - 1].replace("\\/", "/"), &flags, &rest[..taken])?;
        Ok(taken)
    }

    /// `written`: how the grammar writes the pattern.
    fn terminal(&mut self, pattern: &str, flags: &str, written: &str) -> Result<(), Fault> {
        let hir = parsed(pattern, flags)?;
        if has_special(&hir)? {
            self.current.body.push(Piece::Escaped(hir));
        } else {
            self.plain(written.into());
        }
        Ok(())
    }

    /// %import common.NAME -> ALIAS, or of several names in parentheses.
    fn import(&mut self, rest: &str) -> Result<usize, Fault> {
        let line = &rest[..comment(rest)];
        let names = line.strip_prefix("%import common").ok_or_else(|| refused(rest))?;
        let names = names.split("//").next().unwrap_or_default();
        let (names, alias) = names.split_once("->").map_or((names, None), |(n, a)| (n, Some(a.trim())));
        let is_name = |n: &str| !n.is_empty() && n.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        for name in names.split(['.', '(', ')', ',', ' ', '\t', '\r']).filter(|n| !n.is_empty()) {
            let own = alias.unwrap_or(name);
            if !is_name(name) || !is_name(own) {
                return Err(refused(rest));
            }
            if let Some((_, pattern)) = COMMON.iter().find(|c| c.0 == name) {
                self.begin(own);
                self.plain(": ".into());
                self.terminal(pattern, "", "")?;
            } else {
                self.plain(format!("%import common.{name} -> {own}"));
            }
            self.plain("\n".into());
        }
        Ok(line.len())
    }
}

fn refused(rest: &str) -> Fault {
    let word: String = rest.chars().take_while(|c| !c.is_whitespace()).take(40).collect();
    Fault::at("", format!("'{word}' cannot be used in the grammar of a tool"))
}

fn comment(rest: &str) -> usize {
    rest.find('\n').unwrap_or(rest.len())
}

/// The length of what begins and ends with this mark; a backslash takes the next character with it.
fn end_of(rest: &str, mark: char) -> Option<usize> {
    let mut masked = false;
    for (at, c) in rest.char_indices().skip(1) {
        if c == mark && !masked {
            return Some(at + 1);
        }
        masked = c == '\\' && !masked;
    }
    None
}

/// The value of a string literal, and its length with quotes.
fn literal(rest: &str) -> Result<(String, usize), Fault> {
    let end = end_of(rest, '"').filter(|_| rest.starts_with('"'));
    let value = end.and_then(|end| serde_json::from_str(&rest[..end]).ok().map(|value| (value, end)));
    value.ok_or_else(|| refused(rest))
}

fn parsed(pattern: &str, flags: &str) -> Result<Hir, Fault> {
    let mut builder = ParserBuilder::new();
    for flag in flags.chars() {
        match flag {
            'i' => builder.case_insensitive(true),
            'm' => builder.multi_line(true),
            's' => builder.dot_matches_new_line(true),
            'x' => builder.ignore_whitespace(true),
            _ => &mut builder,
        };
    }
    builder.build().parse(pattern).map_err(|e| {
        let line = e.to_string().lines().last().unwrap_or_default().to_string();
        Fault::at("", format!("a pattern of the grammar is not valid: {line}"))
    })
}

fn is_special(c: char) -> bool {
    c < ' ' || c == '"' || c == '\\'
}

/// The special characters of a class.
fn specials_of(class: &ClassUnicode) -> Vec<char> {
    let all = (0..0x80u8).map(char::from).filter(|c| is_special(*c));
    all.filter(|c| class.iter().any(|r| r.start() <= *c && *c <= r.end())).collect()
}

/// Whether a pattern matches texts with special characters. A fault if it cannot be kept at all.
fn has_special(hir: &Hir) -> Result<bool, Fault> {
    let any = |list: &[Hir]| list.iter().try_fold(false, |found, h| Ok(has_special(h)? || found));
    match hir.kind() {
        HirKind::Empty => Ok(false),
        HirKind::Literal(l) => match std::str::from_utf8(&l.0) {
            Ok(text) => Ok(text.contains(is_special)),
            Err(_) => Err(Fault::at("", "a pattern of the grammar matches bytes that are no text")),
        },
        HirKind::Class(Class::Unicode(class)) => Ok(!specials_of(class).is_empty()),
        HirKind::Class(Class::Bytes(_)) => {
            Err(Fault::at("", "a pattern of the grammar matches bytes that are no text"))
        }
        HirKind::Look(_) => {
            Err(Fault::at("", "a pattern of the grammar looks around, which is not supported"))
        }
        HirKind::Repetition(r) => has_special(&r.sub),
        HirKind::Capture(c) => has_special(&c.sub),
        HirKind::Concat(list) | HirKind::Alternation(list) => any(list),
    }
}

/// Writes a pattern as an expression of rules.
fn write(hir: &Hir, out: &mut String) -> Result<(), Fault> {
    match hir.kind() {
        HirKind::Literal(l) => Ok(write_text(&String::from_utf8_lossy(&l.0), out)),
        HirKind::Class(Class::Unicode(class)) => Ok(write_class(class, "", out)),
        HirKind::Repetition(r) => write_repetition(r, out),
        HirKind::Capture(c) => write(&c.sub, out),
        HirKind::Concat(list) => write_list(list, " ", out),
        HirKind::Alternation(list) => {
            let some: Vec<Hir> =
                list.iter().filter(|h| !matches!(h.kind(), HirKind::Empty)).cloned().collect();
            write_list(&some, " | ", out)?;
            out.push_str(if some.len() < list.len() { "?" } else { "" });
            Ok(())
        }
        _ => Err(Fault::at("", "a pattern of the grammar matches the empty text only")),
    }
}

fn write_list(list: &[Hir], between: &str, out: &mut String) -> Result<(), Fault> {
    out.push('(');
    for (i, hir) in list.iter().filter(|h| !matches!(h.kind(), HirKind::Empty)).enumerate() {
        out.push_str(if i > 0 { between } else { "" });
        write(hir, out)?;
    }
    out.push(')');
    Ok(())
}

/// Any number of characters of one class are read in runs.
fn write_repetition(r: &Repetition, out: &mut String) -> Result<(), Fault> {
    match (r.sub.kind(), r.min, r.max) {
        (HirKind::Class(Class::Unicode(class)), 0 | 1, None) => write_class(class, "+", out),
        _ => write(&r.sub, out)?,
    }
    match (r.min, r.max) {
        (0, Some(1)) => out.push('?'),
        (0, None) => out.push('*'),
        (1, None) => out.push('+'),
        (min, None) => out.push_str(&format!("{{{min},}}")),
        (min, Some(max)) => out.push_str(&format!("{{{min},{max}}}")),
    }
    Ok(())
}

/// One character of a class, or with "+" a run of those that are not escaped.
fn write_class(class: &ClassUnicode, many: &str, out: &mut String) {
    let specials = specials_of(class);
    let mut plain = class.clone();
    plain.difference(&ClassUnicode::new(specials.iter().map(|c| ClassUnicodeRange::new(*c, *c))));
    let mut ways: Vec<String> = specials.iter().map(|c| literal_of(&c.to_string())).collect();
    if !plain.ranges().is_empty() {
        let pattern = Hir::class(Class::Unicode(plain)).to_string().replace('/', "\\/");
        ways.push(format!("/(?:{pattern}){many}/"));
    }
    out.push_str(&format!("({})", ways.join(" | ")));
}

/// Runs of characters that are not escaped are one terminal; so is each escape sequence.
fn write_text(text: &str, out: &mut String) {
    let mut parts = Vec::new();
    let mut run = String::new();
    for c in text.chars() {
        if is_special(c) {
            parts.extend((!run.is_empty()).then(|| literal_of(&run)));
            parts.push(literal_of(&c.to_string()));
            run.clear();
        } else {
            run.push(c);
        }
    }
    parts.extend((!run.is_empty()).then(|| literal_of(&run)));
    out.push_str(&format!("({})", parts.join(" ")));
}

/// The grammar's literal of a text inside a JSON string.
fn literal_of(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    serde_json::Value::from(&json[1..json.len() - 1]).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_with_special_characters_become_rules() {
        for (grammar, want) in [
            ("start: \"plain\" A\nA: /x+/\n", "start: \"plain\" A\nA: /x+/\n"),
            ("start: \"p\"~2..3 # ends", "start: \"p\"~2..3 "),
            ("start: \"a\\n\\\"b\"", r#"start: ("a" "\\n" "\\\"" "b")"#),
            ("start: A\nA: B\nB: \"\\t\"", "start: quoted_a\nquoted_a: quoted_b\nquoted_b: (\"\\\\t\")"),
            ("%import common.NUMBER\nstart: NUMBER", "%import common.NUMBER -> NUMBER\n\nstart: NUMBER"),
            ("%import common.LF -> END\nstart: END", "quoted_end: (\"\\\\n\")\n\nstart: quoted_end"),
        ] {
            assert_eq!(quoted(grammar).unwrap(), want);
        }
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        for grammar in [
            "start: <think>",
            "start: @other",
            "start: %json {}",
            "start: ~/a/",
            "start: \"a\" } b: {",
            "%llguidance {}",
            "start: /(/",
            "start: /a\\b/",
            "start: /a",
            "start: \"a",
            "start: /(?-u:\\xff)/",
            "%import other.X",
            "%ignore /x/",
            "start: %lark { start: \"a\" }",
        ] {
            assert_eq!(quoted(grammar).map_err(|f| f.why), Err(super::super::Why::Invalid), "{grammar}");
        }
    }
}
