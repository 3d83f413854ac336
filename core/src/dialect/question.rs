//! What a user asks last, found in a request of any dialect: the text of the last message, when it
//! is the user's and nothing but text.

use std::ops::Range;

use super::Dialect;
use crate::json::canonical;
use crate::json::place::Place;
use crate::json::scan::Object;
use crate::json::text;

/// The text of a user's last message, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The text; several pieces as lines.
    pub text: String,
    /// Where its pieces stand in the body, quotes included, in order.
    places: Vec<Range<usize>>,
}

impl Question {
    /// Finds it in a body that is known to be JSON. `None`: the last message is not the user's, it
    /// has something besides text, or the text is empty or longer than `most` bytes.
    pub fn find(dialect: Dialect, body: &[u8], most: usize) -> Option<Self> {
        let whole = Place::whole(body);
        let places = match dialect {
            Dialect::OpenAi | Dialect::Anthropic => {
                whole.last_of("messages")?.message("content")?
            }
            Dialect::Responses => whole.input()?,
            Dialect::Gemini => whole.last_of("contents")?.content()?,
            Dialect::Ollama => whole.last_of("messages")?.without_images()?.message("content")?,
            Dialect::Completions => whole.given("prompt")?.quoted()?,
            Dialect::OllamaGenerate => whole.without_images()?.given("prompt")?.quoted()?,
        };
        // Escapes only make a text shorter.
        let length: usize = places.iter().map(Range::len).sum();
        if length > most.saturating_mul(6) {
            return None;
        }
        let pieces = places.iter().filter_map(|at| text::string_value(body.get(at.clone())?));
        let text = pieces.collect::<Vec<_>>().join("\n");
        (!text.trim().is_empty() && text.len() <= most).then_some(Self { text, places })
    }

    /// Appends all else that the body says, in its canonical form: equal for two bodies whose
    /// questions alone differ, and for no others.
    pub fn append_rest(&self, body: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let mut rest = Vec::with_capacity(body.len());
        let mut from = 0;
        for at in &self.places {
            rest.extend_from_slice(body.get(from..at.start)?);
            rest.extend_from_slice(MARK);
            from = at.end;
        }
        rest.extend_from_slice(body.get(from..)?);
        canonical::append(&rest, out)
    }
}

/// Stands for the question. No JSON has such a word, so that no body can bring it along.
const MARK: &[u8] = b"question";

