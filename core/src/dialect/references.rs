//! Ids of objects that stand in a body: files that a message shows, the answer that a request
//! goes on from. A provider account is shared by tenants, and knows nothing of them, so that every
//! id is asked about before it gets there.

mod address;
mod sense;

use std::ops::Range;

use memchr::memchr2;
use memchr::memmem;
use tollgate_proto::v1::{Endpoint, ResourceKind};

use self::sense::{Dialect, SIGNS, Sense};
use crate::dialect::openai::answer::member;
use crate::dialect::provider::is_object;
use crate::json::scan::MAX_DEPTH;
use crate::json::text;

/// An id that a request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Of what.
    pub noun: Noun,
    /// The id, as the client writes it.
    pub id: String,
}

/// What an id is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noun {
    /// Something that is kept for tenants.
    Held(ResourceKind),
    /// A conversation, which nobody can make here.
    Conversation,
    /// A container of code, which nobody can make here.
    Container,
    /// A part of a stored answer.
    Item,
    /// A part of a prompt that Gemini keeps, which nobody can make here.
    CachedContent,
}

/// Returns the ids in a body that is sent to an endpoint. Most bodies name none, which two
/// searches for a few bytes tell.
pub fn named_in(endpoint: Endpoint, body: &[u8]) -> Vec<Reference> {
    let known = SIGNS.iter().find(|(of, ..)| *of == endpoint);
    let known = known.map(|(_, dialect, signs)| (*dialect, *signs));
    let known = known.or_else(|| is_object(endpoint).then_some((Dialect::OpenAi, &[""][..])));
    let Some((dialect, signs)) = known else { return Vec::new() };
    if !body.trim_ascii_start().starts_with(b"{") {
        // A form: it has no such fields.
        return Vec::new();
    }
    // A name may be written with escapes.
    let found =
        signs.iter().chain(&["\\u00"]).any(|sign| memmem::find(body, sign.as_bytes()).is_some());
    if found { Walk::new(dialect, body).references() } else { Vec::new() }
}

/// Tells whether a provider is to keep its answer to a body, which is so unless it says otherwise.
pub fn is_stored(endpoint: Endpoint, body: &[u8]) -> bool {
    endpoint == Endpoint::Responses && member(body, "store") != Some(b"false")
}

/// Tells whether a text can be an id that we know. What cannot is nobody's, and goes no further.
pub fn is_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    !text.is_empty() && text.len() <= LONGEST_ID && text.bytes().all(fits)
}

/// An object or an array that has begun.
#[derive(Debug)]
struct Frame {
    is_object: bool,
    sense: Sense,
    /// Of the member that is read now.
    member: Sense,
    expects_name: bool,
    own_id: Option<Range<usize>>,
    is_reference: bool,
}

/// One pass over a body, whatever its nesting.
struct Walk<'a> {
    text: &'a [u8],
    at: usize,
    dialect: Dialect,
    frames: Vec<Frame>,
    found: Vec<Reference>,
}

impl<'a> Walk<'a> {
    fn new(dialect: Dialect, text: &'a [u8]) -> Self {
        Self { text, at: 0, dialect, frames: Vec::new(), found: Vec::new() }
    }

    fn references(mut self) -> Vec<Reference> {
        while let Some(byte) = self.text.get(self.at) {
            match byte {
                b'"' => self.string(),
                b'{' => self.open(true),
                b'[' => self.open(false),
                b'}' | b']' => self.close(),
                b',' => {
                    if let Some(frame) = self.frames.last_mut() {
                        frame.expects_name = frame.is_object;
                    }
                }
                _ => {}
            }
            self.at += 1;
            if self.frames.len() > MAX_DEPTH {
                break;
            }
        }
        self.found
    }

    /// What the value that comes next means.
    fn sense(&self) -> Sense {
        self.frames.last().map_or(Sense::Plain, |frame| match (frame.sense, frame.is_object) {
            (Sense::Opaque, _) => Sense::Opaque,
            (_, true) => frame.member,
            (sense, false) => sense,
        })
    }

    fn open(&mut self, is_object: bool) {
        let sense = self.sense();
        self.frames.push(Frame {
            is_object,
            sense,
            member: Sense::Plain,
            expects_name: is_object,
            own_id: None,
            is_reference: false,
        });
    }

