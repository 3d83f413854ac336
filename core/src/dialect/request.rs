//! What the gateway needs to know of a request body, whatever its dialect, and what it changes in
//! it where it lies.

use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;

use tollgate_proto::v1::Endpoint;

use super::media::{self, ask::Ask};
use crate::json::edit::Edits;
use crate::json::scan::{Malformed, Member, Object};
use crate::json::text;
use crate::path::{Call, Named, Route};
use crate::refusal::Refusal;

mod edits;
mod fields;
mod forms;

pub(crate) use forms::FormFacts;

use fields::{Nested, boolean, members, named, number, strings};
use forms::Spelling;

/// The facts of one body, with the places where edits go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What it asks for.
    pub endpoint: Endpoint,
    /// The model that the client asks for.
    pub model: String,
    /// The answer is to be streamed.
    pub stream: bool,
    /// The client wants usage at the end of the stream.
    pub include_usage: bool,
    /// The longest answer that the client wants, in tokens.
    pub max_tokens: Option<u64>,
    /// The end user, as the client names it.
    pub user: Option<String>,
    /// `metadata.tags`.
    pub tags: Vec<String>,
    /// How many answers are asked for: `n` or `best_of`, whichever is more.
    pub choices: u64,
    /// Server-sent events, where the dialect has another form too.
    pub sse: bool,
    /// What it asks for besides tokens. `None`: nothing.
    pub media: Option<Box<Ask>>,
    /// The body with the content of media that it names by address, for those who need it.
    pub inlined: Option<Rc<Vec<u8>>>,
    spelling: Spelling,
    /// The model's name was put into the body here.
    is_supplied: bool,
    model_at: Vec<Range<usize>>,
    max_tokens_at: Vec<Range<usize>>,
    /// The object that the cap stands in, where that is not the body itself.
    options_at: Option<Range<usize>>,
    stream_options_at: Vec<Range<usize>>,
    inside: usize,
}

/// An output cap to write into a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// The field to use when the client sent none and the dialect has several.
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
pub fn read(call: &Call, body: &[u8]) -> Result<Request, Refusal> {
    if call.endpoint == Endpoint::Realtime {
        // All it says stands in its path.
        let request = Request::of(call);
        let named = !request.model.is_empty();
        return named.then_some(request).ok_or(Refusal::MissingField("model"));
    }
    let invalid = |why: String| Refusal::InvalidJson(why);
    std::str::from_utf8(body)
        .map_err(|error| invalid(format!("not UTF-8 at byte {}", error.valid_up_to())))?;
    let malformed = |why: Malformed| invalid(why.to_string());
    let mut object = Object::open(body).map_err(malformed)?;
    let mut request = Request::of(call);
    let (mut first, mut input) = (true, None);
    while let Some(member) = object.next_member().map_err(malformed)? {
        if std::mem::take(&mut first) {
            request.inside = member.before;
        }
        let key = text::decode(body.get(member.key.clone()).unwrap_or_default());
        if required_input(call.endpoint).iter().any(|name| *name == key) {
            input = body.get(member.value.start).copied();
        }
        request.take(&key, &member, body)?;
    }
    if request.model.is_empty() {
        return Err(Refusal::MissingField("model"));
    }
    check_input(call.endpoint, input)?;
    if media::is_media(call.endpoint) {
        request.media = Ask::of(call.endpoint, body).map(Box::new);
    }
    Ok(request)
}

/// Reads a body, which gets the model `default` when it names none. Empty: there is no default.
///
/// # Errors
/// As of [`read`].
pub fn read_or_supply<'a>(
    call: &Call,
    body: Cow<'a, [u8]>,
    default: &str,
) -> Result<(Request, Cow<'a, [u8]>), Refusal> {
    let refusal = match read(call, &body) {
        Ok(request) => return Ok((request, body)),
        Err(refusal) if default.is_empty() || refusal.param() != Some("model") => {
            return Err(refusal);
        }
        Err(refusal) => refusal,
    };
    if let Some(named) = call.named.as_ref().filter(|named| named.model.is_empty()) {
        let named = Some(Named { model: default.to_owned(), ..named.clone() });
        return Ok((read(&Call { named, ..call.clone() }, &body)?, body));
    }
    let supplied = with_model(&body, default).ok_or(refusal)?;
    let request = Request { is_supplied: true, ..read(call, &supplied)? };
    Ok((request, Cow::Owned(supplied)))
}

