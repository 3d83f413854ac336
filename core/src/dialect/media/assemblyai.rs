//! `AssemblyAI`: the sound is uploaded, a transcript of it ordered, and asked for until it is there.
//! <https://www.assemblyai.com/docs/api-reference/transcripts/submit>

use std::borrow::Cow;

use super::file::SoundFile;
use super::transcript::{Transcript, Word};
use super::usage;
use crate::json::node::Node;
use crate::json::write::Writer;
use crate::path::percent::encode;

/// What is asked next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Step {
    /// Take this sound.
    #[default]
    Upload,
    /// Make a transcript of what is at this URL.
    Order(String),
    /// Is the transcript with this id there?
    Ask(String),
}

/// What comes of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The next step follows at once.
    Next(Step),
    /// The same is asked again, after a while.
    Wait,
    /// It is there.
    Done(Transcript),
    /// It will never be; why.
    Failed(String),
}

impl Step {
    /// Returns method and path, below the provider's base.
    pub fn head(&self) -> (&'static str, String) {
        match self {
            Self::Upload => ("POST", "/upload".to_owned()),
            Self::Order(_) => ("POST", "/transcript".to_owned()),
            Self::Ask(id) => ("GET", format!("/transcript/{}", encode(id))),
        }
    }

    /// Returns the body that takes the place of the sound. `None`: it is the sound.
    pub fn body(&self, model: &str, file: &SoundFile) -> Option<Vec<u8>> {
        let url = match self {
            Self::Upload => return None,
            Self::Ask(_) => return Some(Vec::new()),
            Self::Order(url) => url,
        };
        let mut writer = Writer::default();
        writer.object(|it| {
            it.key("audio_url").string(url);
            it.key("speech_model").string(model);
            match &file.language {
                Some(language) => it.key("language_code").string(language),
                None => it.key("language_detection").bool(true),
            }
        });
        Some(writer.into_bytes())
    }

    /// Returns the media type of the body.
    pub fn media_type(&self) -> &'static str {
        if *self == Self::Upload { "application/octet-stream" } else { "application/json" }
    }

    /// Reads an answer with a good status.
    pub fn read(&self, body: &[u8], file: &SoundFile) -> Outcome {
        let nothing = || Outcome::Failed("the provider's answer is none".to_owned());
        let Ok(answer) = Node::object(body) else { return nothing() };
        let text = |name: &str| answer.get(name).and_then(Node::string).map(Cow::into_owned);
        let next = match self {
            Self::Upload => text("upload_url").map(Step::Order).map(Outcome::Next),
            Self::Order(_) => text("id").map(Step::Ask).map(Outcome::Next),
            Self::Ask(_) => match text("status").as_deref() {
                Some("queued" | "processing") => Some(Outcome::Wait),
                Some("completed") => transcript(answer, file).map(Outcome::Done),
                Some("error") => Some(Outcome::Failed(text("error").unwrap_or_default())),
                Some(_) | None => None,
            },
        };
        next.unwrap_or_else(nothing)
    }
}

fn transcript(answer: Node<'_>, file: &SoundFile) -> Option<Transcript> {
    let language = answer.get("language_code").and_then(Node::string).map(Cow::into_owned);
    let words = answer.get("words").into_iter().flat_map(Node::items);
    Some(Transcript {
        text: answer.get("text").and_then(Node::string).unwrap_or_default().into_owned(),
        language: language.or_else(|| file.language.clone()).unwrap_or_default(),
        duration_ms: usage::ms(answer.get("audio_duration")?.raw())?,
        words: words.filter_map(word).collect(),
    })
}

fn word(node: Node<'_>) -> Option<Word> {
    Some(Word {
        text: node.get("text")?.string()?.into_owned(),
        start_ms: node.get("start")?.u64()?,
        end_ms: node.get("end")?.u64()?,
    })
}

/// Returns what an error answer says.
pub fn failure(body: &[u8]) -> Option<String> {
    let answer = Node::object(body).ok()?;
    answer.get("error").and_then(Node::string).map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(step: &Step, answer: &str) -> Outcome {
        step.read(answer.as_bytes(), &SoundFile::default())
    }

    #[test]
    fn one_step_follows_the_other() {
        let order = Step::Order("https://cdn/x".into());
        let ask = Step::Ask("a/b".into());

        assert_eq!(
            read(&Step::Upload, r#"{"upload_url":"https://cdn/x"}"#),
            Outcome::Next(order.clone())
        );
        assert_eq!(read(&order, r#"{"id":"a/b","status":"queued"}"#), Outcome::Next(ask.clone()));
        assert_eq!(ask.head(), ("GET", "/transcript/a%2Fb".to_owned()));
        assert_eq!(read(&ask, r#"{"status":"processing"}"#), Outcome::Wait);
        let why = read(&ask, r#"{"status":"error","error":"no sound"}"#);
        assert_eq!(why, Outcome::Failed("no sound".into()));
        assert!(matches!(read(&ask, "[]"), Outcome::Failed(_)));
    }

    #[test]
    fn orders_what_the_client_wants() {
        let file = SoundFile { language: Some("de".into()), ..SoundFile::default() };
        let body = Step::Order("u".into()).body("best", &file).unwrap();

        let expected = r#"{"audio_url":"u","speech_model":"best","language_code":"de"}"#;
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }

    #[test]
    fn reads_what_was_said() {
        let answer = r#"{"status":"completed","text":"Hi.","audio_duration":7,"language_code":"en",
            "words":[{"text":"Hi.","start":250,"end":650}]}"#;

        let Outcome::Done(said) = read(&Step::Ask("x".into()), answer) else { panic!() };

        assert_eq!((&*said.text, said.duration_ms, said.words[0].end_ms), ("Hi.", 7_000, 650));
    }
}
