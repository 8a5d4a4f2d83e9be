//! C functions of the tokenizer. Their contract is in ../../crates.h.

use crate::border::{deliver, guarded, Buffer, Str};
use crate::files::FileVocabulary;
use crate::tokenizer::{Mode, Tokenizer};
use crate::vocabulary::Vocabulary;
use std::ffi::{c_char, CStr};
use std::ops::Range;

#[repr(C)]
pub struct ByteRange {
    begin: usize,
    end: usize,
}

#[repr(C)]
pub struct PieceView {
    bytes: Str,
    first: Str,
    known: bool,
    differs_first: bool,
    special: bool,
}

#[no_mangle]
pub unsafe extern "C" fn autark_tokenizer_from_json(json: Str, error: *mut Buffer) -> *mut Tokenizer {
    let made = guarded(|| Tokenizer::from_json(json.bytes()).map(|t| Box::into_raw(Box::new(t))));
    deliver(made, std::ptr::null_mut(), error)
}

#[repr(C)]
pub struct VocabularyView {
    kind: *const c_char,
    pipeline: Str,
    tokens: *const Str,
    types: *const u8,
    scores: *const f32,
    token_count: usize,
    merges: *const Str,
    merge_count: usize,
    charsmap: Str,
}

#[no_mangle]
pub unsafe extern "C" fn autark_tokenizer_from_vocabulary(
    v: &VocabularyView,
    error: *mut Buffer,
) -> *mut Tokenizer {
    let made = guarded(|| {
        let kind = CStr::from_ptr(v.kind).to_str().unwrap_or_default();
        let pipeline = serde_json::from_slice(v.pipeline.bytes()).map_err(|e| format!("tokenizer: {e}"))?;
        let (types, scores) = (list(v.types, v.token_count), list(v.scores, v.token_count));
        let made = if FileVocabulary::KINDS.contains(&kind) {
            let tokens = list(v.tokens, v.token_count).iter().map(|s| s.bytes()).collect();
            FileVocabulary { kind, pipeline, tokens, types, scores, charsmap: v.charsmap.bytes() }.build()
        } else {
            let (tokens, merges) = (texts(v.tokens, v.token_count)?, texts(v.merges, v.merge_count)?);
            Vocabulary { kind, pipeline, tokens, types, scores, merges }.build()
        };
        made.map(|t| Box::into_raw(Box::new(t)))
    });
    deliver(made, std::ptr::null_mut(), error)
}

unsafe fn list<'a, T>(data: *const T, count: usize) -> &'a [T] {
    if count == 0 {
        return &[];
    }
    std::slice::from_raw_parts(data, count)
}

unsafe fn texts<'a>(data: *const Str, count: usize) -> Result<Vec<&'a str>, String> {
    list(data, count).iter().map(|s| s.text().map_err(|e| format!("tokenizer: a token's {e}"))).collect()
}

#[no_mangle]
pub unsafe extern "C" fn autark_tokenizer_free(t: *mut Tokenizer) {
    if !t.is_null() {
        drop(Box::from_raw(t));
    }
}

#[no_mangle]
pub unsafe extern "C" fn autark_tokenizer_encode(
    t: &Tokenizer,
    text: Str,
    mode: Mode,
    literal: *const ByteRange,
    literal_count: usize,
    ids: *mut Buffer,
    error: *mut Buffer,
) -> bool {
    let encoded = guarded(|| {
        let text = text.text()?;
        let ranges =
            if literal_count == 0 { &[] } else { std::slice::from_raw_parts(literal, literal_count) };
        let found = t.encode(text, mode, &tidy(text, ranges))?;
        ids.write(Buffer::of(found.iter().flat_map(|id| id.to_ne_bytes()).collect()));
        Ok(true)
    });
    deliver(encoded, false, error)
}

/// The ranges sorted, merged, cut to the text and widened to whole characters.
fn tidy(text: &str, ranges: &[ByteRange]) -> Vec<Range<usize>> {
    let mut tidy: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    let mut sorted: Vec<(usize, usize)> =
        ranges.iter().map(|r| (r.begin, r.end.min(text.len()))).filter(|r| r.0 < r.1).collect();
    sorted.sort_unstable();
    for (mut begin, mut end) in sorted {
        while !text.is_char_boundary(begin) {
            begin -= 1;
        }
        while !text.is_char_boundary(end) {
            end += 1;
        }
        match tidy.last_mut() {
            Some(last) if begin <= last.end => last.end = last.end.max(end),
            _ => tidy.push(begin..end),
        }
    }
    tidy
}

#[no_mangle]
pub unsafe extern "C" fn autark_tokenizer_size(t: &Tokenizer) -> usize {
    t.pieces.len()
}

#[no_mangle]
pub unsafe extern "C" fn autark_tokenizer_piece(t: &Tokenizer, id: u32) -> PieceView {
    let piece = t.pieces.get(id as usize).and_then(Option::as_ref);
    let bytes = piece.map_or(&[][..], |p| &p.bytes);
    let first = piece.and_then(|p| p.first.as_deref());
    PieceView {
        bytes: Str::of(bytes),
        first: Str::of(first.unwrap_or(bytes)),
        known: piece.is_some(),
        differs_first: first.is_some(),
        special: t.special.contains(&id),
    }
}

#[no_mangle]
pub unsafe extern "C" fn autark_tokenizer_id(t: &Tokenizer, token: Str) -> i64 {
    let id = guarded(|| Ok(token.text()?).map(|s| t.id_of(s).map_or(-1, i64::from)));
    id.unwrap_or(-1)
}

/// Decoded text loses up to `count` times `character` at its very start. `repeats`: see Tokenizer::first_repeats.
#[no_mangle]
pub unsafe extern "C" fn autark_tokenizer_strip(
    t: &Tokenizer,
    character: *mut u32,
    count: *mut usize,
    repeats: *mut bool,
) {
    let (c, n) = t.strip.unwrap_or((' ', 0));
    character.write(c as u32);
    count.write(n);
    repeats.write(t.first_repeats);
}

/// Spellings of added tokens that are markup.
#[no_mangle]
pub unsafe extern "C" fn autark_tokenizer_markup_count(t: &Tokenizer) -> usize {
    t.spellings.len()
}

#[no_mangle]
pub unsafe extern "C" fn autark_tokenizer_markup(t: &Tokenizer, at: usize) -> Str {
    Str::of(t.spellings.get(at).map_or(&[][..], |s| s.as_bytes()))
}
