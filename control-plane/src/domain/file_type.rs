//! What a file is, by how it begins.

/// Tells whether a file begins as those of a type do.
type Begins = fn(&[u8]) -> bool;

/// Types that are known, and how files of them begin.
const KNOWN: [(&str, Begins); 9] = [
    ("image/png", |it| it.starts_with(b"\x89PNG\r\n\x1a\n")),
    ("image/jpeg", |it| it.starts_with(b"\xff\xd8\xff")),
    ("image/gif", |it| it.starts_with(b"GIF87a") || it.starts_with(b"GIF89a")),
    ("image/webp", |it| it.starts_with(b"RIFF") && it.get(8..12) == Some(b"WEBP")),
    ("application/pdf", |it| it.starts_with(b"%PDF-")),
    ("audio/wav", |it| it.starts_with(b"RIFF") && it.get(8..12) == Some(b"WAVE")),
    ("audio/mpeg", |it| it.starts_with(b"ID3") || matches!(it, [0xff, 0xe0..=0xff, ..])),
    ("audio/ogg", |it| it.starts_with(b"OggS")),
    ("audio/flac", |it| it.starts_with(b"fLaC")),
];

/// Returns the one name that is used for a type here. `None`: it is none of those that are known.
pub fn named(mime: &str) -> Option<&'static str> {
    let mime = mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let mime = match mime.as_str() {
        "image/jpg" => "image/jpeg",
        "audio/mp3" => "audio/mpeg",
        "audio/x-wav" | "audio/wave" | "audio/vnd.wave" => "audio/wav",
        "audio/x-flac" => "audio/flac",
        "application/ogg" => "audio/ogg",
        other => other,
    };
    KNOWN.iter().map(|(name, _)| *name).find(|name| *name == mime)
}

/// Tells whether a file begins as one of its type does.
pub fn is(mime: &str, content: &[u8]) -> bool {
    KNOWN.iter().any(|(name, begins)| *name == mime && begins(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_name_and_beginning() {
        let cases: [(&str, &[u8]); 9] = [
            ("image/png; x=y", b"\x89PNG\r\n\x1a\n..."),
            ("IMAGE/JPG", b"\xff\xd8\xff\xe0"),
            ("image/gif", b"GIF89a"),
            ("image/webp", b"RIFF....WEBPVP8 "),
            ("application/pdf", b"%PDF-1.7"),
            ("audio/x-wav", b"RIFF....WAVEfmt "),
            ("audio/mp3", b"\xff\xfb\x90"),
            ("application/ogg", b"OggS"),
            ("audio/flac", b"fLaC"),
        ];
        for (nth, (mime, content)) in cases.iter().enumerate() {
            let name = named(mime).unwrap();
            for (other, (_, foreign)) in cases.iter().enumerate() {
                assert_eq!(is(name, foreign), nth == other, "{name} {foreign:?}");
            }
            assert!(is(name, content));
        }
        for mime in ["text/html", "image/svg+xml", "application/octet-stream", ""] {
            assert_eq!(named(mime), None);
        }
        assert!(!is("image/png", b"<html>") && !is("image/png", b""));
    }
}
