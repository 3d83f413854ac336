//! Money as integers: nano-dollars for amounts, atto-dollars for prices of single tokens.

use std::fmt;

/// An amount in nano-dollars (1e-9 USD).
///
/// `i64` holds ±9.2 billion dollars, more than any ledger here will see; sums saturate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct NanoDollars(pub i64);

impl NanoDollars {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Parses a decimal number of dollars, such as `5`, `0.25` or `1e-7`, rounding half away from
    /// zero. `None` when it is not a finite decimal or does not fit.
    pub fn from_usd(text: &str) -> Option<Self> {
        decimal(text, 9).and_then(|nanos| i64::try_from(nanos).ok()).map(Self)
    }

    /// Returns the amount in dollars, for JSON interfaces that speak in floats.
    #[expect(
        clippy::cast_precision_loss,
        reason = "interfaces ask for a float; the ledger is exact"
    )]
    pub fn as_usd(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Adds without wrapping.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for NanoDollars {
    /// Writes exact dollars without trailing zeros: `0.0000123`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, abs) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        write!(f, "{sign}{}", abs / 1_000_000_000)?;
        let (mut rest, mut places) = (abs % 1_000_000_000, 9);
        if rest == 0 {
            return Ok(());
        }
        while rest.is_multiple_of(10) {
            rest /= 10;
            places -= 1;
        }
        write!(f, ".{rest:0places$}")
    }
}

/// The price of one unit (a token, a request) in atto-dollars (1e-18 USD).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct AttoDollars(pub u64);

impl AttoDollars {
    /// Parses a decimal number of dollars. Digits past the eighteenth are rounded: price lists
    /// that were written from floats have such noise. `None` for negative or absurd prices.
    pub fn from_usd(text: &str) -> Option<Self> {
        decimal(text, 18).and_then(|attos| u64::try_from(attos).ok()).map(Self)
    }
}

/// Parses `[+-]digits[.digits][e[+-]digits]` into an integer scaled by `10^places`.
fn decimal(text: &str, places: i32) -> Option<i128> {
    let text = text.trim();
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value: i128 = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    let shift = places.checked_add(exponent)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let scaled = scale(value, shift)?;
    Some(if negative { -scaled } else { scaled })
}

fn scale(value: i128, shift: i32) -> Option<i128> {
    let factor = 10_i128.checked_pow(shift.unsigned_abs());
    match (shift >= 0, factor) {
        (true, Some(factor)) => value.checked_mul(factor),
        (true, None) => (value == 0).then_some(0),
        (false, Some(factor)) => Some((value + factor / 2) / factor),
        (false, None) => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dollars_exactly() {
        assert_eq!(NanoDollars::from_usd("5"), Some(NanoDollars(5_000_000_000)));
        assert_eq!(NanoDollars::from_usd("0.000000001"), Some(NanoDollars(1)));
        assert_eq!(NanoDollars::from_usd("1e-7"), Some(NanoDollars(100)));
        assert_eq!(NanoDollars::from_usd("-0.5"), Some(NanoDollars(-500_000_000)));
        assert_eq!(NanoDollars::from_usd("0.0000000015"), Some(NanoDollars(2)));
    }

    #[test]
    fn refuses_what_is_not_a_finite_decimal() {
        for text in ["", ".", "NaN", "inf", "1.2.3", "1e", "--1", "0x10", "1e99999999999"] {
            assert_eq!(NanoDollars::from_usd(text), None, "{text}");
        }
        assert_eq!(AttoDollars::from_usd("-1"), None);
    }

    #[test]
    fn reads_list_prices() {
        assert_eq!(AttoDollars::from_usd("0.00000015"), Some(AttoDollars(150_000_000_000)));
        assert_eq!(
            AttoDollars::from_usd("0.000015000020000000002"),
            Some(AttoDollars(15_000_020_000_000))
        );
    }

    #[test]
    fn prints_without_float_noise() {
        assert_eq!(NanoDollars(12_300).to_string(), "0.0000123");
        assert_eq!(NanoDollars(-2_000_000_000).to_string(), "-2");
    }
}
