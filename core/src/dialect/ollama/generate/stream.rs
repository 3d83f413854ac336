//! Streams of `/api/generate`.

use crate::dialect::chat::answer::ReplyTo;
use crate::dialect::chat::event::{self, Event};
use crate::dialect::ollama::line::Api;
use crate::dialect::ollama::stream;

/// The state between two events.
#[derive(Debug)]
pub struct Writer(stream::Writer);

impl Writer {
    /// Begins a stream.
    pub fn new(to: ReplyTo) -> Self {
        Self(stream::Writer::of(Api::Generate, to))
    }
}

impl event::Writer for Writer {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        self.0.event(event, out);
    }
}
