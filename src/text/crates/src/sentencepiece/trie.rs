//! Words that a text begins with. A sorted list that each byte of the text narrows.

pub struct Trie {
    words: Vec<(Vec<u8>, u32)>, // sorted; without equal and empty words
}

impl Trie {
    pub fn new(words: impl Iterator<Item = (Vec<u8>, u32)>) -> Trie {
        let mut words: Vec<_> = words.filter(|(w, _)| !w.is_empty()).collect();
        words.sort();
        words.dedup_by(|a, b| a.0 == b.0);
        Trie { words }
    }

    /// Calls `found` with the length and the id of each word that `text` begins with, the shortest first.
    pub fn prefixes(&self, text: &[u8], mut found: impl FnMut(usize, u32)) {
        let mut rest = &self.words[..];
        for (i, byte) in text.iter().enumerate() {
            if rest.first().is_some_and(|w| w.0.len() == i) {
                rest = &rest[1..];
            }
            rest = &rest[rest.partition_point(|w| w.0[i] < *byte)..];
            rest = &rest[..rest.partition_point(|w| w.0[i] == *byte)];
            match rest.first() {
                None => return,
                Some((word, id)) if word.len() == i + 1 => found(i + 1, *id),
                Some(_) => {}
            }
        }
    }
}
