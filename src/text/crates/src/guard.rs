//! Finds what must be encoded as plain text: parts of a prompt that were typed and spell an added token.
//!
//! The conversation is rendered twice: unchanged, and with private marks around every such spelling
//! in its texts. If the second result without its marks equals the first, the marks show where the
//! spellings are. A template that searches in a text (`'</think>' in content`) may decide
//! differently because of the marks. The texts it searches are then found by bisection, and their
//! spellings are marked inside instead of around.

use crate::jinja::{Dict, Value};
use crate::json::Json;
use aho_corasick::{AhoCorasick, Input, MatchKind};
use std::cell::Cell;
use std::collections::HashMap;
use std::ops::Range;

/// Four noncharacters that do not occur in the conversation, from this one on.
#[derive(Clone, Copy)]
pub struct Marks(u32);

thread_local! {
    static MARKS: Cell<Marks> = const { Cell::new(Marks(0xFDD0)) };
}

const OPEN: u32 = 0; // before a spelling
const CLOSE: u32 = 1; // after a spelling
const INSIDE: u32 = 2; // between the first and second character of a spelling, or of what may become one
const TAIL: u32 = 3; // the end of the message to be continued

fn mark(which: u32) -> char {
    char::from_u32(MARKS.get().0 + which).unwrap_or('\u{FDD0}')
}

pub fn tail_mark() -> char {
    mark(TAIL)
}

/// True for the marks of spellings; the tail mark counts as text.
pub fn is_mark(c: char) -> bool {
    (c as u32).wrapping_sub(MARKS.get().0) < TAIL
}

pub fn without_marks(text: &str) -> String {
    text.chars().filter(|c| !is_mark(*c)).collect()
}

/// Chooses marks that occur in none of the texts, for the renderings on this thread.
pub fn choose_marks(texts: &[&str]) -> Result<(), String> {
    for base in (0xFDD0..0xFDF0).step_by(4) {
        let used = |t: &&str| t.chars().any(|c| (base..base + 4).contains(&(c as u32)));
        if !texts.iter().any(used) {
            MARKS.set(Marks(base));
            return Ok(());
        }
    }
    Err("chat template: the conversation uses up the noncharacters U+FDD0 to U+FDEF".into())
}

#[derive(Clone, Copy, PartialEq)]
pub enum Mode {
    Around,
    Inside,
}

/// The text leaves of the conversation to mark, and how. Leaves are numbered in reading order, keys included.
pub type Marking = HashMap<usize, Mode>;

#[derive(Default)]
pub struct Guard {
    spellings: Option<AhoCorasick>,
    sorted: Vec<String>,
    longest: usize,
}

struct Leaf {
    index: usize,
    text: String,
}

