//! Arithmetic of whole numbers of any size and of floats, as Python does it.

use super::ast::Binary;
use super::fault::{refuse, Result};
use super::value::Value;
use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{Signed, ToPrimitive, Zero};
use std::cmp::Ordering;

const BITS_MAX: u64 = 1 << 18; // of a whole number
pub const DIGITS_MAX: usize = 4300; // Python's own limit on reading and writing

pub enum Number {
    Int(BigInt),
    Float(f64),
}

pub fn number(v: &Value) -> Option<Number> {
    Some(match v {
        Value::Float(f) => Number::Float(*f),
        _ => Number::Int(whole(v)?),
    })
}

/// The value of an int or a bool; None for other values.
pub fn whole(v: &Value) -> Option<BigInt> {
    Some(match v {
        Value::Bool(b) => BigInt::from(i64::from(*b)),
        Value::Int(i) => BigInt::from(*i),
        Value::Big(b) => (**b).clone(),
        _ => return None,
    })
}

pub fn small(v: &Value) -> Option<i64> {
    match v {
        Value::Bool(b) => Some(i64::from(*b)),
        Value::Int(i) => Some(*i),
        _ => None,
    }
}

pub fn big_to_float(big: &BigInt) -> Result<f64> {
    match big.to_f64().filter(|f| f.is_finite()) {
        Some(f) => Ok(f),
        None => refuse("int too large to convert to float"),
    }
}

/// float(v); None if the value is not a number.
pub fn as_float(v: &Value) -> Result<Option<f64>> {
    Ok(match number(v) {
        Some(Number::Float(f)) => Some(f),
        Some(Number::Int(i)) => Some(big_to_float(&i)?),
        None => None,
    })
}

/// The fuel for multiplying or dividing two numbers, one of them beyond 64 bits.
pub fn work(a: &Value, b: &Value) -> usize {
    let words = |v: &Value| match v {
        Value::Big(b) => b.bits() as usize / 64 + 1,
        _ => 1,
    };
    words(a) * words(b) / 256
}

/// None if one of the two is not a number.
pub fn arithmetic(op: Binary, a: &Value, b: &Value) -> Result<Option<Value>> {
    if let (Some(x), Some(y)) = (small(a), small(b)) {
        let quick = match op {
            Binary::Add => x.checked_add(y),
            Binary::Sub => x.checked_sub(y),
            Binary::Mul => x.checked_mul(y),
            _ => None,
        };
        if let Some(v) = quick {
            return Ok(Some(Value::Int(v)));
        }
    }
    let (Some(x), Some(y)) = (number(a), number(b)) else { return Ok(None) };
    match (x, y) {
        (Number::Int(x), Number::Int(y)) => whole_arithmetic(op, x, y).map(Some),
        (x, y) => {
            let float = |n: Number| match n {
                Number::Int(i) => big_to_float(&i),
                Number::Float(f) => Ok(f),
            };
            float_arithmetic(op, float(x)?, float(y)?).map(|f| Some(Value::Float(f)))
        }
    }
}

fn whole_arithmetic(op: Binary, x: BigInt, y: BigInt) -> Result<Value> {
    let divides = matches!(op, Binary::Div | Binary::FloorDiv | Binary::Mod);
    if divides && y.is_zero() {
        return refuse("division by zero");
    }
    if x.bits() + y.bits() > BITS_MAX {
        return refuse("a number with too many digits");
    }
    Ok(match op {
        Binary::Add => (x + y).into(),
        Binary::Sub => (x - y).into(),
        Binary::Mul => (x * y).into(),
        Binary::Div => Value::Float(quotient(&x, &y)?),
        Binary::FloorDiv => x.div_floor(&y).into(),
        Binary::Mod => x.mod_floor(&y).into(),
        Binary::Pow => return whole_power(x, y),
    })
}

