//! The vocabulary as the trie that masks are computed over.

use std::collections::HashMap;
use std::sync::Arc;
use toktrie::{ApproximateTokEnv, SimpleVob, TokEnv, TokRxInfo, TokTrie, TokenId};

const WORD_MAX: usize = 512; // bytes; longer tokens are never allowed
const SIZE_MAX: usize = 1 << 22;

/// Special tokens that grammars of calls use, as <name>.
pub const MARKS: [(&str, &str); 3] =
    [("<tool_call>", "<call>"), ("</tool_call>", "<call-end>"), ("\u{ff5c}DSML\u{ff5c}", "<dsml>")];

fn mark_of(word: &[u8]) -> Option<Vec<u8>> {
    let (_, name) = MARKS.iter().find(|(spelling, _)| spelling.as_bytes() == word)?;
    Some([&[TokTrie::SPECIAL_TOKEN_MARKER], name.as_bytes()].concat())
}

pub struct Vocabulary {
    pub env: TokEnv,
    pub size: usize,
    ends: Vec<TokenId>,
    twins: Vec<(TokenId, TokenId)>, // a token, and the one with the same bytes that the trie has
}

impl Vocabulary {
    /// `words`: the bytes that each id adds to a text. Special tokens have no text; those among
    /// MARKS have their names. `ends` end an answer.
    pub fn new(mut words: Vec<Vec<u8>>, special: &[bool], ends: &[u32]) -> Result<Vocabulary, String> {
        let size = words.len();
        let ends: Vec<TokenId> = ends.iter().copied().filter(|e| (*e as usize) < size).collect();
        if size == 0 || size > SIZE_MAX {
            return Err(format!("structure: a vocabulary of {size} tokens cannot be masked"));
        }
        let Some(end) = ends.first() else {
            return Err("structure: the model has no token that ends an answer".into());
        };
        let mut first = HashMap::new();
        let mut twins = Vec::new();
        for id in 0..size {
            let silent = special.get(id) == Some(&true) || ends.contains(&(id as u32));
            if silent {
                words[id] = mark_of(&words[id]).unwrap_or_default();
            }
            if words[id].len() > WORD_MAX {
                words[id].clear();
            }
            if words[id].is_empty() {
                continue;
            }
            if let Some(other) = first.get(&words[id]) {
                twins.push((id as TokenId, *other));
                words[id].clear();
            } else {
                first.insert(words[id].clone(), id as TokenId);
            }
        }
        for end in &ends {
            words[*end as usize] = format!("\u{0}<end {end}>").into_bytes();
            words[*end as usize][0] = TokTrie::SPECIAL_TOKEN_MARKER;
        }
        let trie = TokTrie::from(&TokRxInfo::new(size as u32, *end), &words).with_eos_tokens(&ends);
        Ok(Vocabulary { env: Arc::new(ApproximateTokEnv::new(trie)), size, ends, twins })
    }

    pub fn is_end(&self, id: TokenId) -> bool {
        self.ends.contains(&id)
    }

    /// The token that the trie has for `id`.
    pub fn in_trie(&self, id: TokenId) -> TokenId {
        let at = self.twins.binary_search_by_key(&id, |t| t.0);
        at.map_or(id, |at| self.twins[at].1)
    }

    /// Completes a mask: twins are allowed together, and all end tokens are.
    pub fn complete(&self, mask: &mut SimpleVob) {
        for (id, other) in &self.twins {
            if mask.is_allowed(*other) {
                mask.allow_token(*id);
            }
        }
        if self.ends.iter().any(|e| mask.is_allowed(*e)) {
            self.ends.iter().for_each(|e| mask.allow_token(*e));
        }
    }
}