    fn close(&mut self) {
        let Some(frame) = self.frames.pop() else { return };
        if frame.is_reference
            && let Some(id) = frame.own_id
        {
            self.take(Noun::Item, id);
        }
    }

    /// Takes a string, which begins here; leaves at its closing quote.
    fn string(&mut self) {
        let start = self.at + 1;
        let mut end = start;
        while let Some(found) = memchr2(b'"', b'\\', self.text.get(end..).unwrap_or_default()) {
            end += found;
            if self.text.get(end) == Some(&b'"') {
                break;
            }
            end += 2;
        }
        let end = end.min(self.text.len());
        self.at = end;
        let range = start.min(end)..end;
        let dialect = self.dialect;
        let sense = self.sense();
        if let Some(frame) = self.frames.last_mut().filter(|frame| frame.expects_name) {
            frame.expects_name = false;
            let name = text::decode(self.text.get(range).unwrap_or_default());
            frame.member = match (frame.sense, dialect.sense(&name)) {
                (Sense::Whole(noun), Sense::OwnId) => Sense::Id(noun),
                (_, sense) => sense,
            };
            return;
        }
        match sense {
            Sense::Id(noun) | Sense::Whole(noun) => self.take(noun, range),
            Sense::Address => self.take_address(range),
            Sense::Type => {
                let raw = self.text.get(range).unwrap_or_default();
                if let Some(frame) = self.frames.last_mut() {
                    frame.is_reference |= text::means(raw, "item_reference");
                }
            }
            Sense::OwnId => {
                if let Some(frame) = self.frames.last_mut().filter(|frame| frame.is_object) {
                    frame.own_id = Some(range);
                }
            }
            Sense::Plain | Sense::Opaque => {}
        }
    }

    fn take(&mut self, noun: Noun, at: Range<usize>) {
        let id = text::decode(self.text.get(at).unwrap_or_default()).into_owned();
        self.found.push(Reference { noun, id });
    }

    /// Files that Gemini keeps have addresses of its own; others are on the web.
    fn take_address(&mut self, at: Range<usize>) {
        let address = self.text.get(at).unwrap_or_default();
        if let Some(id) = address::kept_by_google(address) {
            self.found.push(Reference { noun: Noun::Held(ResourceKind::File), id });
        }
    }
}

