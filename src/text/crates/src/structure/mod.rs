//! Structured output: what a client asks of an answer's form (a JSON schema, a Lark grammar, a regex, a list of
//! choices) becomes masks over the vocabulary. The crate `llguidance` does the parsing. It may overflow its
//! stack, or take minutes and gigabytes, on what a client may send. Therefore
//!
//!   - schema.rs bounds the size and nesting of a schema and rewrites it before the library sees it;
//!   - a helper process with limits of time and memory compiles a structure first (trial.rs). The server
//!     compiles only what the helper could compile, on a thread with the same large stack;
//!   - masks are computed on one worker thread with a large stack, bounded by the library's fuel (matcher.rs).

mod calls;
#[cfg(test)]
mod calls_tests;
mod choices;
mod disjoint;
mod ebnf;
mod formats;
mod keywords;
pub mod matcher;
mod places;
mod productive;
mod quoted;
mod references;
mod restricted;
mod schema;
mod table_calls;
#[cfg(test)]
mod tests;
pub mod trial;
mod vocabulary;

use crate::memory::{held, limited, Share};
use llguidance::api::{ParserLimits, TopLevelGrammar};
use llguidance::{Matcher, ParserFactory};
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use trial::Trial;
pub use vocabulary::Vocabulary;

const STACK_BYTES: usize = 256 << 20;
const TRIAL_BYTES: usize = 256 << 20; // a compilation may hold in the helper process
const OWN_BYTES: usize = 512 << 20; // and here, where the first mask is over the model's vocabulary
const MATCHER_BYTES: usize = 64 << 20; // a compiled structure may hold
const CACHED_BYTES: usize = 256 << 20; // all cached structures may hold
const CACHED: usize = 64; // compiled structures
const REFUSED: usize = 256; // structures that are known to be too complex
const TEXT_MAX: usize = 256 << 10; // bytes of a schema, of a list of choices or tools
const GRAMMAR_MAX: usize = 64 << 10; // bytes of a Lark grammar
const REGEX_MAX: usize = 16 << 10;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    Invalid, // it is wrong, or asks what cannot be kept
    Complex, // it exceeds a limit
    Busy,    // this machine has no time or place for it now
}

/// Why a structure was refused. `place` is the JSON pointer of the keyword at fault, if there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    pub why: Why,
    pub place: String,
    pub message: String,
}

