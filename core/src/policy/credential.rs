//! Which of the credentials in a request counts.
//!
//! Official SDKs insist on an `Authorization` header and are given a dummy one by people whose
//! real key is in `x-api-key`; so `Authorization` comes after the dedicated headers.

use crate::headers::Headers;
use crate::path::query_value;

/// Headers that carry a key, the ones that count first in front. None of them reaches a provider.
pub const HEADERS: [&str; 5] =
    ["x-litellm-api-key", "x-api-key", "api-key", "x-goog-api-key", "authorization"];

/// Returns the key of a request: the first credential that is present and not empty.
pub fn find(headers: Headers<'_>) -> Option<Vec<u8>> {
    let header = HEADERS
        .iter()
        .filter_map(|name| headers.first(name).map(|value| key_in(name, value)))
        .find(|key| !key.is_empty());
    match header {
        Some(key) => Some(key.to_vec()),
        None => query_value(headers.first(":path")?, "key")
            .filter(|key| !key.is_empty())
            .or_else(|| in_protocols(headers)),
    }
}

/// Browsers can send no header with a WebSocket but the protocols they offer: the key is one.
fn in_protocols(headers: Headers<'_>) -> Option<Vec<u8>> {
    let mut offered = headers.first(PROTOCOLS_HEADER)?.split(|byte| *byte == b',');
    let key = offered.find_map(|it| it.trim_ascii().strip_prefix(KEY_PROTOCOL))?;
    (!key.is_empty()).then(|| key.to_vec())
}

/// Header with the protocols that a WebSocket client offers.
pub const PROTOCOLS_HEADER: &str = "sec-websocket-protocol";

/// What stands before a key among them.
const KEY_PROTOCOL: &[u8] = b"openai-insecure-api-key.";

/// Takes `Bearer` off; an `Authorization` of another scheme holds no key of ours.
fn key_in<'a>(header: &str, value: &'a [u8]) -> &'a [u8] {
    let value = value.trim_ascii();
    match value.split_at_checked(7) {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case(b"bearer ") => key.trim_ascii(),
        _ if header == "authorization" => b"",
        _ if value.eq_ignore_ascii_case(b"bearer") => b"",
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&str, &str)], expected: Option<&str>) {
        let list: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let found = find(Headers(&list));
        assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{headers:?}");
    }

    #[test]
    fn takes_the_first_in_order() {
        check(&[("authorization", "Bearer dummy"), ("x-api-key", "sk-1")], Some("sk-1"));
        check(&[("api-key", "sk-2"), ("x-goog-api-key", "sk-3")], Some("sk-2"));
        check(&[("x-api-key", "sk-1"), ("x-litellm-api-key", "Bearer sk-0")], Some("sk-0"));
        check(&[("authorization", "bearer  sk-4 ")], Some("sk-4"));
        check(&[("x-goog-api-key", "sk-3"), (":path", "/v1/models?key=sk-5")], Some("sk-3"));
        check(&[(":path", "/v1/models?key=sk-5")], Some("sk-5"));
        let offered = "realtime, openai-insecure-api-key.sk-6,openai-beta.realtime-v1";
        let browser = (PROTOCOLS_HEADER, offered);
        check(&[(":path", "/v1/realtime?model=m"), browser], Some("sk-6"));
        check(&[(":path", "/"), browser, ("authorization", "Bearer sk-4")], Some("sk-4"));
    }

    #[test]
    fn empty_ones_do_not_count() {
        check(&[("x-api-key", ""), ("authorization", "Bearer sk-4")], Some("sk-4"));
        check(&[("authorization", "Bearer ")], None);
        check(&[("x-litellm-api-key", "Bearer")], None);
        check(&[("authorization", "Basic dXNlcjpwYXNz")], None);
        check(&[], None);
    }
}
