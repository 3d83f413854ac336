//! Answers that come compressed although we asked for them plain.

use std::io::Write;

use flate2::write::MultiGzDecoder;

/// Decompresses gzip as it arrives.
pub struct Inflate {
    decoder: MultiGzDecoder<Vec<u8>>,
    broken: bool,
}

impl std::fmt::Debug for Inflate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflate").field("broken", &self.broken).finish_non_exhaustive()
    }
}

impl Default for Inflate {
    fn default() -> Self {
        Self { decoder: MultiGzDecoder::new(Vec::new()), broken: false }
    }
}

impl Inflate {
    /// Tells whether this `content-encoding` is one that is decompressed here.
    pub fn handles(encoding: &[u8]) -> bool {
        let encoding = encoding.trim_ascii();
        encoding.eq_ignore_ascii_case(b"gzip") || encoding.eq_ignore_ascii_case(b"x-gzip")
    }

    /// Takes a compressed piece and returns the plain text that it completes. After the first
    /// fault nothing more comes out.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        if !self.broken {
            self.broken =
                self.decoder.write_all(piece).and_then(|()| self.decoder.flush()).is_err();
        }
        std::mem::take(self.decoder.get_mut())
    }

    /// Tells whether the compressed text had a fault.
    pub fn is_broken(&self) -> bool {
        self.broken
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn any_chunking_gives_the_same() {
        let text = b"data: {\"model\":\"x\"}\n\n".repeat(50);
        let packed = gzip(&text);
        for size in [1, 2, 7, 64, packed.len()] {
            let mut inflate = Inflate::default();
            let plain: Vec<u8> =
                packed.chunks(size).flat_map(|piece| inflate.push(piece)).collect();
            assert_eq!(plain, text, "in pieces of {size}");
            assert!(!inflate.is_broken());
        }
    }

    #[test]
    fn garbage_is_noticed_and_does_not_panic() {
        let mut inflate = Inflate::default();

        inflate.push(b"this is not gzip at all, whatever the header said");

        assert!(inflate.is_broken());
        assert_eq!(inflate.push(b"more"), b"");
    }
}