/// Returns a body that names no model with one. `None`: it names one, or is empty.
fn with_model(body: &[u8], model: &str) -> Option<Vec<u8>> {
    let value = text::encode(model);
    let mut edits = Edits::default();
    let is_model =
        |member: &Member| text::means(body.get(member.key.clone()).unwrap_or_default(), "model");
    if let Some(at) = members(body).find(is_model) {
        let empty = matches!(body.get(at.value.clone()), Some(b"null" | b"\"\""));
        edits.replace(empty.then_some(at.value)?, value);
    } else {
        let inside = members(body).next()?.before;
        edits.replace(inside..inside, [b"\"model\":", &*value, b","].concat());
    }
    Some(edits.apply(body))
}

impl Request {
    /// Tells whether it is no conversation.
    pub fn is_media(&self) -> bool {
        media::is_media(self.endpoint)
    }

    /// Makes one that is about something else than an answer, and has a model at most.
    pub fn about(
        endpoint: Endpoint,
        model: String,
        model_at: Vec<Range<usize>>,
        stream: bool,
    ) -> Self {
        let call = Call { endpoint, named: None, route: Route::default() };
        // Nothing but the model is edited, and nothing generated for it.
        let (include_usage, max_tokens) = (true, Some(0));
        Self { model, stream, include_usage, max_tokens, model_at, ..Self::of(&call) }
    }

    fn of(call: &Call) -> Self {
        let named = call.named.as_ref();
        let ollama = matches!(call.endpoint, Endpoint::OllamaChat | Endpoint::OllamaGenerate);
        Self {
            endpoint: call.endpoint,
            model: named.map(|named| named.model.clone()).unwrap_or_default(),
            // What Ollama does unless it is told not to.
            stream: named.map_or(ollama, |named| named.stream),
            include_usage: !has_stream_options(call.endpoint),
            max_tokens: None,
            user: None,
            tags: Vec::new(),
            choices: 1,
            sse: named.is_none_or(|named| named.sse),
            media: None,
            inlined: None,
            spelling: Spelling::Json,
            is_supplied: false,
            model_at: Vec::new(),
            max_tokens_at: Vec::new(),
            options_at: None,
            stream_options_at: Vec::new(),
            inside: 0,
        }
    }

    fn take(&mut self, key: &str, member: &Member, body: &[u8]) -> Result<(), Refusal> {
        let value = body.get(member.value.clone()).unwrap_or_default();
        match key {
            "model" if !is_geminis(self.endpoint) => {
                let name = text::string_value(value).filter(|name| !name.is_empty());
                let wrong = Refusal::InvalidField { field: "model", expected: "a model's name" };
                self.model = name.ok_or(wrong)?.into_owned();
                self.model_at.push(member.value.clone());
            }
            "stream" if !is_geminis(self.endpoint) => {
                let wrong = Refusal::InvalidField { field: "stream", expected: "true or false" };
                let asked = boolean(value).ok_or(wrong)?;
                self.stream = if value == b"null" { self.stream } else { asked };
            }
            "stream_options" if has_stream_options(self.endpoint) => {
                let options = Object::open(value);
                if options.is_err() && value != b"null" {
                    let expected = "an object";
                    return Err(Refusal::InvalidField { field: "stream_options", expected });
                }
                self.include_usage =
                    named(value, "include_usage").last().is_some_and(|value| value == b"true");
                self.stream_options_at.push(member.value.clone());
            }
            "stream_format" if self.endpoint == Endpoint::Speech => {
                self.stream = text::string_value(value).as_deref() == Some("sse");
            }
            "n" | "best_of" => {
                self.choices = number(value).map_or(self.choices, |n| n.max(self.choices));
            }
            "user" => self.user = text::string_value(value).map(Cow::into_owned),
            "metadata" => self.take_metadata(value),
            _ => self.take_cap(key, member, value),
        }
        Ok(())
    }

