//! Resolves `$ref` inside one document.

use super::Fault;
use serde_json::Value;

/// The schema that a reference names. Only references into the document itself are taken.
pub fn resolved<'a>(root: &'a Value, reference: &str, place: &str) -> Result<&'a Value, Fault> {
    let unknown = |why: &str| Fault::at(place, format!("$ref '{}' {why}", cut(reference)));
    let pointer = reference.strip_prefix('#').ok_or_else(|| unknown("leads outside the schema"))?;
    let pointer = percent_decoded(pointer).ok_or_else(|| unknown("is not valid"))?;
    let pointer = if pointer == "/" { "" } else { pointer.as_str() };
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return Err(unknown("names an anchor; write a path such as #/$defs/name"));
    }
    root.pointer(pointer).ok_or_else(|| unknown("names nothing in the schema"))
}

fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

fn percent_decoded(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            out.push(u8::from_str_radix(text.get(at + 1..at + 3)?, 16).ok()?);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(out).ok()
}
