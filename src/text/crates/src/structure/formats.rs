//! The formats of JSON schema as regexes of whole texts, for texts that stand as they are. Texts in JSON strings get
//! the library's own.

const NAME: &str = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"; // a label of a host's name, RFC 1123
const OCTET: &str = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
const ATOM: &str = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,32}"; // of an address, RFC 5322

/// REQUIRES: `format` is in keywords::FORMATS.
pub fn regex_of(format: &str) -> String {
    match format {
        "date" => date(),
        "time" => time(),
        "date-time" => format!("({})T({})", date(), time()),
        "duration" => duration(),
        "uuid" => "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}".into(),
        "hostname" => host(),
        "email" => format!("{ATOM}(\\.{ATOM}){{0,3}}@{}", host()),
        "ipv4" => format!("({OCTET}\\.){{3}}{OCTET}"),
        "ipv6" => ipv6(),
        "uri" => uri(),
        _ => "(?s:.*)".into(),
    }
}

fn host() -> String {
    format!("{NAME}(\\.{NAME}){{0,3}}")
}

/// RFC 3339. The 29th of February has its years.
fn date() -> String {
    let days = "(0[1-9]|1[0-9]|2[0-8])";
    let short = format!("[0-9]{{4}}-((0[1-9]|1[0-2])-{days}|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)");
    let leap = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29";
    format!("{short}|{leap}")
}

fn time() -> String {
    let clock = "([01][0-9]|2[0-3]):[0-5][0-9]";
    format!("{clock}:[0-5][0-9](\\.[0-9]{{1,9}})?(Z|[+-]{clock})")
}

/// RFC 3339, appendix A.
fn duration() -> String {
    let n = "[0-9]{1,9}";
    let of = |a: &str, b: &str, c: &str| format!("({n}{a}({n}{b}({n}{c})?)?|{n}{b}({n}{c})?|{n}{c})");
    let (days, hours) = (of("Y", "M", "D"), of("H", "M", "S"));
    format!("P({days}(T{hours})?|T{hours}|{n}W)")
}

/// RFC 4291, without addresses that end like those of IPv4.
fn ipv6() -> String {
    let h = "[0-9a-fA-F]{1,4}";
    let mut forms =
        vec![format!("({h}:){{7}}{h}"), format!("({h}:){{1,7}}:"), format!(":(:{h}){{1,7}}"), "::".into()];
    forms.extend((1..=6).map(|n| format!("({h}:){{1,{}}}(:{h}){{1,{n}}}", 7 - n)));
    forms.join("|")
}

/// RFC 3986, without addresses in brackets.
fn uri() -> String {
    let part = "([A-Za-z0-9._~:/?@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})";
    format!("[A-Za-z][A-Za-z0-9+.-]{{0,15}}:{part}+(#{part}*)?")
}
