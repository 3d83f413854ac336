//! A transcript, in the forms in which OpenAI's clients want one.

use std::fmt::Write as _;

use crate::json::write::Writer;

/// What was said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transcript {
    /// All of it.
    pub text: String,
    /// The language, as the provider or the client names it. Empty: nobody does.
    pub language: String,
    /// How long the sound is, in milliseconds.
    pub duration_ms: u64,
    /// The words, where the provider has them.
    pub words: Vec<Word>,
}

/// A word and when it was said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word {
    /// The word, with the punctuation that belongs to it.
    pub text: String,
    /// Milliseconds from the beginning.
    pub start_ms: u64,
    /// As above.
    pub end_ms: u64,
}

/// How a client wants a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// `json`.
    #[default]
    Json,
    /// `verbose_json`.
    Verbose,
    /// `text`.
    Text,
    /// `srt`.
    Srt,
    /// `vtt`.
    Vtt,
}

impl Format {
    /// Reads `response_format`. `None`: it is none of them.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "json" => Self::Json,
            "verbose_json" => Self::Verbose,
            "text" => Self::Text,
            "srt" => Self::Srt,
            "vtt" => Self::Vtt,
            _ => return None,
        })
    }

    /// Returns the media type of a transcript in this form.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json | Self::Verbose => "application/json",
            Self::Text | Self::Srt => "text/plain; charset=utf-8",
            Self::Vtt => "text/vtt; charset=utf-8",
        }
    }
}

impl Transcript {
    /// Writes it.
    pub fn write(&self, format: Format) -> Vec<u8> {
        match format {
            Format::Json => self.json(false),
            Format::Verbose => self.json(true),
            Format::Text => format!("{}\n", self.text).into_bytes(),
            Format::Srt => self.cues(',', true).into_bytes(),
            Format::Vtt => format!("WEBVTT\n\n{}", self.cues('.', false)).into_bytes(),
        }
    }

    fn json(&self, verbose: bool) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.object(|it| {
            it.key("task").string("transcribe");
            it.key("language").string(&self.language);
            it.key("duration").raw(seconds(self.duration_ms).as_bytes());
            it.key("text").string(&self.text);
            if verbose {
                it.key("words").array(|it| self.words.iter().for_each(|word| word.write(it)));
                it.key("segments").array(|it| {
                    for (id, words) in self.segments().enumerate() {
                        segment(id, words, it);
                    }
                });
            }
        });
        writer.into_bytes()
    }

    /// The words of each sentence, or of a part of a long one.
    fn segments(&self) -> impl Iterator<Item = &[Word]> {
        let mut rest = self.words.as_slice();
        std::iter::from_fn(move || {
            let ends = |word: &Word| word.text.ends_with(['.', '?', '!', '。', '？', '！']);
            let end = rest.iter().take(MOST_WORDS).position(ends).map(|at| at + 1);
            let (segment, after) = rest.split_at(end.unwrap_or(rest.len().min(MOST_WORDS)));
            rest = after;
            (!segment.is_empty()).then_some(segment)
        })
    }

    fn cues(&self, point: char, numbered: bool) -> String {
        let mut out = String::new();
        for (at, words) in self.segments().enumerate() {
            let (start, end) = span(words);
            if numbered {
                let _ = writeln!(out, "{}", at + 1);
            }
            let _ = writeln!(out, "{} --> {}", clock(start, point), clock(end, point));
            let _ = writeln!(out, "{}\n", joined(words));
        }
        out
    }
}

impl Word {
    fn write(&self, writer: &mut Writer) {
        writer.object(|it| {
            it.key("word").string(&self.text);
            it.key("start").raw(seconds(self.start_ms).as_bytes());
            it.key("end").raw(seconds(self.end_ms).as_bytes());
        });
    }
}

fn segment(id: usize, words: &[Word], writer: &mut Writer) {
    let (start, end) = span(words);
    writer.object(|it| {
        it.key("id").number(id as u64);
        it.key("start").raw(seconds(start).as_bytes());
        it.key("end").raw(seconds(end).as_bytes());
        it.key("text").string(&joined(words));
    });
}

fn span(words: &[Word]) -> (u64, u64) {
    let start = words.first().map_or(0, |word| word.start_ms);
    (start, words.last().map_or(start, |word| word.end_ms))
}

fn joined(words: &[Word]) -> String {
    words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
}

/// Writes milliseconds as seconds.
fn seconds(ms: u64) -> String {
    let text = format!("{}.{:03}", ms / 1_000, ms % 1_000);
    let short = text.trim_end_matches('0');
    if short.ends_with('.') { format!("{short}0") } else { short.to_owned() }
}

/// Writes milliseconds as subtitles have them.
fn clock(ms: u64, point: char) -> String {
    let seconds = ms / 1_000;
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}{point}{:03}", seconds % 60, ms % 1_000)
}

/// A cue that is longer cannot be read in time.
const MOST_WORDS: usize = 14;

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> Transcript {
        let word = |text: &str, start_ms, end_ms| Word { text: text.into(), start_ms, end_ms };
        Transcript {
            text: "Hello there. Bye".into(),
            language: "en".into(),
            duration_ms: 3_661_500,
            words: vec![
                word("Hello", 0, 400),
                word("there.", 500, 1_000),
                word("Bye", 3_661_000, 3_661_250),
            ],
        }
    }

    #[test]
    fn writes_every_form() {
        let written = |format| String::from_utf8(hello().write(format)).unwrap();

        assert_eq!(
            written(Format::Json),
            r#"{"task":"transcribe","language":"en","duration":3661.5,"text":"Hello there. Bye"}"#
        );
        let verbose: serde_json::Value = serde_json::from_str(&written(Format::Verbose)).unwrap();
        assert_eq!(verbose["words"][1]["end"], 1.0);
        assert_eq!(verbose["segments"][1]["text"], "Bye");
        assert_eq!(written(Format::Text), "Hello there. Bye\n");
        assert_eq!(
            written(Format::Srt),
            "1\n00:00:00,000 --> 00:00:01,000\nHello there.\n\n\
             2\n01:01:01,000 --> 01:01:01,250\nBye\n\n"
        );
        assert!(written(Format::Vtt).starts_with("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n"));
    }

    #[test]
    fn nothing_said_is_nothing_written() {
        let silence = Transcript::default();

        assert_eq!(silence.write(Format::Srt), b"");
        assert_eq!(silence.write(Format::Text), b"\n");
    }
}
