//! How long sound lasts, by the beginning of its file.

/// So much of a file's beginning is looked at.
pub const HEAD: usize = 128;

/// How long a sound lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length {
    /// Most likely, in milliseconds.
    pub likely_ms: u64,
    /// At most.
    pub most_ms: u64,
    /// The file says so itself.
    pub is_exact: bool,
}

/// Finds out how long the sound in a file of `bytes` lasts which begins with `head`.
pub fn length(head: &[u8], bytes: u64) -> Length {
    if let Some(ms) = wav(head, bytes).or_else(|| flac(head)) {
        return Length { likely_ms: ms, most_ms: ms, is_exact: true };
    }
    let likely = if head.starts_with(b"OggS") || head.starts_with(b"\x1A\x45\xDF\xA3") {
        OPUS_RATE
    } else {
        MP3_RATE
    };
    let at = |rate: u64| bytes.saturating_mul(1_000) / rate;
    Length { likely_ms: at(likely), most_ms: at(LEAST_RATE), is_exact: false }
}

/// RIFF WAVE: the `fmt ` chunk has the bytes of a second.
fn wav(head: &[u8], bytes: u64) -> Option<u64> {
    if head.get(..4)? != b"RIFF" || head.get(8..12)? != b"WAVE" {
        return None;
    }
    let (mut at, mut rate) = (12_usize, None);
    while let (Some(id), Some(size)) = (head.get(at..at + 4), u32_at(head, at + 4)) {
        if id == b"fmt " {
            rate = u32_at(head, at + 16).filter(|rate| *rate > 0);
        } else if id == b"data" {
            let there = bytes.saturating_sub(at as u64 + 8);
            // Who writes a stream does not know its size.
            let said = u64::from(size);
            let size = if said == 0 || said > there { there } else { said };
            return Some(size.saturating_mul(1_000) / u64::from(rate?));
        }
        at = at.checked_add(8)?.checked_add(usize::try_from(size).ok()?)?;
    }
    Some(bytes.saturating_sub(at.min(HEAD) as u64).saturating_mul(1_000) / u64::from(rate?))
}

/// FLAC: `STREAMINFO` is the first block (RFC 9639, section 8.2).
fn flac(head: &[u8]) -> Option<u64> {
    if head.get(..4)? != b"fLaC" {
        return None;
    }
    let field = u64::from_be_bytes(head.get(18..26)?.try_into().ok()?);
    let (rate, samples) = (field >> 44, field & 0xF_FFFF_FFFF);
    (rate > 0 && samples > 0).then(|| samples.saturating_mul(1_000) / rate)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// 128 kbit a second.
const MP3_RATE: u64 = 16_000;
/// 32 kbit a second.
const OPUS_RATE: u64 = 4_000;
/// No sound that people send has fewer bytes a second: 8 kbit.
const LEAST_RATE: u64 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(data: u32) -> Vec<u8> {
        let mut head = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
        head.extend(16_000_u32.to_le_bytes());
        head.extend(32_000_u32.to_le_bytes());
        head.extend(b"\x02\0\x10\0data");
        head.extend(data.to_le_bytes());
        head
    }

    #[test]
    fn a_wave_file_says_how_long_it_is() {
        let exact = |ms| Length { likely_ms: ms, most_ms: ms, is_exact: true };

        assert_eq!(length(&wave(64_000), 64_044), exact(2_000));
        assert_eq!(length(&wave(u32::MAX), 96_044), exact(3_000));
        assert_eq!(length(&wave(0), 96_044), exact(3_000));
    }

    #[test]
    fn a_flac_file_says_how_long_it_is() {
        let mut head = b"fLaC\0\0\0\x22\x10\0\x10\0\0\0\0\0\0\0".to_vec();
        head.extend(((44_100_u64 << 44) + (1 << 41) + (15 << 36) + 88_200).to_be_bytes());

        assert_eq!(length(&head, 9).most_ms, 2_000);
    }

    #[test]
    fn others_are_estimated_and_bounded() {
        let mp3 = length(b"ID3", 160_000);

        assert_eq!((mp3.likely_ms, mp3.most_ms, mp3.is_exact), (10_000, 160_000, false));
        assert_eq!(length(b"", 0).most_ms, 0);
    }
}
