//! Images and documents that a request names by address, where a target needs their content: the
//! control plane fetches them, if that is configured.

use std::rc::Rc;

use memchr::memmem;
use prost::Message;
use tollgate_proto::v1::{self as proto, FetchFault};

use super::effect::Question;
use super::{CallFailed, Effect, Exchange, Flow, Phase};
use crate::dialect::linked::{self, Linked, Need};
use crate::dialect::provider;
use crate::dialect::request::Request;
use crate::gateway::Gateway;
use crate::refusal::Refusal;
use crate::snapshot::{Model, Target};

/// What is known of media that stand elsewhere.
#[derive(Debug)]
pub(super) enum Elsewhere {
    /// The control plane fetches these.
    Asked(Vec<Linked>),
    /// The body with the content of all that is needed.
    Fetched(Rc<Vec<u8>>),
}

/// More than this are not fetched for one request.
const MOST: usize = 16;
/// Each dialect's fields for addresses end so, or are called `fileUri`.
const MARKS: [&[u8]; 5] = [b"url\"", b"file_data\"", b"fileUri\"", b"file_uri\"", b"\\u"];

impl Exchange {
    /// Tells whether a request must wait for media, and gives it those that came.
    pub(super) fn awaits_media(
        &mut self,
        request: &mut Request,
        body: &[u8],
        model: &Model,
        gateway: &Gateway,
    ) -> Result<bool, Refusal> {
        match self.elsewhere.as_deref() {
            Some(Elsewhere::Fetched(inlined)) => {
                request.inlined = Some(Rc::clone(inlined));
                return Ok(false);
            }
            Some(Elsewhere::Asked(_)) => return Ok(false),
            None => {}
        }
        let as_it_is = |target: &Rc<Target>| provider::serves(&target.provider, request.endpoint);
        if model.targets.iter().all(as_it_is) || !MARKS.iter().any(|it| brings(body, it)) {
            return Ok(false);
        }
        let fetches = gateway.snapshot().is_some_and(|snapshot| snapshot.media_fetch);
        let needed = needed(request, body, model, fetches)?;
        if needed.is_empty() {
            return Ok(false);
        }
        let mut urls: Vec<String> = needed.iter().map(|link| link.url.clone()).collect();
        urls.sort();
        urls.dedup();
        let question = proto::FetchRequest { urls };
        self.elsewhere = Some(Box::new(Elsewhere::Asked(needed)));
        self.effects.push_back(Effect::Ask(Question::Fetch, question.encode_to_vec()));
        Ok(true)
    }

    /// Tells whether the answer that is awaited is about media.
    pub(super) fn asked_for_media(&self) -> bool {
        matches!(self.elsewhere.as_deref(), Some(Elsewhere::Asked(_)))
    }

    /// The control plane has fetched them, or says why not.
    pub(super) fn media_fetched(
        &mut self,
        answer: Result<&[u8], CallFailed>,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Flow {
        let elsewhere = self.elsewhere.take().map(|elsewhere| *elsewhere);
        let Some(Elsewhere::Asked(needed)) = elsewhere else { return Flow::Pause };
        if self.phase != Phase::Deciding {
            return Flow::Pause;
        }
        let answer = answer.ok().and_then(|bytes| proto::FetchResponse::decode(bytes).ok());
        let Some(answer) = answer else { return self.refuse(&Refusal::PolicyUnavailable) };
        if let Some(expected) = wrong(answer.fault()) {
            let field = needed.first().map(|link| link.field).unwrap_or_default();
            return self.refuse(&Refusal::InvalidField { field, expected });
        }
        let inlined = inlined(self.body.as_deref().unwrap_or_default(), &needed, &answer.media);
        let Some(inlined) = inlined else { return self.refuse(&Refusal::Internal) };
        self.elsewhere = Some(Box::new(Elsewhere::Fetched(Rc::new(inlined))));
        let flow = self.decide_when_ready(gateway, now_us);
        self.resume_if(flow)
    }
}

fn brings(body: &[u8], mark: &[u8]) -> bool {
    memmem::find(body, mark).is_some()
}

/// Finds what has to be fetched for one of a model's targets.
fn needed(
    request: &Request,
    body: &[u8],
    model: &Model,
    fetches: bool,
) -> Result<Vec<Linked>, Refusal> {
    let Some(dialect) = provider::dialect(request.endpoint) else { return Ok(Vec::new()) };
    let need = |link: &Linked, target: &Target| {
        if provider::serves(&target.provider, request.endpoint) {
            return Need::Nothing;
        }
        let endpoint = provider::endpoint(&target.provider, request.endpoint);
        let dialect = endpoint.and_then(provider::dialect);
        dialect.map_or(Need::Nothing, |dialect| link.need(dialect))
    };
    let mut needed = Vec::new();
    for link in linked::find(dialect, body) {
        let needs: Vec<Need> = model.targets.iter().map(|target| need(&link, target)).collect();
        if needs.iter().all(|need| *need == Need::Nothing) {
            continue;
        }
        // Where somebody takes the address it may stay one.
        let must = needs.iter().all(|need| *need == Need::Content);
        match (fetches, link.is_of_the_web()) {
            (true, true) => needed.push(link),
            (true, false) if must => return Err(invalid(link.field, NO_ADDRESS)),
            (false, _) if must => return Err(invalid(link.field, NOT_FETCHED)),
            (true | false, _) => {}
        }
    }
    if needed.len() > MOST {
        return Err(invalid("url", "at most 16 addresses that are to be fetched"));
    }
    Ok(needed)
}

/// Puts what was fetched into a body. `None`: it is not what was asked for.
fn inlined(body: &[u8], needed: &[Linked], media: &[proto::Medium]) -> Option<Vec<u8>> {
    let mut urls: Vec<&str> = needed.iter().map(|link| &*link.url).collect();
    urls.sort_unstable();
    urls.dedup();
    let of = |link: &Linked| {
        let medium = media.get(urls.binary_search(&&*link.url).ok()?)?;
        // It becomes a part of a JSON string as it is.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/+-.".contains(&byte);
        medium.mime.bytes().all(plain).then_some((&*medium.mime, &*medium.content))
    };
    let media: Option<Vec<(&str, &[u8])>> = needed.iter().map(of).collect();
    linked::inlined(body, needed, &media?)
}

fn wrong(fault: FetchFault) -> Option<&'static str> {
    Some(match fault {
        FetchFault::Unspecified => return None,
        FetchFault::NotThere => "an address from which the gateway may fetch something",
        FetchFault::TooLarge => "less content than the gateway fetches for one request at most",
        FetchFault::WrongType => "the address of an image or a document of a type that is fetched",
    })
}

fn invalid(field: &'static str, expected: &'static str) -> Refusal {
    Refusal::InvalidField { field, expected }
}

const NO_ADDRESS: &str = "an address that begins with 'https://', or content in base64";
const NOT_FETCHED: &str = "content in base64, since the provider of this model takes no addresses \
                           and the gateway's setting 'media_fetch.enabled' is off";
