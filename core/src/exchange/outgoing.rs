//! The request as its target gets it: the client's own where both speak the same dialect, else
//! written anew in the provider's; in both cases with the model's settings applied.

use std::borrow::Cow;

use tollgate_proto::v1::Endpoint;

use super::Exchange;
use super::heard::Heard;
use super::special::Special;
use crate::dialect::chat::{Dropped, Towards};
use crate::dialect::request::{self, Request};
use crate::dialect::whole::Vectors;
use crate::dialect::{Dialect, gemini, provider, responses, settings};
use crate::path::{Api, Call, Named, Route, api};
use crate::refusal::Refusal;
use crate::snapshot::Target;
use crate::snapshot::settings::ModelSettings;

/// Longer prompts are forgotten once they are answered. Shorter ones are counted at the end if
/// the provider does not say what they were.
const BODY_KEPT: usize = 256 * 1024;

/// What goes to the provider, before the edits of an attempt.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// The provider's endpoint.
    pub(super) endpoint: Endpoint,
    /// What goes there instead of the client's own body.
    written: Option<Written>,
    /// What a translation knows besides.
    translated: Option<Translated>,
    /// The provider takes it in a form of its own.
    special: Option<Special>,
}

#[derive(Debug)]
struct Written {
    body: Vec<u8>,
    request: Request,
}

#[derive(Debug, Default)]
struct Translated {
    dropped: Dropped,
    /// Tools that take free text, by name.
    custom_tools: Vec<String>,
    vectors: Vectors,
}

impl Outgoing {
    /// Prepares a request for a target.
    ///
    /// # Errors
    /// When it is not what its dialect says it is, or the provider has nothing like it.
    pub(super) fn new(
        request: &Request,
        body: &[u8],
        target: &Target,
        settings: Option<&ModelSettings>,
    ) -> Result<Self, Refusal> {
        let asked = request.endpoint;
        let endpoint = provider::endpoint(&target.provider, asked)
            .ok_or_else(|| Refusal::Unsupported(request.model.clone()))?;
        if let Some((special, body)) = Special::new(request, body, target)? {
            let written = Some(Written { body, request: request.without_edits() });
            return Ok(Self { endpoint, written, translated: None, special: Some(special) });
        }
        // Proofs of other providers, which clients of Responses keep for us, are not for this one.
        let sealed = endpoint == Endpoint::Responses && responses::seal::is_in(body);
        let (new, translated) = if provider::serves(&target.provider, asked) && !sealed {
            (None, None)
        } else {
            let (body, translated) = translate(request, body, target, endpoint, settings)?;
            (Some(body), Some(translated))
        };
        let current = new.as_deref().unwrap_or(body);
        // Settings are members of JSON.
        let changed = settings
            .filter(|_| !request.is_form())
            .and_then(|settings| settings::apply(settings, endpoint, &target.model, current));
        let written = match changed.or(new) {
            None => None,
            Some(body) => {
                let stream = request.stream && !provider::is_embedding(endpoint);
                let request = facts(endpoint, target, stream, &body)?;
                Some(Written { body, request })
            }
        };
        Ok(Self { endpoint, written, translated, special: None })
    }

    /// Makes one that is about objects: the client's own body, or this one in its place.
    pub(super) fn about(request: &Request, body: Option<Vec<u8>>) -> Self {
        let written = body.map(|body| Written { body, request: request.clone() });
        Self { endpoint: request.endpoint, written, translated: None, special: None }
    }

    /// Returns the prompt that a client asks to count as the target gets it, with what settings
    /// add to it. `None`: as it is.
    ///
    /// # Errors
    /// As of [`Outgoing::new`].
    pub(super) fn prompt(
        request: &Request,
        body: &[u8],
        target: &Target,
        settings: Option<&ModelSettings>,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let translated = Self::translated_prompt(request, body, target)?;
        let endpoint = provider::endpoint(&target.provider, request.endpoint);
        let Some((settings, endpoint)) = settings.zip(endpoint) else { return Ok(translated) };
        let current = translated.as_deref().unwrap_or(body);
        Ok(settings::prompt(settings, endpoint, current).or(translated))
    }

    fn translated_prompt(
        request: &Request,
        body: &[u8],
        target: &Target,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let asked = request.endpoint;
        let dialects = provider::endpoint(&target.provider, asked)
            .filter(|endpoint| *endpoint != asked)
            .and_then(|endpoint| Some((provider::dialect(asked)?, provider::dialect(endpoint)?)));
        let Some((from, to)) = dialects else { return Ok(None) };
        let plain = plain(from, to, body);
        let conversation = from.read_count(&plain)?;
        let mut dropped = Dropped::default();
        Ok(Some(to.write_request(&conversation, towards(target), &mut dropped)))
    }

    /// Returns the path that it goes to.
    pub(super) fn path(&self, own: &Request, target: &Target) -> String {
        let sse = own.sse || self.is_translated();
        provider::path(&target.provider, self.endpoint, &target.model, own.stream, sse)
    }

    /// Returns the body, which may be the client's `own`.
    pub(super) fn body<'a>(&'a self, own: &'a [u8]) -> &'a [u8] {
        self.written.as_ref().map_or(own, |written| &written.body)
    }

    /// Returns the facts of that body, which may be the client's `own`.
    pub(super) fn request<'a>(&'a self, own: &'a Request) -> &'a Request {
        self.written.as_ref().map_or(own, |written| &written.request)
    }

    /// Tells whether the body is not the client's.
    pub(super) fn is_written(&self) -> bool {
        self.written.is_some()
    }

