//! Floats as text: Python's repr, and the digits that %e, %f and %g write.

/// The shortest text that reads back, 1.0, 1e-07, 1e+16.
pub fn repr(v: f64) -> String {
    if !v.is_finite() {
        return if v.is_nan() {
            "nan"
        } else if v > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .to_string();
    }
    let short = format!("{v:e}"); // d.ddde±x, shortest digits
    let (digits, exponent) = short.split_once('e').unwrap_or((&short, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if v != 0.0 && !(-4..16).contains(&exponent) {
        return digits.to_string() + &exponent_text(exponent);
    }
    let plain = format!("{v}");
    if plain.contains('.') {
        plain
    } else {
        plain + ".0"
    }
}

fn exponent_text(exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("e{sign}{:02}", exponent.abs())
}

/// The absolute value by a conversion of 'e', 'f' or 'g' in small letters; `alternate` keeps the
/// point and zeros.
pub fn digits(v: f64, conversion: char, precision: usize, alternate: bool) -> String {
    let v = v.abs();
    if !v.is_finite() {
        return if v.is_nan() { "nan" } else { "inf" }.to_string();
    }
    match conversion {
        'e' => scientific(v, precision, alternate),
        'f' => with_point(format!("{v:.precision$}"), alternate),
        _ => general(v, precision.max(1), alternate),
    }
}

fn with_point(text: String, wanted: bool) -> String {
    if wanted && !text.contains('.') {
        return text + ".";
    }
    text
}

fn scientific(v: f64, precision: usize, alternate: bool) -> String {
    let text = format!("{v:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    with_point(digits.to_string(), alternate) + &exponent_text(exponent.parse().unwrap_or(0))
}

fn general(v: f64, precision: usize, alternate: bool) -> String {
    let text = format!("{v:.*e}", precision - 1);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let bare = |text: &str| match text.contains('.') && !alternate {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => with_point(text.to_string(), alternate),
    };
    if exponent < -4 || exponent >= precision as i32 {
        return bare(mantissa) + &exponent_text(exponent);
    }
    let places = (precision as i32 - 1 - exponent).max(0) as usize;
    bare(&format!("{v:.places$}"))
}
