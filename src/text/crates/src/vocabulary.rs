//! Makes a tokenizer from a vocabulary without tokenizer.json (GGUF): tokens, types, scores, merges, and a
//! pipeline that the C++ side gives as JSON.

use crate::pieces::Decoder;
use crate::tokenizer::{piece_table, Parts, Segmenter, Tokenizer};
use ahash::AHashMap;
use serde_json::Value;
use std::collections::HashSet;
use tokenizers::models::bpe::BPE;
use tokenizers::models::unigram::Unigram;
use tokenizers::{AddedToken, ModelWrapper};

const UNKNOWN: u8 = 2;
const CONTROL: u8 = 3;
const USER: u8 = 4;
const UNUSED: u8 = 5;

pub struct Vocabulary<'a> {
    pub kind: &'a str,
    pub pipeline: Value,
    pub tokens: Vec<&'a str>,
    pub types: &'a [u8],
    pub scores: &'a [f32],
    pub merges: Vec<&'a str>,
}

/// The pipeline without its model. It is read as a file, because the library has a compiled reader of files;
/// readers of `Value` would be compiled here, all once more.
pub fn steps(pipeline: &Value) -> Result<tokenizers::Tokenizer, String> {
    let file = serde_json::json!({
        "version": "1.0",
        "added_tokens": [],
        "normalizer": pipeline["normalizer"],
        "pre_tokenizer": pipeline["pre_tokenizer"],
        "model": {"type": "BPE", "vocab": {}, "merges": []},
    });
    file.to_string().parse().map_err(|e| format!("tokenizer: {e}"))
}

/// The list of ids that the pipeline has under a key.
pub fn ids_of(pipeline: &Value, key: &str) -> Vec<u32> {
    let list = pipeline[key].as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_u64).map(|id| id as u32).collect()
}

impl Vocabulary<'_> {
    pub fn build(&self) -> Result<Tokenizer, String> {
        let model = match self.kind {
            "bpe" => self.bpe(self.given_merges()?)?,
            "spm" => self.bpe(self.merges_by_score())?,
            "unigram" => self.unigram()?,
            other => return Err(format!("tokenizer: no model of kind '{other}'")),
        };
        let ids = |key: &str| ids_of(&self.pipeline, key);
        let steps = steps(&self.pipeline)?;
        let decoder = Decoder::new(&self.pipeline["decoder"]);
        let tokens: Vec<_> = self.known().map(|(id, t)| (id, t.to_string())).collect();
        Tokenizer::new(Parts {
            normalizer: steps.get_normalizer().cloned(),
            pre_tokenizer: steps.get_pre_tokenizer().cloned(),
            model: Segmenter::Published(model),
            added: self.added(&ids("shown")),
            inner: HashSet::new(),
            pieces: piece_table(&decoder, &tokens)?,
            strip: decoder.strip,
            first_repeats: false,
            before: ids("before"),
            after: ids("after"),
        })
    }

    fn known(&self) -> impl Iterator<Item = (u32, &str)> {
        self.tokens.iter().enumerate().filter(|(i, _)| self.types[*i] != UNUSED).map(|(i, t)| (i as u32, *t))
    }

    /// The added tokens. Control tokens are not decoded, except those that the pipeline lists as shown.
    fn added(&self, shown: &[u32]) -> Vec<(u32, AddedToken)> {
        let is_added = |id: u32| matches!(self.types[id as usize], CONTROL | USER) || self.is_unknown(id);
        self.known()
            .filter(|(id, _)| is_added(*id))
            .map(|(id, t)| {
                let special = self.types[id as usize] != USER && !shown.contains(&id);
                (id, AddedToken::from(t, special).normalized(false))
            })
            .collect()
    }

    fn is_unknown(&self, id: u32) -> bool {
        self.types[id as usize] == UNKNOWN
    }

    fn ids(&self) -> AHashMap<String, u32> {
        let mut ids = AHashMap::with_capacity(self.tokens.len());
        for (i, t) in self.tokens.iter().enumerate() {
            ids.entry(t.to_string()).or_insert(i as u32);
        }
        ids
    }

    fn bpe(&self, merges: Vec<(String, String)>) -> Result<ModelWrapper, String> {
        let flag = |key: &str| self.pipeline[key].as_bool().unwrap_or(false);
        let mut b = BPE::builder()
            .vocab_and_merges(self.ids(), merges)
            .byte_fallback(flag("byte_fallback"))
            .fuse_unk(flag("byte_fallback"))
            .ignore_merges(flag("ignore_merges"));
        if let Some(t) = self.pipeline["unk"].as_u64().and_then(|id| self.tokens.get(id as usize)) {
            b = b.unk_token(t.to_string());
        }
        b.build().map(ModelWrapper::BPE).map_err(|e| format!("tokenizer: {e}"))
    }

    fn given_merges(&self) -> Result<Vec<(String, String)>, String> {
        let split = |m: &&str| {
            let at = m.char_indices().skip(1).find(|(_, c)| *c == ' ').map(|(i, _)| i)?;
            Some((m[..at].to_string(), m[at + 1..].to_string()))
        };
        let bad = |m: &&str| format!("tokenizer: merge '{m}' is not two tokens");
        self.merges.iter().map(|m| split(m).ok_or_else(|| bad(m))).collect()
    }

    /// Sentencepiece joins the neighbours whose union has the best score. The same as merges: every split of
    /// every token into two tokens, by falling score, then by falling length of the left half. User-defined
    /// tokens are not split, whatever their score.
    fn merges_by_score(&self) -> Vec<(String, String)> {
        let ids = self.ids();
        let mut cuts: Vec<(f32, usize, usize, &str, &str)> = Vec::new();
        for (i, t) in self.tokens.iter().enumerate() {
            let score = match self.types[i] {
                1 => self.scores[i],
                USER => 0.0,
                _ => continue,
            };
            let first = cuts.len();
            for (at, _) in t.char_indices().skip(1) {
                let (left, right) = t.split_at(at);
                if ids.contains_key(left) && ids.contains_key(right) {
                    cuts.push((score, left.chars().count(), right.chars().count(), left, right));
                }
            }
            cuts[first..].sort_by_key(|c| (ids[c.3], ids[c.4]));
        }
        cuts.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)).then(b.2.cmp(&a.2)));
        cuts.into_iter().map(|c| (c.3.to_string(), c.4.to_string())).collect()
    }

    fn unigram(&self) -> Result<ModelWrapper, String> {
        let pieces =
            self.tokens.iter().zip(self.scores).map(|(t, s)| (t.to_string(), f64::from(*s))).collect();
        let unk = self.pipeline["unk"].as_u64().map(|id| id as usize);
        Unigram::from(pieces, unk, false).map(ModelWrapper::Unigram).map_err(|e| format!("tokenizer: {e}"))
    }
}
