//! The normalisation of a SentencePiece model: replacements by its table of characters, spaces as U+2581, a space
//! before (or behind) the text. The table is a double array of 32-bit units (Darts) and a list of replacements that
//! end with a zero byte. A unit has a label in bits 0 to 7, "a word ends here" in bit 8, the factor and offset to its
//! children in bits 9 to 30; bit 31 marks a value.

pub struct CharsMap {
    units: Vec<u32>,
    texts: Vec<u8>,
}

impl CharsMap {
    /// `blob`: the bytes of the units (4, little-endian), the units, the texts.
    pub fn new(blob: &[u8]) -> Result<CharsMap, String> {
        let wrong = || "tokenizer: the table of normalised characters is damaged".to_string();
        let size =
            blob.get(..4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize).ok_or_else(wrong)?;
        let body = &blob[4..];
        if size < 1024 || size % 1024 != 0 || size >= body.len() || body.last() != Some(&0) {
            return Err(wrong());
        }
        let units =
            body[..size].chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        Ok(CharsMap { units, texts: body[size..].to_vec() })
    }

    /// The longest entry that `text` begins with: its length and what replaces it.
    fn longest(&self, text: &[u8]) -> Option<(usize, &str)> {
        let offset = |unit: u32| ((unit >> 10) << ((unit & (1 << 9)) >> 6)) as usize;
        let mut at = offset(self.units[0]);
        let mut last = None;
        for (i, byte) in text.iter().enumerate() {
            at ^= *byte as usize;
            let Some(unit) = self.units.get(at) else { break };
            if unit & 0x8000_00ff != u32::from(*byte) {
                break;
            }
            at ^= offset(*unit);
            if unit & 0x100 != 0 {
                let Some(value) = self.units.get(at) else { break };
                last = Some((i + 1, (value & 0x7fff_ffff) as usize));
            }
        }
        let (length, from) = last?;
        let rest = self.texts.get(from..).filter(|rest| !rest.is_empty())?;
        let end = rest.iter().position(|b| *b == 0)?;
        Some((length, std::str::from_utf8(&rest[..end]).ok()?))
    }
}

#[derive(Default)]
pub struct Normalizer {
    pub map: Option<CharsMap>,
    pub dummy_prefix: bool, // a space before the text, or behind it with `suffix`
    pub suffix: bool,
    pub remove_extra: bool, // white space at both ends, and all but one between words
    pub escape: bool,       // a space is written as U+2581
}

/// A normalised text and, for each of its bytes, the index in the original text.
#[derive(Default)]
pub struct Normal {
    pub text: String,
    pub origins: Vec<usize>,
}

impl Normal {
    fn add(&mut self, text: &str, origin: usize) {
        self.text.push_str(text);
        self.origins.resize(self.text.len(), origin);
    }
}

impl Normalizer {
    fn space(&self) -> &'static str {
        if self.escape {
            "\u{2581}"
        } else {
            " "
        }
    }

    /// `kept(at)`: how many bytes of `text` from `at` on are a piece that is never changed.
    pub fn run(&self, text: &str, kept: impl Fn(usize) -> Option<usize>) -> Normal {
        let mut out = Normal::default();
        let mut at = 0;
        while self.remove_extra && at < text.len() {
            match self.front(text, at, &kept) {
                (" ", length) => at += length,
                _ => break,
            }
        }
        if at == text.len() {
            return out;
        }
        if self.dummy_prefix && !self.suffix {
            out.add(self.space(), at);
        }
        let mut after_space = self.remove_extra;
        while at < text.len() {
            let (mut part, length) = self.front(text, at, &kept);
            if after_space {
                part = part.trim_start_matches(' ');
            }
            for (i, words) in part.split(' ').enumerate() {
                if i > 0 {
                    out.add(self.space(), at);
                }
                out.add(words, at);
            }
            if !part.is_empty() {
                after_space = part.ends_with(' ');
            }
            after_space &= self.remove_extra;
            at += length;
        }
        while self.remove_extra && out.text.ends_with(self.space()) {
            out.text.truncate(out.text.len() - self.space().len());
            out.origins.truncate(out.text.len());
        }
        if self.dummy_prefix && self.suffix {
            out.add(self.space(), at.saturating_sub(1));
        }
        out
    }

    /// The next part in its normalised form, and its length in `text`.
    fn front<'a>(
        &'a self,
        text: &'a str,
        at: usize,
        kept: &impl Fn(usize) -> Option<usize>,
    ) -> (&'a str, usize) {
        if let Some(length) = kept(at) {
            return (&text[at..at + length], length);
        }
        let character = text[at..].chars().next().map_or(1, char::len_utf8);
        let found = self.map.as_ref().and_then(|m| m.longest(&text.as_bytes()[at..]));
        match found {
            Some((length, to)) if text.is_char_boundary(at + length) => (to, length),
            _ => (&text[at..at + character], character),
        }
    }
}
