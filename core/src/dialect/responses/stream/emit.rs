//! Writing events with their numbers.

use crate::json::write;

/// Counts the events of a stream.
#[derive(Debug, Default)]
pub(super) struct Emit {
    sequence: u64,
}

impl Emit {
    /// Writes an event, whose other members `fill` writes.
    pub(super) fn event(
        &mut self,
        name: &str,
        out: &mut Vec<u8>,
        fill: impl FnOnce(&mut write::Writer),
    ) {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\ndata: ");
        let mut writer = write::Writer::after(std::mem::take(out));
        writer.object(|it| {
            it.key("type").string(name);
            it.key("sequence_number").number(self.sequence);
            fill(it);
        });
        self.sequence += 1;
        *out = writer.into_bytes();
        out.extend_from_slice(b"\n\n");
    }
}