/// x / y, rounded once.
fn quotient(x: &BigInt, y: &BigInt) -> Result<f64> {
    const EXACT: u64 = 53; // bits of a float's significand
    if x.bits() <= EXACT && y.bits() <= EXACT {
        return Ok(big_to_float(x)? / big_to_float(y)?);
    }
    let shift = y.bits() as i32 - x.bits() as i32 + 66;
    let (above, below) = if shift >= 0 {
        (x.magnitude() << shift, y.magnitude().clone())
    } else {
        (x.magnitude().clone(), y.magnitude() << -shift)
    };
    let (digits, rest) = above.div_rem(&below);
    let odd = u128::from(!rest.is_zero()); // a sticky bit below the significand, for correct rounding
    let digits = (digits.to_u128().unwrap_or(0) | odd) as f64;
    let half = -shift / 2;
    let result = digits * 2f64.powi(half) * 2f64.powi(-shift - half);
    if result.is_infinite() {
        return refuse("integer division result too large for a float");
    }
    Ok(if x.is_negative() != y.is_negative() { -result } else { result })
}

fn whole_power(x: BigInt, y: BigInt) -> Result<Value> {
    if y.is_negative() {
        return float_arithmetic(Binary::Pow, big_to_float(&x)?, big_to_float(&y)?).map(Value::Float);
    }
    if x.bits() <= 1 {
        let is_odd = y.is_odd();
        return Ok(if y.is_zero() || (x.is_negative() && !is_odd) { Value::Int(1) } else { x.into() });
    }
    match y.to_u32().filter(|n| x.bits() * u64::from(*n) <= BITS_MAX) {
        Some(n) => Ok(x.pow(n).into()),
        None => refuse("a number with too many digits"),
    }
}

fn float_arithmetic(op: Binary, x: f64, y: f64) -> Result<f64> {
    if y == 0.0 && matches!(op, Binary::Div | Binary::FloorDiv | Binary::Mod) {
        return refuse("division by zero");
    }
    Ok(match op {
        Binary::Add => x + y,
        Binary::Sub => x - y,
        Binary::Mul => x * y,
        Binary::Div => x / y,
        Binary::FloorDiv => floor_and_rest(x, y).0,
        Binary::Mod => floor_and_rest(x, y).1,
        Binary::Pow => return float_power(x, y),
    })
}

fn floor_and_rest(x: f64, y: f64) -> (f64, f64) {
    let mut rest = x % y;
    let mut quotient = (x - rest) / y;
    if rest != 0.0 {
        if (y < 0.0) != (rest < 0.0) {
            rest += y;
            quotient -= 1.0;
        }
    } else {
        rest = 0f64.copysign(y);
    }
    if quotient == 0.0 {
        return (0f64.copysign(x / y), rest);
    }
    let floor = quotient.floor();
    (if quotient - floor > 0.5 { floor + 1.0 } else { floor }, rest)
}

fn float_power(x: f64, y: f64) -> Result<f64> {
    if x == 0.0 && y < 0.0 {
        return refuse("0.0 cannot be raised to a negative power");
    }
    if x < 0.0 && x.is_finite() && y.is_finite() && y.fract() != 0.0 {
        return refuse("a negative number to a broken power is not real");
    }
    let result = x.powf(y);
    if result.is_infinite() && x.is_finite() && y.is_finite() {
        return refuse("a number too large for a float");
    }
    Ok(result)
}

pub fn negative(v: &Value) -> Result<Value> {
    match number(v) {
        Some(Number::Int(i)) => Ok((-i).into()),
        Some(Number::Float(f)) => Ok(Value::Float(-f)),
        None => refuse(format!("bad operand type for unary -: '{}'", v.type_name())),
    }
}

pub fn positive(v: &Value) -> Result<Value> {
    match number(v) {
        Some(Number::Int(i)) => Ok(i.into()),
        Some(Number::Float(f)) => Ok(Value::Float(f)),
        None => refuse(format!("bad operand type for unary +: '{}'", v.type_name())),
    }
}

/// None if one of the two is not a number, or is NaN.
pub fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    if let (Some(x), Some(y)) = (small(a), small(b)) {
        return Some(x.cmp(&y));
    }
    match (number(a)?, number(b)?) {
        (Number::Int(x), Number::Int(y)) => Some(x.cmp(&y)),
        (Number::Float(x), Number::Float(y)) => x.partial_cmp(&y),
        (Number::Int(x), Number::Float(y)) => compare_mixed(&x, y),
        (Number::Float(x), Number::Int(y)) => compare_mixed(&y, x).map(Ordering::reverse),
    }
}

