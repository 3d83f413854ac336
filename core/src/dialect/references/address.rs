//! Addresses of files, which a body shows a model.

use crate::json::text;

/// How much of an address says where it leads, in bytes. It may also be a whole file, as `data:`
/// has it.
const MOST_READ: usize = 2048;

/// Returns an address as it is written in JSON, if it is of a file that Gemini keeps and shows to
/// whoever has the account's credential. What is public at Google has an address like any other, and
/// what is in a bucket nobody has put there through us.
pub(super) fn kept_by_google(raw: &[u8]) -> Option<String> {
    let address = text::decode(raw.get(..MOST_READ).unwrap_or(raw));
    is_kept(&address.trim_ascii().to_ascii_lowercase()).then(|| address.into_owned())
}

fn is_kept(address: &str) -> bool {
    let below = address.split_once("://").map_or(address, |(_, below)| below);
    let host = below.split('/').next().unwrap_or_default();
    let is_public = host == "storage.googleapis.com"
        || host.ends_with(".storage.googleapis.com") && !host.contains(['@', '?', '#', '\\']);
    address.contains("googleapis.com") && !is_public || address.starts_with("files/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_gemini_keeps() {
        for address in [
            "https://generativelanguage.googleapis.com/v1beta/files/b",
            "HTTPS://GenerativeLanguage.GoogleAPIs.com:443/v1beta/files/b",
            "https://generativelanguage.googleapis.com/v1beta/files/b?//storage.googleapis.com/",
            "https://x@generativelanguage.googleapis.com/?.storage.googleapis.com",
            "https://generativelanguage.googleapis.com?.storage.googleapis.com/files/b",
            " files/b",
        ] {
            assert_eq!(kept_by_google(address.as_bytes()).as_deref(), Some(address));
        }
    }

    #[test]
    fn other_addresses_are_nobodys() {
        for address in [
            "https://example.com/files/c",
            "https://storage.googleapis.com/public/cat.png",
            "https://pictures.storage.googleapis.com/cat.png",
            "gs://bucket/object",
            "https://www.youtube.com/watch?v=1",
            "data:image/png;base64,aGVsbG8=",
        ] {
            assert_eq!(kept_by_google(address.as_bytes()), None, "{address}");
        }
    }
}
