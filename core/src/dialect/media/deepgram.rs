//! Deepgram: the sound itself is the body, and what is asked stands in the query.
//! <https://developers.deepgram.com/reference/speech-to-text/listen-pre-recorded>

use super::file::SoundFile;
use super::transcript::{Transcript, Word};
use super::usage;
use crate::json::node::Node;
use crate::path::percent::encode;

/// Returns the path of a request below the provider's base.
pub fn path(model: &str, file: &SoundFile) -> String {
    let language = match &file.language {
        Some(language) => format!("language={}", encode(language)),
        None => "detect_language=true".to_owned(),
    };
    format!("/listen?model={}&{language}&smart_format=true", encode(model))
}

/// Reads an answer. `None`: it is none.
pub fn read(body: &[u8], file: &SoundFile) -> Option<Transcript> {
    let answer = Node::object(body).ok()?;
    let channel = answer.get("results")?.get("channels")?.items().next()?;
    let best = channel.get("alternatives")?.items().next()?;
    let detected = channel.get("detected_language").and_then(Node::string);
    let language = detected.map(std::borrow::Cow::into_owned).or_else(|| file.language.clone());
    let words = best.get("words").into_iter().flat_map(Node::items);
    Some(Transcript {
        text: best.get("transcript")?.string()?.into_owned(),
        language: language.unwrap_or_default(),
        duration_ms: usage::ms(answer.get("metadata")?.get("duration")?.raw())?,
        words: words.filter_map(word).collect(),
    })
}

fn word(node: Node<'_>) -> Option<Word> {
    let text = node.get("punctuated_word").or_else(|| node.get("word"))?;
    Some(Word {
        text: text.string()?.into_owned(),
        start_ms: usage::ms(node.get("start")?.raw())?,
        end_ms: usage::ms(node.get("end")?.raw())?,
    })
}

/// Returns what an error answer says.
pub fn failure(body: &[u8]) -> Option<String> {
    let answer = Node::object(body).ok()?;
    let said = ["err_msg", "message", "reason"].iter().find_map(|name| answer.get(name)?.string());
    said.map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_asked_in_the_query() {
        let file = SoundFile { language: Some("pt-BR".into()), ..SoundFile::default() };

        assert_eq!(path("nova-3", &file), "/listen?model=nova-3&language=pt-BR&smart_format=true");
        let any = SoundFile::default();
        assert_eq!(path("a&b", &any), "/listen?model=a%26b&detect_language=true&smart_format=true");
    }

    #[test]
    fn reads_what_was_said() {
        let answer = br#"{"metadata":{"duration":25.93},"results":{"channels":[{
            "detected_language":"en","alternatives":[{"transcript":"Yeah, sure.","words":[
            {"word":"yeah","start":0.08,"end":0.32,"punctuated_word":"Yeah,"},
            {"word":"sure","start":0.5,"end":0.9,"punctuated_word":"sure."}]}]}]}}"#;

        let said = read(answer, &SoundFile::default()).unwrap();

        assert_eq!((&*said.text, &*said.language, said.duration_ms), ("Yeah, sure.", "en", 25_930));
        assert_eq!(said.words[1], Word { text: "sure.".into(), start_ms: 500, end_ms: 900 });
        assert_eq!(read(b"{}", &SoundFile::default()), None);
    }
}
