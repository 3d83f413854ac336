//! When the last cue of subtitles ends.

/// Longer lines are no times.
const LINE_LIMIT: usize = 96;

/// Reads subtitles (SRT, `WebVTT`) that come in pieces.
#[derive(Debug, Default)]
pub(super) struct Cues {
    line: Vec<u8>,
    last_ms: Option<u64>,
}

impl Cues {
    pub(super) fn push(&mut self, piece: &[u8]) {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            let room = LINE_LIMIT.saturating_sub(self.line.len());
            self.line.extend_from_slice(part.get(..part.len().min(room)).unwrap_or_default());
            if part.ends_with(b"\n") {
                self.last_ms = end_of(&self.line).max(self.last_ms);
                self.line.clear();
            }
        }
    }

    /// Returns when the last cue so far ends, in milliseconds.
    pub(super) fn last_ms(&self) -> Option<u64> {
        end_of(&self.line).max(self.last_ms)
    }
}

/// Reads the end in `00:00:01,000 --> 00:00:04,500`; hours may be left out.
fn end_of(line: &[u8]) -> Option<u64> {
    let (_, end) = std::str::from_utf8(line).ok()?.split_once("-->")?;
    let mut parts = end.split_whitespace().next()?.rsplit(':');
    let seconds = super::usage::ms(parts.next()?.replace(',', ".").as_bytes())?;
    let number = |text: &str| text.parse::<u64>().ok();
    let minutes = parts.next().map_or(Some(0), number)?;
    let hours = parts.next().map_or(Some(0), number)?;
    hours.checked_mul(60)?.checked_add(minutes)?.checked_mul(60_000)?.checked_add(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_end_of_the_last_cue_however_it_is_cut() {
        let srt = "1\n00:00:00,000 --> 00:00:02,250\nHi\n\n2\n00:00:02,250 --> 01:00:04,5\nyou\n";
        let vtt = "WEBVTT\r\n\r\n00:01.000 --> 01:04.000 align:start\r\nHi --> there";
        for (text, expected) in [(srt, 3_604_500), (vtt, 64_000)] {
            for size in 1..text.len() {
                let mut cues = Cues::default();
                text.as_bytes().chunks(size).for_each(|piece| cues.push(piece));
                assert_eq!(cues.last_ms(), Some(expected), "in pieces of {size}");
            }
        }
    }
}
