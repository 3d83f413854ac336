//! Progress events: a client that asks for them is told, between the events of a stream, how far
//! its answer is.

use std::io::Write as _;

use crate::sse::{self, Data, Parser};

/// Header by which a client asks, with the value `true`, and by which it is told that it will get
/// them: `enabled`.
pub const HEADER: &str = "x-omniroute-progress";

/// Time between two of them, in microseconds.
const EVERY_US: i64 = 2_000_000;

/// Names of events after which clients do not read on.
const LAST_EVENTS: [&[u8]; 4] =
    [b"message_stop", b"response.completed", b"response.failed", b"response.incomplete"];

/// Puts progress events into one stream.
///
/// It holds back an event that is not complete, at most [`sse::EVENT_LIMIT`], so that it never
/// writes into the middle of one.
#[derive(Debug)]
pub struct Progress {
    events: Parser,
    began_us: i64,
    last_us: i64,
    done: bool,
}

impl Progress {
    /// Begins with a request that came at this time.
    pub fn new(began_us: i64) -> Self {
        Self { events: Parser::default(), began_us, last_us: began_us, done: false }
    }

    /// Takes a piece of the stream and returns what takes its place. `tokens` says how many have
    /// been generated so far.
    pub fn push(
        &mut self,
        piece: &[u8],
        end: bool,
        now_us: i64,
        tokens: impl Fn() -> u64,
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(piece.len() + 96);
        let Self { events, began_us, last_us, done } = self;
        let elapsed_ms = now_us.saturating_sub(*began_us).max(0) / 1000;
        events.push(piece, |raw| {
            if !*done && is_last(raw) {
                *done = true;
                write(&mut out, tokens(), elapsed_ms, true);
            }
            out.extend_from_slice(raw);
            if !*done && now_us.saturating_sub(*last_us) >= EVERY_US {
                *last_us = now_us;
                write(&mut out, tokens(), elapsed_ms, false);
            }
        });
        if end {
            // What is left has no end of its own, and nothing may come before it or after it.
            if events.rest().is_empty() && !std::mem::replace(done, true) {
                write(&mut out, tokens(), elapsed_ms, true);
            }
            out.extend_from_slice(events.rest());
        }
        out
    }
}

/// Tells whether clients stop reading after this event.
fn is_last(raw: &[u8]) -> bool {
    if let Data::Line(at) = sse::data(raw)
        && raw.get(at).unwrap_or_default().trim_ascii() == b"[DONE]"
    {
        return true;
    }
    let lines = raw.split(|byte| matches!(byte, b'\n' | b'\r'));
    let mut names = lines.filter_map(|line| line.strip_prefix(b"event:"));
    names.any(|name| LAST_EVENTS.contains(&name.trim_ascii()))
}

fn write(out: &mut Vec<u8>, tokens: u64, elapsed_ms: i64, done: bool) {
    let done = if done { ",\"done\":true" } else { "" };
    // Writing to memory cannot fail.
    let _ = write!(
        out,
        "event: progress\ndata: {{\"tokens_generated\":{tokens},\"elapsed_ms\":{elapsed_ms}{done}}}\n\n"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    /// Plays a stream whose events come a second apart, each a token, in pieces of this size.
    fn play(events: &[&str], size: usize) -> String {
        let mut progress = Progress::new(0);
        let mut out = Vec::new();
        for (second, event) in (1..).zip(events) {
            let last = second == events.len();
            let mut pieces = event.as_bytes().chunks(size).peekable();
            while let Some(piece) = pieces.next() {
                let end = last && pieces.peek().is_none();
                let now = i64::try_from(second).unwrap() * SECOND;
                out.extend(progress.push(piece, end, now, || second as u64));
            }
        }
        String::from_utf8(out).unwrap()
    }

    fn told(tokens: u64, done: &str) -> String {
        let ms = tokens * 1000;
        format!(
            "event: progress\ndata: {{\"tokens_generated\":{tokens},\"elapsed_ms\":{ms}{done}}}\n\n"
        )
    }

    #[test]
    fn it_is_told_every_two_seconds_and_before_the_end() {
        let done = ",\"done\":true";
        let cases: [(&[&str], &str); 4] = [
            (&["data: 1\n\n", "data: 2\n\n", "data: 3\n\n", "data: [DONE]\n\n"], "data: [DONE]"),
            (
                &["event: a\ndata: 1\n\n", "data: 2\n\n", "data: 3\n\n", "event: message_stop\n\n"],
                "event: message_stop",
            ),
            (
                &[
                    "data: 1\r\n\r\n",
                    "data: 2\r\n\r\n",
                    "data: 3\n\n",
                    "event:response.completed\n\n",
                ],
                "event:response.completed",
            ),
            (&["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"], ""),
        ];
        for (events, last) in cases {
            let last_told = told(events.len() as u64, done);
            for size in [1, 3, 7, 1000] {
                let out = play(events, size);

                assert_eq!(out.matches("event: progress").count(), 2, "{out}");
                assert!(out.contains(&format!("2\n\n{}", told(2, ""))) || out.contains("2\r\n"));
                assert!(out.contains(&last_told), "{out}");
                if !last.is_empty() {
                    assert!(out.contains(&format!("{last_told}{last}")), "{out}");
                }
                let without = out.replace(&told(2, ""), "").replace(&last_told, "");
                assert_eq!(without, events.concat());
            }
        }
    }

    #[test]
    fn nothing_is_written_into_an_event_that_breaks_off() {
        let out = play(&["data: 1\n\n", "data: 2\n\n", "data: 3"], 100);

        assert_eq!(out, format!("data: 1\n\ndata: 2\n\n{}data: 3", told(2, "")));
    }

    #[test]
    fn a_short_stream_is_told_its_end_alone() {
        let mut progress = Progress::new(0);
        let out = progress.push(b"data: 1\n\ndata: [DONE]\n\n", true, 0, || 1);

        let out = String::from_utf8(out).unwrap();
        assert_eq!(out.matches("event: progress").count(), 1, "{out}");
    }
}
