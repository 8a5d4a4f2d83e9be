//! The best way to write a text in pieces: the highest sum of scores, in 32-bit arithmetic from left to right.

use super::{Allowed, Found, SentencePiece, NORMAL, UNUSED, USER};

const UNKNOWN_PENALTY: f32 = 10.0;
const SUM_MAX: f32 = 100_000.0; // beyond it sums are counted anew

/// The best way up to a place: its sum, and where its last piece begins.
#[derive(Clone, Copy)]
struct Node {
    sum: f32,
    begin: Option<usize>,
    id: Option<u32>,
}

struct Ways {
    nodes: Vec<Node>, // by end
    last: usize,      // the last place that was reached
}

impl Ways {
    fn offer(&mut self, begin: usize, end: usize, id: Option<u32>, score: f32, so_far: f32) {
        self.last = self.last.max(end);
        let sum = score + so_far;
        let node = &mut self.nodes[end];
        if node.begin.is_none() || sum > node.sum {
            *node = Node { sum, begin: Some(begin), id };
        }
    }

    /// The sum up to `at`. If it is too large, it becomes the zero of all sums from here on.
    fn sum_to(&mut self, at: usize) -> f32 {
        let sum = self.nodes[at].sum;
        if sum.abs() <= SUM_MAX {
            return sum;
        }
        for (i, node) in self.nodes.iter_mut().enumerate().take(self.last + 1).skip(at) {
            if i == at || node.begin.is_some() {
                node.sum -= sum;
            }
        }
        0.0
    }

    fn best(&self) -> Vec<Found> {
        let mut found = Vec::new();
        let mut end = self.nodes.len() - 1;
        while end > 0 {
            let Some(begin) = self.nodes[end].begin else { break };
            found.push((begin..end, self.nodes[end].id));
            end = begin;
        }
        found.reverse();
        found
    }
}

/// The score of a character that is in no piece.
pub fn unknown_score(types: &[u8], scores: &[f32]) -> f32 {
    let normal = types.iter().zip(scores).filter(|(t, _)| **t == NORMAL);
    normal.map(|(_, s)| *s).fold(f32::MAX, f32::min) - UNKNOWN_PENALTY
}

impl SentencePiece {
    pub(super) fn unigram(&self, text: &str, allowed: &Allowed) -> Vec<Found> {
        let start = Node { sum: 0.0, begin: None, id: None };
        let mut ways = Ways { nodes: vec![start; text.len() + 1], last: 0 };
        for (at, character) in text.char_indices() {
            let so_far = ways.sum_to(at);
            let mut single = false;
            self.all.prefixes(&text.as_bytes()[at..], |length, id| {
                let user = self.is(id, USER);
                if self.is(id, UNUSED) || (user && !allowed(id, at..at + length)) {
                    return;
                }
                let score =
                    if user { (0.1 * (length as f64 - 1.0)) as f32 } else { self.scores[id as usize] };
                ways.offer(at, at + length, Some(id), score, so_far);
                single |= length == character.len_utf8();
            });
            if !single {
                ways.offer(at, at + character.len_utf8(), None, self.unknown_score, so_far);
            }
        }
        ways.best()
    }
}
