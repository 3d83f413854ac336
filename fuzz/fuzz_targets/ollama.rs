//! Any bytes as a request, an answer and a stream of Ollama's dialect.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_core::dialect::chat::answer::ReplyTo;
use tollgate_core::dialect::chat::event::{Event, Reader as _, Writer as _};
use tollgate_core::dialect::chat::{Dropped, Towards};
use tollgate_core::dialect::ollama::{error, generate, models, request, response, stream};

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    for read in [request::read, generate::request::read] {
        if let Ok(conversation) = read(bytes) {
            let body = request::write(&conversation, TOWARDS, &mut Dropped::default());
            assert!(request::read(&body).is_ok(), "{}", String::from_utf8_lossy(&body));
        }
    }
    if let Ok(answer) = response::read(bytes) {
        let body = response::write(&answer, &ReplyTo::default());
        assert!(response::read(&body).is_ok(), "{}", String::from_utf8_lossy(&body));
    }
    let _ = models::read_show(bytes);
    error::write(&error::read(500, bytes));
    assert_eq!(pass(bytes, usize::from(size).max(1)), pass(bytes, bytes.len().max(1)));
});

const TOWARDS: Towards<'static> = Towards {
    model: "m",
    max_output_tokens: None,
    completion_tokens_cap: false,
    stream_usage: false,
};

fn pass(bytes: &[u8], size: usize) -> Vec<u8> {
    let mut reader = stream::Reader::default();
    let mut writer = stream::Writer::new(ReplyTo::default());
    let mut out = Vec::new();
    let mut sink = |event: Event<'_>| writer.event(&event, &mut out);
    for piece in bytes.chunks(size) {
        reader.push(piece, &mut sink);
    }
    reader.end(&mut sink);
    out
}
