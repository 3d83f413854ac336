//! What comes of a request for images, sound or a transcript: it passes as it is, and nothing of
//! it is gathered. Only the name of the model is replaced, where an answer has it.

use tollgate_proto::v1::Endpoint;

use super::cue::Cues;
use super::events::Events;
use super::sound::{self, HEAD};
use super::{makes_images, usage};
use crate::json::tap::Tap;
use crate::price::{TokenUsage, Units};

/// Watches an answer pass.
#[derive(Debug)]
pub struct Watch {
    endpoint: Endpoint,
    form: Form,
    bytes: u64,
}

#[derive(Debug)]
enum Form {
    Json(Tap),
    Events(Events),
    Text(Cues),
    /// Sound, and its beginning.
    Sound(Vec<u8>),
}

/// What an answer said or was.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The provider's figures.
    pub tokens: Option<TokenUsage>,
    /// What was made, and what the provider says it heard.
    pub units: Units,
    /// The end of the last cue of subtitles, in milliseconds.
    pub last_cue_ms: Option<u64>,
    /// The length of the sound is exact.
    pub is_exact: bool,
    /// An error in it, as raw JSON.
    pub error: Vec<u8>,
    /// Its `id`, as raw JSON.
    pub id: Vec<u8>,
}

impl Watch {
    /// Watches an answer of this media type; clients know the model as `model`.
    pub fn new(endpoint: Endpoint, content_type: &[u8], model: &str) -> Self {
        let kind = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
        let kind = kind.trim_ascii().to_ascii_lowercase();
        let form = match kind.as_slice() {
            b"text/event-stream" => Form::Events(Events::new(endpoint)),
            text if text.starts_with(b"text/") || text == b"application/x-subrip" => {
                Form::Text(Cues::default())
            }
            sound if sound.starts_with(b"audio/") || sound == b"application/octet-stream" => {
                Form::Sound(Vec::new())
            }
            _ => Form::Json(Tap::new(model)),
        };
        Self { endpoint, form, bytes: 0 }
    }

    /// Tells whether anything of it may be replaced.
    pub fn rewrites(&self) -> bool {
        matches!(self.form, Form::Json(_))
    }

    /// Takes the next piece. Returns what to forward instead, or `None` to forward it as it is.
    pub fn push(&mut self, piece: &[u8]) -> Option<Vec<u8>> {
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        match &mut self.form {
            Form::Json(tap) => return tap.push(piece),
            Form::Events(events) => events.push(piece),
            Form::Text(cues) => cues.push(piece),
            Form::Sound(head) => {
                let room = HEAD.saturating_sub(head.len());
                head.extend_from_slice(piece.get(..piece.len().min(room)).unwrap_or_default());
            }
        }
        None
    }

    /// Returns what was found so far.
    pub fn found(&self) -> Found {
        let mut found = Found::default();
        match &self.form {
            Form::Json(tap) => {
                let said = tap.captured();
                (found.tokens, found.units) = usage::read(self.endpoint, said.usage.trim_ascii());
                if makes_images(self.endpoint) {
                    found.units.images = said.items;
                } else if let Some(ms) = usage::ms(&said.duration) {
                    found.units.audio_input_ms = ms;
                }
                found.error.extend_from_slice(said.error.trim_ascii());
                found.id.extend_from_slice(said.id.trim_ascii());
            }
            Form::Events(events) => {
                (found.tokens, found.units) = (events.tokens, events.units);
                found.error.extend_from_slice(events.error.trim_ascii());
            }
            Form::Text(cues) => found.last_cue_ms = cues.last_ms(),
            Form::Sound(head) => {
                let length = sound::length(head, self.bytes);
                found.units.audio_output_ms = length.likely_ms;
                found.is_exact = length.is_exact;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(endpoint: Endpoint, kind: &str, answer: &[u8], size: usize) -> (Vec<u8>, Found) {
        let mut watch = Watch::new(endpoint, kind.as_bytes(), "mine");
        let mut out = Vec::new();
        for piece in answer.chunks(size) {
            out.extend(watch.push(piece).unwrap_or_else(|| piece.to_vec()));
        }
        (out, watch.found())
    }

    #[test]
    fn images_and_their_tokens_are_counted_however_the_answer_is_cut() {
        let answer = br#"{"created":1,"data":[{"b64_json":"AAAA"},{"b64_json":"BBBB"}],
            "usage":{"input_tokens":9,"output_tokens":816,"total_tokens":825}}"#;
        for size in 1..answer.len() {
            let (out, found) = watch(Endpoint::ImagesGenerations, "application/json", answer, size);

            assert_eq!(out, answer);
            assert_eq!((found.units.images, found.units.image_output_tokens), (2, 816));
        }
    }

    #[test]
    fn a_stream_of_images_is_counted_however_it_is_cut() {
        let stream = b"event: image_generation.partial_image\ndata: {\"type\":\
            \"image_generation.partial_image\",\"b64_json\":\"AAAA\"}\n\n\
            event: image_generation.completed\r\ndata: {\"type\":\"image_generation.completed\",\
            \"b64_json\":\"BBBB\",\"usage\":{\"input_tokens\":9,\"output_tokens\":372,\
            \"total_tokens\":381}}\r\n\r\n";
        for size in 1..stream.len() {
            let (out, found) =
                watch(Endpoint::ImagesGenerations, "text/event-stream", stream, size);

            assert_eq!(out, stream);
            assert_eq!(found.units.images, 1, "in pieces of {size}");
            assert_eq!(found.tokens.unwrap().total, 381);
        }
    }

    #[test]
    fn a_transcript_says_how_long_the_sound_was() {
        let verbose = br#"{"task":"transcribe","language":"english","duration":8.47,"text":"Hi"}"#;

        let (_, found) = watch(Endpoint::Transcriptions, "application/json", verbose, 7);

        assert_eq!(found.units.audio_input_ms, 8_470);
    }

    #[test]
    fn the_model_has_the_name_that_the_client_asked_for() {
        let (out, _) =
            watch(Endpoint::Moderations, "application/json", br#"{"model":"theirs"}"#, 5);

        assert_eq!(out, br#"{"model":"mine"}"#);
    }
}