    fn take_metadata(&mut self, value: &[u8]) {
        self.tags = named(value, "tags").last().map(strings).unwrap_or_default();
        if self.endpoint == Endpoint::Messages {
            let user = named(value, "user_id").last().and_then(text::string_value);
            self.user = user.map(Cow::into_owned);
        }
    }

    /// Takes what says how long the answer may be.
    fn take_cap(&mut self, key: &str, member: &Member, value: &[u8]) {
        if let Some(nested) = Nested::of(self.endpoint) {
            if nested.outer.contains(&key) && value.starts_with(b"{") {
                self.take_options(&nested, member.value.clone(), value);
            }
        } else if let Some(rank) = cap_names(self.endpoint).iter().position(|name| *name == key) {
            // The first of the names counts when there are several.
            let preferred = rank == 0 || self.max_tokens.is_none();
            if preferred {
                self.max_tokens = number(value).or(self.max_tokens);
            }
            self.max_tokens_at.push(member.value.clone());
        }
    }

    fn take_options(&mut self, nested: &Nested, at: Range<usize>, value: &[u8]) {
        for member in members(value) {
            let key = text::decode(value.get(member.key.clone()).unwrap_or_default());
            let inner = value.get(member.value.clone()).unwrap_or_default();
            if nested.cap.contains(&&*key) {
                // Ollama's -1 and -2 are no caps.
                self.max_tokens = number(inner).or(self.max_tokens);
                let place = at.start + member.value.start..at.start + member.value.end;
                self.max_tokens_at.push(place);
            } else if nested.choices.contains(&&*key) {
                self.choices = number(inner).map_or(self.choices, |n| n.max(self.choices));
            }
        }
        self.options_at = Some(at);
    }
}

fn is_geminis(endpoint: Endpoint) -> bool {
    crate::path::api(endpoint) == crate::path::Api::Gemini
}

fn has_stream_options(endpoint: Endpoint) -> bool {
    matches!(endpoint, Endpoint::ChatCompletions | Endpoint::Completions | Endpoint::Embeddings)
}

/// The names of the cap where it stands in the body itself, the one that counts first.
fn cap_names(endpoint: Endpoint) -> &'static [&'static str] {
    if endpoint == Endpoint::Responses {
        &["max_output_tokens"]
    } else if endpoint == Endpoint::Messages {
        &["max_tokens"]
    } else if has_stream_options(endpoint) {
        &["max_completion_tokens", "max_tokens"]
    } else {
        &[]
    }
}

fn required_input(endpoint: Endpoint) -> &'static [&'static str] {
    match endpoint {
        Endpoint::ChatCompletions | Endpoint::Messages | Endpoint::OllamaChat => &["messages"],
        Endpoint::Embeddings | Endpoint::OllamaEmbed | Endpoint::Speech | Endpoint::Moderations => {
            &["input"]
        }
        Endpoint::GenerateContent => &["contents"],
        Endpoint::EmbedContent => &["content"],
        Endpoint::BatchEmbedContents => &["requests"],
        Endpoint::OllamaEmbeddings | Endpoint::ImagesGenerations => &["prompt"],
        Endpoint::Completions
        | Endpoint::Responses
        | Endpoint::OllamaGenerate
        | Endpoint::ImagesEdits
        | Endpoint::ImagesVariations
        | Endpoint::Transcriptions
        | Endpoint::Translations
        | Endpoint::Realtime
        | Endpoint::Files
        | Endpoint::Batches
        | Endpoint::FineTuning
        | Endpoint::Assistants
        | Endpoint::Threads
        | Endpoint::Runs
        | Endpoint::VectorStores
        | Endpoint::StoredResponses
        | Endpoint::Unspecified => &[],
    }
}

fn check_input(endpoint: Endpoint, first_byte: Option<u8>) -> Result<(), Refusal> {
    match (required_input(endpoint), first_byte) {
        ([field, ..], None) => Err(Refusal::MissingField(field)),
        ([field @ "messages", ..], Some(byte)) if byte != b'[' => {
            Err(Refusal::InvalidField { field, expected: "an array" })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
