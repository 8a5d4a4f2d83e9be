//! Tests with templates that try to crash the program or to keep it busy.
//!
//! Goal: rendering any template ends soon, with a prompt or with an error that names the limit. No panic, no
//! stack overflow, no work that costs no fuel. Method: templates that nest, repeat and share as much as
//! possible are parsed and rendered as for a request. A stack overflow or an endless loop would crash or hang
//! the test program.

use crate::template::Template;

/// Renders without messages, with a mapping `d` of `names` entries and a text `t` of `bytes` bytes.
fn rendered(source: &str, names: usize, bytes: usize) -> Result<String, String> {
    let names: Vec<String> = (0..names).map(|i| format!("\"k{i}\":{i}")).collect();
    let request = format!(
        "{{\"messages\":[],\"kwargs\":{{\"d\":{{{}}},\"t\":\"{}\"}}}}",
        names.join(","),
        "x".repeat(bytes)
    );
    let template = Template::new(source, None, Vec::new())?;
    template.render(&request, "{}").map(|prompt| prompt.text)
}

fn check(source: &str, wanted: &str) {
    check_with(source, wanted, 0, 0);
}

fn check_with(source: &str, wanted: &str, names: usize, bytes: usize) {
    let shown: String = source.chars().take(120).collect();
    match rendered(source, names, bytes) {
        Err(fault) => assert!(fault.contains(wanted), "{shown}: {fault}"),
        Ok(text) => panic!("{shown}: gave {} bytes", text.len()),
    }
}

const TOO_LONG: &str = "runs too long";
const GROWS: &str = "{% for i in range(100) %}{% for j in range(100000) %}";
const ENDS: &str = "{% endfor %}{% endfor %}";

#[test]
fn long_expressions_are_refused_before_they_make_a_deep_tree() {
    let count = 200_000;
    for link in [" + 1", " or 0", " and 1", ".a", "[0]", "|e", "()", " if 1", " ** 1", " is odd | e"] {
        check(&format!("{{{{ 1{} }}}}", link.repeat(count)), "more than 2000 links");
    }
    for (open, close) in
        [("[", "]"), ("(", ")"), ("{1: ", "}"), ("-", ""), ("not ", ""), ("f(", ")"), ("a[", "]")]
    {
        let source = format!("{{{{ {}1{} }}}}", open.repeat(count), close.repeat(count));
        check(&source, "nested deeper than 180 levels");
    }
    check(&"{% if 1 %}".repeat(count), "nested deeper than 180 levels");
    let names: Vec<String> = (0..2000).map(|i| format!("a{i}=1")).collect();
    check(&format!("{{{{ dict({}) }}}}", names.join(",")), "more than 1000 named arguments");
    check(&format!("{{% macro f({}) %}}{{% endmacro %}}", names.join(",")), "more than 1000 parameters");
}

#[test]
fn expressions_that_real_templates_may_have_are_read() {
    for (link, wanted) in [(" + 1", "401"), (" ~ 1", "1111"), (" or 0", "1"), ("|string", "1")] {
        let text = rendered(&format!("{{{{ 1{} }}}}", link.repeat(400)), 0, 0).unwrap();
        assert!(text.starts_with(wanted), "{link}: {text}");
    }
}

