//! Goal: masks say exactly what the structure allows, and no structure takes the process down. Method: masks
//! over a small vocabulary are compared with trying every token; hostile structures must end soon with a fault
//! or a matcher.

use super::matcher::Follower;
use super::trial::tests::own_trial;
use super::{Environment, Fault, Kind};
use serde_json::{json, Value};
use std::sync::Arc;
use std::time::{Duration, Instant};

const END: u32 = 256;

/// Fails with a message; the panic hook of the crate prints none.
macro_rules! holds {
    ($holds:expr, $($told:tt)*) => {
        if !$holds {
            eprintln!($($told)*);
            panic!();
        }
    };
}

/// Every byte, one end token, and some longer words; the last is a twin of 'a'.
fn environment() -> Arc<Environment> {
    let mut words: Vec<Vec<u8>> = (0..=255).map(|b| vec![b]).collect();
    words.push(Vec::new());
    for word in ["true", "false", "{\"", "\":", "abc", "\"a\"", "12", "a"] {
        words.push(word.as_bytes().to_vec());
    }
    let special = vec![false; words.len()];
    Arc::new(Environment::new(words, &special, &[END], own_trial()).unwrap())
}

fn masks(kind: Kind, text: &str) -> Result<Follower, Fault> {
    Follower::new(environment(), kind, text)
}

fn ids(text: &str) -> Vec<u32> {
    text.bytes().map(u32::from).collect()
}

/// True if the whole text is an answer.
fn takes(m: &mut Follower, text: &str) -> bool {
    m.mask(&ids(text)).is_ok_and(|mask| mask.finished)
}

fn schema(value: Value) -> Result<Follower, Fault> {
    masks(Kind::Schema, &value.to_string())
}

#[test]
fn a_mask_is_what_trying_every_token_finds() {
    let cases = [
        (
            Kind::Schema,
            json!({"type": "object", "properties": {"a": {"type": "integer"}}}).to_string(),
            "{\"a\":12}",
        ),
        (Kind::Schema, json!({"enum": [true, "abc", 12]}).to_string(), "\"abc\""),
        (Kind::Regex, "(ab|a)c*[0-9]{2}".to_string(), "abcc12"),
        (Kind::Choice, json!(["abc", "ab", "true", ""]).to_string(), "abc"),
        (Kind::Grammar, "start: \"a\" start \"c\" | \"b\"".to_string(), "aabcc"),
    ];
    for (kind, text, answer) in cases {
        let mut m = masks(kind, &text).unwrap();
        for length in 0..=answer.len() {
            let so_far = ids(&answer[..length]);
            let mask = m.mask(&so_far).unwrap();
            for id in (0..265u32).filter(|id| *id != END) {
                let allowed = mask.bits[id as usize / 32] >> (id % 32) & 1 == 1;
                let mut other = m.another();
                let mut next = so_far.clone();
                next.push(id);
                holds!(
                    allowed == other.mask(&next).is_ok(),
                    "{text} after {length}: {id} allowed: {allowed}, {:?}",
                    other.mask(&next).err()
                );
            }
            let ends = mask.bits[END as usize / 32] >> (END % 32) & 1 == 1;
            holds!(ends == mask.finished, "{text} after {length}: end {ends}");
        }
        holds!(takes(&mut m, answer), "{text}");
    }
}

#[test]
fn a_mask_does_not_depend_on_what_was_asked_before() {
    let text = json!({"type": "array", "items": {"enum": ["abc", "a"]}}).to_string();
    let answer = ids("[\"abc\",\"a\"]");
    let mut jumping = masks(Kind::Schema, &text).unwrap();
    for at in [0, 5, 3, 11, 7, 11, 0, 1] {
        let mut fresh = masks(Kind::Schema, &text).unwrap();
        let (a, b) = (jumping.mask(&answer[..at]).unwrap(), fresh.mask(&answer[..at]).unwrap());
        assert_eq!((&a.bits, a.finished), (&b.bits, b.finished), "{at}");
    }
    let mut ended = answer.clone();
    ended.push(END);
    let mask = jumping.mask(&ended).unwrap();
    assert!(mask.finished);
    assert_eq!(
        jumping.another().mask(&[]).unwrap().bits,
        masks(Kind::Schema, &text).unwrap().mask(&[]).unwrap().bits
    );
}

