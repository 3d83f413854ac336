//! What the gateway needs to know of a request body, and what it changes in it.

use std::ops::Range;

use tollgate_proto::v1::Endpoint;

use crate::json::edit::Edits;
use crate::json::scan::{Array, Malformed, Member, Object};
use crate::json::text;
use crate::refusal::Refusal;

/// The facts of one body, with the places where edits go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The model that the client asks for.
    pub model: String,
    /// The answer is to be streamed.
    pub stream: bool,
    /// The client wants usage at the end of the stream.
    pub include_usage: bool,
    /// `max_completion_tokens`, else `max_tokens`.
    pub max_tokens: Option<u64>,
    /// The end user, as the client names it.
    pub user: Option<String>,
    /// `metadata.tags`.
    pub tags: Vec<String>,
    /// How many answers are asked for: `n` or `best_of`, whichever is more.
    pub choices: u64,
    max_tokens_at: Vec<Range<usize>>,
    model_at: Vec<Range<usize>>,
    stream_options_at: Vec<Range<usize>>,
    inside: usize,
}

/// An output cap to write into a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// The field to use when the client sent none.
    pub field: &'static str,
    /// Tokens of one answer.
    pub tokens: u64,
}

/// Reads a body. Every occurrence of a repeated field is edited; the last one counts, as in most
/// JSON parsers.
///
/// # Errors
/// When the body is not a JSON object, or lacks a field that the endpoint needs, or has it in a
/// form that the gateway cannot act on.
pub fn read(endpoint: Endpoint, body: &[u8]) -> Result<Request, Refusal> {
    let invalid = |why: String| Refusal::InvalidJson(why);
    std::str::from_utf8(body)
        .map_err(|error| invalid(format!("not UTF-8 at byte {}", error.valid_up_to())))?;
    let malformed = |why: Malformed| invalid(why.to_string());
    let mut object = Object::open(body).map_err(malformed)?;
    let mut request = Request { choices: 1, ..Request::default() };
    let (mut has_model, mut input) = (false, None);
    while let Some(member) = object.next_member().map_err(malformed)? {
        if request.model_at.is_empty() && request.inside == 0 {
            request.inside = member.before;
        }
        let key = text::decode(body.get(member.key.clone()).unwrap_or_default());
        if key == "model" {
            has_model = true;
        }
        if Some(&*key) == required_input(endpoint) {
            input = body.get(member.value.start).copied();
        }
        request.take(&key, &member, body)?;
    }
    if !has_model {
        return Err(Refusal::MissingField("model"));
    }
    check_input(endpoint, input)?;
    Ok(request)
}

impl Request {
    /// Returns what to change for a target: its name of the model; when `ask_usage`, the request
    /// for usage at the end of a stream; and the output cap, when it is not the client's.
    pub fn edits(
        &self,
        body: &[u8],
        target_model: &str,
        ask_usage: bool,
        cap: Option<Cap>,
    ) -> Edits<'static> {
        let mut changes: Vec<(Range<usize>, Vec<u8>)> = Vec::new();
        if let Some(Cap { field, tokens }) = cap {
            let value = tokens.to_string();
            if self.max_tokens_at.is_empty() {
                let member = format!("\"{field}\":{value},").into_bytes();
                changes.push((self.inside..self.inside, member));
            }
            // All of them: a provider may heed another one than we do.
            let all = self.max_tokens_at.iter();
            changes.extend(all.map(|at| (at.clone(), value.clone().into_bytes())));
        }
        // A provider may read another of several occurrences than the one that was judged.
        if target_model != self.model || self.model_at.len() > 1 {
            let name = text::encode(target_model);
            changes.extend(self.model_at.iter().map(|at| (at.clone(), name.clone())));
        }
        if ask_usage && self.stream && !self.include_usage {
            if self.stream_options_at.is_empty() {
                let options = b"\"stream_options\":{\"include_usage\":true},".to_vec();
                changes.push((self.inside..self.inside, options));
            }
            for at in &self.stream_options_at {
                changes.extend(asked_for_usage(body, at.clone()));
            }
        }
        changes.sort_by_key(|(at, _)| at.start);
        let mut edits = Edits::default();
        for (at, with) in changes {
            edits.replace(at, with);
        }
        edits
    }

    fn take(&mut self, key: &str, member: &Member, body: &[u8]) -> Result<(), Refusal> {
        let value = body.get(member.value.clone()).unwrap_or_default();
        match key {
            "model" => {
                let name = text::string_value(value).filter(|name| !name.is_empty());
                let wrong = Refusal::InvalidField { field: "model", expected: "a model's name" };
                self.model = name.ok_or(wrong)?.into_owned();
                self.model_at.push(member.value.clone());
            }
            "stream" => {
                let wrong = Refusal::InvalidField { field: "stream", expected: "true or false" };
                self.stream = boolean(value).ok_or(wrong)?;
            }
            "stream_options" => {
                let options = Object::open(value);
                if options.is_err() && value != b"null" {
                    let expected = "an object";
                    return Err(Refusal::InvalidField { field: "stream_options", expected });
                }
                self.include_usage = include_usage(value);
                self.stream_options_at.push(member.value.clone());
            }
            "max_completion_tokens" => {
                self.max_tokens = number(value).or(self.max_tokens);
                self.max_tokens_at.push(member.value.clone());
            }
            "max_tokens" => {
                self.max_tokens = self.max_tokens.or_else(|| number(value));
                self.max_tokens_at.push(member.value.clone());
            }
            "n" | "best_of" => {
                self.choices = number(value).map_or(self.choices, |n| n.max(self.choices));
            }
            "user" => self.user = text::string_value(value).map(std::borrow::Cow::into_owned),
            "metadata" => self.tags = tags(value),
            _ => {}
        }
        Ok(())
    }
}

