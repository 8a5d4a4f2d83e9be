//! What a schema asks of a text, as regexes of the lexer: for values that stand as they are, without quotes.

use super::formats::regex_of;
use super::keywords::{rule_of, Rule};
use super::schema::{below, count, format_of, text};
use super::Fault;
use llguidance::regex_to_lark;
use regex_syntax::hir::{Dot, Hir, HirKind, Look, Repetition};
use serde_json::Value;

/// A text matches a whole regex of these if it matches all of them.
pub struct Restricted {
    pub regexes: Vec<String>,
    pub may_be_empty: bool,
}

/// REQUIRES: `schema` is an object whose type is string. None: it restricts by keywords that are not for texts.
pub fn restricted(schema: &Value, here: &str) -> Result<Option<Restricted>, Fault> {
    let Some(map) = schema.as_object() else { return Ok(None) };
    let mut regexes = Vec::new();
    for (keyword, value) in map.iter().filter(|(k, _)| !matches!(rule_of(k), Rule::Ignored)) {
        let place = below(here, keyword);
        match keyword.as_str() {
            "type" => {}
            "pattern" => regexes.push(whole(value, &place)?),
            "format" => regexes.extend(format_of(value, map, &place)?.and_then(|f| f.as_str().map(regex_of))),
            "minLength" => regexes.push(format!("(?s:.){{{},}}", count(value, &place)?)),
            "maxLength" => regexes.push(format!("(?s:.){{0,{}}}", count(value, &place)?)),
            _ => return Ok(None),
        }
    }
    let empty = |r: &String| parsed(r).is_some_and(|h| h.properties().minimum_len() == Some(0));
    let may_be_empty = regexes.iter().all(empty);
    Ok(Some(Restricted {
        regexes: regexes.iter().map(|r| format!("({})", in_slashes(r))).collect(),
        may_be_empty,
    }))
}

fn parsed(regex: &str) -> Option<Hir> {
    regex_syntax::parse(regex).ok()
}

/// As a part of a regex between slashes.
pub fn in_slashes(regex: &str) -> String {
    regex.replace('/', "\\/").replace('\n', "\\n").replace('\r', "\\r")
}

/// A pattern may begin and end anywhere in a text. The regex of the texts in which it is found.
fn whole(value: &Value, here: &str) -> Result<String, Fault> {
    let checked = text(value, here)?;
    let pattern = checked.as_str().unwrap_or_default();
    let hir = parsed(&regex_to_lark(pattern, "dw"))
        .ok_or_else(|| Fault::at(here, "is not a regex that can be kept"))?;
    let found =
        found_in(hir).ok_or_else(|| Fault::at(here, "has an anchor that is not at its begin or end"))?;
    let found = found.to_string();
    if found.len() > super::GRAMMAR_MAX {
        return Err(Fault::complex(here, "its classes have too many characters"));
    }
    Ok(found)
}

fn found_in(hir: Hir) -> Option<Hir> {
    match hir.into_kind() {
        HirKind::Alternation(list) => {
            Some(Hir::alternation(list.into_iter().map(found_in).collect::<Option<_>>()?))
        }
        HirKind::Capture(c) => found_in(*c.sub),
        HirKind::Concat(list) => anywhere(list),
        HirKind::Look(look) => anywhere(vec![Hir::look(look)]),
        HirKind::Empty => Some(any_text()),
        HirKind::Literal(l) => anywhere(vec![Hir::literal(l.0)]),
        HirKind::Class(c) => anywhere(vec![Hir::class(c)]),
        HirKind::Repetition(r) => anywhere(vec![Hir::repetition(r)]),
    }
}

/// Puts any text where no anchor stands.
fn anywhere(mut parts: Vec<Hir>) -> Option<Hir> {
    let is = |part: Option<&Hir>, look: Look| part.is_some_and(|h| *h.kind() == HirKind::Look(look));
    if is(parts.first(), Look::Start) {
        parts.remove(0);
    } else {
        parts.insert(0, any_text());
    }
    if is(parts.last(), Look::End) {
        parts.pop();
    } else {
        parts.push(any_text());
    }
    parts.iter().all(|h| h.properties().look_set().is_empty()).then(|| Hir::concat(parts))
}

fn any_text() -> Hir {
    Hir::repetition(Repetition { min: 0, max: None, greedy: true, sub: Box::new(Hir::dot(Dot::AnyChar)) })
}
