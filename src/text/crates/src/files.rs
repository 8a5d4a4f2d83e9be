//! Makes a tokenizer from the vocabulary of a SentencePiece or tiktoken file. The pipeline that the C++ side gives as
//! JSON has:
//!
//!   before, after   ids around a text
//!   added           [{"id", "content", "special", "lstrip", "rstrip", "single_word"}]: tokens of the files beside
//!   normalizer, pre_tokenizer   of tiktoken, in the form of tokenizer.json
//!   dummy_prefix, whitespace_suffix, remove_extra, escape, byte_fallback: flags of a SentencePiece model
//!   unk_surface     the text of the unknown piece

use crate::pieces::Piece;
use crate::ranks::Ranks;
use crate::sentencepiece::{self, CharsMap, Normalizer, SentencePiece};
use crate::tokenizer::{Parts, Segmenter, Tokenizer};
use crate::vocabulary::{ids_of, steps};
use serde_json::Value;
use std::collections::HashSet;
use tokenizers::AddedToken;

const ID_MAX: u64 = 1 << 24;
const SPACE: &str = "\u{2581}";

pub struct FileVocabulary<'a> {
    pub kind: &'a str,
    pub pipeline: Value,
    pub tokens: Vec<&'a [u8]>,
    pub types: &'a [u8],
    pub scores: &'a [f32],
    pub charsmap: &'a [u8],
}