fn required_input(endpoint: Endpoint) -> Option<&'static str> {
    match endpoint {
        Endpoint::ChatCompletions => Some("messages"),
        Endpoint::Embeddings => Some("input"),
        Endpoint::Completions | Endpoint::Unspecified => None,
    }
}

fn check_input(endpoint: Endpoint, first_byte: Option<u8>) -> Result<(), Refusal> {
    match (required_input(endpoint), first_byte) {
        (Some(field), None) => Err(Refusal::MissingField(field)),
        (Some("messages"), Some(byte)) if byte != b'[' => {
            Err(Refusal::InvalidField { field: "messages", expected: "an array" })
        }
        _ => Ok(()),
    }
}

fn boolean(value: &[u8]) -> Option<bool> {
    match value {
        b"true" => Some(true),
        b"false" | b"null" => Some(false),
        _ => None,
    }
}

fn number(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn members(value: &[u8]) -> impl Iterator<Item = Member> {
    let mut object = Object::open(value).ok();
    std::iter::from_fn(move || object.as_mut()?.next_member().ok()?)
}

fn include_usage(options: &[u8]) -> bool {
    named(options, "include_usage").last().is_some_and(|value| value == b"true")
}

fn named<'a>(object: &'a [u8], name: &str) -> impl Iterator<Item = &'a [u8]> {
    members(object)
        .filter(move |member| text::means(object.get(member.key.clone()).unwrap_or_default(), name))
        .filter_map(|member| object.get(member.value))
}

fn tags(metadata: &[u8]) -> Vec<String> {
    let Some(list) = named(metadata, "tags").last() else { return Vec::new() };
    Array::open(list)
        .filter_map(|at| text::string_value(list.get(at)?).map(std::borrow::Cow::into_owned))
        .collect()
}

