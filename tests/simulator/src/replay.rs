//! Answers that were recorded elsewhere, byte for byte.

use bytes::Bytes;

use crate::wire::{Answer, Body, Event};

/// An answer to give as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    status: u16,
    headers: Vec<(String, Bytes)>,
    body: Body,
}

impl Replay {
    /// Replays an answer whose body is sent whole.
    pub fn whole(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Vec::new(), body: Body::Whole(body.into()) }
    }

    /// Replays a stream: each event, up to and with its empty line, is a piece of its own.
    pub fn stream(status: u16, body: impl Into<Bytes>) -> Self {
        let mut rest: Bytes = body.into();
        let mut events = Vec::new();
        while !rest.is_empty() {
            let end = end_of_event(&rest).unwrap_or(rest.len());
            events.push(Event { bytes: rest.split_to(end), tokens: 0 });
        }
        Self { status, headers: Vec::new(), body: Body::Events(events) }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn into_answer(self) -> Answer {
        Answer { status: self.status, headers: self.headers, body: self.body, bill: None }
    }
}

fn end_of_event(bytes: &[u8]) -> Option<usize> {
    let lf = bytes.windows(2).position(|pair| pair == b"\n\n").map(|place| place + 2);
    let crlf = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|place| place + 4);
    match (lf, crlf) {
        (Some(lf), Some(crlf)) => Some(lf.min(crlf)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_a_stream_into_its_events_and_loses_no_byte() {
        let text = ": hi\n\ndata: 1\r\n\r\ndata: [DONE]\n";

        let answer = Replay::stream(200, text).into_answer();

        let Body::Events(events) = answer.body else { panic!("no events") };
        let pieces: Vec<&[u8]> = events.iter().map(|event| event.bytes.as_ref()).collect();
        assert_eq!(pieces, [&b": hi\n\n"[..], b"data: 1\r\n\r\n", b"data: [DONE]\n"]);
    }
}
