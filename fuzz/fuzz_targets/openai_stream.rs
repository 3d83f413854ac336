//! Any stream in any pieces: the client gets the same bytes and the ledger the same facts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_core::dialect::openai::stream::Stream;

fuzz_target!(|input: (u8, bool, &[u8])| {
    let (size, hide_usage, bytes) = input;
    let whole = pass(bytes, bytes.len().max(1), hide_usage);
    assert_eq!(pass(bytes, usize::from(size).max(1), hide_usage), whole);
});

fn pass(bytes: &[u8], size: usize, hide_usage: bool) -> (Vec<u8>, String, bool) {
    let mut stream = Stream::new("new", hide_usage);
    let mut out = Vec::new();
    for piece in bytes.chunks(size) {
        out.extend(stream.push(piece, false));
    }
    out.extend(stream.push(&[], true));
    (out, format!("{:?}", stream.facts()), stream.is_done())
}
