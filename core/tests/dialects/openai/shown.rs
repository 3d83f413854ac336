//! What a stream says, in a form that can be read and compared.

use tollgate_core::dialect::chat::answer::ReplyTo;
use tollgate_core::dialect::chat::event::{Event, Reader as _, Writer as _};
use tollgate_core::dialect::openai::chat::stream::{Reader, Writer};

/// Reads a stream in pieces of a size. Returns its events, a line each, and the stream that is
/// written of them.
pub(crate) fn replay(stream: &[u8], size: usize, to: ReplyTo) -> (Vec<String>, String) {
    let (mut reader, mut writer) = (Reader::default(), Writer::new(to));
    let (mut lines, mut out) = (Vec::new(), Vec::new());
    let mut sink = |event: Event<'_>| {
        lines.push(line(&event));
        writer.event(&event, &mut out);
    };
    for piece in stream.chunks(size) {
        reader.push(piece, &mut sink);
    }
    reader.end(&mut sink);
    (lines, String::from_utf8(out).unwrap())
}

fn line(event: &Event<'_>) -> String {
    match event {
        Event::Choice { choice, delta } => format!("{choice} {delta:?}"),
        other => format!("{other:?}"),
    }
}
