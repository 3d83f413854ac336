//! How long a provider wants to be left alone: headers first, then fields, then texts.

use super::date;
use super::words::Words;
use crate::headers::Headers;

/// Longer pauses are not meant for us.
const LONGEST_US: i64 = 366 * 86_400 * SECOND_US;
const SECOND_US: i64 = 1_000_000;

/// Returns the pause an answer asks for. `None`: it names none, or one of no length.
pub(super) fn wanted(headers: Headers<'_>, words: &Words, now_us: i64) -> Option<i64> {
    in_headers(headers, now_us)
        .or(words.pause_us)
        .or_else(|| words.texts().find_map(in_text))
        .or_else(|| until_reset(headers))
        .filter(|pause_us| (1..=LONGEST_US).contains(pause_us))
}

fn in_headers(headers: Headers<'_>, now_us: i64) -> Option<i64> {
    for name in ["retry-after-ms", "x-ms-retry-after-ms"] {
        if let Some(ms) = headers.first(name).and_then(seconds) {
            return Some(ms / 1000);
        }
    }
    let value = headers.first("retry-after")?.trim_ascii();
    seconds(value).or_else(|| date::http(value).map(|at_us| at_us.saturating_sub(now_us).max(0)))
}

/// Kong and others say when the window ends, OpenAI when each of two limits is whole again: of use
/// where that limit is what has nothing left.
fn until_reset(headers: Headers<'_>) -> Option<i64> {
    const PAIRS: [(&str, &str); 3] = [
        ("ratelimit-remaining", "ratelimit-reset"),
        ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
        ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ];
    PAIRS.iter().filter(|(left, _)| headers.number(left) == Some(0)).find_map(|(_, reset)| {
        let value = headers.first(reset)?.trim_ascii();
        seconds(value).or_else(|| duration(std::str::from_utf8(value).ok()?))
    })
}

/// Reads a number of seconds, with decimals.
pub(super) fn seconds(value: &[u8]) -> Option<i64> {
    let (amount, rest) = amount(value)?;
    rest.is_empty().then_some(amount)
}

/// Reads a time of reset, in seconds or milliseconds since the epoch.
pub(super) fn reset(value: &str, now_us: i64) -> Option<i64> {
    let at: i64 = value.trim().parse().ok()?;
    let at_us = match value.trim().len() {
        13 => at.saturating_mul(1_000),
        10 => at.saturating_mul(SECOND_US),
        _ => return None,
    };
    Some(at_us.saturating_sub(now_us).max(0))
}

/// Reads a duration such as `34.07s`, `7m12.5s`, `20 seconds` or `250ms` from the beginning of a
/// text. Numbers without unit are seconds.
pub(super) fn duration(text: &str) -> Option<i64> {
    let mut rest = text.trim_ascii_start().as_bytes();
    let mut total: Option<i64> = None;
    while let Some((number, after)) = amount(rest) {
        let unit = after.trim_ascii_start();
        let letters = unit.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let (word, tail) = unit.split_at_checked(letters)?;
        let part = match word {
            b"ms" | b"milliseconds" => number / 1_000,
            b"s" | b"sec" | b"secs" | b"second" | b"seconds" => number,
            b"m" | b"min" | b"mins" | b"minute" | b"minutes" => number.saturating_mul(60),
            b"h" | b"hr" | b"hrs" | b"hour" | b"hours" => number.saturating_mul(3_600),
            b"d" | b"day" | b"days" => number.saturating_mul(86_400),
            _ if total.is_none() => return Some(number),
            _ => break,
        };
        total = Some(total.unwrap_or_default().saturating_add(part));
        rest = tail;
    }
    total
}

/// Finds a duration after words that announce one.
fn in_text(text: &str) -> Option<i64> {
    const ANNOUNCED: [&str; 6] = [
        "try again in ",
        "retry in ",
        "retry after ",
        "please wait ",
        "try again after ",
        "retryafter: ",
    ];
    ANNOUNCED.iter().find_map(|words| duration(text.split_once(words)?.1))
}