impl Fault {
    pub fn at(place: &str, message: impl Into<String>) -> Fault {
        Fault { why: Why::Invalid, place: place.into(), message: message.into() }
    }
    pub fn complex(place: &str, message: impl Into<String>) -> Fault {
        Fault { why: Why::Complex, place: place.into(), message: message.into() }
    }
    pub fn busy(message: impl Into<String>) -> Fault {
        Fault { why: Why::Busy, place: String::new(), message: message.into() }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    Schema,
    Regex,
    Choice, // the text is a JSON list of strings
    Grammar,
    Calls, // of tools; the text is JSON, see calls.rs
}

pub type Key = (Kind, String);

struct Compiled {
    key: Key,
    matcher: Matcher,
    bytes: usize,
}

/// The compiled structures of one vocabulary. Thread-safe.
pub struct Environment {
    factory: ParserFactory,
    pub vocabulary: Vocabulary,
    trial: Option<Trial>,
    cache: Mutex<VecDeque<Compiled>>, // the last used one in front
    refused: Mutex<VecDeque<Key>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Environment {
    /// Without a trial, structures must come from a friend.
    pub fn new(
        words: Vec<Vec<u8>>,
        special: &[bool],
        ends: &[u32],
        trial: Option<Trial>,
    ) -> Result<Environment, String> {
        let vocabulary = Vocabulary::new(words, special, ends)?;
        let mut factory = ParserFactory::new_simple(&vocabulary.env).map_err(|e| e.to_string())?;
        factory.quiet();
        *factory.limits_mut() =
            ParserLimits { max_lexer_states: 50_000, verbose_errors: false, ..ParserLimits::default() };
        // The library installs a panic hook when it is used first. It would hold a lock inside a watched thread.
        let first = factory.create_parser(TopLevelGrammar::from_regex("a"));
        std::panic::set_hook(Box::new(|_| {}));
        first.map_err(|e| e.to_string())?;
        let (cache, refused) = Default::default();
        Ok(Environment { factory, vocabulary, trial, cache, refused })
    }

    /// A matcher at the start of an answer. Blocks while it compiles, at most some seconds.
    pub fn matcher(&self, kind: Kind, text: &str) -> Result<Matcher, Fault> {
        let key = (kind, text.to_string());
        if let Some(known) = self.known(&key) {
            return known;
        }
        check_size(kind, text)?;
        let made = self.compiled(kind, text);
        match &made {
            Ok((matcher, bytes)) => self.keep(Compiled { key, matcher: matcher.deep_clone(), bytes: *bytes }),
            Err(fault) if fault.why == Why::Complex => self.refuse(key),
            Err(_) => {}
        }
        made.map(|(matcher, _)| matcher)
    }

    /// What is known of a structure without compiling it.
    pub fn known(&self, key: &Key) -> Option<Result<Matcher, Fault>> {
        if locked(&self.refused).contains(key) {
            return Some(Err(too_complex()));
        }
        let mut cache = locked(&self.cache);
        let entry = cache.iter().position(|e| e.key == *key).and_then(|at| cache.remove(at))?;
        let found = entry.matcher.deep_clone();
        cache.push_front(entry);
        Some(Ok(found))
    }

    fn keep(&self, made: Compiled) {
        let mut cache = locked(&self.cache);
        cache.push_front(made);
        cache.truncate(CACHED);
        while cache.iter().map(|c| c.bytes).sum::<usize>() > CACHED_BYTES {
            cache.pop_back();
        }
    }

    fn refuse(&self, key: Key) {
        let mut refused = locked(&self.refused);
        refused.push_front(key);
        refused.truncate(REFUSED);
    }

    fn compiled(&self, kind: Kind, text: &str) -> Result<(Matcher, usize), Fault> {
        if let Some(trial) = &self.trial {
            trial.run(kind, text)?;
        }
        self.compiled_within(OWN_BYTES, kind, text)
    }

    /// Compiles on a thread of lowest priority. Also tells how many bytes the matcher holds.
    fn compiled_within(&self, bytes: usize, kind: Kind, text: &str) -> Result<(Matcher, usize), Fault> {
        let share = Share { stack_bytes: STACK_BYTES, bytes, requests: usize::MAX };
        let work = || {
            trial::step_back();
            self.build(kind, text).map(|matcher| (matcher, held()))
        };
        let made = match limited(share, work) {
            Ok(Some(Ok(made))) => made?,
            Ok(Some(Err(_))) => return Err(Fault::complex("", "the library failed on it")),
            Ok(None) => return Err(too_complex()),
            Err(e) => return Err(Fault::busy(format!("no thread to compile on: {e}"))),
        };
        if made.1 > MATCHER_BYTES {
            return Err(too_complex());
        }
        Ok(made)
    }

    fn build(&self, kind: Kind, text: &str) -> Result<Matcher, Fault> {
        let grammar = match kind {
            Kind::Schema => TopLevelGrammar::from_json_schema(schema::prepared(text)?),
            Kind::Regex => TopLevelGrammar::from_regex(text),
            Kind::Choice => TopLevelGrammar::from_regex(&choices::regex_of(text)?),
            Kind::Grammar if ebnf::is_ebnf(text) => TopLevelGrammar::from_lark(ebnf::lark_of(text)?),
            Kind::Grammar => TopLevelGrammar::from_lark(text.to_string()),
            Kind::Calls => TopLevelGrammar::from_lark(calls::grammar_of(text)?),
        };
        let refused = |small: Value| {
            let prepared = schema::prepared(&small.to_string()).ok()?;
            self.begun(TopLevelGrammar::from_json_schema(prepared)).err().map(|f| f.message)
        };
        self.begun(grammar).map_err(|fault| places::placed(fault, kind, text, &refused))
    }

    fn begun(&self, grammar: TopLevelGrammar) -> Result<Matcher, Fault> {
        let parser = self.factory.create_parser(grammar).map_err(|e| fault_of(&e.to_string()))?;
        let mut matcher = Matcher::new(Ok(parser));
        // The first mask shows what cannot be met at all.
        let first = matcher.compute_mask_or_eos().map_err(|e| fault_of(&e.to_string()))?;
        if first.is_zero() {
            return Err(Fault::at("", "nothing can match it"));
        }
        Ok(matcher)
    }
}

fn check_size(kind: Kind, text: &str) -> Result<(), Fault> {
    let limit = match kind {
        Kind::Regex => REGEX_MAX,
        Kind::Grammar => GRAMMAR_MAX,
        _ => TEXT_MAX,
    };
    if text.len() > limit {
        return Err(Fault::complex("", format!("it has more than {limit} bytes")));
    }
    Ok(())
}

fn too_complex() -> Fault {
    Fault::complex("", "compiling it takes more than 2 s or 256 MB")
}

/// The library's reason in one line. Exhausted limits are complexity, other errors are the client's.
fn fault_of(message: &str) -> Fault {
    let mut lines = message.lines();
    let mut line = lines.next().unwrap_or_default();
    if line.ends_with("parse error:") {
        line = lines.last().unwrap_or(line).trim_start_matches("error: "); // what is between quotes the pattern
    }
    let line = line.chars().take(300).collect::<String>();
    let limits = ["too complex", "too large", "too big", "limit", "fuel", "panic", "stack level", "too many"];
    let complex = limits.iter().any(|l| line.to_lowercase().contains(l));
    let why = if complex { Why::Complex } else { Why::Invalid };
    Fault { why, place: String::new(), message: line }
}