/// Returns the edits that make existing `stream_options` ask for usage.
fn asked_for_usage(body: &[u8], at: Range<usize>) -> Vec<(Range<usize>, Vec<u8>)> {
    let options = body.get(at.clone()).unwrap_or_default();
    if options == b"null" {
        return vec![(at, b"{\"include_usage\":true}".to_vec())];
    }
    let existing: Vec<_> = members(options)
        .filter(|member| {
            text::means(options.get(member.key.clone()).unwrap_or_default(), "include_usage")
        })
        .map(|member| {
            (at.start + member.value.start..at.start + member.value.end, b"true".to_vec())
        })
        .collect();
    if !existing.is_empty() {
        return existing;
    }
    let comma = if members(options).next().is_some() { "," } else { "" };
    let inside = at.start + 1;
    vec![(inside..inside, format!("\"include_usage\":true{comma}").into_bytes())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(body: &str) -> Result<Request, Refusal> {
        read(Endpoint::ChatCompletions, body.as_bytes())
    }

    #[track_caller]
    fn check_edit(body: &str, expected: &str) {
        let request = chat(body).unwrap();
        let edited = request.edits(body.as_bytes(), "real", true, None).apply(body.as_bytes());
        assert_eq!(String::from_utf8(edited).unwrap(), expected);
    }

    #[test]
    fn reads_the_facts() {
        let request = chat(
            r#"{"messages":[], "mod\u0065l":"a/b", "stream":true, "user":"u\n1", "max_tokens":5,
            "max_completion_tokens":7, "metadata":{"tags":["x","y",3]}, "stream_options":
            {"include_usage":true}, "unknown":{"model":"no"}}"#,
        )
        .unwrap();

        assert_eq!(request.model, "a/b");
        assert!(request.stream && request.include_usage);
        assert_eq!(request.max_tokens, Some(7));
        assert_eq!(request.user.as_deref(), Some("u\n1"));
        assert_eq!(request.tags, ["x", "y"]);
    }

    #[test]
    fn replaces_the_model_and_no_other_byte() {
        check_edit(
            "{ \"temperature\": 1.0e0,\n\t\"model\" : \"a\\u0062\" ,\"messages\":[ ] , \"é\":\"\\/\" } ",
            "{ \"temperature\": 1.0e0,\n\t\"model\" : \"real\" ,\"messages\":[ ] , \"é\":\"\\/\" } ",
        );
        check_edit(
            r#"{"model":"a","messages":[{"model":"a"}],"model":"b"}"#,
            r#"{"model":"real","messages":[{"model":"a"}],"model":"real"}"#,
        );
        check_edit(
            r#"{"model":"forbidden","messages":[],"model":"real"}"#,
            r#"{"model":"real","messages":[],"model":"real"}"#,
        );
    }

    #[test]
    fn asks_for_usage_once() {
        check_edit(
            r#"{"messages":[],"model":"a","stream":true}"#,
            r#"{"stream_options":{"include_usage":true},"messages":[],"model":"real","stream":true}"#,
        );
        check_edit(
            r#"{"messages":[],"model":"real","stream":true,"stream_options":{"include_usage":true}}"#,
            r#"{"messages":[],"model":"real","stream":true,"stream_options":{"include_usage":true}}"#,
        );
        check_edit(
            r#"{"messages":[],"model":"real","stream":true,"stream_options":{"include_usage":false}}"#,
            r#"{"messages":[],"model":"real","stream":true,"stream_options":{"include_usage":true}}"#,
        );
        check_edit(
            r#"{"messages":[],"model":"real","stream":true,"stream_options":{ "x":1}}"#,
            r#"{"messages":[],"model":"real","stream":true,"stream_options":{"include_usage":true, "x":1}}"#,
        );
        check_edit(
            r#"{"stream_options":{},"messages":[],"model":"real","stream":true}"#,
            r#"{"stream_options":{"include_usage":true},"messages":[],"model":"real","stream":true}"#,
        );
        check_edit(
            r#"{"stream_options":null,"messages":[],"model":"a","stream":true}"#,
            r#"{"stream_options":{"include_usage":true},"messages":[],"model":"real","stream":true}"#,
        );
    }

    #[test]
    fn does_not_ask_when_nothing_is_streamed() {
        check_edit(r#"{"messages":[],"model":"real"}"#, r#"{"messages":[],"model":"real"}"#);
    }

    #[test]
    fn names_the_field_that_is_wrong() {
        let wrong = |field, expected| Err(Refusal::InvalidField { field, expected });
        assert_eq!(chat(r#"{"messages":[]}"#), Err(Refusal::MissingField("model")));
        assert_eq!(chat(r#"{"model":"a"}"#), Err(Refusal::MissingField("messages")));
        assert_eq!(chat(r#"{"model":1,"messages":[]}"#), wrong("model", "a model's name"));
        assert_eq!(chat(r#"{"model":"a","messages":"x"}"#), wrong("messages", "an array"));
        assert_eq!(
            chat(r#"{"model":"a","messages":[],"stream":"yes"}"#),
            wrong("stream", "true or false")
        );
        assert_eq!(
            read(Endpoint::Embeddings, br#"{"model":"a"}"#),
            Err(Refusal::MissingField("input"))
        );
        assert!(read(Endpoint::Completions, br#"{"model":"a"}"#).is_ok());
    }

    #[test]
    fn tells_what_is_not_json() {
        for body in ["", "[]", "{", "{\"model\":\"a\",}", "null"] {
            assert!(matches!(chat(body), Err(Refusal::InvalidJson(_))), "{body}");
        }
        let not_utf8 = read(Endpoint::ChatCompletions, b"{\"model\":\"\xff\"}");
        assert!(matches!(not_utf8, Err(Refusal::InvalidJson(_))));
    }
}