/// In bytes. Real ones are far below 100.
const LONGEST_ID: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(endpoint: Endpoint, body: &str, expected: &[(Noun, &str)]) {
        let found = named_in(endpoint, body.as_bytes());
        let found: Vec<(Noun, &str)> = found.iter().map(|it| (it.noun, &*it.id)).collect();
        assert_eq!(found, expected, "{body}");
    }

    const FILE: Noun = Noun::Held(ResourceKind::File);
    const STORE: Noun = Noun::Held(ResourceKind::VectorStore);
    const RESPONSE: Noun = Noun::Held(ResourceKind::Response);

    #[test]
    fn ids_are_found_at_any_depth() {
        check(
            Endpoint::Assistants,
            r#"{"tools":[{"type":"file_search","file_search":{}}],"tool_resources":{
                "code_interpreter":{"file_ids":["a","b"]},
                "file_search":{"vector_store_ids":[ "v" ],"vector_stores":[{"file_ids":["c"]}]}}}"#,
            &[(FILE, "a"), (FILE, "b"), (STORE, "v"), (FILE, "c")],
        );
        check(
            Endpoint::Threads,
            r#"{"role":"user","content":[{"type":"image_file","image_file":{"file_id":"i"}}],
                "attachments":[{"file_id":"x","tools":[]}],"metadata":{"file_id":"not"},
                "client_metadata":{"thread_id":"not"}}"#,
            &[(FILE, "i"), (FILE, "x")],
        );
        check(
            Endpoint::Runs,
            r#"{"assistant_id":"asst","thread":{"messages":[{"content":"\"file_id\":\"no\""}]}}"#,
            &[(Noun::Held(ResourceKind::Assistant), "asst")],
        );
        check(
            Endpoint::ChatCompletions,
            r#"{"messages":[{"content":[{"type":"file","file":{"file_id":"f"}}]}],
                "tools":[{"function":{"parameters":{"properties":{"file_id":{"const":"n"}}}}}]}"#,
            &[(FILE, "f")],
        );
        check(
            Endpoint::Responses,
            r#"{"previous_response_id":"r","conversation":{"id":"c"},"tools":[
                {"type":"code_interpreter","container":{"type":"auto","file_ids":["f"]}},
                {"type":"code_interpreter","container":"box"},
                {"type":"file_search","vector_store_ids":["v"]}],"input":[
                {"id":"m","type":"item_reference"},{"type":"message","id":"own","content":[
                {"type":"output_text","annotations":[{"file_id":"cited"}]}]}]}"#,
            &[
                (RESPONSE, "r"),
                (Noun::Conversation, "c"),
                (FILE, "f"),
                (Noun::Container, "box"),
                (STORE, "v"),
                (Noun::Item, "m"),
            ],
        );
        check(
            Endpoint::Messages,
            r#"{"messages":[{"content":[{"type":"document","source":{"file_id":"f"}},
                {"type":"tool_use","input":{"file_id":"mine"}}]}],"container":"c"}"#,
            &[(FILE, "f"), (Noun::Container, "c")],
        );
        check(
            Endpoint::GenerateContent,
            r#"{"contents":[{"parts":[{"fileData":{"fileUri":"files/a"}},
                {"file_data":{"file_uri":"https://generativelanguage.googleapis.com/v1beta/files/b"}},
                {"fileData":{"fileUri":"https://example.com/files/c"}}]}],
                "cachedContent":"cachedContents/d"}"#,
            &[
                (FILE, "files/a"),
                (FILE, "https://generativelanguage.googleapis.com/v1beta/files/b"),
                (Noun::CachedContent, "cachedContents/d"),
            ],
        );
    }

    #[test]
    fn addresses_are_found_in_every_dialect() {
        let bodies = [
            (
                Endpoint::ChatCompletions,
                r#"{"messages":[{"content":[{"image_url":{"url":"@"}}]}]}"#,
            ),
            (Endpoint::ChatCompletions, r#"{"messages":[{"content":[{"image_url":"@"}]}]}"#),
            (
                Endpoint::ChatCompletions,
                r#"{"messages":[{"content":[{"file":{"file_data":"@"}}]}]}"#,
            ),
            (Endpoint::Responses, r#"{"input":[{"content":[{"image_url":"@"}]}]}"#),
            (Endpoint::Responses, r#"{"input":[{"content":[{"file_url":"@"}]}]}"#),
            (Endpoint::Messages, r#"{"messages":[{"content":[{"source":{"url":"@"}}]}]}"#),
            (
                Endpoint::GenerateContent,
                r#"{"contents":[{"parts":[{"fileData":{"fileUri":"@"}}]}]}"#,
            ),
            (Endpoint::ImagesEdits, r#"{"images":[{"image_url":"@"}]}"#),
        ];
        for (endpoint, body) in bodies {
            check(endpoint, &body.replace('@', "files/b"), &[(FILE, "files/b")]);
            check(endpoint, &body.replace('@', "https://example.com/files/c"), &[]);
        }
        check(Endpoint::ImagesEdits, r#"{"mask":{"file_id":"m"}}"#, &[(FILE, "m")]);
        check(Endpoint::ImagesEdits, r#"--b {"mask":{"file_id":"m"}}"#, &[]);
    }

    #[test]
    fn escapes_hide_nothing() {
        check(
            Endpoint::ChatCompletions,
            r#"{"messages":[{"content":[{"file":{"\u0066ile_i\u0064":"f\u002d1"}}]}]}"#,
            &[(FILE, "f-1")],
        );
        check(
            Endpoint::Responses,
            r#"{"input":[{"type":"item\u005freference","id":"m"}]}"#,
            &[(Noun::Item, "m")],
        );
    }

    #[test]
    fn what_is_no_json_is_no_danger() {
        for body in ["", "\"file_id", "{\"file_id\":\"", "[[[[", "}}]]", "{\"file_id\"\\"] {
            let _ = named_in(Endpoint::Files, body.as_bytes());
        }
        let deep = "[".repeat(1_000_000);
        assert_eq!(named_in(Endpoint::Files, deep.as_bytes()), []);
    }

    #[test]
    fn ids_are_plain() {
        assert!(is_id("file-abc_1.x:y"));
        for text in ["", "a/b", "a?b", "a b", "..\u{e9}", &"x".repeat(300)] {
            assert!(!is_id(text), "{text}");
        }
    }
}
