//! Text to ids with the published pipeline (added tokens, normaliser, pre-tokenizer, model), and the table of
//! what each id adds to a text.
//!
//! The library's own `encode` always recognises added tokens. Here they are matched first, by our rules
//! (added.rs), and only the rest goes through the pipeline. Truncation, padding and dropout of a tokenizer
//! file are not applied: a prompt is never shortened, and the same text always gives the same ids.

use crate::added::{is_html_tag, is_plain_text, Entry, Matcher};
use crate::pieces::{Decoder, Piece};
use crate::ranks::Ranks;
use crate::sentencepiece::SentencePiece;
use std::collections::HashSet;
use std::ops::Range;
use tokenizers::normalizer::Range as In;
use tokenizers::{
    AddedToken, Encoding, Model, ModelWrapper, NormalizedString, Normalizer, NormalizerWrapper,
    PostProcessor, PreTokenizedString, PreTokenizer, PreTokenizerWrapper, Token,
};

/// What makes ids from a text, or from the parts that a pre-tokenizer makes of it.
pub enum Segmenter {
    Published(ModelWrapper),
    Ranks(Ranks),
    Sentences(SentencePiece), // normalises by itself, and is given whole texts
}

impl Segmenter {
    fn id_of(&self, token: &str) -> Option<u32> {
        match self {
            Segmenter::Published(m) => m.token_to_id(token),
            Segmenter::Ranks(r) => r.id_of(token),
            Segmenter::Sentences(s) => s.id_of(token),
        }
    }
}

const ID_LIMIT: u32 = 1 << 24; // more than any vocabulary has; bounds the table if a file has a false id

pub struct Tokenizer {
    pub normalizer: Option<NormalizerWrapper>,
    pub pre_tokenizer: Option<PreTokenizerWrapper>,
    pub model: Segmenter,
    raw: Matcher,         // for the text as given
    normalized: Matcher,  // for the normalised text
    markup: HashSet<u32>, // added tokens that typed text must never become
    before: Vec<u32>,     // ids that the post-processor puts before and after a text
    after: Vec<u32>,
    pub pieces: Vec<Option<Piece>>, // by id
    pub special: HashSet<u32>,
    pub spellings: Vec<String>, // of `markup`
    pub strip: Option<(char, usize)>,
    pub first_repeats: bool,
    ids: std::collections::HashMap<String, u32>, // of added tokens
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Mode {
    pub add_special: bool,
    pub parse_special: bool,
}

pub struct Parts {
    pub normalizer: Option<NormalizerWrapper>,
    pub pre_tokenizer: Option<PreTokenizerWrapper>,
    pub model: Segmenter,
    pub added: Vec<(u32, AddedToken)>,
    pub inner: HashSet<u32>, // those among `added` that the model itself recognises
    pub pieces: Vec<Option<Piece>>, // by id
    pub strip: Option<(char, usize)>, // what decoded text loses at its start
    pub first_repeats: bool, // tokens before the first text add their `first` bytes, too
    pub before: Vec<u32>,
    pub after: Vec<u32>,
}

impl Tokenizer {
    pub fn from_json(json: &[u8]) -> Result<Tokenizer, String> {
        let wrong = |e: &dyn std::fmt::Display| format!("tokenizer.json: {e}");
        let text = std::str::from_utf8(json).map_err(|e| wrong(&e))?;
        let t: tokenizers::Tokenizer = text.parse().map_err(|e| wrong(&e))?; // `from_bytes` is compiled per caller
        let decoder = Decoder::new(&serde_json::to_value(t.get_decoder()).map_err(|e| wrong(&e))?);
        let (before, after) = surroundings(t.get_post_processor())?;
        let added: Vec<(u32, AddedToken)> = t
            .get_added_vocabulary()
            .get_added_tokens_decoder()
            .iter()
            .map(|(i, a)| (*i, a.clone()))
            .collect();
        let mut tokens: Vec<(u32, String)> =
            t.get_model().get_vocab().into_iter().map(|(s, i)| (i, s)).collect();
        tokens.extend(added.iter().filter_map(|(i, _)| t.id_to_token(*i).map(|s| (*i, s))));
        Tokenizer::new(Parts {
            normalizer: t.get_normalizer().cloned(),
            pre_tokenizer: t.get_pre_tokenizer().cloned(),
            model: Segmenter::Published(t.get_model().clone()),
            added,
            inner: HashSet::new(),
            pieces: piece_table(&decoder, &tokens)?,
            strip: decoder.strip,
            first_repeats: false,
            before,
            after,
        })
    }

