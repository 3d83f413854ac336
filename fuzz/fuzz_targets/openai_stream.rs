//! Any stream in any pieces: the client is told the same and the ledger learns the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_core::dialect::openai::stream::Stream;
use tollgate_core::sse::{Data, Parser, data};
use tollgate_core::tokens::Family;

fuzz_target!(|input: (u8, bool, &[u8])| {
    let (size, hide_usage, bytes) = input;
    let whole = pass(bytes, bytes.len().max(1), hide_usage);
    let cut = pass(bytes, usize::from(size).max(1), hide_usage);

    assert_eq!(cut.1, whole.1);
    if bytes.contains(&b'\r') {
        // An LF after the CR that ended an event may go with it or with the next one, which may
        // be written anew: its payload is what counts.
        assert_eq!(payloads(&cut.0), payloads(&whole.0));
    } else {
        assert_eq!(cut.0, whole.0);
    }
});

/// Returns what the client gets, and what is known of it in the end.
fn pass(bytes: &[u8], size: usize, hide_usage: bool) -> (Vec<u8>, String) {
    let mut stream = Stream::new("new", Family::Gpt4o, hide_usage);
    let mut out = Vec::new();
    for piece in bytes.chunks(size) {
        out.extend(stream.push(piece, false));
    }
    out.extend(stream.push(&[], true));
    (out, format!("{:?} {}", stream.facts(), stream.is_done()))
}

fn payloads(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    Parser::default().push(stream, |event| match data(event) {
        Data::None => {}
        Data::Line(line) => payloads.push(event[line].to_vec()),
        Data::Joined(joined) => payloads.push(joined.into_owned()),
    });
    payloads
}
