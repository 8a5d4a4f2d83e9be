//! Goal: the grammar of calls takes the calls that a strict tool allows, written as each family writes them, and no
//! others. Method: a vocabulary of bytes and the marks; answers are followed token by token.

use super::matcher::Follower;
use super::vocabulary::MARKS;
use super::{Environment, Fault, Kind};
use serde_json::{json, Value};
use std::sync::Arc;

const END: u32 = 256;

fn environment() -> Arc<Environment> {
    let mut words: Vec<Vec<u8>> = (0..=255).map(|b| vec![b]).collect();
    words.push(Vec::new());
    words.extend(MARKS.iter().map(|m| m.0.as_bytes().to_vec()));
    let special: Vec<bool> = (0..words.len()).map(|id| id > 256).collect();
    Arc::new(Environment::new(words, &special, &[END], None).unwrap())
}

/// Marks become their tokens.
fn ids(mut text: &str) -> Vec<u32> {
    let mut ids = Vec::new();
    while !text.is_empty() {
        if let Some(i) = MARKS.iter().position(|m| text.starts_with(m.0)) {
            ids.push(257 + i as u32);
            text = &text[MARKS[i].0.len()..];
        } else {
            ids.push(u32::from(text.as_bytes()[0]));
            let next = (1..=text.len()).find(|i| text.is_char_boundary(*i)).unwrap();
            ids.extend(text.as_bytes()[1..next].iter().map(|b| u32::from(*b)));
            text = &text[next..];
        }
    }
    ids
}

fn masks(request: Value) -> Result<Follower, Fault> {
    Follower::new(environment(), Kind::Calls, &request.to_string())
}

fn check(request: Value, good: &[&str], bad: &[&str]) {
    let mut m = masks(request.clone()).unwrap_or_else(|e| {
        eprintln!("{request}: {e:?}");
        panic!()
    });
    for (text, wanted) in good.iter().map(|t| (t, true)).chain(bad.iter().map(|t| (t, false))) {
        let found = m.mask(&ids(text)).map(|mask| mask.finished);
        if found.clone().unwrap_or(false) != wanted {
            eprintln!("{request}\n{text}: {found:?}");
            panic!();
        }
    }
}

fn point() -> Value {
    json!({"type": "object", "properties": {"x": {"type": "integer"}, "label": {"type": "string"}},
        "required": ["x"], "additionalProperties": false})
}

#[test]
fn hermes() {
    let request = |parallel: bool| {
        json!({"form": "hermes", "parallel": parallel, "tools": [
            {"name": "point", "schema": point()}, {"name": "any \"quoted\"", "schema": null}]})
    };
    let one = "\n{\"name\": \"point\", \"arguments\": {\"x\": 1}}\n</tool_call>";
    let two = format!(
        "{one}\n<tool_call>\n{{\"name\": \"point\", \"arguments\": {{\"x\":2,\"label\":\"<\"}}}}</tool_call>"
    );
    let bad = [
        "\n{\"name\": \"point\", \"arguments\": {\"x\": \"1\"}}\n</tool_call>",
        "\n{\"name\": \"point\", \"arguments\": {}}\n</tool_call>",
        "\n{\"name\": \"other\", \"arguments\": {\"x\": 1}}\n</tool_call>",
        "\n{\"name\": \"point\", \"arguments\": {\"x\": 1}}\n",
        "\n{\"name\": \"point\", \"arguments\": {\"x\": 1, \"label\": \"</tool_call>",
    ];
    let fault = masks(request(true)).err().expect("a quote in a name");
    assert!(fault.message.contains("quoted"), "{fault:?}");
    let tools = |parallel: bool| {
        let mut r = request(parallel);
        r["tools"][1]["name"] = json!("any");
        r
    };
    check(tools(true), &[one, &two, "{\"name\":\"any\",\"arguments\":{\"a\":[{}]}}</tool_call>"], &bad);
    check(tools(false), &[one], &[&two]);
}

