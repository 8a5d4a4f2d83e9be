//! Byte pair encoding by ranks, as tiktoken does it: a part that is a token becomes that token; otherwise the two
//! neighbours whose union has the lowest rank are joined, beginning with single bytes. The rank is the id.

use crate::merges::{joined, Symbol};
use ahash::AHashMap;

pub struct Ranks {
    ranks: AHashMap<Vec<u8>, u32>,
}

impl Ranks {
    /// `tokens`: by rank.
    pub fn new(tokens: &[&[u8]]) -> Result<Ranks, String> {
        let mut ranks = AHashMap::with_capacity(tokens.len());
        for (rank, token) in tokens.iter().enumerate() {
            if ranks.insert(token.to_vec(), rank as u32).is_some() {
                return Err(format!("tokenizer: the token of rank {rank} has another rank, too"));
            }
        }
        match (0..=255u8).find(|b| !ranks.contains_key(&[*b][..])) {
            Some(b) => Err(format!("tokenizer: the byte {b:#04x} is not a token")),
            None => Ok(Ranks { ranks }),
        }
    }

    pub fn id_of(&self, token: &str) -> Option<u32> {
        self.ranks.get(token.as_bytes()).copied()
    }

    pub fn encode(&self, part: &str, ids: &mut Vec<u32>) {
        let part = part.as_bytes();
        if let Some(id) = self.ranks.get(part) {
            return ids.push(*id);
        }
        let bytes = (0..part.len()).map(|i| Symbol { begin: i, end: i + 1, frozen: false }).collect();
        let pieces = joined(bytes, |piece, _| self.ranks.get(&part[piece]).map(|rank| u32::MAX - rank));
        ids.extend(pieces.iter().filter_map(|s| self.ranks.get(&part[s.begin..s.end])));
    }
}