    pub fn new(mut p: Parts) -> Result<Tokenizer, String> {
        if let Segmenter::Published(ModelWrapper::BPE(b)) = &mut p.model {
            b.dropout = None;
        }
        p.added.sort_by_key(|(id, _)| *id);
        let html = p.added.iter().filter(|(_, t)| !t.special && is_html_tag(&t.content)).count() >= 16;
        let (mut raw, mut normalized) = (Vec::new(), Vec::new());
        let (mut markup, mut special, mut spellings) = (HashSet::new(), HashSet::new(), Vec::new());
        let mut ids = std::collections::HashMap::new();
        for (id, token) in p.added {
            if token.content.is_empty() {
                continue;
            }
            let plain = is_plain_text(&token, html);
            ids.insert(token.content.clone(), id);
            if !plain {
                markup.insert(id);
                spellings.push(token.content.clone());
            }
            if token.special {
                special.insert(id);
            }
            if p.inner.contains(&id) {
                continue;
            }
            if token.normalized {
                let spelling = normalise(p.normalizer.as_ref(), &token.content)?;
                if !spelling.is_empty() {
                    normalized.push(Entry { id, token, plain, spelling });
                }
            } else {
                raw.push(Entry { id, spelling: token.content.clone(), token, plain });
            }
        }
        Ok(Tokenizer {
            normalizer: p.normalizer,
            pre_tokenizer: p.pre_tokenizer,
            model: p.model,
            raw: Matcher::new(raw)?,
            normalized: Matcher::new(normalized)?,
            markup,
            before: p.before,
            after: p.after,
            pieces: p.pieces,
            special,
            spellings,
            strip: p.strip,
            first_repeats: p.first_repeats,
            ids,
        })
    }

    pub fn id_of(&self, token: &str) -> Option<u32> {
        self.ids.get(token).copied().or_else(|| self.model.id_of(token))
    }

    /// REQUIRES: `literal` is sorted, without overlaps and on character borders.
    pub fn encode(&self, text: &str, mode: Mode, literal: &[Range<usize>]) -> Result<Vec<u32>, String> {
        let mut ids = Vec::with_capacity(text.len() / 3 + 4);
        if mode.add_special {
            ids.extend(&self.before);
        }
        match &self.model {
            Segmenter::Published(m) => {
                self.by_parts(text, mode, literal, &mut ids, |part, ids| self.run_model(m, part, ids))?
            }
            Segmenter::Ranks(r) => self.by_parts(text, mode, literal, &mut ids, |part, ids| {
                r.encode(part, ids);
                Ok(())
            })?,
            Segmenter::Sentences(s) => self.by_sentences(s, text, mode, literal, &mut ids),
        }
        if mode.add_special {
            ids.extend(&self.after);
        }
        Ok(ids)
    }

    fn by_parts(
        &self,
        text: &str,
        mode: Mode,
        literal: &[Range<usize>],
        ids: &mut Vec<u32>,
        of_part: impl Fn(&str, &mut Vec<u32>) -> Result<(), String>,
    ) -> Result<(), String> {
        let tokens = self.pre_tokenize(text, mode, literal).map_err(|e| format!("tokenizer: {e}"))?;
        for (part, _, found) in
            tokens.get_splits(tokenizers::OffsetReferential::Normalized, tokenizers::OffsetType::None)
        {
            match found {
                Some(found) => ids.extend(found.iter().map(|t| t.id)),
                None => of_part(part, ids)?,
            }
        }
        Ok(())
    }

    /// Added tokens, and what a SentencePiece model makes of each text between them.
    fn by_sentences(
        &self,
        model: &SentencePiece,
        text: &str,
        mode: Mode,
        literal: &[Range<usize>],
        ids: &mut Vec<u32>,
    ) {
        let between = |from: usize, to: usize, ids: &mut Vec<u32>| {
            let typed = |r: &Range<usize>| {
                let at = literal.partition_point(|l| l.end <= from + r.start);
                literal.get(at).is_some_and(|l| l.start < from + r.end)
            };
            let allowed =
                |id: u32, r: Range<usize>| !self.markup.contains(&id) || (mode.parse_special && !typed(&r));
            model.encode(&text[from..to], &allowed, ids);
        };
        let mut from = 0;
        for hit in self.raw.find(text, !mode.parse_special, literal) {
            between(from, hit.begin, ids);
            ids.push(hit.id);
            from = hit.end;
        }
        between(from, text.len(), ids);
    }

    fn pre_tokenize(
        &self,
        text: &str,
        mode: Mode,
        literal: &[Range<usize>],
    ) -> tokenizers::Result<PreTokenizedString> {
        let mut pre = PreTokenizedString::from(text);
        let plain = !mode.parse_special;
        if !self.raw.is_empty() {
            pre.split(|_, s| Ok(cut(&self.raw, s, plain, literal)))?;
        }
        if let Some(n) = &self.normalizer {
            pre.normalize(|s| n.normalize(s))?;
        }
        if !self.normalized.is_empty() {
            pre.split(|_, s| {
                let mapped = map_ranges(&s, literal);
                Ok(cut(&self.normalized, s, plain, &mapped))
            })?;
        }
        if let Some(p) = &self.pre_tokenizer {
            p.pre_tokenize(&mut pre)?;
        }
        Ok(pre)
    }

