//! The answer of `/v1/responses/input_tokens`. Its requests are those of [`super::request`].

use crate::json::node::Node;
use crate::json::write::Writer;

/// Writes how many tokens a request would take.
pub fn write(tokens: u64) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.object(|it| {
        it.key("object").string("response.input_tokens");
        it.key("input_tokens").number(tokens);
    });
    writer.into_bytes()
}

/// Reads a provider's count.
pub fn read(body: &[u8]) -> Option<u64> {
    Node::object(body).ok()?.get("input_tokens")?.u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_as_the_api_does() {
        let written = write(51);

        assert_eq!(written, br#"{"object":"response.input_tokens","input_tokens":51}"#);
        assert_eq!(read(&written), Some(51));
        assert_eq!(read(b"{}"), None);
    }
}