#[test]
fn dsml() {
    let schema = json!({"type": "object", "required": ["path", "n"], "additionalProperties": false,
        "$defs": {"Mode": {"enum": ["r", "rw"]}},
        "properties": {
            "path": {"type": "string", "description": "where"},
            "mode": {"$ref": "#/$defs/Mode"},
            "n": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": null}}});
    let request = |parallel: bool| {
        json!({"form": "dsml", "parallel": parallel, "tools": [
        {"name": "open", "schema": schema}, {"name": "free", "schema": null}]})
    };
    let parameter = |name: &str, text: bool, value: &str| {
        format!("<｜DSML｜parameter name=\"{name}\" string=\"{text}\">{value}</｜DSML｜parameter>\n")
    };
    let call = |name: &str, parameters: &[String]| {
        format!("<｜DSML｜invoke name=\"{name}\">\n{}</｜DSML｜invoke>\n", parameters.concat())
    };
    let block = |calls: &str| format!("tool_calls>\n{calls}</｜DSML｜tool_calls>");
    let path = parameter("path", true, "a </b> < \"c\"\n日本</");
    let n = parameter("n", false, "12");
    let whole = [
        path.clone(),
        parameter("mode", true, "rw"),
        parameter("n", false, "null"),
        parameter("note", true, ""),
    ];
    let good = [
        block(&call("open", &[path.clone(), n.clone()])),
        block(&call("open", &whole)),
        block(&call("open", &[path.clone(), n.clone(), parameter("note", false, "null")])),
        block(&call("free", &[])),
        block(&call("free", &[parameter("a", true, "b"), parameter("c", false, "{\"d\": [1]}")])),
    ];
    let bad = [
        block(&call("open", &[path.clone()])),
        block(&call("open", &[parameter("path", false, "\"a\""), n.clone()])),
        block(&call("open", &[path.clone(), parameter("mode", true, "x"), n.clone()])),
        block(&call("open", &[path.clone(), parameter("n", false, "1.5")])),
        block(&call("open", &[path.clone(), n.clone(), n.clone()])),
        block(&call("other", &[])),
        block(""),
    ];
    let good: Vec<&str> = good.iter().map(String::as_str).collect();
    let bad: Vec<&str> = bad.iter().map(String::as_str).collect();
    check(request(false), &good, &bad);
    let two = block(&call("free", &[]).repeat(2));
    check(request(true), &[good[0], &two], &bad);
    check(request(false), &[], &[&two]);
}

#[test]
fn what_cannot_be_kept_names_tool_and_place() {
    let cases = [
        ("hermes", json!({"properties": {"a": {"not": {}}}}), "/properties/a/not"),
        ("dsml", json!({"properties": {"a": {"not": {}}}}), "/properties/a/not"),
        ("dsml", json!({"anyOf": [{"type": "object"}]}), "/anyOf"),
        ("dsml", json!({"properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {}}), "/properties/a/$ref"),
        ("dsml", json!({"properties": {}, "required": ["a"]}), "/required"),
        ("dsml", json!({"properties": {"a<b": {}}}), "/properties/a<b"),
        ("hermes", json!(false), "/"),
    ];
    for (form, schema, place) in cases {
        let request =
            json!({"form": form, "parallel": true, "tools": [{"name": "tool_1", "schema": schema}]});
        let fault = masks(request.clone()).err().unwrap_or_else(|| {
            eprintln!("{request} was taken");
            panic!()
        });
        if fault.place != place || !fault.message.contains("tool_1") {
            eprintln!("{request}: {fault:?}");
            panic!();
        }
    }
}

/// The text of a patch: lines, with quotes, backslashes and a tab.
const PATCH: &str =
    "start: \"*** Begin\" LF line+ \"*** End\" LF?\nline: (\"+\" | \"-\") /[^\\n]*/ LF\n%import common.LF\n";

fn of_grammar(lark: &str) -> Value {
    json!({"type": "object", "properties": {"input": {"type": "string", "lark": lark}}, "required": ["input"]})
}

#[test]
fn a_grammar_holds_inside_the_string_of_a_call() {
    let tools = json!([{"name": "patch", "schema": of_grammar(PATCH)}, {"name": "any", "schema": null}]);
    let request = |form: &str| json!({"form": form, "parallel": true, "tools": tools.clone()});
    let hermes = |input: &str| {
        format!("\n{{\"name\": \"patch\", \"arguments\": {{\"input\": {input}}}}}\n</tool_call>")
    };
    let dsml = |input: &str| {
        format!("tool_calls>\n<｜DSML｜invoke name=\"patch\">\n<｜DSML｜parameter name=\"input\" string=\"false\">\
            {input}</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>")
    };
    let good = [
        "*** Begin\n+a \"b\" \\ \t é\n-\n*** End",
        "*** Begin\n+</x\n*** End\n",
        "*** Begin\n+\u{1}\n*** End",
    ];
    let bad = ["", "*** Begin\n*** End", "*** Begin\n?a\n*** End", "*** Begin\n+a\n*** End\n\n", "x"];
    let texts = |list: &[&str], form: &dyn Fn(&str) -> String| -> Vec<String> {
        list.iter().map(|t| form(&json!(t).to_string())).collect()
    };
    let all: [(&str, &dyn Fn(&str) -> String); 2] = [("hermes", &hermes), ("dsml", &dsml)];
    for (form, write) in all {
        let (good, mut bad) = (texts(&good, write), texts(&bad, write));
        bad.push(write("\"*** Begin\n+a\n*** End\"")); // line feeds that are not escaped
        let (good, bad): (Vec<&str>, Vec<&str>) =
            (good.iter().map(String::as_str).collect(), bad.iter().map(String::as_str).collect());
        check(request(form), &good, &bad);
    }
}

#[test]
fn a_grammar_that_cannot_be_kept_names_its_tool() {
    for lark in ["start: <think>", "start: missing", "begin: \"a\"", "start: /(/"] {
        let tools = json!([{"name": "patch", "schema": of_grammar(lark)}]);
        let fault = masks(json!({"form": "hermes", "parallel": false, "tools": tools})).err().expect(lark);
        assert_eq!(fault.why, super::Why::Invalid, "{lark}: {fault:?}");
    }
}

/// A tool with one text that has to fit, written in three ways: as it is with an end of text, with an end that is a
/// mark, and in DSML.
fn text_calls(schema: &Value) -> Vec<(Value, [&'static str; 2])> {
    let tools = json!([{"name": "t", "schema":
        {"type": "object", "properties": {"a": schema}, "required": ["a"]}}]);
    let table = |end: Value, markers: Value| {
        json!({"form": "table", "parallel": false, "tools": tools, "tagged": true, "rest": [], "block_end": [],
            "after_name": [{"text": "\n"}], "key": [{"text": "<k>"}], "after_key": [{"text": "</k>"}],
            "after_value": [end], "call_end": [{"mark": "</tool_call>"}], "markers": markers})
    };
    vec![
        (table(json!({"text": "</v>"}), json!(["</v>", "<k>"])), ["t\n<k>a</k>", "</v></tool_call>"]),
        (table(json!({"mark": "</arg_value>"}), json!(["<k>"])), ["t\n<k>a</k>", "</arg_value></tool_call>"]),
        (
            json!({"form": "dsml", "parallel": false, "tools": tools}),
            [
                "tool_calls>\n<｜DSML｜invoke name=\"t\">\n<｜DSML｜parameter name=\"a\" string=\"true\">",
                "</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>",
            ],
        ),
    ]
}

#[test]
fn a_text_of_a_call_keeps_what_its_schema_asks() {
    let cases: &[(Value, &[&str], &[&str])] = &[
        (json!({"pattern": "^[a-z]+/\\d+$"}), &["ab/12"], &["", "ab/", "ab/1\n", "xab/x", "ab/\u{664}"]),
        (json!({"pattern": "b"}), &["b", "abc", "</b>\n"], &["", "a"]),
        (json!({"pattern": "^a|b$"}), &["a", "ax", "xb"], &["xa", "bx"]),
        (json!({"pattern": "^(a|bc)$"}), &["a", "bc"], &["ab", "abc", ""]),
        (json!({"pattern": "^$"}), &[""], &["a"]),
        (json!({"pattern": "é"}), &["é", "één"], &["e"]),
        (json!({"minLength": 2, "maxLength": 3}), &["ab", "日本語"], &["a", "abcd", ""]),
        (json!({"maxLength": 1}), &["", "é"], &["ab"]),
        (json!({"pattern": "^a*$", "maxLength": 2.0}), &["", "aa"], &["aaa", "b"]),
        (
            json!({"format": "date"}),
            &["2024-02-29", "2023-12-31"],
            &["2023-02-29", "2023-13-01", "x2023-01-01"],
        ),
        (
            json!({"format": "date-time"}),
            &["2023-01-01T10:00:00Z", "2000-02-29T23:59:59.5+01:00"],
            &["2023-01-01", "1900-02-29T10:00:00Z"],
        ),
        (json!({"format": "uuid"}), &["123e4567-e89b-12d3-a456-426614174000"], &["123e4567"]),
        (json!({"format": "email"}), &["a.b@c.de"], &["a.b", "@c", "a b@c"]),
        (json!({"format": "ipv4"}), &["192.168.0.1"], &["192.168.0.256", "1.2.3"]),
        (
            json!({"format": "ipv6"}),
            &["::", "::1", "1::", "2001:db8::a:1", "1:2:3:4:5:6:7:8"],
            &["1:2:3:4:5:6:7", ":1", "1::2::3", "12345::"],
        ),
        (json!({"format": "duration"}), &["P1DT2H", "PT5M", "P3W"], &["P", "PT", "1D", "P1H"]),
        (json!({"format": "uri"}), &["https://a.b/c?d=%20#e", "mailto:a@b"], &["a b", "//a", "http:%zz"]),
        (json!({"format": "hostname"}), &["a-b.example"], &["-a", "a..b"]),
        (json!({"format": "password", "minLength": 1}), &["x"], &[""]),
    ];
    for (schema, good, bad) in cases {
        let mut schema = schema.clone();
        schema["type"] = json!("string");
        for (request, [before, after]) in text_calls(&schema) {
            let whole = |list: &[&str]| -> Vec<String> {
                list.iter().map(|t| format!("{before}{t}{after}")).collect()
            };
            let (good, bad) = (whole(good), whole(bad));
            let (good, bad): (Vec<&str>, Vec<&str>) =
                (good.iter().map(String::as_str).collect(), bad.iter().map(String::as_str).collect());
            check(request, &good, &bad);
        }
    }
}

#[test]
fn a_text_that_cannot_be_kept_names_its_place() {
    let cases = [
        (json!({"pattern": "a\\b"}), "/properties/a/pattern"),
        (json!({"pattern": "a^b"}), "/properties/a/pattern"),
        (json!({"pattern": "("}), "/properties/a/pattern"),
        (json!({"format": "iri"}), "/properties/a/format"),
        (json!({"maxLength": -1}), "/properties/a/maxLength"),
        (json!({"minLength": 1e9}), "/properties/a/minLength"),
    ];
    for (schema, place) in cases {
        let mut schema = schema.clone();
        schema["type"] = json!("string");
        for (request, _) in text_calls(&schema) {
            let Some(fault) = masks(request.clone()).err() else { panic!("{request} was taken") };
            assert_eq!(fault.place, place, "{request}: {fault:?}");
        }
    }
}
