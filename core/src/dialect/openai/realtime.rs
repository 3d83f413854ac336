//! OpenAI's Realtime API: what the events of a WebSocket session say of usage and of models.
//!
//! Wire format: <https://platform.openai.com/docs/api-reference/realtime-server-events>.

use super::answer::member;
use crate::json::edit::Edits;
use crate::json::place::Place;
use crate::json::text;
use crate::price::TokenUsage;
use crate::usage;
use crate::websocket::{self, Frames};

/// The close code for a connection that ends by a rule (RFC 6455, 7.4.1).
const POLICY_VIOLATION: u16 = 1008;

/// A session as its provider's events pass to the client.
#[derive(Debug)]
pub struct Session {
    frames: Frames,
    /// The name that the client asked for.
    model: String,
    /// The provider's model that transcribes what the client says.
    transcriber: Option<String>,
    charges: Vec<Charge>,
    /// Nothing passes any more.
    is_cut: bool,
}

/// Something that the provider charges for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Of the answer, or of what was transcribed.
    pub id: Option<String>,
    /// What was used.
    pub usage: TokenUsage,
    /// The provider's model, where it is not the session's.
    pub model: Option<String>,
}

impl Session {
    /// Begins a session for a client that asked for `model`.
    pub fn new(model: &str) -> Self {
        Self {
            frames: Frames::default(),
            model: model.to_owned(),
            transcriber: None,
            charges: Vec::new(),
            is_cut: false,
        }
    }

    /// Takes a piece of what the provider sends and returns what the client gets.
    pub fn push(&mut self, piece: &[u8], end: bool) -> Vec<u8> {
        if self.is_cut {
            return Vec::new();
        }
        let Self { frames, model, transcriber, charges, .. } = self;
        let mut out = frames.push(piece, |event| read(event, model, transcriber, charges));
        if end {
            out.extend(frames.finish());
        }
        out
    }

    /// Returns, once, what was charged for since this was last asked.
    pub fn take_charges(&mut self) -> Vec<Charge> {
        std::mem::take(&mut self.charges)
    }

    /// Ends the session and returns what tells the client why: an error event, and the end of the
    /// connection.
    pub fn cut(&mut self, event: &[u8], reason: &str) -> Vec<u8> {
        self.is_cut = true;
        let mut out = websocket::text(event);
        out.extend(websocket::close(POLICY_VIOLATION, reason));
        out
    }

    /// Tells whether the session was ended here.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }
}

/// Reads one event; returns it with the client's name of the model, where it names the provider's.
fn read(
    event: &[u8],
    model: &str,
    transcriber: &mut Option<String>,
    charges: &mut Vec<Charge>,
) -> Option<Vec<u8>> {
    let kind = member(event, "type").and_then(text::string_value)?;
    match &*kind {
        "session.created" | "session.updated" => {
            let session = member(event, "session")?;
            *transcriber = transcribes(session).or(transcriber.take());
            return renamed(event, model);
        }
        "response.done" => {
            let response = member(event, "response")?;
            let usage = member(response, "usage").and_then(usage::parse)?;
            charges.push(Charge { id: id(response, "id"), usage, model: None });
        }
        "conversation.item.input_audio_transcription.completed" => {
            let usage = member(event, "usage").and_then(usage::parse)?;
            let model = transcriber.clone();
            charges.push(Charge { id: id(event, "item_id"), usage, model });
        }
        _ => {}
    }
    None
}

fn id(object: &[u8], name: &str) -> Option<String> {
    let id = text::string_value(member(object, name)?)?;
    Some(id.chars().take(128).collect())
}

/// The model that a session transcribes with, by the present name or by the one of the beta.
fn transcribes(session: &[u8]) -> Option<String> {
    let of_audio = || member(member(member(session, "audio")?, "input")?, "transcription");
    let transcription = of_audio().or_else(|| member(session, "input_audio_transcription"))?;
    let model = text::string_value(member(transcription, "model")?)?;
    Some(model.into_owned())
}

/// Returns an event with the client's name of the session's model.
fn renamed(event: &[u8], model: &str) -> Option<Vec<u8>> {
    let named = Place::whole(event).member("session")?.member("model")?;
    named.string()?;
    let mut edits = Edits::default();
    edits.replace(named.at, text::encode(model));
    Some(edits.apply(event))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_the_name_that_the_client_asked_for() {
        let mut session = Session::new("voice");
        let event = br#"{"event_id":"e1","type":"session.created","session":{"object":"x",
            "model":"gpt-realtime","tools":[]}}"#;

        let out = session.push(&websocket::text(event), false);

        let expected = String::from_utf8_lossy(event).replace("gpt-realtime", "voice");
        assert_eq!(out, websocket::text(expected.as_bytes()));
        assert_eq!(session.take_charges(), []);
    }

    #[test]
    fn answers_are_charged_as_they_are_done() {
        let mut session = Session::new("voice");
        let event = br#"{"type":"response.done","response":{"id":"resp_1","usage":{
            "total_tokens":9,"input_tokens":5,"output_tokens":4}}}"#;
        let bytes = [websocket::text(br#"{"type":"response.created"}"#), websocket::text(event)];

        let out = session.push(&bytes.concat(), false);

        assert_eq!(out, bytes.concat());
        let usage = TokenUsage { input: 5, output: 4, total: 9, ..TokenUsage::default() };
        let charge = Charge { id: Some("resp_1".into()), usage, model: None };
        assert_eq!(session.take_charges(), [charge]);
        assert_eq!(session.take_charges(), []);
    }

    #[test]
    fn transcriptions_are_charged_to_the_model_that_the_session_names() {
        for session_event in [
            r#"{"audio":{"input":{"transcription":{"model":"whisper-1"}}}}"#,
            r#"{"input_audio_transcription":{"model":"whisper-1"}}"#,
        ] {
            let mut session = Session::new("voice");
            let updated = format!(r#"{{"type":"session.updated","session":{session_event}}}"#);
            let done = br#"{"type":"conversation.item.input_audio_transcription.completed",
                "item_id":"item_1","usage":{"type":"tokens","input_tokens":7,"output_tokens":2}}"#;

            session.push(&websocket::text(updated.as_bytes()), false);
            session.push(&websocket::text(done), false);

            let charges = session.take_charges();
            assert_eq!(charges[0].model.as_deref(), Some("whisper-1"));
            assert_eq!((charges[0].usage.input, charges[0].usage.output), (7, 2));
        }
    }

    #[test]
    fn other_events_and_what_is_none_pass_as_they_are() {
        let mut session = Session::new("voice");
        let strange: [&[u8]; 6] = [
            b"not json",
            b"{}",
            br#"{"type":7}"#,
            br#"{"type":"session.created"}"#,
            br#"{"type":"session.updated","session":{"model":null}}"#,
            br#"{"type":"response.done","response":{"usage":null}}"#,
        ];
        let bytes: Vec<u8> = strange.iter().flat_map(|event| websocket::text(event)).collect();

        assert_eq!(session.push(&bytes, true), bytes);
        assert_eq!(session.take_charges(), []);
    }

    #[test]
    fn nothing_passes_after_the_end() {
        let mut session = Session::new("voice");

        let end = session.cut(b"{}", "budget_exceeded");

        assert!(end.starts_with(&websocket::text(b"{}")) && end.ends_with(b"budget_exceeded"));
        assert_eq!(session.push(&websocket::text(b"more"), true), b"");
    }
}