impl Guard {
    pub fn new(mut spellings: Vec<String>) -> Result<Guard, String> {
        spellings.retain(|s| !s.is_empty());
        spellings.sort();
        if spellings.is_empty() {
            return Ok(Guard::default());
        }
        let built = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&spellings);
        Ok(Guard {
            spellings: Some(built.map_err(|e| format!("added tokens: {e}"))?),
            longest: spellings.iter().map(String::len).max().unwrap_or(0),
            sorted: spellings,
        })
    }

    /// The sorted ranges of `plain` that came from the conversation and spell an added token. `plain` is the
    /// prompt without marks; `render` renders with a marking, at most about `budget` times.
    pub fn literal(
        &self,
        conversation: &Json,
        plain: &str,
        budget: usize,
        render: &dyn Fn(&Marking) -> Result<String, String>,
    ) -> Vec<Range<usize>> {
        let mut leaves = Vec::new();
        self.collect(conversation, &mut 0, &mut leaves);
        let mut search = Search { guard: self, plain, render, budget, found: Vec::new() };
        let left = search.resolve(leaves, Mode::Around);
        search.budget = search.budget.max(budget / 2);
        let left = search.resolve(left, Mode::Inside);
        let mut found = search.found;
        for leaf in &left {
            self.verbatim(leaf, plain, &mut found);
        }
        found.sort_by_key(|r| (r.start, r.end));
        found.dedup();
        found
    }

    fn collect(&self, json: &Json, count: &mut usize, leaves: &mut Vec<Leaf>) {
        match json {
            Json::Null | Json::Bool(_) | Json::Int(_) | Json::Float(_) => {}
            Json::Text(t) => self.collect_text(t, count, leaves),
            Json::List(items) => items.iter().for_each(|item| self.collect(item, count, leaves)),
            Json::Map(items) => {
                for (key, value) in items {
                    self.collect_text(key, count, leaves);
                    self.collect(value, count, leaves);
                }
            }
        }
    }

    fn collect_text(&self, text: &str, count: &mut usize, leaves: &mut Vec<Leaf>) {
        if self.suspicious(text) {
            leaves.push(Leaf { index: *count, text: text.to_string() });
        }
        *count += 1;
    }

    fn suspicious(&self, text: &str) -> bool {
        self.spellings.as_ref().is_some_and(|a| a.is_match(text)) || self.beginning(text).is_some()
    }

    /// The start of the longest suffix of `text` that is a proper prefix of a spelling.
    fn beginning(&self, text: &str) -> Option<usize> {
        let mut from = text.len().saturating_sub(self.longest.saturating_sub(1));
        while !text.is_char_boundary(from) {
            from += 1;
        }
        text[from..].char_indices().map(|(i, _)| from + i).find(|&at| {
            let end = &text[at..];
            let place = self.sorted.partition_point(|s| s.as_str() < end);
            self.sorted.get(place).is_some_and(|s| s.len() > end.len() && s.starts_with(end))
        })
    }

    fn marked(&self, text: &str, mode: Mode) -> String {
        let mut out = String::with_capacity(text.len() + 16);
        let mut from = 0;
        for m in self.spellings.iter().flat_map(|a| a.find_iter(text)) {
            out.push_str(&text[from..m.start()]);
            if mode == Mode::Around {
                out.push(mark(OPEN));
                out.push_str(&text[m.range()]);
                out.push(mark(CLOSE));
            } else {
                push_split(&mut out, &text[m.range()]);
            }
            from = m.end();
        }
        match self.beginning(text).filter(|at| *at >= from) {
            Some(at) => {
                out.push_str(&text[from..at]);
                push_split(&mut out, &text[at..]);
            }
            None => out.push_str(&text[from..]),
        }
        out
    }

    /// The value that the template sees for `json`, with its texts marked.
    pub fn value(&self, json: &Json, marking: &Marking, count: &mut usize) -> Value {
        let text = |t: &str, count: &mut usize| {
            let mode = marking.get(count);
            *count += 1;
            mode.map_or_else(|| t.to_string(), |m| self.marked(t, *m))
        };
        match json {
            Json::Null => Value::None,
            Json::Bool(b) => Value::Bool(*b),
            Json::Int(i) => Value::from(i.clone()),
            Json::Float(f) => Value::Float(*f),
            Json::Text(t) => Value::from(text(t, count)),
            Json::List(items) => {
                items.iter().map(|item| self.value(item, marking, count)).collect::<Vec<_>>().into()
            }
            Json::Map(items) => {
                let mut dict = Dict::default();
                for (key, value) in items {
                    let key = text(key, count);
                    dict.insert_text(&key, self.value(value, marking, count));
                }
                dict.into()
            }
        }
    }

    /// Splits a marked prompt into the prompt without marks and the ranges of the marked spellings.
    fn read(&self, marked: &str) -> (String, Vec<Range<usize>>) {
        let (open, close, inside) = (mark(OPEN), mark(CLOSE), mark(INSIDE));
        let mut plain = String::with_capacity(marked.len());
        let (mut opened, mut spans, mut starts) = (None, Vec::new(), Vec::new());
        for c in marked.chars() {
            if c == open {
                opened = Some(plain.len());
            } else if c == close {
                spans.extend(opened.take().map(|at| at..plain.len()));
            } else if c == inside {
                starts.extend(plain.chars().next_back().map(|c| plain.len() - c.len_utf8()));
            } else {
                plain.push(c);
            }
        }
        spans.retain(|s: &Range<usize>| self.spelling_at(&plain, s.start) == Some(s.end));
        for at in starts {
            let two = plain[at..].chars().take(2).map(char::len_utf8).sum::<usize>();
            spans.push(at..self.spelling_at(&plain, at).unwrap_or(0).max(at + two));
        }
        (plain, spans)
    }

    /// The end of the longest spelling that starts at `at`.
    fn spelling_at(&self, text: &str, at: usize) -> Option<usize> {
        let mut end = text.len().min(at + self.longest);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let m = self.spellings.as_ref()?.find(Input::new(text).range(at..end))?;
        (m.start() == at).then(|| m.end())
    }

    /// For a text that cannot be marked: all places where the prompt contains it word for word.
    fn verbatim(&self, leaf: &Leaf, plain: &str, found: &mut Vec<Range<usize>>) {
        let text = leaf.text.trim();
        if text.is_empty() {
            return;
        }
        for (at, _) in plain.match_indices(text) {
            let spelled = self.spellings.iter().flat_map(|a| a.find_iter(text));
            found.extend(spelled.map(|m| at + m.start()..at + m.end()));
        }
    }
}

fn push_split(out: &mut String, text: &str) {
    let first = text.chars().next().map_or(0, char::len_utf8);
    out.push_str(&text[..first]);
    out.push(mark(INSIDE));
    out.push_str(&text[first..]);
}

struct Search<'a> {
    guard: &'a Guard,
    plain: &'a str,
    render: &'a dyn Fn(&Marking) -> Result<String, String>,
    budget: usize, // renderings left
    found: Vec<Range<usize>>,
}

impl Search<'_> {
    /// Returns the leaves that cannot be marked in this mode.
    fn resolve(&mut self, mut leaves: Vec<Leaf>, mode: Mode) -> Vec<Leaf> {
        if leaves.is_empty() || self.budget == 0 {
            return leaves;
        }
        self.budget -= 1;
        let marking = leaves.iter().map(|l| (l.index, mode)).collect();
        if let Ok(marked) = (self.render)(&marking) {
            let (plain, spans) = self.guard.read(&marked);
            if plain == self.plain {
                self.found.extend(spans);
                return Vec::new();
            }
        }
        if leaves.len() == 1 {
            return leaves;
        }
        let second = leaves.split_off(leaves.len() / 2);
        let mut left = self.resolve(leaves, mode);
        left.extend(self.resolve(second, mode));
        left
    }
}
