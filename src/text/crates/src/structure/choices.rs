//! A list of choices as one regex. Common beginnings are written once: as plain alternatives a long list would
//! take the library minutes.

use super::Fault;

const COUNT_MAX: usize = 20_000;
const LONGEST: usize = 4096; // bytes; the nesting of the regex stays below its length

/// `text`: a JSON list of strings.
pub fn regex_of(text: &str) -> Result<String, Fault> {
    let mut choices: Vec<String> =
        serde_json::from_str(text).map_err(|_| Fault::at("/", "the choices must be a list of strings"))?;
    if choices.is_empty() {
        return Err(Fault::at("/", "there must be at least one choice"));
    }
    if choices.len() > COUNT_MAX || choices.iter().any(|c| c.len() > LONGEST) {
        let limits = format!("at most {COUNT_MAX} choices of {LONGEST} bytes are taken");
        return Err(Fault::complex("/", limits));
    }
    choices.sort();
    choices.dedup();
    let split: Vec<Vec<char>> = choices.iter().map(|c| c.chars().collect()).collect();
    let mut out = String::new();
    write(&split, 0, 0, &mut out)?;
    Ok(out)
}

/// Writes what follows the first `from` characters, which all choices have in common.
fn write(choices: &[Vec<char>], from: usize, depth: usize, out: &mut String) -> Result<(), Fault> {
    if depth > 200 {
        return Err(Fault::complex("/", "the choices share too many beginnings"));
    }
    let mut same = from;
    while choices.iter().all(|c| c.len() > same && c[same] == choices[0][same]) {
        same += 1;
    }
    let common: String = choices[0][from..same].iter().collect();
    out.push_str(&regex_syntax::escape(&common));
    if choices.len() == 1 {
        return Ok(());
    }
    out.push_str("(?:");
    let ends = choices[0].len() == same;
    let rest = &choices[usize::from(ends)..];
    let groups = rest.chunk_by(|a, b| a[same] == b[same]);
    for (i, group) in groups.enumerate() {
        if i > 0 {
            out.push('|');
        }
        write(group, same, depth + 1, out)?;
    }
    out.push_str(if ends { ")?" } else { ")" });
    Ok(())
}
