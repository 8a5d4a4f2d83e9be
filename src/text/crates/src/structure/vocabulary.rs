//! The vocabulary as the trie that masks are computed over.

use std::collections::HashMap;
use std::sync::Arc;
use toktrie::{ApproximateTokEnv, SimpleVob, TokEnv, TokRxInfo, TokTrie, TokenId};

const WORD_MAX: usize = 512; // bytes; longer tokens are never allowed
const SIZE_MAX: usize = 1 << 22;

/// Special tokens that grammars of calls use, and their names there.
pub const MARKS: &[(&str, &str)] = &[
    ("<tool_call>", "<call>"),
    ("</tool_call>", "<call-end>"),
    ("\u{ff5c}DSML\u{ff5c}", "<dsml>"),
    ("<tool_calls>", "<calls>"),
    ("</tool_calls>", "<calls-end>"),
    ("<tool_sep>", "<sep>"),
    ("<arg_key>", "<key>"),
    ("</arg_key>", "<key-end>"),
    ("<arg_value>", "<value>"),
    ("</arg_value>", "<value-end>"),
    ("<tool_calls:opensource>", "<o-calls>"),
    ("</tool_calls:opensource>", "<o-calls-end>"),
    ("<tool_call:opensource>", "<o-call>"),
    ("</tool_call:opensource>", "<o-call-end>"),
    ("<tool_sep:opensource>", "<o-sep>"),
    ("<arg_key:opensource>", "<o-key>"),
    ("</arg_key:opensource>", "<o-key-end>"),
    ("<arg_value:opensource>", "<o-value>"),
    ("</arg_value:opensource>", "<o-value-end>"),
    ("<｜tool▁calls▁begin｜>", "<ds-calls>"),
    ("<｜tool▁calls▁end｜>", "<ds-calls-end>"),
    ("<｜tool▁call▁begin｜>", "<ds-call>"),
    ("<｜tool▁call▁end｜>", "<ds-call-end>"),
    ("<｜tool▁sep｜>", "<ds-sep>"),
    ("<|tool_calls_section_begin|>", "<section>"),
    ("<|tool_calls_section_end|>", "<section-end>"),
    ("<|tool_call_begin|>", "<begin>"),
    ("<|tool_call_end|>", "<end>"),
    ("<|tool_call_argument_begin|>", "<argument>"),
    ("<minimax:tool_call>", "<minimax>"),
    ("</minimax:tool_call>", "<minimax-end>"),
    ("[TOOL_CALLS]", "<mistral>"),
    ("[ARGS]", "<mistral-args>"),
    ("<|start|>", "<start>"),
    ("<|channel|>", "<channel>"),
    ("<|constrain|>", "<constrain>"),
    ("<|message|>", "<message>"),
    ("<|call|>", "<call-message>"),
    ("<function=", "<function>"),
    ("</function>", "<function-end>"),
    ("<parameter=", "<parameter>"),
    ("</parameter>", "<parameter-end>"),
    ("</invoke>", "<invoke-end>"),
];

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
