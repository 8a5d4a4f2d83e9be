//! wordwrap: Python's textwrap. Breaks lines at white space, after hyphens and around long dashes.

use super::args::{given, int_or, is_true, Args};
use super::fault::{refuse, Result};
use super::interp::Interp;
use super::show::string;
use super::text::{is_space, split_lines};
use super::value::Value;

struct Rules {
    width: usize,
    break_long: bool,
    at_hyphens: bool,
}

pub fn wordwrap(interp: &Interp, v: Value, args: Args) -> Result<Value> {
    let [width, long, end, hyphens] =
        args.bind("wordwrap", ["width", "break_long_words", "wrapstring", "break_on_hyphens"], 0)?;
    let width = int_or(&width, 79)?;
    let Value::Str(s) = &v else { return refuse("wordwrap takes a text") };
    if width <= 0 {
        return refuse(format!("invalid width {width} (must be > 0)"));
    }
    let rules = Rules {
        width: width as usize,
        break_long: is_true(&long, true),
        at_hyphens: is_true(&hyphens, true),
    };
    let end = given(&end).map_or(Ok("\n".to_string()), string)?;
    interp.spend_bytes(s.text.len() * 8)?;
    let wrapped = split_lines(&s.text, false).into_iter().map(|line| wrap(line, &rules).join(&end));
    let text = wrapped.collect::<Vec<_>>().join(&end);
    if text.len() > super::ops::BYTES_MAX {
        return refuse("a text longer than a template can need");
    }
    Ok(Value::from(text))
}

fn is_gap(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\x0b' | '\x0c' | '\r' | ' ')
}

fn is_word(c: Option<&char>) -> bool {
    c.is_some_and(|c| *c == '_' || c.is_alphanumeric())
}

fn is_letter(c: Option<&char>) -> bool {
    is_word(c) && c.is_some_and(|c| !super::text::is_decimal(*c))
}

fn is_punctuated(c: Option<&char>) -> bool {
    is_word(c) || c.is_some_and(|c| matches!(c, '!' | '"' | '\'' | '&' | '.' | ',' | '?'))
}

/// The length of a long dash between two words that begins here.
fn dash_length(text: &[char], at: usize) -> usize {
    if at == 0 || !is_punctuated(text.get(at - 1)) {
        return 0;
    }
    let count = text[at..].iter().take_while(|c| **c == '-').count();
    if count >= 2 && is_word(text.get(at + count)) {
        count
    } else {
        0
    }
}

/// Whether a line may be broken after the hyphen here.
fn breaks_behind(text: &[char], at: usize) -> bool {
    let back = |n: usize| at.checked_sub(n).and_then(|i| text.get(i));
    let two_letters = is_letter(back(1)) && is_letter(back(2));
    let short = is_punctuated(back(1)) && back(2) == Some(&'-') && is_letter(back(3));
    let next = at + 1;
    let second = if text.get(next + 1) == Some(&'-') { next + 2 } else { next + 1 };
    text[at] == '-' && (two_letters || short) && is_letter(text.get(next)) && is_letter(text.get(second))
}

/// The end of the piece that begins here: white space, a dash, or a part of a word that is not broken.
fn piece_end(text: &[char], from: usize, rules: &Rules) -> usize {
    let run = |is: fn(char) -> bool| from + text[from..].iter().take_while(|c| is(**c)).count();
    if is_gap(text[from]) {
        return run(is_gap);
    }
    if !rules.at_hyphens {
        return run(|c| !is_gap(c));
    }
    let dash = dash_length(text, from);
    if dash > 0 {
        return from + dash;
    }
    for at in from + 1..text.len() {
        if breaks_behind(text, at) {
            return at + 1;
        }
        if is_gap(text[at]) || dash_length(text, at) > 0 {
            return at;
        }
    }
    text.len()
}

fn wrap(line: &str, rules: &Rules) -> Vec<String> {
    let text: Vec<char> = line.chars().collect();
    let mut pieces: Vec<&[char]> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let end = piece_end(&text, at, rules);
        pieces.push(&text[at..end]);
        at = end;
    }
    pieces.reverse();
    let is_blank = |p: &[char]| p.iter().all(|c| is_space(*c));
    let mut lines = Vec::new();
    while let Some(piece) = pieces.last() {
        if is_blank(piece) && !lines.is_empty() {
            pieces.pop();
        }
        let mut kept: Vec<&[char]> = Vec::new();
        let mut length = 0;
        while let Some(piece) = pieces.last().filter(|p| length + p.len() <= rules.width) {
            length += piece.len();
            kept.push(piece);
            pieces.pop();
        }
        if pieces.last().is_some_and(|p| p.len() > rules.width) {
            break_long(&mut pieces, &mut kept, rules.width - length, rules);
        }
        if kept.last().is_some_and(|p| is_blank(p)) {
            kept.pop();
        }
        if !kept.is_empty() {
            lines.push(kept.concat().into_iter().collect());
        }
    }
    lines
}

/// Breaks a word that is longer than a line: a part of it fills the line, or it gets a line of its own.
fn break_long<'a>(pieces: &mut Vec<&'a [char]>, kept: &mut Vec<&'a [char]>, room: usize, rules: &Rules) {
    let Some(piece) = pieces.pop() else { return };
    if !rules.break_long {
        if kept.is_empty() {
            kept.push(piece);
        } else {
            pieces.push(piece);
        }
        return;
    }
    let mut end = room;
    if rules.at_hyphens && piece.len() > room {
        let hyphen = piece[..room].iter().rposition(|c| *c == '-').unwrap_or(0);
        if hyphen > 0 && piece[..hyphen].iter().any(|c| *c != '-') {
            end = hyphen + 1;
        }
    }
    kept.push(&piece[..end]);
    pieces.push(&piece[end..]);
}
