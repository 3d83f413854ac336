//! A file with sound in a form, for providers who are sent the sound alone.

use std::ops::Range;

use super::form::File;
use super::transcript::Format;
use crate::refusal::Refusal;

/// The sound in a form that is all here, and how its transcript is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SoundFile {
    /// Where it stands in the body.
    pub at: Range<usize>,
    /// Its media type. `None`: it is none of those that providers know.
    pub media_type: Option<&'static str>,
    /// What the client says of its language.
    pub language: Option<String>,
    /// How the transcript is wanted. `None`: in a form that we do not know.
    pub format: Option<Format>,
}

impl SoundFile {
    /// Takes what a form says.
    pub(super) fn new(file: &File, format: Option<&str>, language: Option<&str>) -> Self {
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        Self {
            at: place(file.at.start)..place(file.at.end),
            media_type: media_type(&file.content_type, &file.name),
            language: language.map(str::to_owned).filter(|language| !language.is_empty()),
            format: format.map_or(Some(Format::Json), Format::named),
        }
    }

    /// Returns the sound, its media type and the form that is wanted.
    ///
    /// # Errors
    /// When its kind is not known, or nothing can be written in the form that is wanted.
    pub fn sound<'a>(&self, body: &'a [u8]) -> Result<(&'a [u8], &'static str, Format), Refusal> {
        let kinds = "a file of mp3, mp4, m4a, wav, webm, flac or ogg";
        let media_type =
            self.media_type.ok_or(Refusal::InvalidField { field: "file", expected: kinds })?;
        let forms = "json, verbose_json, text, srt or vtt";
        let field = "response_format";
        let format = self.format.ok_or(Refusal::InvalidField { field, expected: forms })?;
        let sound = body.get(self.at.clone()).ok_or(Refusal::Internal)?;
        Ok((sound, media_type, format))
    }
}

/// By what the client says of the content, else by the file's name.
fn media_type(content_type: &str, name: &str) -> Option<&'static str> {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let by_type = match kind.as_str() {
        "audio/mpeg" | "audio/mp3" => Some("audio/mpeg"),
        "audio/mp4" | "audio/m4a" | "audio/x-m4a" | "video/mp4" => Some("audio/mp4"),
        "audio/wav" | "audio/x-wav" | "audio/wave" | "audio/vnd.wave" => Some("audio/wav"),
        "audio/webm" | "video/webm" => Some("audio/webm"),
        "audio/flac" | "audio/x-flac" => Some("audio/flac"),
        "audio/ogg" | "application/ogg" | "audio/opus" => Some("audio/ogg"),
        _ => None,
    };
    by_type.or_else(|| {
        let ending = name.rsplit_once('.')?.1.to_ascii_lowercase();
        Some(match ending.as_str() {
            "mp3" | "mpga" | "mpeg" => "audio/mpeg",
            "mp4" | "m4a" => "audio/mp4",
            "wav" => "audio/wav",
            "webm" => "audio/webm",
            "flac" => "audio/flac",
            "ogg" | "oga" | "opus" => "audio/ogg",
            _ => return None,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_sound_by_its_type_or_its_name() {
        for (content_type, name, expected) in [
            ("audio/mpeg", "", Some("audio/mpeg")),
            ("Audio/X-WAV; x=y", "a.mp3", Some("audio/wav")),
            ("application/octet-stream", "a.MP3", Some("audio/mpeg")),
            ("application/octet-stream", "a.m4a", Some("audio/mp4")),
            ("", "a.webm", Some("audio/webm")),
            ("", "a.flac", Some("audio/flac")),
            ("", "a.b.ogg", Some("audio/ogg")),
            ("", "a.txt", None),
            ("text/plain", "", None),
        ] {
            assert_eq!(media_type(content_type, name), expected, "{content_type} {name}");
        }
    }
}