    /// The model's ids for one part. A model that would produce markup from plain text (a
    /// whole-word vocabulary, a unigram) gets the part cut after the first character of that
    /// markup, until it produces none.
    fn run_model(&self, model: &ModelWrapper, part: &str, ids: &mut Vec<u32>) -> Result<(), String> {
        let tokens = model.tokenize(part).map_err(|e| format!("tokenizer: {e}"))?;
        if !tokens.iter().any(|t| self.markup.contains(&t.id) && t.offsets.1 - t.offsets.0 > 1) {
            ids.extend(tokens.iter().map(|t| t.id));
            return Ok(());
        }
        let mut from = 0;
        for t in tokens.iter().filter(|t| self.markup.contains(&t.id)) {
            let Some(c) = part.get(t.offsets.0..t.offsets.1).and_then(|s| s.chars().next()) else { continue };
            let at = t.offsets.0 + c.len_utf8();
            if at > from && at < t.offsets.1 {
                self.run_model(model, &part[from..at], ids)?;
                from = at;
            }
        }
        if from == 0 {
            ids.extend(tokens.iter().map(|t| t.id)); // the unknown token, not a spelling
            return Ok(());
        }
        self.run_model(model, &part[from..], ids)
    }
}

fn normalise(n: Option<&NormalizerWrapper>, text: &str) -> Result<String, String> {
    let mut s = NormalizedString::from(text);
    if let Some(n) = n {
        n.normalize(&mut s).map_err(|e| format!("tokenizer: {e}"))?;
    }
    Ok(s.get().to_string())
}

/// The ids before and after a text, found by processing a text of one token.
pub fn surroundings<P: PostProcessor>(p: Option<&P>) -> Result<(Vec<u32>, Vec<u32>), String> {
    let Some(p) = p else { return Ok((Vec::new(), Vec::new())) };
    let probe = Encoding::from_tokens(vec![Token::new(u32::MAX, String::new(), (0, 0))], 0);
    let all = p.process(probe, None, true).map_err(|e| format!("tokenizer: post-processor: {e}"))?;
    let ids = all.get_ids();
    match ids.iter().position(|&id| id == u32::MAX) {
        Some(at) => Ok((ids[..at].to_vec(), ids[at + 1..].to_vec())),
        None => Err("tokenizer: the post-processor drops the text".into()),
    }
}

pub fn piece_table(decoder: &Decoder, tokens: &[(u32, String)]) -> Result<Vec<Option<Piece>>, String> {
    let size = tokens.iter().map(|(id, _)| *id).max().map_or(0, |m| m as usize + 1);
    if size > ID_LIMIT as usize {
        return Err(format!("tokenizer: token id {} is too large", size - 1));
    }
    let mut pieces: Vec<Option<Piece>> = std::iter::repeat_with(|| None).take(size).collect();
    for (id, token) in tokens {
        pieces[*id as usize] = Some(decoder.piece(token));
    }
    Ok(pieces)
}

/// Splits one part of the text at its added tokens.
fn cut(
    m: &Matcher,
    s: NormalizedString,
    plain: bool,
    literal: &[Range<usize>],
) -> Vec<(NormalizedString, Option<Vec<Token>>)> {
    let hits = m.find(s.get(), plain, literal);
    if hits.is_empty() {
        return vec![(s, None)];
    }
    let mut parts = Vec::with_capacity(hits.len() * 2 + 1);
    let mut from = 0;
    let slice = |begin: usize, end: usize| s.slice(In::Normalized(begin..end)).unwrap_or_else(|| "".into());
    for h in hits {
        if from < h.begin {
            parts.push((slice(from, h.begin), None));
        }
        parts
            .push((slice(h.begin, h.end), Some(vec![Token::new(h.id, String::new(), (0, h.end - h.begin))])));
        from = h.end;
    }
    if from < s.get().len() {
        parts.push((slice(from, s.get().len()), None));
    }
    parts
}

/// Converts ranges of the original text to ranges of this normalised part, by bisection over the alignment.
fn map_ranges(s: &NormalizedString, literal: &[Range<usize>]) -> Vec<Range<usize>> {
    let (begin, end) = s.offsets_original();
    let length = s.get().len();
    let original = |i: usize| {
        s.convert_offsets(In::Normalized(i..i + 1))
            .map_or((begin, begin), |r| (begin + r.start, begin + r.end))
    };
    let first = literal.partition_point(|r| r.end <= begin);
    literal[first..]
        .iter()
        .take_while(|r| r.start < end)
        .map(|r| bisect(length, |i| original(i).1 <= r.start)..bisect(length, |i| original(i).0 < r.end))
        .filter(|r| r.start < r.end)
        .collect()
}

/// The first index in 0..n for which `left` is false.
fn bisect(n: usize, left: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = (low + high) / 2;
        if left(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}
