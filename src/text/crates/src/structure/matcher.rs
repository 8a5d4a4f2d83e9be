//! Masks of one answer. A mask is a pure function of the tokens of the answer so far: the state follows the
//! list that it is asked about, by rolling back and consuming. The library runs on one worker thread with a
//! large stack, so that a caller can go on while a mask is computed.

use super::{Environment, Fault, Kind, STACK_BYTES};
use llguidance::Matcher;
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use toktrie::TokenId;

pub struct Mask {
    pub bits: Vec<u32>,
    pub finished: bool, // the answer may end here
}

type Answer = Result<Arc<Mask>, String>;

pub struct Follower {
    inner: Arc<Mutex<State>>,
    coming: Option<(Vec<TokenId>, Receiver<Answer>)>,
    last: Option<(Vec<TokenId>, Answer)>,
}

struct State {
    environment: Arc<Environment>,
    matcher: Matcher,
    consumed: Vec<TokenId>,
}

struct Job {
    state: Arc<Mutex<State>>,
    ids: Vec<TokenId>,
    reply: Sender<Answer>,
}

impl Follower {
    pub fn new(environment: Arc<Environment>, kind: Kind, text: &str) -> Result<Follower, Fault> {
        let matcher = environment.matcher(kind, text)?;
        Ok(Follower::at_start(environment, matcher))
    }

    /// Of a structure that was compiled before and is still cached.
    pub fn known(environment: Arc<Environment>, kind: Kind, text: &str) -> Option<Follower> {
        let matcher = environment.known(&(kind, text.to_string()))?.ok()?;
        Some(Follower::at_start(environment, matcher))
    }

    fn at_start(environment: Arc<Environment>, matcher: Matcher) -> Follower {
        let inner = Arc::new(Mutex::new(State { environment, matcher, consumed: Vec::new() }));
        Follower { inner, coming: None, last: None }
    }

    /// A follower of another answer of the same structure.
    pub fn another(&self) -> Follower {
        let state = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut matcher = state.matcher.deep_clone();
        let _ = matcher.rollback(state.consumed.len());
        Follower::at_start(state.environment.clone(), matcher)
    }

    /// Begins to compute the mask after `ids`.
    pub fn prepare(&mut self, ids: &[TokenId]) {
        let known = self.last.as_ref().is_some_and(|l| l.0 == ids);
        if known || self.coming.as_ref().is_some_and(|c| c.0 == ids) {
            return;
        }
        let (reply, coming) = channel();
        let job = Job { state: self.inner.clone(), ids: ids.to_vec(), reply };
        if worker().is_some_and(|w| w.send(job).is_ok()) {
            self.coming = Some((ids.to_vec(), coming));
        }
    }

    /// The mask after `ids`; waits for it.
    pub fn mask(&mut self, ids: &[TokenId]) -> Answer {
        if let Some((_, answer)) = self.last.as_ref().filter(|l| l.0 == ids) {
            return answer.clone();
        }
        self.prepare(ids);
        let answer = match self.coming.take() {
            Some((_, coming)) => coming.recv().unwrap_or_else(|_| Err("structure: no mask came".into())),
            None => Err("structure: no thread to compute masks on".into()),
        };
        self.last = Some((ids.to_vec(), answer.clone()));
        answer
    }
}

impl State {
    fn mask(&mut self, ids: &[TokenId]) -> Answer {
        self.follow(ids)?;
        let mut mask = self.matcher.compute_mask_or_eos().map_err(|e| short(&e.to_string()))?;
        if mask.is_zero() {
            return Err("structure: no token can continue the answer".into());
        }
        self.environment.vocabulary.complete(&mut mask);
        let finished = self.matcher.is_stopped() || self.matcher.is_accepting().unwrap_or(false);
        let words = self.environment.vocabulary.size.div_ceil(32);
        Ok(Arc::new(Mask { bits: mask.as_slice().iter().copied().take(words).collect(), finished }))
    }

    /// Brings the matcher to the state after `ids`. Tokens from the first end token on are not part of the text.
    fn follow(&mut self, ids: &[TokenId]) -> Result<(), String> {
        let vocabulary = &self.environment.vocabulary;
        let text = ids.iter().position(|id| vocabulary.is_end(*id)).unwrap_or(ids.len());
        let ids = &ids[..text];
        let common = self.consumed.iter().zip(ids).take_while(|(a, b)| a == b).count();
        if common < self.consumed.len() {
            let back = self.consumed.len() - common;
            self.matcher.rollback(back).map_err(|e| short(&e.to_string()))?;
            self.consumed.truncate(common);
        }
        for id in &ids[common..] {
            if (*id as usize) >= vocabulary.size {
                return Err(format!("structure: token {id} is outside the vocabulary"));
            }
            let taken = self.matcher.try_consume_tokens(&[vocabulary.in_trie(*id)]);
            match taken {
                Ok(1) => self.consumed.push(*id),
                Ok(_) => return Err(format!("structure: token {id} does not fit")),
                Err(e) => return Err(short(&e.to_string())),
            }
        }
        Ok(())
    }
}

fn short(message: &str) -> String {
    let line: String = message.lines().next().unwrap_or_default().chars().take(200).collect();
    format!("structure: {line}")
}

/// The thread that computes all masks, in the order of the requests.
fn worker() -> Option<&'static Sender<Job>> {
    static WORKER: OnceLock<Option<Sender<Job>>> = OnceLock::new();
    let start = || {
        let (send, jobs) = channel::<Job>();
        let run = move || {
            for job in jobs {
                let answer = crate::border::guarded(|| {
                    job.state.lock().map_err(|_| "structure: an earlier fault".to_string())?.mask(&job.ids)
                });
                let _ = job.reply.send(answer);
            }
        };
        let thread = std::thread::Builder::new().name("masks".into()).stack_size(STACK_BYTES);
        thread.spawn(run).ok().map(|_| send)
    };
    WORKER.get_or_init(start).as_ref()
}
