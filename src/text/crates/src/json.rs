//! JSON as templates see it: the order of keys is kept, and integers of any size are exact.

use num_bigint::BigInt;

const DEPTH_MAX: usize = 100;

/// The data of a request. Its texts can be changed before they become values of the template.
#[derive(Clone)]
pub enum Json {
    Null,
    Bool(bool),
    Int(BigInt),
    Float(f64),
    Text(String),
    List(Vec<Json>),
    Map(Vec<(String, Json)>), // keys differ: a repeated key keeps its first place and last value
}

pub fn parse(text: &str) -> Result<Json, String> {
    let mut p = Parser { text: text.as_bytes(), at: 0, depth: 0 };
    let value = p.value()?;
    p.space();
    if p.at != p.text.len() {
        return Err(p.fault());
    }
    Ok(value)
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn fault(&self) -> String {
        format!("not JSON at byte {}", self.at)
    }

    fn space(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, b: u8) -> bool {
        self.space();
        let found = self.text.get(self.at) == Some(&b);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self) -> Result<Json, String> {
        self.space();
        match self.text.get(self.at) {
            Some(b'{') => self.nested(Self::map),
            Some(b'[') => self.nested(Self::list),
            Some(b'"') => self.string().map(Json::Text),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            _ => self.number(),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Json, String>) -> Result<Json, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("JSON is nested deeper than {DEPTH_MAX} levels"));
        }
        self.at += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, String> {
        if !self.text[self.at..].starts_with(word.as_bytes()) {
            return Err(self.fault());
        }
        self.at += word.len();
        Ok(value)
    }

    fn list(&mut self) -> Result<Json, String> {
        let mut items = Vec::new();
        if self.eat(b']') {
            return Ok(Json::List(items));
        }
        loop {
            items.push(self.value()?);
            if self.eat(b']') {
                return Ok(Json::List(items));
            }
            if !self.eat(b',') {
                return Err(self.fault());
            }
        }
    }

    fn map(&mut self) -> Result<Json, String> {
        let mut items: Vec<(String, Json)> = Vec::new();
        let mut places = std::collections::HashMap::new();
        if self.eat(b'}') {
            return Ok(Json::Map(items));
        }
        loop {
            self.space();
            let key = self.string()?;
            if !self.eat(b':') {
                return Err(self.fault());
            }
            let value = self.value()?;
            match places.get(&key) {
                Some(&at) => items[at] = (key, value),
                None => {
                    places.insert(key.clone(), items.len());
                    items.push((key, value));
                }
            }
            if self.eat(b'}') {
                return Ok(Json::Map(items));
            }
            if !self.eat(b',') {
                return Err(self.fault());
            }
        }
    }

    fn string(&mut self) -> Result<String, String> {
        let begin = self.at;
        if self.text.get(begin) != Some(&b'"') {
            return Err(self.fault());
        }
        let mut at = begin + 1;
        while let Some(&b) = self.text.get(at) {
            match b {
                b'"' => {
                    self.at = at + 1;
                    // serde_json resolves the escapes of this one string.
                    return serde_json::from_slice(&self.text[begin..self.at])
                        .map_err(|_| format!("not a JSON string at byte {begin}"));
                }
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        Err(format!("a string without end at byte {begin}"))
    }

    fn number(&mut self) -> Result<Json, String> {
        let begin = self.at;
        while matches!(self.text.get(self.at), Some(b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) {
            self.at += 1;
        }
        let text = std::str::from_utf8(&self.text[begin..self.at]).unwrap_or_default();
        let digits = text.strip_prefix('-').unwrap_or(text);
        let value = if !digits.starts_with(|c: char| c.is_ascii_digit()) {
            None
        } else if digits.bytes().all(|b| b.is_ascii_digit()) {
            integer(text)
        } else {
            text.parse::<f64>().ok().map(Json::Float)
        };
        value.ok_or_else(|| format!("not JSON at byte {begin}"))
    }
}

/// An integer; None if it has more digits than Python reads.
fn integer(text: &str) -> Option<Json> {
    const DIGITS_MAX: usize = 4300;
    if text.len() > DIGITS_MAX {
        return None;
    }
    text.parse().ok().map(Json::Int)
}