impl FileVocabulary<'_> {
    pub const KINDS: [&'static str; 3] = ["tiktoken", "sentencepiece-bpe", "sentencepiece-unigram"];

    pub fn build(&self) -> Result<Tokenizer, String> {
        if self.kind == "tiktoken" {
            self.tiktoken()
        } else {
            self.sentencepiece()
        }
    }

    fn flag(&self, key: &str) -> bool {
        self.pipeline[key].as_bool().unwrap_or(false)
    }

    /// The added tokens of the files beside. They are found in the text as given.
    fn listed(&self) -> Result<Vec<(u32, AddedToken)>, String> {
        let mut all = Vec::new();
        for t in self.pipeline["added"].as_array().into_iter().flatten() {
            let id = t["id"]
                .as_u64()
                .filter(|id| *id < ID_MAX)
                .ok_or("tokenizer: an added token's id is wrong")?;
            let flag = |key: &str| t[key].as_bool().unwrap_or(false);
            let token = AddedToken::from(t["content"].as_str().unwrap_or_default(), flag("special"))
                .normalized(false)
                .lstrip(flag("lstrip"))
                .rstrip(flag("rstrip"))
                .single_word(flag("single_word"));
            all.push((id as u32, token));
        }
        Ok(all)
    }

    fn tiktoken(&self) -> Result<Tokenizer, String> {
        let added = self.listed()?;
        let pieces = self.tokens.iter().map(|t| Some(Piece { bytes: t.to_vec(), first: None })).collect();
        let steps = steps(&self.pipeline)?;
        Tokenizer::new(Parts {
            normalizer: steps.get_normalizer().cloned(),
            pre_tokenizer: steps.get_pre_tokenizer().cloned(),
            model: Segmenter::Ranks(Ranks::new(&self.tokens)?),
            pieces: with_added(pieces, &added),
            added,
            inner: HashSet::new(),
            strip: None,
            first_repeats: false,
            before: ids_of(&self.pipeline, "before"),
            after: ids_of(&self.pipeline, "after"),
        })
    }

    fn sentencepiece(&self) -> Result<Tokenizer, String> {
        let words: Result<Vec<&str>, _> = self.tokens.iter().map(|t| std::str::from_utf8(t)).collect();
        let words = words.map_err(|e| format!("tokenizer: a piece: {e}"))?;
        let mut added = self.listed()?;
        let given: HashSet<u32> = added.iter().map(|(id, _)| *id).collect();
        let mut inner = HashSet::new();
        for (id, word) in words.iter().enumerate().filter(|(id, _)| !given.contains(&(*id as u32))) {
            let kind = self.types[id];
            if matches!(kind, sentencepiece::CONTROL | sentencepiece::UNKNOWN | sentencepiece::USER) {
                let special = kind == sentencepiece::CONTROL;
                added.push((id as u32, AddedToken::from(*word, special).normalized(false)));
            }
            if kind == sentencepiece::USER {
                inner.insert(id as u32);
            }
        }
        let pieces = (0..words.len()).map(|id| Some(self.piece(id, words[id]))).collect();
        let model = self.model(&words)?;
        Tokenizer::new(Parts {
            normalizer: None,
            pre_tokenizer: None,
            model: Segmenter::Sentences(model),
            pieces: with_added(pieces, &added),
            added,
            inner,
            strip: None,
            first_repeats: self.flag("remove_extra"),
            before: ids_of(&self.pipeline, "before"),
            after: ids_of(&self.pipeline, "after"),
        })
    }

    fn model(&self, words: &[&str]) -> Result<SentencePiece, String> {
        let normalizer = Normalizer {
            map: if self.charsmap.is_empty() { None } else { Some(CharsMap::new(self.charsmap)?) },
            dummy_prefix: self.flag("dummy_prefix"),
            suffix: self.flag("whitespace_suffix"),
            remove_extra: self.flag("remove_extra"),
            escape: self.flag("escape"),
        };
        let bytes = if self.flag("byte_fallback") { Some(self.byte_pieces(words)?) } else { None };
        let unigram = self.kind == "sentencepiece-unigram";
        SentencePiece::new(unigram, words, self.types, self.scores, normalizer, bytes)
    }

    fn byte_pieces(&self, words: &[&str]) -> Result<Vec<u32>, String> {
        let mut ids = vec![None; 256];
        for (id, word) in words.iter().enumerate() {
            if let Some(b) = byte_of(word).filter(|_| self.types[id] == sentencepiece::BYTE) {
                ids[b as usize] = Some(id as u32);
            }
        }
        let lacking = || "tokenizer: byte_fallback is set, but not every byte has a piece".to_string();
        ids.into_iter().collect::<Option<_>>().ok_or_else(lacking)
    }

    /// What a piece adds to a text. The space that normalisation puts before a text is left out again.
    fn piece(&self, id: usize, word: &str) -> Piece {
        let plain = |word: &str| word.replace(SPACE, " ").into_bytes();
        let bytes = match self.types[id] {
            sentencepiece::CONTROL => word.as_bytes().to_vec(),
            sentencepiece::UNKNOWN => {
                self.pipeline["unk_surface"].as_str().unwrap_or_default().as_bytes().to_vec()
            }
            sentencepiece::BYTE => vec![byte_of(word).unwrap_or_default()],
            _ => {
                let shortened = self.flag("dummy_prefix") || self.flag("remove_extra");
                let first = word.strip_prefix(SPACE).filter(|_| shortened).map(plain);
                return Piece { bytes: plain(word), first };
            }
        };
        Piece { bytes, first: None }
    }
}

/// "<0x41>" → 0x41
fn byte_of(word: &str) -> Option<u8> {
    let hex = word.strip_prefix("<0x")?.strip_suffix('>')?;
    (hex.len() == 2).then(|| u8::from_str_radix(hex, 16).ok()).flatten()
}

/// Added tokens with ids beyond the vocabulary are decoded as they are written.
fn with_added(mut pieces: Vec<Option<Piece>>, added: &[(u32, AddedToken)]) -> Vec<Option<Piece>> {
    let known = pieces.len();
    for (id, token) in added.iter().filter(|(id, _)| *id as usize >= known) {
        let at = *id as usize;
        if pieces.len() <= at {
            pieces.resize_with(at + 1, || None);
        }
        pieces[at] = Some(Piece { bytes: token.content.clone().into_bytes(), first: None });
    }
    pieces
}
