//! The models of SentencePiece files: unigram and byte pair encoding over normalised text, with the same arithmetic
//! (32-bit) and the same choice among equals as the library. Pieces that the user of the trainer defined are
//! recognised in the text; where one of them must not be, it counts as a control piece.

mod normalizer;
mod trie;
mod unigram;

use crate::merges::{joined, Symbol};
use ahash::AHashMap;
pub use normalizer::{CharsMap, Normalizer};
use std::ops::Range;
use trie::Trie;

pub const NORMAL: u8 = 1;
pub const UNKNOWN: u8 = 2;
pub const CONTROL: u8 = 3;
pub const USER: u8 = 4;
pub const UNUSED: u8 = 5;
pub const BYTE: u8 = 6;

const DEPTH_MAX: usize = 100; // of unused pieces in unused pieces

pub struct SentencePiece {
    normalizer: Normalizer,
    unigram: bool,
    types: Vec<u8>,
    scores: Vec<f32>,
    ids: AHashMap<String, u32>, // of normal, user-defined and unused pieces
    all: Trie,                  // these pieces; empty without `unigram`
    users: Trie,
    unknown: Option<u32>,
    unknown_score: f32,      // of a character, in a unigram
    bytes: Option<Vec<u32>>, // the pieces of unknown characters
}

/// Whether a user-defined piece may be recognised in a range of the original text.
pub type Allowed<'a> = dyn Fn(u32, Range<usize>) -> bool + 'a;

/// A part of the normalised text and its piece; None: unknown.
type Found = (Range<usize>, Option<u32>);

impl SentencePiece {
    /// `bytes`: the ids of the 256 byte pieces, if unknown characters are written with them.
    pub fn new(
        unigram: bool,
        pieces: &[&str],
        types: &[u8],
        scores: &[f32],
        normalizer: Normalizer,
        bytes: Option<Vec<u32>>,
    ) -> Result<SentencePiece, String> {
        let of = |wanted: &'static [u8]| {
            let all = pieces.iter().enumerate().filter(move |(i, _)| wanted.contains(&types[*i]));
            all.map(|(i, p)| (p.as_bytes().to_vec(), i as u32))
        };
        const WRITTEN: &[u8] = &[NORMAL, USER, UNUSED];
        let unknown = types.iter().position(|t| *t == UNKNOWN).map(|i| i as u32);
        if unknown.is_none() && bytes.is_none() {
            return Err("tokenizer: there is neither an unknown piece nor byte pieces".into());
        }
        let ids = of(WRITTEN).map(|(_, id)| (pieces[id as usize].to_string(), id)).collect();
        Ok(SentencePiece {
            normalizer,
            unigram,
            types: types.to_vec(),
            scores: scores.to_vec(),
            ids,
            all: Trie::new(of(if unigram { WRITTEN } else { &[] })),
            users: Trie::new(of(&[USER])),
            unknown,
            unknown_score: unigram::unknown_score(types, scores),
            bytes,
        })
    }

    pub fn id_of(&self, piece: &str) -> Option<u32> {
        self.ids.get(piece).copied()
    }

    pub fn encode(&self, text: &str, allowed: &Allowed, ids: &mut Vec<u32>) {
        let kept = |at: usize| self.user(text.as_bytes(), at, |id, range| allowed(id, range)).map(|(n, _)| n);
        let normal = self.normalizer.run(text, kept);
        if normal.text.is_empty() {
            return;
        }
        let in_normal =
            |id: u32, r: Range<usize>| allowed(id, normal.origins[r.start]..normal.origins[r.end - 1] + 1);
        let found = if self.unigram {
            self.unigram(&normal.text, &in_normal)
        } else {
            self.pairs(&normal.text, &in_normal)
        };
        self.write(normal.text.as_bytes(), found, ids);
    }

    /// The longest user-defined piece at a place: its length and id.
    fn user(
        &self,
        text: &[u8],
        at: usize,
        allowed: impl Fn(u32, Range<usize>) -> bool,
    ) -> Option<(usize, u32)> {
        let mut longest = None;
        self.users.prefixes(&text[at..], |length, id| {
            if allowed(id, at..at + length) {
                longest = Some((length, id));
            }
        });
        longest
    }

    /// Unknown parts become bytes, or one unknown piece for neighbours.
    fn write(&self, text: &[u8], found: Vec<Found>, ids: &mut Vec<u32>) {
        let mut after_unknown = false;
        for (range, id) in found {
            match (id, &self.bytes) {
                (Some(id), _) => ids.push(id),
                (None, Some(bytes)) => ids.extend(text[range].iter().map(|b| bytes[*b as usize])),
                (None, None) if !after_unknown => ids.extend(self.unknown),
                (None, None) => {}
            }
            after_unknown = id.is_none();
        }
    }

    fn is(&self, id: u32, kind: u8) -> bool {
        self.types[id as usize] == kind
    }

    /// Byte pair encoding: of all neighbours the best piece is made first.
    fn pairs(&self, text: &str, allowed: &Allowed) -> Vec<Found> {
        let mut symbols = Vec::new();
        let mut frozen = AHashMap::new(); // begin → user-defined piece
        let mut at = 0;
        while at < text.len() {
            let user = self.user(text.as_bytes(), at, allowed);
            let character = text[at..].chars().next().map_or(1, char::len_utf8);
            let length = user.map_or(character, |u| u.0);
            symbols.push(Symbol { begin: at, end: at + length, frozen: user.is_some() });
            frozen.extend(user.map(|(_, id)| (at, id)));
            at += length;
        }
        let mut cuts = AHashMap::new(); // unused piece → the length of its left half
        let symbols = joined(symbols, |piece, cut| {
            let id = self.id_of(&text[piece.clone()]).filter(|id| !self.is(*id, USER))?;
            if self.is(id, UNUSED) {
                cuts.insert(&text[piece.clone()], cut - piece.start);
            }
            Some(order(self.scores[id as usize]))
        });
        let mut found = Vec::with_capacity(symbols.len());
        for s in symbols {
            match frozen.get(&s.begin) {
                Some(id) => found.push((s.begin..s.end, Some(*id))),
                None => self.split(text, s.begin..s.end, &cuts, 0, &mut found),
            }
        }
        found
    }

    /// Unused pieces become those that they were made of.
    fn split(
        &self,
        text: &str,
        piece: Range<usize>,
        cuts: &AHashMap<&str, usize>,
        depth: usize,
        found: &mut Vec<Found>,
    ) {
        let spelling = &text[piece.clone()];
        let id = self.id_of(spelling).filter(|id| !self.is(*id, USER));
        match id {
            Some(id) if self.is(id, UNUSED) && depth <= DEPTH_MAX => match cuts.get(spelling) {
                Some(cut) => {
                    self.split(text, piece.start..piece.start + cut, cuts, depth + 1, found);
                    self.split(text, piece.start + cut..piece.end, cuts, depth + 1, found);
                }
                None => found.push((piece, None)),
            },
            id => found.push((piece, id)),
        }
    }
}

/// A number that is larger for a better score; -0 is less than +0.
fn order(score: f32) -> u32 {
    let bits = score.to_bits();
    if bits >> 31 == 1 {
        !bits
    } else {
        bits | 1 << 31
    }
}