#[test]
fn schemas_in_the_styles_of_clients_are_kept() {
    let cases = [
        (
            json!({"type": "object", "propertyNames": {"enum": ["k", "ü"]}, "additionalProperties": {"type": "integer"}}),
            vec!["{\"k\":1}", "{\"ü\":2}", "{}"],
            vec!["{\"j\":1}", "{\"k\":\"\"}"],
        ),
        (
            json!({"type": "object", "propertyNames": {"pattern": "^a+$"}, "additionalProperties": {"type": "null"}}),
            vec!["{\"aa\":null}"],
            vec!["{\"b\":null}"],
        ),
        (
            json!({"type": "object", "propertyNames": {"type": "string"}, "additionalProperties": {"type": "boolean"}}),
            vec!["{\"x y\":true}"],
            vec!["{\"x\":1}"],
        ),
        (json!({"type": "string", "nullable": true}), vec!["null", "\"\""], vec!["1"]),
        (json!({"$defs": {"結": {"enum": [1, 2]}}, "$ref": "#/$defs/結"}), vec!["1"], vec!["3"]),
        (
            json!({"$defs": {"t": {"type": "object", "properties": {"n": {"anyOf": [{"$ref": "#/$defs/t"}, {"type": "null"}]}},
                "required": ["n"], "additionalProperties": false}}, "$ref": "#/$defs/t"}),
            vec!["{\"n\":{\"n\":null}}"],
            vec!["{\"n\":1}"],
        ),
        (json!({"type": "integer", "minimum": 0, "exclusiveMinimum": true}), vec!["1"], vec!["0"]),
        (
            json!({"type": "object", "properties": {"x": {"$ref": "#"}}, "additionalProperties": false}),
            vec!["{\"x\":{}}"],
            vec!["{\"y\":1}"],
        ),
        (
            json!({"type": "object", "properties": {"x": {"$ref": "#/$defs/r"}}, "additionalProperties": false,
                "$defs": {"r": {"$ref": "#/$defs/r"}}}),
            vec!["{}"],
            vec!["{\"x\":1}"],
        ),
    ];
    for (value, good, bad) in cases {
        let mut m = schema(value.clone()).unwrap_or_else(|e| {
            eprintln!("{value}: {e:?}");
            panic!()
        });
        for text in good {
            holds!(takes(&mut m, text), "{value} must take {text}: {:?}", m.mask(&ids(text)).err());
        }
        for text in bad {
            holds!(!takes(&mut m, text), "{value} must not take {text}");
        }
    }
}

#[test]
fn what_cannot_be_kept_names_its_place() {
    let cases = [
        (json!({"properties": {"a/b": {"not": {}}}}), "/properties/a~1b/not"),
        (json!({"type": "array", "uniqueItems": true}), "/uniqueItems"),
        (json!({"multipleOf": -2}), "/multipleOf"),
        (json!({"const": 9007199254740993u64}), "/const"),
        (json!({"anyOf": [{"enum": [1, 1e300]}]}), "/anyOf/0/enum/1"),
        (json!({"type": "string", "format": "iri"}), "/format"),
        (json!({"$ref": "#/$defs/none"}), "/$ref"),
        (json!({"$ref": "#"}), "/"),
        (json!({"type": "object", "properties": {"x": {"$ref": "#"}}, "required": ["x"]}), "/"),
        (json!({"type": "object", "propertyNames": {"format": "email"}}), "/propertyNames/format"),
    ];
    for (value, place) in cases {
        let fault = schema(value.clone()).err().unwrap_or_else(|| {
            eprintln!("{value} was taken");
            panic!()
        });
        holds!(fault.place == place, "{value}: {fault:?}");
    }
}

