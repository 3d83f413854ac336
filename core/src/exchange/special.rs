//! Requests that a provider takes in a form of its own, which is no dialect: sound alone, or an
//! image of a model that has a path for itself. Their answers are written anew when they are all
//! here.

use tollgate_proto::v1::Endpoint;

use super::heard::{Heard, Turn};
use crate::dialect::media::answer::Found;
use crate::dialect::media::fireworks;
use crate::dialect::request::Request;
use crate::json::node::Node;
use crate::price::Units;
use crate::refusal::Refusal;
use crate::snapshot::Target;

/// Such a request.
#[derive(Debug, Clone)]
pub(super) enum Special {
    /// A provider of transcripts.
    Heard(Box<Heard>),
    /// An image of Fireworks'.
    Drawn(Drawn),
}

/// An image that is asked for.
#[derive(Debug, Clone)]
pub(super) struct Drawn {
    path: String,
    as_url: bool,
    images: u64,
}

impl Special {
    /// Prepares a request, with the body that is sent. `None`: the target takes the client's.
    ///
    /// # Errors
    /// When it asks for what the provider has not.
    pub(super) fn new(
        request: &Request,
        body: &[u8],
        target: &Target,
    ) -> Result<Option<(Self, Vec<u8>)>, Refusal> {
        if request.endpoint == Endpoint::ImagesGenerations && target.provider.image_workflows {
            let written = fireworks::write(body);
            let written = written.map_err(|field| Refusal::CannotCarry(field.0.to_owned()))?;
            let form = Node::trusted(body).get("response_format").and_then(Node::string);
            let as_url = form.is_some_and(|form| form == "url");
            let drawn = Drawn { path: fireworks::path(&target.model), as_url, images: 0 };
            return Ok(Some((Self::Drawn(drawn), written)));
        }
        let heard = Heard::new(request, body, target)?;
        Ok(heard.map(|(heard, sound)| (Self::Heard(Box::new(heard)), sound)))
    }

    /// Returns method and path, below the provider's base.
    pub(super) fn head(&self) -> (&'static str, String) {
        match self {
            Self::Heard(heard) => heard.head(),
            Self::Drawn(drawn) => ("POST", drawn.path.clone()),
        }
    }

    /// Returns the media type of the body that is sent.
    pub(super) fn sent_as(&self) -> &'static str {
        match self {
            Self::Heard(heard) => heard.sent_as(),
            Self::Drawn(_) => "application/json",
        }
    }

    /// Returns the media type that the answer must have, where the provider has several.
    pub(super) fn accepts(&self) -> Option<&'static str> {
        matches!(self, Self::Drawn(_)).then_some("application/json")
    }

    /// Returns the media type of what the client gets for an answer with this status.
    pub(super) fn answered_as(&self, status: u16) -> &'static str {
        match self {
            Self::Heard(heard) => heard.answered_as(status),
            Self::Drawn(_) => "application/json",
        }
    }

    /// What was made, as far as it is known.
    pub(super) fn found(&self) -> Found {
        match self {
            Self::Heard(heard) => heard.found(),
            Self::Drawn(drawn) => Found {
                units: Units { images: drawn.images, ..Units::default() },
                ..Found::default()
            },
        }
    }

    /// Takes what follows the answer that was read last.
    pub(super) fn take_turn(&mut self) -> Option<Turn> {
        if let Self::Heard(heard) = self { heard.take_turn() } else { None }
    }

    /// Reads an answer. Returns what the client gets, or why it gets nothing.
    pub(super) fn read(
        &mut self,
        status: u16,
        body: &[u8],
        created: u64,
    ) -> Result<Vec<u8>, String> {
        match self {
            Self::Heard(heard) => heard.read(status, body),
            Self::Drawn(drawn) => drawn.read(status, body, created),
        }
    }
}

impl Drawn {
    fn read(&mut self, status: u16, body: &[u8], created: u64) -> Result<Vec<u8>, String> {
        if status >= 400 {
            let said = fireworks::failure(body);
            return Err(said.unwrap_or_else(|| "the provider failed".to_owned()));
        }
        if fireworks::is_filtered(body) {
            return Err("the provider's filter holds the image back".to_owned());
        }
        let images = fireworks::read(body).ok_or("the provider's answer has no image")?;
        self.images = images.len() as u64;
        Ok(fireworks::answer(&images, self.as_url, created))
    }
}
