//! The filter urlize: turns addresses in a text into links.

use super::args::{given, int, is_true, Args};
use super::fault::{refuse, Result};
use super::interp::Interp;
use super::show::string;
use super::text::{escape_html, is_space};
use super::value::Value;
use std::collections::BTreeSet;

struct Links {
    shown_max: Option<usize>, // characters of an address that are shown
    rel: String,
    target: String,
    schemes: Vec<String>,
}

pub fn urlize(interp: &Interp, v: Value, args: Args) -> Result<Value> {
    let [limit, nofollow, target, rel, schemes] =
        args.bind("urlize", ["trim_url_limit", "nofollow", "target", "rel", "extra_schemes"], 0)?;
    let rel = given(&rel).map(string).transpose()?.unwrap_or_default();
    let mut rels: BTreeSet<&str> = rel.split(is_space).filter(|r| !r.is_empty()).collect();
    if is_true(&nofollow, false) {
        rels.insert("nofollow");
    }
    rels.insert("noopener");
    let rels = rels.into_iter().collect::<Vec<_>>().join(" ");
    let target = given(&target).map(string).transpose()?;
    let schemes =
        given(&schemes).map_or(Ok(Vec::new()), |s| interp.iterate(s)?.iter().map(string).collect())?;
    let links = Links {
        shown_max: given(&limit).map(int).transpose()?.map(|n| n.max(0) as usize),
        rel: format!(" rel=\"{}\"", escape_html(&rels)),
        target: target.map_or(String::new(), |t| format!(" target=\"{}\"", escape_html(&t))),
        schemes,
    };
    if links.schemes.iter().any(|s| !s.trim_end_matches('/').ends_with(':')) {
        return refuse("urlize: an extra scheme ends in a colon");
    }
    let text = if v.is_safe() { string(&v)? } else { escape_html(&string(&v)?) };
    interp.spend_bytes(text.len() * 8)?;
    let mut out = String::with_capacity(text.len());
    let mut rest = &text[..];
    while !rest.is_empty() {
        let gap = rest.len() - rest.trim_start_matches(is_space).len();
        out.push_str(&rest[..gap]);
        rest = &rest[gap..];
        let end = rest.find(is_space).unwrap_or(rest.len());
        links.word(&rest[..end], &mut out);
        rest = &rest[end..];
    }
    Ok(if interp.escapes() { Value::safe(out) } else { Value::from(out) })
}

const OPEN: [&str; 3] = ["(", "<", "&lt;"];
const CLOSE: [&str; 3] = [")", ">", "&gt;"];
const ENDS: [&str; 5] = [")", ">", ".", ",", "&gt;"];

impl Links {
    fn word(&self, word: &str, out: &mut String) {
        let mut middle = word;
        while let Some(open) = OPEN.into_iter().find(|o| middle.starts_with(o)) {
            middle = &middle[open.len()..];
        }
        let head = &word[..word.len() - middle.len()];
        let body = middle;
        while let Some(end) = ENDS.into_iter().find(|e| middle.ends_with(e)) {
            middle = &middle[..middle.len() - end.len()];
        }
        for (open, close) in OPEN.into_iter().zip(CLOSE) {
            let lacks = middle.matches(open).count().saturating_sub(middle.matches(close).count());
            for _ in 0..lacks {
                let tail = &body[middle.len()..];
                let Some(at) = tail.find(close) else { break };
                middle = &body[..middle.len() + at + close.len()];
            }
        }
        out.push_str(head);
        self.link(middle, out);
        out.push_str(&body[middle.len()..]);
    }

    fn link(&self, word: &str, out: &mut String) {
        let (rel, target) = (&self.rel, &self.target);
        let is_mail = |text: &str| !text.starts_with("www.") && !text.contains(':') && is_mail(text);
        if is_web(word) {
            let has_scheme = word.starts_with("https://") || word.starts_with("http://");
            let scheme = if has_scheme { "" } else { "https://" };
            out.push_str(&format!("<a href=\"{scheme}{word}\"{rel}{target}>{}</a>", self.shown(word)));
        } else if let Some(address) = word.strip_prefix("mailto:").filter(|a| is_mail(a)) {
            out.push_str(&format!("<a href=\"{word}\">{address}</a>"));
        } else if is_mail(word) {
            out.push_str(&format!("<a href=\"mailto:{word}\">{word}</a>"));
        } else if self.schemes.iter().any(|s| word != s && word.starts_with(&**s)) {
            out.push_str(&format!("<a href=\"{word}\"{rel}{target}>{word}</a>"));
        } else {
            out.push_str(word);
        }
    }

    fn shown(&self, address: &str) -> String {
        match self.shown_max {
            Some(most) if address.chars().count() > most => {
                address.chars().take(most).chain("...".chars()).collect()
            }
            _ => address.to_string(),
        }
    }
}

fn is_part(c: char) -> bool {
    c == '_' || c == '%' || c == '-' || c.is_alphanumeric()
}

fn is_web(word: &str) -> bool {
    let lower = word.to_lowercase();
    let scheme = ["https://", "http://", "www."].into_iter().find(|s| lower.starts_with(s));
    let after = &lower[scheme.map_or(0, str::len)..];
    let end = after.find([':', '/', '?', '#']).filter(|_| !after.starts_with('['));
    let end = end.unwrap_or_else(|| after.find(']').map_or(after.len(), |at| at + 1));
    let (host, rest) = after.split_at(end);
    let port =
        rest.strip_prefix(':').map(|r| r.len() - r.trim_start_matches(|c: char| c.is_ascii_digit()).len());
    let rest = match port {
        Some(1..=5) => &rest[1 + port.unwrap_or(0)..],
        Some(_) => return false,
        None => rest,
    };
    is_host(host, scheme) && (rest.is_empty() || rest.starts_with(['/', '?', '#']))
}

fn is_host(host: &str, scheme: Option<&str>) -> bool {
    let labels: Vec<&str> = host.split('.').collect();
    let (last, first) = (labels[labels.len() - 1], &labels[..labels.len() - 1]);
    if scheme.is_none() {
        let known = ["com", "net", "int", "edu", "gov", "org", "info", "mil"];
        let good = |l: &&str| (2..=63).contains(&l.chars().count()) && l.chars().all(is_part);
        return known.contains(&last) && !first.is_empty() && first.iter().all(good);
    }
    let digits = |l: &&str| (1..=3).contains(&l.len()) && l.bytes().all(|b| b.is_ascii_digit());
    if scheme != Some("www.") && ((labels.len() == 4 && labels.iter().all(digits)) || is_six(host)) {
        return true;
    }
    let letters = (2..=63).contains(&last.len()) && last.bytes().all(|b| b.is_ascii_lowercase());
    let coded = last.strip_prefix("xn--").is_some_and(|l| l.chars().count() >= 2 && l.chars().all(is_part));
    (letters || coded) && first.iter().all(|l| !l.is_empty() && l.chars().all(is_part))
}

/// True for an IPv6 address in brackets.
fn is_six(host: &str) -> bool {
    let inner = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    inner
        .is_some_and(|i| i.matches(':').count() >= 2 && i.bytes().all(|b| b == b':' || b.is_ascii_hexdigit()))
}

fn is_mail(word: &str) -> bool {
    let Some((name, host)) = word.rsplit_once('@') else { return false };
    let is_word = |c: char| c == '_' || c.is_alphanumeric();
    let Some((first, last)) = host.rsplit_once('.') else { return false };
    let good = first.starts_with(is_word) && first.chars().all(|c| is_word(c) || c == '.' || c == '-');
    !name.is_empty() && good && !last.is_empty() && last.chars().all(is_word)
}
