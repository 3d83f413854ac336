//! Any bytes in any pieces: no byte is lost, and the pieces make no difference to what is said.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_core::sse::{Data, Parser, data};

fuzz_target!(|input: (u8, &[u8])| {
    let (size, stream) = input;
    let (events, rest) = cut(stream, usize::from(size).max(1));

    let mut together = events.concat();
    together.extend_from_slice(&rest);
    assert_eq!(together, stream);
    // An LF after the CR that ended an event may stand at its end or before the next one.
    let (whole, _) = cut(stream, stream.len().max(1));
    assert_eq!(payloads(&events), payloads(&whole));
});

fn cut(stream: &[u8], size: usize) -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut parser = Parser::default();
    let mut events = Vec::new();
    for piece in stream.chunks(size) {
        parser.push(piece, |raw| events.push(raw.to_vec()));
    }
    (events, parser.rest().to_vec())
}

fn payloads(events: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let payload = |event: &Vec<u8>| match data(event) {
        Data::None => None,
        Data::Line(line) => Some(event[line].to_vec()),
        Data::Joined(joined) => Some(joined.into_owned()),
    };
    events.iter().filter_map(payload).collect()
}