/// Reads a number at the beginning and returns it in millionths, with what follows.
fn amount(value: &[u8]) -> Option<(i64, &[u8])> {
    let digits = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (whole, rest) = value.split_at_checked(digits(value))?;
    if whole.is_empty() || whole.len() > 12 {
        return None;
    }
    let number = |bytes: &[u8]| {
        bytes.iter().fold(0_i64, |sum, digit| sum * 10 + i64::from(digit.wrapping_sub(b'0')))
    };
    let millionths = number(whole).saturating_mul(SECOND_US);
    let Some(fraction) = rest.strip_prefix(b".").filter(|rest| digits(rest) > 0) else {
        return Some((millionths, rest));
    };
    let (decimals, rest) = fraction.split_at_checked(digits(fraction))?;
    let kept = decimals.get(..decimals.len().min(6)).unwrap_or_default();
    let scale = (kept.len()..6).fold(1, |scale, _| scale * 10);
    Some((millionths.saturating_add(number(kept) * scale), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[(&str, &str)], body: &str, expected_ms: Option<i64>) {
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let words = Words::read(body.as_bytes(), NOW_US);
        let found = wanted(Headers(&headers), &words, NOW_US);
        assert_eq!(found.map(|us| us / 1_000), expected_ms, "{headers:?} {body}");
    }

    const NOW_US: i64 = 1_795_248_565_000_000;

    #[test]
    fn headers_name_seconds_milliseconds_and_dates() {
        check(&[("retry-after", "20")], "", Some(20_000));
        check(&[("retry-after", " 1.5 ")], "", Some(1_500));
        check(&[("retry-after-ms", "250"), ("retry-after", "1")], "", Some(250));
        check(&[("x-ms-retry-after-ms", "1500")], "", Some(1_500));
        check(&[("retry-after", "Sat, 21 Nov 2026 08:09:55 GMT")], "", Some(30_000));
        check(&[("retry-after", "Sat, 21 Nov 2026 08:09:05 GMT")], "", None);
        check(&[("retry-after", "0")], "", None);
        check(&[("retry-after", "soon")], "", None);
        check(&[("retry-after", "-3")], "", None);
        check(&[("retry-after", "999999999999999")], "", None);
        check(&[("retry-after", "999999999999")], "", None);
    }

    #[test]
    fn a_header_counts_before_the_body() {
        check(&[("retry-after", "3")], r#"{"error":{"message":"try again in 20s"}}"#, Some(3_000));
    }

    #[test]
    fn a_reset_counts_where_nothing_is_left() {
        check(&[("ratelimit-remaining", "0"), ("ratelimit-reset", "37")], "", Some(37_000));
        check(&[("ratelimit-remaining", "4"), ("ratelimit-reset", "37")], "", None);
        let tokens = [("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "6m0s")];
        check(&tokens, "", Some(360_000));
    }

    #[test]
    fn bodies_name_pauses_in_fields() {
        let gemini = r#"{"error":{"code":429,"details":[{"@type":"x"},{"retryDelay":"34.07s"}]}}"#;
        check(&[], gemini, Some(34_070));
        check(&[], r#"{"error":{"retry_after":7}}"#, Some(7_000));
        check(
            &[],
            r#"{"error":"Model m is currently loading","estimated_time":20.5}"#,
            Some(20_500),
        );
        let reset = r#"{"error":{"code":429,"metadata":{"headers":{"X-RateLimit-Reset":"1795248575000"}}}}"#;
        check(&[], reset, Some(10_000));
    }

    #[test]
    fn texts_name_pauses_in_words() {
        for (text, ms) in [
            ("Please try again in 20s. Contact us", Some(20_000)),
            ("Please try again in 7m12.5s.", Some(432_500)),
            ("Please try again in 6ms.", Some(6)),
            ("try again in 1h2m3s", Some(3_723_000)),
            ("Please retry after 6 seconds.", Some(6_000)),
            ("Please retry in 34.074824224s.", Some(34_074)),
            ("Please wait 26 seconds before retrying.", Some(26_000)),
            ("Rate limit is exceeded. Try again in 5 seconds.", Some(5_000)),
            ("try again in 2 minutes", Some(120_000)),
            ("try again in 3", Some(3_000)),
            ("try again in 1 day", Some(86_400_000)),
            ("try again in a while", None),
            ("try again later", None),
        ] {
            let body = serde_json::json!({"error": {"message": text}}).to_string();
            check(&[], &body, ms);
        }
    }
}
