//! Properties of characters as Python's str defines them.

use regex_syntax::hir::HirKind;
use std::sync::OnceLock;

/// str.isspace of one character.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// A Unicode class, as regular expressions write it: sorted ranges.
struct Class(Vec<(char, char)>);

impl Class {
    fn new(class: &str) -> Class {
        let kind = regex_syntax::parse(class).map(|hir| hir.into_kind());
        match kind {
            Ok(HirKind::Class(regex_syntax::hir::Class::Unicode(c))) => {
                Class(c.ranges().iter().map(|r| (r.start(), r.end())).collect())
            }
            _ => Class(Vec::new()),
        }
    }

    fn holds(&self, c: char) -> bool {
        let after = self.0.partition_point(|(start, _)| *start <= c);
        after > 0 && c <= self.0[after - 1].1
    }
}

macro_rules! class {
    ($name:ident, $ascii:expr, $class:literal) => {
        pub fn $name(c: char) -> bool {
            static CLASS: OnceLock<Class> = OnceLock::new();
            if c.is_ascii() {
                let ascii: fn(char) -> bool = $ascii;
                return ascii(c);
            }
            CLASS.get_or_init(|| Class::new($class)).holds(c)
        }
    };
}

/// Builds all classes now. memory.rs may stop a rendering thread forever; if the thread were building a class
/// then, all other threads would wait for it.
pub fn prepare() {
    for is_in in [is_alpha, is_decimal, is_numeric, is_printable, is_title, may_begin_name, may_continue_name]
    {
        is_in('é');
    }
}

class!(is_alpha, |c| c.is_ascii_alphabetic(), r"\p{L}");
class!(is_decimal, |c| c.is_ascii_digit(), r"\p{Nd}");
class!(
    is_numeric,
    |c| c.is_ascii_digit(),
    r"[\p{N}〇㐅㐖一七万三九二五京亿亖仟伍億兆八六十千卄卅卌叁四壱壹廾廿弌弍弎弐拾捌柒柿漆玖百肆萬貮貳贰阡陆陌陸零]"
);
class!(is_printable, |c| (' '..='~').contains(&c), r"[^\p{C}\p{Z}]");
class!(is_title, |_| false, r"\p{Lt}");
class!(may_begin_name, |c| c.is_ascii_alphabetic() || c == '_', r"\p{XID_Start}");
class!(may_continue_name, |c| c.is_ascii_alphanumeric() || c == '_', r"\p{XID_Continue}");

/// The value of a decimal digit of any script. The ten digits of a script are consecutive.
pub fn digit_value(c: char) -> Option<u32> {
    let before = |n: u32| char::from_u32(c as u32 - n);
    is_decimal(c).then(|| (1..).take_while(|n| before(*n).is_some_and(is_decimal)).count() as u32 % 10)
}

/// str.isdigit of one character: also digits that are no decimals, such as superscripts.
pub fn is_digit(c: char) -> bool {
    let other = matches!(c, '²' | '³' | '¹' | '\u{1369}'..='\u{1371}' | '\u{19da}' | '\u{2070}'
        | '\u{2074}'..='\u{2079}' | '\u{2080}'..='\u{2089}' | '\u{2460}'..='\u{2468}' | '\u{2474}'..='\u{247c}'
        | '\u{2488}'..='\u{2490}' | '\u{24ea}' | '\u{24f5}'..='\u{24fd}' | '\u{24ff}' | '\u{2776}'..='\u{277e}'
        | '\u{2780}'..='\u{2788}' | '\u{278a}'..='\u{2792}' | '\u{1f100}'..='\u{1f10a}');
    other || is_decimal(c)
}

pub fn is_alnum(c: char) -> bool {
    is_alpha(c) || is_digit(c) || is_numeric(c)
}

pub fn is_cased(c: char) -> bool {
    c.is_uppercase() || c.is_lowercase() || is_title(c)
}

pub fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(may_begin_name) && chars.all(may_continue_name)
}

fn push_title(out: &mut String, c: char) {
    match c {
        'Ǆ' | 'ǅ' | 'ǆ' => out.push('ǅ'),
        'Ǉ' | 'ǈ' | 'ǉ' => out.push('ǈ'),
        'Ǌ' | 'ǋ' | 'ǌ' => out.push('ǋ'),
        'Ǳ' | 'ǲ' | 'ǳ' => out.push('ǲ'),
        '\u{10d0}'..='\u{10ff}' | 'ŉ' => out.push(c),
        _ => {
            let mut upper = c.to_uppercase();
            out.extend(upper.next());
            out.extend(upper.flat_map(char::to_lowercase));
        }
    }
}

pub fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut after_cased = false;
    for c in text.chars() {
        if after_cased {
            out.extend(c.to_lowercase());
        } else {
            push_title(&mut out, c);
        }
        after_cased = is_cased(c);
    }
    out
}

pub fn capitalize(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let first = text.chars().next();
    first.iter().for_each(|c| push_title(&mut out, *c));
    out + &text[first.map_or(0, char::len_utf8)..].to_lowercase()
}

pub fn swapcase(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_uppercase() {
            out.extend(c.to_lowercase());
        } else if c.is_lowercase() {
            out.extend(c.to_uppercase());
        } else {
            out.push(c);
        }
    }
    out
}

pub fn casefold(text: &str) -> String {
    let fold = |c: char| match c {
        'ı' => vec!['ı'],
        c => c.to_uppercase().flat_map(char::to_lowercase).collect(),
    };
    text.chars().flat_map(fold).collect()
}

/// str.istitle
pub fn is_titled(text: &str) -> bool {
    let (mut any, mut after_cased) = (false, false);
    for c in text.chars() {
        let upper = c.is_uppercase() || is_title(c);
        if (upper && after_cased) || (c.is_lowercase() && !after_cased) {
            return false;
        }
        after_cased = is_cased(c);
        any |= after_cased;
    }
    any
}

pub fn split_lines(text: &str, keep_ends: bool) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    let is_end = |c: char| {
        matches!(c, '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}')
    };
    while let Some(at) = rest.find(is_end) {
        let end = if rest[at..].starts_with("\r\n") {
            at + 2
        } else {
            at + rest[at..].chars().next().map_or(1, char::len_utf8)
        };
        lines.push(&rest[..if keep_ends { end } else { at }]);
        rest = &rest[end..];
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}

/// HTML's five characters as markupsafe writes them.
pub fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&#34;"),
            c => out.push(c),
        }
    }
    out
}