#[test]
fn calls_and_evaluations_nest_only_so_deep() {
    check("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "deeper than 200 levels");
    check("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", "deeper than 200 levels");
    check("{% block b %}{{ self.b() }}{% endblock %}", "deeper than 200 levels");
    let sum =
        format!("{{% macro f() %}}{{{{ f(){} }}}}{{% endmacro %}}{{{{ f() }}}}", " ~ 1 + 1".repeat(900));
    check(&sum, "deeper than");
    let list = format!(
        "{{% macro f() %}}{{{{ {}f(){} }}}}{{% endmacro %}}{{{{ f() }}}}",
        "[".repeat(170),
        "]".repeat(170)
    );
    check(&list, "expressions nested deeper than 10000 levels");
}

#[test]
fn values_nest_only_so_deep() {
    for grown in [
        "[ns.x]",
        "(ns.x,)",
        "{1: ns.x}",
        "joiner(ns.x)",
        "cycler(ns.x)",
        "[ns.x]|map('list')",
        "{1: ns.x}.items()",
        "[ns.x].index",
    ] {
        let source = format!("{{% set ns = namespace(x=[1]) %}}{GROWS}{{% set ns.x = {grown} %}}{ENDS}");
        check(&source, "values nested deeper than 1000 levels");
    }
    let by_loop = "{% set ns.x = [ns.x] %}{% for a in [ns.x] %}{% set ns.x = loop %}{% endfor %}";
    check(&format!("{{% set ns = namespace(x=1) %}}{GROWS}{by_loop}{ENDS}"), "values nested deeper");
    let by_changed =
        "{% for a in [1] %}{% if loop.changed(ns.x) %}{% set ns.x = loop %}{% endif %}{% endfor %}";
    check(&format!("{{% set ns = namespace(x=1) %}}{GROWS}{by_changed}{ENDS}"), "values nested deeper");
    let by_macro = "{% macro f(x, n) %}{% set ns.x = x %}{% endmacro %}";
    check(
        &format!("{{% set ns = namespace(x=1) %}}{by_macro}{GROWS}{{{{ f([ns.x]) }}}}{ENDS}"),
        "values nested deeper",
    );
}

#[test]
fn what_holds_itself_is_taken_apart() {
    let chain =
        "{% set p = ns.x %}{% for i in [1] recursive %}{% set ns.x = loop %}{% endfor %}{% set q = ns.x %}";
    let source =
        format!("{{% set ns = namespace(x=1) %}}{{% for i in range(100000) %}}{chain}{{% endfor %}}ends");
    assert_eq!(rendered(&source, 0, 0).unwrap(), "ends");
    let text = rendered("{% for x in [1, 2] %}{{ loop.changed(loop) }}{% endfor %}", 0, 0).unwrap();
    assert_eq!(text, "TrueFalse");
    check("{% set ns = namespace() %}{% set ns.x = [ns] %}{{ ns }}", "nested too deeply");
}

#[test]
fn work_on_large_values_costs_fuel() {
    let each = |work: &str| format!("{{% for i in range(100000) %}}{{% set x = {work} %}}{{% endfor %}}");
    check_with(&each("dict(**d)"), TOO_LONG, 2000, 0);
    check_with(&each("'y'|trim(t)"), TOO_LONG, 0, 20_000);
    check_with(&each("'y' is in(t)"), TOO_LONG, 0, 10_000);
    check_with(&each("'y'|replace(t, '')"), TOO_LONG, 0, 10_000);
    check("{{ range(100000)|map(attribute='real.' * 10000 ~ 'real')|list|length }}", TOO_LONG);
    check(&format!("{{% set y = 3**40000 %}}{{% set z = y * 3**80000 %}}{}", each("z % y")), TOO_LONG);
}

#[test]
fn many_names_cost_what_they_take() {
    let set: String = (0..20_000).map(|i| format!("{{% set a{i} = 1 %}}")).collect();
    let read: String = (0..20_000).map(|i| format!("{{{{ a{i} }}}}")).collect();
    let branches = "{% if 1 %}{% endif %}".repeat(20_000);
    assert_eq!(rendered(&format!("{set}{branches}{{{{ a19999 }}}}"), 0, 0).unwrap(), "1");
    let block = "{% block b %}{% endblock %}{% for i in range(100000) %}{{ self.b() }}{% endfor %}";
    check(&format!("{set}{block}"), TOO_LONG);
    let unread = format!("{{% if 0 %}}{read}{{% endif %}}");
    check(&format!("{{% for i in range(100000) %}}{unread}{{% endfor %}}{{% set messages = 1 %}}"), TOO_LONG);
}

#[test]
fn numbers_at_the_ends_of_their_range_do_not_panic() {
    check("{{ range(0, 10, 4611686018427387904)[::4]|length }}", "a range with too large numbers");
    check("{{ 1.5|round(-9223372036854775808, 'floor') }}", "a precision out of range");
    let source = "{{ (-9223372036854775807 - 1) // -1 }} {{ 'abc'[::-9223372036854775808] }} \
                  {{ 'abc'[-9223372036854775808:] }} {{ [1][9223372036854775807] }} {{ 'x' * -9223372036854775808 }}";
    assert_eq!(rendered(source, 0, 0).unwrap(), "9223372036854775808 c abc  ");
}

#[test]
fn what_is_shared_many_times_over_is_not_walked_through() {
    let shared = |kind: &str| {
        let grow = "{% for i in range(60) %}{% set ns.x = KIND %}{% set ns.y = KIND2 %}{% endfor %}";
        let grow = grow.replace("KIND2", &kind.replace('x', "y")).replace("KIND", kind);
        format!("{{% set ns = namespace(x=1, y=1) %}}{grow}")
    };
    check(&(shared("(ns.x, ns.x)") + "{{ ns.x == ns.y }}"), TOO_LONG);
    check(&(shared("(ns.x, ns.x)") + "{{ {ns.x: 1} }}"), "more memory");
    check(&(shared("[ns.x, ns.x]") + "{{ ns.x }}"), "more memory");
}
