//! Server-sent events of which one may be as long as an image: nothing is held.

use memchr::memchr;

use super::usage;
use crate::json::tap::Tap;
use crate::price::{TokenUsage, Units};
use tollgate_proto::v1::Endpoint;

/// Reads events as they pass.
#[derive(Debug)]
pub(super) struct Events {
    endpoint: Endpoint,
    at: At,
    tap: Tap,
    /// What the provider said of usage.
    pub(super) tokens: Option<TokenUsage>,
    /// Images that are complete, and what the usage says of units.
    pub(super) units: Units,
    /// An error, as raw JSON.
    pub(super) error: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// So many bytes of `data:` have been read in this line.
    Name(usize),
    /// In the value of `data`.
    Data,
    /// In a line that does not matter.
    Other,
}

const NAME: &[u8] = b"data:";

impl Events {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            at: At::Name(0),
            tap: Tap::watching(),
            tokens: None,
            units: Units::default(),
            error: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while let Some(&byte) = rest.first() {
            if let At::Name(read) = self.at {
                rest = rest.get(1..).unwrap_or_default();
                self.at = match byte {
                    b'\n' | b'\r' => At::Name(0),
                    _ if NAME.get(read) != Some(&byte) => At::Other,
                    _ if read + 1 == NAME.len() => At::Data,
                    _ => At::Name(read + 1),
                };
                continue;
            }
            let end = memchr(b'\n', rest);
            let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            if self.at == At::Data {
                let _ = self.tap.push(line);
            }
            rest = rest.get(line.len()..).unwrap_or_default();
            if end.is_some() {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        if self.at == At::Data {
            let tap = std::mem::replace(&mut self.tap, Tap::watching());
            let said = tap.captured();
            let kind = said.kind.trim_ascii();
            if matches!(kind, b"\"image_generation.completed\"" | b"\"image_edit.completed\"") {
                self.units.images = self.units.images.saturating_add(1);
            }
            if !said.usage.is_empty() {
                let (tokens, units) = usage::read(self.endpoint, &said.usage);
                self.take(tokens, units);
            }
            if !said.error.is_empty() {
                self.error.clone_from(&said.error);
            }
        }
        self.at = At::Name(0);
    }

    /// Each image has a usage of its own; they add up.
    fn take(&mut self, tokens: Option<TokenUsage>, units: Units) {
        if let Some(tokens) = tokens {
            let so_far = self.tokens.unwrap_or_default();
            self.tokens = Some(TokenUsage {
                input: so_far.input.saturating_add(tokens.input),
                output: so_far.output.saturating_add(tokens.output),
                total: so_far.total.saturating_add(tokens.total),
                audio_input: so_far.audio_input.saturating_add(tokens.audio_input),
                audio_output: so_far.audio_output.saturating_add(tokens.audio_output),
                cached_input: so_far.cached_input.saturating_add(tokens.cached_input),
                ..tokens
            });
        }
        let own = &mut self.units;
        own.audio_input_ms = own.audio_input_ms.saturating_add(units.audio_input_ms);
        let (input, output) = (units.image_input_tokens, units.image_output_tokens);
        own.image_input_tokens = own.image_input_tokens.saturating_add(input);
        own.image_output_tokens = own.image_output_tokens.saturating_add(output);
    }
}