/// Ends within the limits; the answer does not matter.
fn survives(what: &str, kind: Kind, text: &str) {
    let began = Instant::now();
    if let Ok(mut m) = masks(kind, text) {
        let mut so_far = Vec::new();
        for _ in 0..8 {
            let Ok(mask) = m.mask(&so_far) else { break };
            let Some(next) =
                (0..265).find(|id| *id != END && mask.bits[*id as usize / 32] >> (id % 32) & 1 == 1)
            else {
                break;
            };
            so_far.push(next);
        }
    }
    holds!(began.elapsed() < Duration::from_secs(10), "{what}: {:?}", began.elapsed());
}

#[test]
fn hostile_structures_end_soon() {
    let chain: Vec<String> =
        (0..20_000).map(|i| format!("\"d{i}\":{{\"$ref\":\"#/$defs/d{}\"}}", i + 1)).collect();
    survives(
        "chain",
        Kind::Schema,
        &format!("{{\"$ref\":\"#/$defs/d0\",\"$defs\":{{{}}}}}", chain.join(",")),
    );
    let chain: Vec<String> =
        (0..990).map(|i| format!("\"d{i}\":{{\"$ref\":\"#/$defs/d{}\"}}", i + 1)).collect();
    let end = ",\"d990\":{\"type\":\"null\"}";
    survives(
        "short chain",
        Kind::Schema,
        &format!("{{\"$ref\":\"#/$defs/d0\",\"$defs\":{{{}{end}}}}}", chain.join(",")),
    );
    let rules: Vec<String> = (0..2500).map(|i| format!("r{i}: r{}", i + 1)).collect();
    survives("rules", Kind::Grammar, &format!("start: r0\n{}\nr2500: \"a\"\n", rules.join("\n")));
    survives("deep", Kind::Schema, &format!("{}true{}", "{\"items\":".repeat(50_000), "}".repeat(50_000)));
    survives("deep regex", Kind::Regex, &format!("{}a{}", "(".repeat(8000), ")".repeat(8000)));
    survives(
        "deep rule",
        Kind::Grammar,
        &format!("start: {}\"a\"{}", "(".repeat(30_000), ")".repeat(30_000)),
    );
    let all: Vec<Value> = (0..64).map(|i| json!({"pattern": format!("a.*b{i}.*c")})).collect();
    survives("all of patterns", Kind::Schema, &json!({"type": "string", "allOf": all}).to_string());
    let names: Vec<String> = (0..1000).map(|i| format!("n{i}")).collect();
    survives("required", Kind::Schema, &json!({"type": "object", "required": names}).to_string());
    let many: Vec<String> = (0..10_000).map(|i| format!("value number {i}")).collect();
    survives("enum", Kind::Schema, &json!({"enum": many}).to_string());
    survives("choices", Kind::Choice, &json!(many).to_string());
    for regex in [
        "(a*)*b",
        "(a|a|a)*(b{1,1000}){1,1000}",
        "((a{1,100}){1,100}){1,100}",
        "(?:.*a){50}.*b",
        "\\p{L}{1,9999}x",
    ] {
        survives(regex, Kind::Regex, regex);
        survives(regex, Kind::Schema, &json!({"type": "string", "pattern": regex}).to_string());
    }
    let one: Vec<Value> =
        (0..500).map(|i| json!({"type": "object", "properties": {format!("p{i}"): true}})).collect();
    survives("one of", Kind::Schema, &json!({"oneOf": one}).to_string());
    survives(
        "counts",
        Kind::Schema,
        &json!({"type": "array", "minItems": 100_000, "items": {"minLength": 100_000}}).to_string(),
    );
}

