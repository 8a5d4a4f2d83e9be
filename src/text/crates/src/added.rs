//! Finds added tokens ("<|im_start|>", "\n\n") in a text before it goes to the model, in linear time.
//!
//! Two rules: matching is leftmost-longest with the flags lstrip, rstrip and single_word, as in the reference
//! library. Inside a literal range only plain-text tokens are recognised, so text that a user typed never
//! becomes markup.

use aho_corasick::{AhoCorasick, Input, MatchKind};
use std::ops::Range;
use tokenizers::AddedToken;

/// HTML tags that gemma has as added tokens. They are ordinary text, not markup of a conversation.
const HTML: &[&str] = &[
    "a",
    "b",
    "bbox",
    "blockquote",
    "body",
    "caption",
    "code",
    "div",
    "em",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "html",
    "i",
    "iframe",
    "img",
    "li",
    "s",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
];

/// True for runs of white space, and for HTML tags if the vocabulary has the complete set of them (`html`).
pub fn is_plain_text(token: &AddedToken, html: bool) -> bool {
    if token.special || token.content.is_empty() {
        return false;
    }
    let t = token.content.as_str();
    if t.chars().all(|c| c.is_whitespace() || c == '\u{2581}') {
        return true;
    }
    html && is_html_tag(t)
}

pub fn is_html_tag(t: &str) -> bool {
    match t.strip_prefix('<').and_then(|t| t.strip_suffix('>')) {
        Some(name) => HTML.binary_search(&name.strip_prefix('/').unwrap_or(name)).is_ok(),
        None => false,
    }
}

pub struct Entry {
    pub id: u32,
    pub token: AddedToken,
    pub plain: bool,
    pub spelling: String, // the text to find: the content, or its normalised form
}

/// A set of tokens that are searched in the same text, raw or normalised.
pub struct Matcher {
    entries: Vec<Entry>,
    all: Option<AhoCorasick>,
    plain: Option<AhoCorasick>,
    plain_entries: Vec<usize>, // pattern number of `plain` → entry
}

pub struct Hit {
    pub id: u32,
    pub begin: usize,
    pub end: usize,
}

fn automaton<'a>(patterns: impl Iterator<Item = &'a str>) -> Result<Option<AhoCorasick>, String> {
    let patterns: Vec<&str> = patterns.collect();
    if patterns.is_empty() {
        return Ok(None);
    }
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(patterns)
        .map(Some)
        .map_err(|e| format!("added tokens: {e}"))
}

impl Matcher {
    pub fn new(entries: Vec<Entry>) -> Result<Matcher, String> {
        let plain_entries: Vec<usize> = (0..entries.len()).filter(|&i| entries[i].plain).collect();
        Ok(Matcher {
            all: automaton(entries.iter().map(|e| e.spelling.as_str()))?,
            plain: automaton(plain_entries.iter().map(|&i| entries[i].spelling.as_str()))?,
            plain_entries,
            entries,
        })
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The tokens of `text`, in order, without overlaps. `literal` must be sorted without overlaps; with
    /// `only_plain` the whole text counts as literal.
    pub fn find(&self, text: &str, only_plain: bool, literal: &[Range<usize>]) -> Vec<Hit> {
        let mut hits = Vec::new();
        let mut taken = 0; // text before this belongs to a hit
        let mut from = 0;
        while let Some((entry, begin, end)) = self.next(text, from, only_plain, literal) {
            from = end;
            let e = &self.entries[entry];
            if e.token.single_word && !stands_alone(text, begin, end) {
                continue;
            }
            let mut hit = Hit { id: e.id, begin: begin.max(taken), end };
            if e.token.lstrip {
                hit.begin = space_begin(text, begin, taken);
            }
            if e.token.rstrip {
                hit.end = space_end(text, end);
            }
            if hit.begin < hit.end {
                taken = hit.end;
                hits.push(hit);
            }
        }
        hits
    }

    fn next(
        &self,
        text: &str,
        from: usize,
        only_plain: bool,
        literal: &[Range<usize>],
    ) -> Option<(usize, usize, usize)> {
        if only_plain {
            return self.next_plain(text, from..text.len());
        }
        let all = self.all.as_ref()?;
        let mut from = from;
        loop {
            let m = all.find(Input::new(text).range(from..text.len()))?;
            let entry = m.pattern().as_usize();
            if self.entries[entry].plain {
                return Some((entry, m.start(), m.end()));
            }
            let at = literal.partition_point(|r| r.end <= m.start());
            let Some(barrier) = literal.get(at).filter(|r| r.start < m.end()) else {
                return Some((entry, m.start(), m.end()));
            };
            // Overlaps a literal range: a shorter token may end before it, or a plain one may start in it.
            let before = all.find(Input::new(text).range(m.start().min(barrier.start)..barrier.start));
            let before = before.map(|m| (m.pattern().as_usize(), m.start(), m.end()));
            let plain = self.next_plain(text, m.start()..text.len().min(barrier.end.max(m.end())));
            match (before, plain) {
                (Some(b), Some(p)) => {
                    return Some(if p.1 < b.1 || (p.1 == b.1 && p.2 > b.2) { p } else { b })
                }
                (Some(b), None) => return Some(b),
                (None, Some(p)) if p.1 < barrier.end => return Some(p),
                _ => from = barrier.end,
            }
        }
    }

    fn next_plain(&self, text: &str, range: Range<usize>) -> Option<(usize, usize, usize)> {
        let m = self.plain.as_ref()?.find(Input::new(text).range(range))?;
        Some((self.plain_entries[m.pattern().as_usize()], m.start(), m.end()))
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn stands_alone(text: &str, begin: usize, end: usize) -> bool {
    let before = text[..begin].chars().next_back();
    let after = text[end..].chars().next();
    !before.is_some_and(is_word) && !after.is_some_and(is_word)
}

fn space_begin(text: &str, begin: usize, floor: usize) -> usize {
    let floor = floor.min(begin);
    floor + text[floor..begin].trim_end().len()
}

fn space_end(text: &str, end: usize) -> usize {
    text.len() - text[end..].trim_start().len()
}
