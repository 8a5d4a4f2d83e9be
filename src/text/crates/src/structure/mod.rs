//! Structured output: what a client asks of an answer's form (a JSON schema, a Lark grammar, a regex, a list of
//! choices) becomes masks over the vocabulary. The crate `llguidance` does the parsing. It may overflow its
//! stack, or take minutes and gigabytes, on what a client may send. Therefore
//!
//!   - schema.rs bounds the size and nesting of a schema and rewrites it before the library sees it;
//!   - a compilation runs on a thread of lowest priority with a large stack, bounded memory and time
//!     (memory.rs). A structure that exceeds its share is not tried again;
//!   - masks are computed on one worker thread with a large stack, bounded by the library's fuel (matcher.rs).

mod choices;
mod keywords;
pub mod matcher;
mod productive;
mod references;
mod schema;
#[cfg(test)]
mod tests;
mod vocabulary;

use crate::memory::{limited, Share, Time};
use llguidance::api::{ParserLimits, TopLevelGrammar};
use llguidance::{Matcher, ParserFactory};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
pub use vocabulary::Vocabulary;

const SHARE: Share = Share {
    stack_bytes: 256 << 20,
    bytes: 256 << 20,
    requests: usize::MAX,
    time: Some(Time { processor: Duration::from_secs(2), wall: Duration::from_secs(8) }),
};
const TOGETHER: usize = 2; // compilations at a time
const RESTS_MAX: usize = 32; // stopped threads that compilations may leave behind
const CACHED: usize = 64; // compiled structures
const REFUSED: usize = 256; // structures that are known to be too complex
const TEXT_MAX: usize = 256 << 10; // bytes of a schema or a list of choices
const GRAMMAR_MAX: usize = 64 << 10; // bytes of a Lark grammar
const REGEX_MAX: usize = 16 << 10;

/// Why a structure was refused. `place` is the JSON pointer of the keyword at fault, if there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    pub complex: bool,
    pub place: String,
    pub message: String,
}

impl Fault {
    pub fn at(place: &str, message: impl Into<String>) -> Fault {
        Fault { complex: false, place: place.into(), message: message.into() }
    }
    pub fn complex(place: &str, message: impl Into<String>) -> Fault {
        Fault { complex: true, place: place.into(), message: message.into() }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    Schema,
    Regex,
    Choice, // the text is a JSON list of strings
    Grammar,
}

type Key = (Kind, String);

/// The compiled structures of one vocabulary. Thread-safe.
pub struct Environment {
    factory: ParserFactory,
    pub vocabulary: Vocabulary,
    cache: Mutex<VecDeque<(Key, Matcher)>>, // the last used one in front
    refused: Mutex<VecDeque<Key>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Environment {
    pub fn new(words: Vec<Vec<u8>>, special: &[bool], ends: &[u32]) -> Result<Environment, String> {
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
        Ok(Environment { factory, vocabulary, cache, refused })
    }

    /// A matcher at the start of an answer. Blocks while it compiles, at most some seconds.
    pub fn matcher(&self, kind: Kind, text: &str) -> Result<Matcher, Fault> {
        let key = (kind, text.to_string());
        if let Some(found) = self.cached(&key) {
            return Ok(found);
        }
        if locked(&self.refused).contains(&key) {
            return Err(too_complex());
        }
        let made = self.compiled(kind, text);
        match &made {
            Ok(matcher) => self.keep(key, matcher.deep_clone()),
            Err(fault) if fault.complex && fault.place.is_empty() => {
                let mut refused = locked(&self.refused);
                refused.push_front(key);
                refused.truncate(REFUSED);
            }
            Err(_) => {}
        }
        made
    }

    fn cached(&self, key: &Key) -> Option<Matcher> {
        let mut cache = locked(&self.cache);
        let entry = cache.iter().position(|e| e.0 == *key).and_then(|at| cache.remove(at))?;
        let found = entry.1.deep_clone();
        cache.push_front(entry);
        Some(found)
    }

    fn keep(&self, key: Key, matcher: Matcher) {
        let mut cache = locked(&self.cache);
        cache.push_front((key, matcher));
        cache.truncate(CACHED);
    }

    fn compiled(&self, kind: Kind, text: &str) -> Result<Matcher, Fault> {
        let limit = match kind {
            Kind::Regex => REGEX_MAX,
            Kind::Grammar => GRAMMAR_MAX,
            _ => TEXT_MAX,
        };
        if text.len() > limit {
            return Err(Fault::complex("/", format!("it has more than {limit} bytes")));
        }
        static RESTS: AtomicUsize = AtomicUsize::new(0);
        if RESTS.load(Ordering::Relaxed) >= RESTS_MAX {
            return Err(Fault::complex("", "too many structures were too complex; restart the server"));
        }
        let _turn = Turn::take();
        match limited(SHARE, || self.build(kind, text)) {
            Ok(Some(Ok(made))) => made,
            Ok(Some(Err(_))) => Err(Fault::complex("", "the library failed on it")),
            Ok(None) => {
                RESTS.fetch_add(1, Ordering::Relaxed);
                Err(too_complex())
            }
            Err(e) => Err(Fault::complex("/", format!("no thread to compile on: {e}"))),
        }
    }

    fn build(&self, kind: Kind, text: &str) -> Result<Matcher, Fault> {
        let grammar = match kind {
            Kind::Schema => TopLevelGrammar::from_json_schema(schema::prepared(text)?),
            Kind::Regex => TopLevelGrammar::from_regex(text),
            Kind::Choice => TopLevelGrammar::from_regex(&choices::regex_of(text)?),
            Kind::Grammar => TopLevelGrammar::from_lark(text.to_string()),
        };
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

fn too_complex() -> Fault {
    Fault::complex("", "compiling it takes more than 2 s or 256 MB")
}

/// The library's reason, cut to its first line. Exhausted limits are complexity, other errors are the client's.
fn fault_of(message: &str) -> Fault {
    let line = message.lines().next().unwrap_or_default().chars().take(300).collect::<String>();
    let limits = ["too complex", "too large", "too big", "limit", "fuel", "panic", "stack level", "too many"];
    let complex = limits.iter().any(|l| line.to_lowercase().contains(l));
    Fault { complex, place: String::new(), message: line }
}

/// One of the compilations that may run at a time.
struct Turn;

static RUNNING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

impl Turn {
    fn take() -> Turn {
        let mut running = locked(&RUNNING);
        while *running >= TOGETHER {
            running = ENDED.wait(running).unwrap_or_else(PoisonError::into_inner);
        }
        *running += 1;
        Turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *locked(&RUNNING) -= 1;
        ENDED.notify_one();
    }
}