#[test]
fn one_of_is_taken_where_its_branches_exclude_each_other() {
    let branch = |kind: Value| json!({"type": "object", "properties": {"k": kind}, "required": ["k"]});
    let defs = json!({"a": branch(json!({"const": "a"})), "b": branch(json!({"enum": ["b", "c"]})), "k": {"const": "a"},
                      "d": branch(json!({"$ref": "#/$defs/k"})), "e": {"properties": {"k": {"const": "e"}}}});
    let taken =
        |branches: Value| masks(Kind::Schema, &json!({"oneOf": branches, "$defs": defs}).to_string()).is_ok();
    let named = |name: &str| json!({"$ref": format!("#/$defs/{name}")});
    holds!(taken(json!([named("a"), named("b")])), "constants behind references");
    holds!(taken(json!([named("a"), {"type": "null"}, {"type": ["string", "integer"]}])), "types");
    holds!(taken(json!([{"enum": [1, "x"]}, {"const": 2}])), "values");
    holds!(!taken(json!([named("a"), named("d")])), "the same constant");
    holds!(!taken(json!([named("a"), named("e")])), "a property that may be absent");
    holds!(!taken(json!([{"const": 1}, {"const": 1.0}])), "one number in two spellings");
    holds!(!taken(json!([{"type": "integer"}, {"type": "number"}])), "integers are numbers");
}

#[test]
fn a_fault_of_the_library_gets_its_place() {
    let inside = |s: Value| {
        let item = json!({"type": "object", "properties": {"b": s}, "required": ["b"]});
        json!({"type": "object", "properties": {"a": {"type": "array", "items": item}}, "required": ["a"]})
    };
    let cases = [
        (json!({"oneOf": [{"type": "integer"}, {"type": "number"}]}), "oneOf"),
        (json!({"type": "string", "pattern": "(?=a)b"}), "pattern"),
        (json!({"type": "string", "pattern": "("}), "pattern"),
        (json!({"type": "object", "patternProperties": {"(": {}}}), "patternProperties/("),
        (json!({"type": "integer", "minimum": 5, "maximum": 3}), "minimum"),
        (json!({"type": "string", "minLength": 5, "maxLength": 3}), "minLength"),
    ];
    for (case, keyword) in cases {
        let fault = schema(case.clone()).map(drop).unwrap_err();
        holds!(fault.place == format!("/{keyword}"), "{case}: {fault:?}");
        holds!(!fault.message.is_empty() && !fault.message.ends_with(':'), "{case}: {fault:?}");
        let tools = json!({"form": "hermes", "tools": [{"name": "t", "schema": inside(case.clone())}]});
        for found in [schema(inside(case.clone())), masks(Kind::Calls, &tools.to_string())] {
            // Only some of these are seen inside of others, where the library lets a list be empty instead.
            let Err(fault) = found else { continue };
            let expected = format!("/properties/a/items/properties/b/{keyword}");
            holds!(fault.place == expected, "{case}: {fault:?}");
        }
    }
}

#[test]
fn a_grammar_may_be_written_as_ebnf() {
    let cases = [
        (
            "root ::= select_statement\n\nselect_statement ::= \"SELECT \" column \" from \" table\n\
             column ::= \"col_1 \" | \"col_2 \"\ntable ::= \"t\" # a comment ::=\n",
            vec!["SELECT col_1  from t", "SELECT col_2  from t"],
            vec!["SELECT col_3  from t", "SELECT col_1  from ", ""],
        ),
        (
            "root ::= (Some-Name | [^ -y\\]])+ \"\\x21\\n\"?\nSome-Name ::=\n  \"ab\" {2,3} |\n  [0-9_-]{2} \"\\\"\" .",
            vec!["ababz", "abababzz", "4-\"q", "z!\n", "\u{e9}"],
            vec!["ab", "]", "4\"", "z!", "!"],
        ),
    ];
    for (grammar, right, wrong) in cases {
        let mut m = masks(Kind::Grammar, grammar).unwrap();
        for text in right {
            holds!(takes(&mut m.another(), text), "{grammar}: {text}");
        }
        for text in wrong {
            holds!(!takes(&mut m, text), "{grammar}: {text}");
        }
    }
    let faults = [
        "root ::= a",
        "a ::= \"b\"",
        "root ::= \"b",
        "root ::= [",
        "root ::= []",
        "root ::= \"a\"\nroot ::= b",
        "root ::= \"\\x\"",
        "root ::= \"a\"{2",
    ];
    for grammar in faults {
        let fault = masks(Kind::Grammar, grammar).map(drop).unwrap_err();
        holds!(fault.message.starts_with("the grammar cannot be read"), "{grammar}: {fault:?}");
    }
}
