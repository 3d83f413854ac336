//! Any bytes in any pieces: no byte is lost, and the pieces make no difference to what is read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_core::dialect::openai::realtime::Session;
use tollgate_core::websocket::Frames;

fuzz_target!(|input: (u8, &[u8])| {
    let (size, stream) = input;
    let (out, read) = cut(stream, usize::from(size).max(1));

    assert_eq!(out, stream);
    assert_eq!(read, cut(stream, stream.len().max(1)).1);
    let mut session = Session::new("model");
    let _ = session.push(stream, true);
    let _ = session.take_charges();
});

fn cut(stream: &[u8], size: usize) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (mut frames, mut out, mut read) = (Frames::default(), Vec::new(), Vec::new());
    for piece in stream.chunks(size) {
        let passed = frames.push(piece, |message| {
            read.push(message.to_vec());
            None
        });
        out.extend(passed);
    }
    out.extend(frames.finish());
    (out, read)
}
