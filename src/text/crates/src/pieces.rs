//! What each token adds to a text, computed once per token instead of once per sequence. A stream only joins
//! these bytes; the C++ side puts characters together.

use serde_json::Value;

/// The bytes of one token. `first`: its bytes at the start of a text, if they differ.
pub struct Piece {
    pub bytes: Vec<u8>,
    pub first: Option<Vec<u8>>,
}

enum Step {
    ByteLevel,
    ByteFallback,
    Replace(String, String),
    Strip(char, usize, usize),
    Metaspace(char, bool),
    WordPiece(String),
    Suffix(String),
    Joined,
}

pub struct Decoder {
    steps: Vec<Step>,
    /// Decoded text loses up to this many of this character at its very start.
    pub strip: Option<(char, usize)>,
    characters: Vec<Option<u8>>, // byte-level alphabet: code point → byte
}

/// The byte-level alphabet: printable bytes are their own characters, others are U+0100 and up.
fn byte_alphabet() -> Vec<Option<u8>> {
    let mut table = vec![None; 512];
    let mut next = 256;
    for b in 0..=255u8 {
        if matches!(b, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF) {
            table[b as usize] = Some(b);
        } else {
            table[next] = Some(b);
            next += 1;
        }
    }
    table
}

fn text_of(v: &Value, key: &str) -> String {
    v.get(key).and_then(Value::as_str).unwrap_or_default().to_string()
}

fn count_of(v: &Value, key: &str) -> usize {
    v.get(key).and_then(Value::as_u64).unwrap_or_default() as usize
}

impl Decoder {
    pub fn new(json: &Value) -> Decoder {
        let mut d = Decoder { steps: Vec::new(), strip: None, characters: byte_alphabet() };
        if json.is_null() {
            d.steps.push(Step::Joined);
        } else {
            let mut fused = false;
            d.add(json, &mut fused);
        }
        d
    }

    fn add(&mut self, json: &Value, fused: &mut bool) {
        let first_char = |key: &str, other: char| text_of(json, key).chars().next().unwrap_or(other);
        match json.get("type").and_then(Value::as_str).unwrap_or_default() {
            "Sequence" => {
                for d in json.get("decoders").and_then(Value::as_array).into_iter().flatten() {
                    self.add(d, fused);
                }
            }
            "ByteLevel" => self.steps.push(Step::ByteLevel),
            "ByteFallback" => self.steps.push(Step::ByteFallback),
            "Fuse" => *fused = true,
            "Replace" => {
                let from = json.get("pattern").map(|p| text_of(p, "String")).unwrap_or_default();
                if !from.is_empty() {
                    self.steps.push(Step::Replace(from, text_of(json, "content")));
                }
            }
            "Strip" if *fused => self.strip = Some((first_char("content", ' '), count_of(json, "start"))),
            "Strip" => self.steps.push(Step::Strip(
                first_char("content", ' '),
                count_of(json, "start"),
                count_of(json, "stop"),
            )),
            "Metaspace" => {
                let never = text_of(json, "prepend_scheme") == "never"
                    || json.get("add_prefix_space") == Some(&Value::Bool(false));
                self.steps.push(Step::Metaspace(first_char("replacement", '\u{2581}'), !never));
            }
            "WordPiece" => self.steps.push(Step::WordPiece(text_of(json, "prefix"))),
            "BPEDecoder" => self.steps.push(Step::Suffix(text_of(json, "suffix"))),
            _ => {}
        }
    }

    pub fn piece(&self, token: &str) -> Piece {
        let bytes = self.run(token, false);
        let first = self.run(token, true);
        Piece { first: (first != bytes).then_some(first), bytes }
    }

    fn run(&self, token: &str, first: bool) -> Vec<u8> {
        let mut text = token.to_string();
        for step in &self.steps {
            match step {
                Step::ByteLevel => return self.byte_level(&text),
                Step::ByteFallback => {
                    if let Some(b) = byte_token(&text) {
                        return vec![b];
                    }
                }
                Step::Replace(from, to) => text = text.replace(from.as_str(), to),
                Step::Strip(c, start, stop) => text = strip(&text, *c, *start, *stop),
                Step::Metaspace(c, prepended) => {
                    let to = if first && *prepended { "" } else { " " };
                    text = text.replace(*c, to);
                }
                Step::WordPiece(prefix) => {
                    text = match text.strip_prefix(prefix.as_str()) {
                        Some(rest) if !first && !prefix.is_empty() => rest.to_string(),
                        _ if first => text,
                        _ => format!(" {text}"),
                    }
                }
                Step::Suffix(suffix) if !suffix.is_empty() => text = text.replace(suffix.as_str(), " "),
                Step::Suffix(_) => {}
                Step::Joined if first => {}
                Step::Joined => text.insert(0, ' '),
            }
        }
        text.into_bytes()
    }

    fn byte_level(&self, text: &str) -> Vec<u8> {
        let byte = |c: char| self.characters.get(c as usize).copied().flatten();
        text.chars().map(byte).collect::<Option<Vec<u8>>>().unwrap_or_else(|| text.as_bytes().to_vec())
    }
}

/// "<0x41>" → 0x41
fn byte_token(text: &str) -> Option<u8> {
    let hex = text.strip_prefix("<0x")?.strip_suffix('>')?;
    (hex.len() == 2).then(|| u8::from_str_radix(hex, 16).ok()).flatten()
}

fn strip(text: &str, c: char, start: usize, stop: usize) -> String {
    let mut t = text;
    for _ in 0..start {
        t = t.strip_prefix(c).unwrap_or(t);
    }
    for _ in 0..stop {
        t = t.strip_suffix(c).unwrap_or(t);
    }
    t.to_string()
}