fn compare_mixed(x: &BigInt, y: f64) -> Option<Ordering> {
    if y.is_nan() {
        return None;
    }
    if y.is_infinite() {
        return Some(if y > 0.0 { Ordering::Less } else { Ordering::Greater });
    }
    let whole: BigInt = num_traits::FromPrimitive::from_f64(y.trunc())?;
    Some(x.cmp(&whole).then_with(|| 0.0.partial_cmp(&y.fract()).unwrap_or(Ordering::Equal)))
}

/// int(f)
pub fn truncated(f: f64) -> Result<Value> {
    let big: Option<BigInt> = num_traits::FromPrimitive::from_f64(f.trunc());
    match big {
        Some(i) => Ok(i.into()),
        None if f.is_nan() => refuse("cannot convert float NaN to integer"),
        None => refuse("cannot convert float infinity to integer"),
    }
}

/// int(text, base); None if the text is not such a number.
pub fn read_int(text: &str, base: i64) -> Option<BigInt> {
    let text = ascii_digits(text.trim_matches(super::text::is_space));
    let text = &*text;
    let (is_negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_lowercase();
    let prefix = match lower.get(..2) {
        Some("0x") => 16,
        Some("0o") => 8,
        Some("0b") => 2,
        _ => 0,
    };
    let bare = |digits: &'_ str| digits.strip_prefix('_').unwrap_or(digits).to_string();
    let (radix, digits) = match base {
        0 if prefix == 0 && lower.starts_with('0') && lower.contains(|c| !matches!(c, '0' | '_')) => {
            return None
        }
        0 if prefix == 0 => (10, lower),
        0 => (prefix, bare(&lower[2..])),
        2..=36 if prefix as i64 == base => (prefix, bare(&lower[2..])),
        2..=36 => (base as u32, lower),
        _ => return None,
    };
    let plain = without_underscores(&digits)?;
    if !plain.chars().all(|c| c.is_digit(radix)) || plain.len() > DIGITS_MAX {
        return None;
    }
    let value = BigInt::parse_bytes(plain.as_bytes(), radix)?;
    Some(if is_negative { -value } else { value })
}

/// Removes single underscores between digits. None if there are others, or no digits.
fn without_underscores(digits: &str) -> Option<String> {
    let bad = digits.is_empty() || digits.starts_with('_') || digits.ends_with('_') || digits.contains("__");
    (!bad).then(|| digits.replace('_', ""))
}

/// Replaces the decimals of all scripts by 0 to 9.
fn ascii_digits(text: &str) -> std::borrow::Cow<'_, str> {
    if text.is_ascii() {
        return text.into();
    }
    let ascii = |c: char| super::text::digit_value(c).and_then(|d| char::from_digit(d, 10)).unwrap_or(c);
    text.chars().map(ascii).collect::<String>().into()
}

/// float(text)
pub fn read_float(text: &str) -> Option<f64> {
    let text = ascii_digits(text.trim_matches(super::text::is_space));
    let bytes = text.as_bytes();
    let lonely = |(at, _): (usize, _)| {
        let digit = |b: Option<&u8>| b.is_some_and(u8::is_ascii_digit);
        at == 0 || !digit(bytes.get(at - 1)) || !digit(bytes.get(at + 1))
    };
    if text.match_indices('_').any(lonely) {
        return None;
    }
    text.replace('_', "").parse().ok()
}

/// round(f, digits), half to even on the exact value.
pub fn rounded(f: f64, digits: i64) -> f64 {
    if !f.is_finite() || digits > 340 {
        return f;
    }
    if digits >= 0 {
        return format!("{f:.*}", digits as usize).parse().unwrap_or(f);
    }
    if digits < -308 {
        return 0f64.copysign(f);
    }
    let unit = 10f64.powi(-digits as i32);
    (f / unit).round_ties_even() * unit
}

/// round(i, digits) of a whole number.
pub fn rounded_whole(i: &BigInt, digits: i64) -> BigInt {
    if digits >= 0 {
        return i.clone();
    }
    if digits < -(DIGITS_MAX as i64) {
        return BigInt::zero();
    }
    let unit = BigInt::from(10).pow(-digits as u32);
    let (quotient, rest) = i.div_mod_floor(&unit);
    let up = match (&rest * 2u32).cmp(&unit) {
        Ordering::Less => false,
        Ordering::Equal => quotient.is_odd(),
        Ordering::Greater => true,
    };
    (quotient + u32::from(up)) * unit
}
