//! Numbers as the tools of a node print them.

/// A quotient as C's `%.3g` prints it.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(super) fn significant(part: u64, whole: u64) -> String {
    let value = part as f64 / whole as f64;
    if value == 0.0 {
        return "0".to_owned();
    }
    let scientific = format!("{value:.2e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |text: &str| {
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text.to_owned()
        }
    };
    if (-4..3).contains(&exponent) {
        let places = usize::try_from(2 - exponent).unwrap_or(0);
        return trim(&format!("{value:.places$}"));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trim(digits), exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_significant_digits_as_in_c() {
        assert_eq!(significant(838_451_200, 8_388_608), "100");
        assert_eq!(significant(6_144_000, 4096), "1.5e+03");
        assert_eq!(significant(1, 3), "0.333");
        assert_eq!(significant(0, 3), "0");
    }
}