    /// Tells whether the client speaks another dialect.
    pub(super) fn is_translated(&self) -> bool {
        self.translated.is_some()
    }

    /// Returns the names of the tools that take free text.
    pub(super) fn custom_tools(&self) -> &[String] {
        self.translated.as_ref().map_or(&[], |translated| &translated.custom_tools)
    }

    /// Returns how the client wants vectors.
    pub(super) fn vectors(&self) -> Vectors {
        self.translated.as_ref().map(|translated| translated.vectors).unwrap_or_default()
    }

    /// Returns what is known of a form of the provider's own.
    pub(super) fn special(&self) -> Option<&Special> {
        self.special.as_ref()
    }

    /// Returns what is known of sound that is sent alone.
    pub(super) fn heard(&self) -> Option<&Heard> {
        if let Some(Special::Heard(heard)) = &self.special { Some(heard) } else { None }
    }

    pub(super) fn heard_mut(&mut self) -> Option<&mut Heard> {
        if let Some(Special::Heard(heard)) = &mut self.special { Some(heard) } else { None }
    }

    /// Tells whether the provider is asked several things, one after the other.
    pub(super) fn has_steps(&self) -> bool {
        self.heard().is_some_and(Heard::has_steps)
    }

    /// Replaces the body by that of the next step.
    pub(super) fn replace_body(&mut self, body: Vec<u8>) {
        if let Some(written) = &mut self.written {
            written.body = body;
        }
    }

    /// Forgets the body; what is known of it stays.
    pub(super) fn forget_body(&mut self) {
        if let Some(written) = &mut self.written {
            written.body = Vec::new();
        }
    }

    /// Returns the client's fields that the provider's dialect cannot carry.
    pub(super) fn dropped(&self) -> &[Cow<'static, str>] {
        self.translated.as_ref().map_or(&[], |translated| translated.dropped.fields())
    }
}

impl Exchange {
    /// No further attempt will need the request's body, and a long one is not counted.
    pub(super) fn forget_long_body(&mut self) {
        let inlined = self.forwarded.as_ref().and_then(|it| it.request.inlined.as_ref());
        let inlined = inlined.map(|body| body.len()).unwrap_or_default();
        if self.body.as_ref().is_some_and(|body| body.len().max(inlined) > BODY_KEPT) {
            (self.body, self.elsewhere) = (None, None);
            if let Some(forwarded) = &mut self.forwarded {
                forwarded.request.inlined = None;
                forwarded.outgoing.forget_body();
            }
        }
    }
}

fn translate(
    request: &Request,
    body: &[u8],
    target: &Target,
    endpoint: Endpoint,
    settings: Option<&ModelSettings>,
) -> Result<(Vec<u8>, Translated), Refusal> {
    let unsupported = || Refusal::Unsupported(request.model.clone());
    let from = provider::dialect(request.endpoint).ok_or_else(unsupported)?;
    let to = provider::dialect(endpoint).ok_or_else(unsupported)?;
    if provider::is_embedding(endpoint) {
        return translate_embeddings(from, to, body, target);
    }
    let body = request.inlined.as_deref().map_or(body, Vec::as_slice);
    let plain = plain(from, to, body);
    let mut conversation = from.read_request(&plain)?;
    conversation.model = request.model.as_str().into();
    conversation.stream = request.stream;
    conversation.stream_usage = request.include_usage;
    if endpoint == Endpoint::Messages && conversation.max_tokens.is_none() {
        // The dialect demands a cap, and without a default one would be made up.
        conversation.max_tokens =
            settings.and_then(|settings| settings.default_number(&["max_tokens"]));
    }
    if to != from
        && let Some(field) = responses::needs_memory(&conversation)
    {
        return Err(Refusal::CannotCarry(field.to_owned()));
    }
    let mut dropped = Dropped::default();
    let body = to.write_request(&conversation, towards(target), &mut dropped);
    let custom_tools = conversation.custom_tools();
    Ok((body, Translated { dropped, custom_tools, vectors: Vectors::default() }))
}

/// Returns a request without what no other dialect understands and its reader keeps as it is:
/// Gemini's own way to write schemas.
fn plain(from: Dialect, to: Dialect, body: &[u8]) -> Cow<'_, [u8]> {
    if from == Dialect::Gemini && to != from {
        gemini::schema::plain(body)
    } else {
        Cow::Borrowed(body)
    }
}

fn translate_embeddings(
    from: Dialect,
    to: Dialect,
    body: &[u8],
    target: &Target,
) -> Result<(Vec<u8>, Translated), Refusal> {
    let asked = from.read_embeddings(body)?;
    let mut dropped = Dropped::default();
    let body = to.write_embeddings(&asked, &target.model, &mut dropped)?;
    let vectors = Vectors { encoding: asked.encoding, is_single: asked.is_single };
    Ok((body, Translated { dropped, custom_tools: Vec::new(), vectors }))
}

/// Reads the facts of a body that was written here.
fn facts(
    endpoint: Endpoint,
    target: &Target,
    stream: bool,
    body: &[u8],
) -> Result<Request, Refusal> {
    // Gemini's paths say what other bodies do.
    let named = Named { model: target.model.clone(), stream, sse: true };
    let named = (api(endpoint) == Api::Gemini).then_some(named);
    request::read(&Call { endpoint, named, route: Route::default() }, body)
        .map_err(|_| Refusal::Internal)
}

fn towards(target: &Target) -> Towards<'_> {
    Towards {
        model: &target.model,
        max_output_tokens: target.max_output_tokens,
        completion_tokens_cap: target.provider.completion_tokens_cap,
        stream_usage: target.provider.stream_usage,
    }
}
