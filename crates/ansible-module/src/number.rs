//! Numbers out of what Ansible sends: a number, or a text that older cores made of one.

use serde_json::{Number, Value};

/// Why a value is no whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotInt {
    /// It is none at all, or has decimals.
    Unreadable,
    /// It is one, but not of 64 bits.
    TooLarge,
}

/// The whole number that a value stands for: `3`, `3.0`, `"3"`, `"3.0"`, `"3e2"`, `True`.
pub(crate) fn int(value: &Value) -> Result<i64, NotInt> {
    match value {
        Value::Bool(flag) => Ok(i64::from(*flag)),
        Value::Number(number) => int_from_number(number),
        Value::String(text) => int_from_text(text),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(NotInt::Unreadable),
    }
}

fn int_from_number(number: &Number) -> Result<i64, NotInt> {
    if let Some(int) = number.as_i64() {
        return Ok(int);
    }
    match number.as_f64() {
        Some(float) if float.fract() != 0.0 => Err(NotInt::Unreadable),
        // Through text, since a cast would clip what does not fit.
        Some(float) => format!("{float:.0}").parse().map_err(|_| NotInt::TooLarge),
        None => Err(NotInt::TooLarge),
    }
}

/// As Python's `decimal.Decimal` reads a text, when nothing is left behind the point.
fn int_from_text(text: &str) -> Result<i64, NotInt> {
    let text = text.trim().replace('_', "");
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (
            mantissa,
            exponent.parse::<i64>().map_err(|_| NotInt::Unreadable)?,
        ),
        None => (unsigned, 0),
    };
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{decimals}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NotInt::Unreadable);
    }
    let significant = digits.trim_end_matches('0');
    let zeros = digits.len().abs_diff(significant.len());
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return Ok(0);
    }
    let places = i64::try_from(zeros)
        .ok()
        .zip(i64::try_from(decimals.len()).ok())
        .and_then(|(zeros, decimals)| exponent.checked_add(zeros)?.checked_sub(decimals))
        .ok_or(NotInt::TooLarge)?;
    let places = usize::try_from(places).map_err(|_| NotInt::Unreadable)?;
    if places > 19 {
        return Err(NotInt::TooLarge);
    }
    let sign = if negative { "-" } else { "" };
    format!("{sign}{significant}{}", "0".repeat(places))
        .parse()
        .map_err(|_| NotInt::TooLarge)
}

/// The finite number that a value stands for.
pub(crate) fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        Value::Number(number) => number.as_f64(),
        Value::String(text) => float_from_text(text),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
    .filter(|float| float.is_finite())
}

fn float_from_text(text: &str) -> Option<f64> {
    let text = text.trim();
    // Python allows `1_000`, an underscore between two digits.
    let digit = |piece: Option<char>| piece.is_some_and(|last| last.is_ascii_digit());
    let pieces: Vec<&str> = text.split('_').collect();
    let well_placed = pieces.windows(2).all(|pair| match pair {
        [left, right] => digit(left.chars().next_back()) && digit(right.chars().next()),
        _ => true,
    });
    well_placed.then(|| pieces.concat().parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_are_read_as_decimal_reads_them() {
        let good = [
            (json!(3.0), 3),
            (json!(" -3.00 "), -3),
            (json!("+1_000"), 1000),
            (json!("1.5e1"), 15),
            (json!("1e3"), 1000),
            (json!("100e-2"), 1),
            (json!(".0"), 0),
            (json!("0e-9"), 0),
            (json!("9223372036854775807"), i64::MAX),
            (json!("-9223372036854775808"), i64::MIN),
            (json!(true), 1),
        ];
        for (value, expected) in good {
            assert_eq!(int(&value), Ok(expected), "{value}");
        }
        for value in [
            json!("3.5"),
            json!(""),
            json!("abc"),
            json!("1e-1"),
            json!("0x10"),
            json!("1e"),
            json!("."),
            json!("--1"),
            json!("1.2.3"),
            json!(3.5),
            json!(null),
            json!([1]),
            json!({}),
        ] {
            assert_eq!(int(&value), Err(NotInt::Unreadable), "{value}");
        }
        for value in [
            json!("9223372036854775808"),
            json!(u64::MAX),
            json!(1e19),
            json!("1e400"),
        ] {
            assert_eq!(int(&value), Err(NotInt::TooLarge), "{value}");
        }
    }

    #[test]
    fn a_float_is_finite() {
        assert_eq!(float(&json!(" 1_0.5 ")), Some(10.5));
        assert_eq!(float(&json!(2)), Some(2.0));
        for value in [
            json!("nan"),
            json!("inf"),
            json!("1e400"),
            json!("_1"),
            json!("1__0"),
            json!("1_.5"),
            json!("abc"),
            json!(null),
        ] {
            assert_eq!(float(&value), None, "{value}");
        }
    }
}