impl Place<'_> {
    /// Returns a member, unless it says nothing.
    fn given(&self, name: &str) -> Option<Self> {
        self.member(name).filter(|value| value.raw() != b"null")
    }

    /// Returns the last element of an array.
    fn last_of(&self, name: &str) -> Option<Self> {
        self.given(name)?.items().last()
    }

    fn quoted(&self) -> Option<Vec<Range<usize>>> {
        self.raw().starts_with(b"\"").then(|| vec![self.at.clone()])
    }

    /// Ollama puts them beside the text.
    fn without_images(self) -> Option<Self> {
        let images = self.given("images");
        images.is_none_or(|images| images.items().next().is_none()).then_some(self)
    }

    /// A message whose text is a string or a list of pieces with types.
    fn message(&self, name: &str) -> Option<Vec<Range<usize>>> {
        let content = self.of_user()?.given(name)?;
        content.quoted().or_else(|| {
            let pieces = content.items().map(|piece| {
                let kind = piece.given("type")?;
                let text = piece.given("text")?;
                (kind.is("text") || kind.is("input_text")).then(|| text.quoted())?
            });
            pieces.collect::<Option<Vec<_>>>().map(|pieces| pieces.concat())
        })
    }

    fn of_user(&self) -> Option<&Self> {
        self.given("role")?.is("user").then_some(self)
    }

    /// Responses' `input`: a text, or items of which the last is a message.
    fn input(&self) -> Option<Vec<Range<usize>>> {
        let input = self.given("input")?;
        input.quoted().or_else(|| {
            let last = input.items().last()?;
            let is_message = last.given("type").is_none_or(|kind| kind.is("message"));
            is_message.then(|| last.message("content"))?
        })
    }

    /// Gemini's content: parts of which each has a text and nothing else.
    fn content(&self) -> Option<Vec<Range<usize>>> {
        if self.given("role").is_some_and(|role| !role.is("user")) {
            return None;
        }
        let parts = self.given("parts")?;
        let texts = parts.items().map(|part| {
            let mut object = Object::open(part.raw()).ok()?;
            let only = object.next_member().ok()?.is_some_and(|member| member.comma.is_none());
            only.then(|| part.given("text")?.quoted())?
        });
        texts.collect::<Option<Vec<_>>>().map(|texts| texts.concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(dialect: Dialect, body: &str) -> Option<String> {
        Question::find(dialect, body.as_bytes(), 100).map(|question| question.text)
    }

    #[test]
    fn the_last_text_is_found_in_every_dialect() {
        let cases = [
            (
                Dialect::OpenAi,
                r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"a\nb"}]}"#,
            ),
            (
                Dialect::OpenAi,
                r#"{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"text":"b","type":"text"}]}]}"#,
            ),
            (Dialect::Responses, r#"{"input":"a\nb"}"#),
            (
                Dialect::Responses,
                r#"{"input":[{"role":"user","content":[{"type":"input_text","text":"a\nb"}]}]}"#,
            ),
            (
                Dialect::Responses,
                r#"{"input":[{"type":"message","role":"user","content":"a\nb"}]}"#,
            ),
            (
                Dialect::Anthropic,
                r#"{"system":"s","messages":[{"role":"user","content":[{"type":"text","text":"a\nb"}]}]}"#,
            ),
            (Dialect::Gemini, r#"{"contents":[{"parts":[{"text":"a"},{"text":"b"}]}]}"#),
            (Dialect::Gemini, r#"{"contents":[{"role":"user","parts":[{"text":"a\u000ab"}]}]}"#),
            (Dialect::Ollama, r#"{"messages":[{"role":"user","content":"a\nb","images":[]}]}"#),
            (Dialect::OllamaGenerate, r#"{"prompt":"a\nb"}"#),
            (Dialect::Completions, r#"{"prompt":"x","prompt":"a\nb"}"#),
        ];
        for (dialect, body) in cases {
            assert_eq!(found(dialect, body).as_deref(), Some("a\nb"), "{dialect:?} {body}");
        }
    }

    #[test]
    fn what_is_not_the_users_or_not_text_alone_is_no_question() {
        let cases = [
            (Dialect::OpenAi, r#"{"messages":[{"role":"assistant","content":"a"}]}"#),
            (Dialect::OpenAi, r#"{"messages":[]}"#),
            (
                Dialect::OpenAi,
                r#"{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"u"}}]}]}"#,
            ),
            (
                Dialect::OpenAi,
                r#"{"messages":[{"role":"user","content":[{"type":"text","text":1}]}]}"#,
            ),
            (Dialect::OpenAi, r#"{"messages":[{"role":"user","content":" "}]}"#),
            (Dialect::OpenAi, r#"{"messages":[{"role":"user","content":null}]}"#),
            (
                Dialect::Responses,
                r#"{"input":[{"type":"function_call_output","role":"user","content":"a"}]}"#,
            ),
            (
                Dialect::Anthropic,
                r#"{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"a"}]}]}"#,
            ),
            (Dialect::Gemini, r#"{"contents":[{"role":"model","parts":[{"text":"a"}]}]}"#),
            (Dialect::Gemini, r#"{"contents":[{"parts":[{"text":"a","thought":true}]}]}"#),
            (Dialect::Gemini, r#"{"contents":[{"parts":[{"inlineData":{}}]}]}"#),
            (Dialect::Ollama, r#"{"messages":[{"role":"user","content":"a","images":["x"]}]}"#),
            (Dialect::OllamaGenerate, r#"{"prompt":"a","images":["x"]}"#),
            (Dialect::Completions, r#"{"prompt":["a"]}"#),
            (Dialect::Completions, r#"{"prompt":["#),
        ];
        for (dialect, body) in cases {
            assert_eq!(found(dialect, body), None, "{dialect:?} {body}");
        }
        let long = format!(r#"{{"prompt":"{}"}}"#, "x".repeat(101));
        assert_eq!(found(Dialect::Completions, &long), None);
    }

    #[test]
    fn the_rest_is_equal_where_the_question_alone_differs() {
        let rest = |body: &str| {
            let question = Question::find(Dialect::OpenAi, body.as_bytes(), 100).unwrap();
            let mut out = Vec::new();
            question.append_rest(body.as_bytes(), &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let one = rest(r#"{"n":1,"messages":[{"role":"user","content":"a"}]}"#);

        assert_eq!(one, r#"{"messages":[{"content":question,"role":"user"}],"n":1}"#);
        assert_eq!(one, rest(r#"{"messages":[{"role":"user","content":"question"}], "n":1}"#));
        assert_ne!(one, rest(r#"{"messages":[{"role":"user","content":"a"}],"n":2}"#));
        assert_ne!(
            one,
            rest(r#"{"n":1,"messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]}"#)
        );
    }
}
