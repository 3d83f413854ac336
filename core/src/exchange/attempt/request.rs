//! The request of an attempt, as its provider wants it.

use std::rc::Rc;

use tollgate_proto::v1::Endpoint;

use crate::dialect::provider;
use crate::exchange::{Effect, Exchange, Flow};
use crate::snapshot::Credential;

/// The version of the Messages API that requests which we write are of.
const ANTHROPIC_VERSION: &str = "2023-06-01";

impl Exchange {
    /// Makes the request the provider's: its path, its host, its credential.
    pub(in crate::exchange) fn write_request(&mut self) {
        let Some(forwarded) = &self.forwarded else { return };
        let provider = &forwarded.target.provider;
        let (request, outgoing) = (&forwarded.request, &forwarded.outgoing);
        let special = outgoing.special().map(|it| (it.head(), it.sent_as(), it.accepts()));
        let path = match (&special, &self.object_path) {
            (Some(((_, below), ..)), _) => provider::path_below(provider, below),
            (None, Some(below)) => provider::object_path(provider, below),
            (None, None) => outgoing.path(request, &forwarded.target),
        };
        let attempt = &forwarded.attempt;
        let changed = attempt.writes_body() || attempt.follows;
        let length = changed.then(|| attempt.content_length.to_string());
        let mut set = |name, value: String| {
            self.effects.push_back(Effect::SetRequestHeader(name, value.into_bytes()));
        };
        if self.path != path.as_bytes() {
            self.path.clear();
            self.path.extend_from_slice(path.as_bytes());
            set(":path", path);
        }
        set(":authority", provider.authority.clone());
        if let Some(((method, _), media_type, accepts)) = special {
            set(":method", method.to_owned());
            set("content-type", media_type.to_owned());
            if let Some(accepts) = accepts {
                set("accept", accepts.to_owned());
            }
        } else if let Some(form) = self.upload.as_ref().filter(|_| attempt.follows) {
            set("content-type", form.content_type().to_owned());
        }
        if let Some(length) = length {
            set("content-length", length);
        }
        let versioned = self.names_version && !outgoing.is_translated();
        if outgoing.endpoint == Endpoint::Messages && !versioned {
            set("anthropic-version", ANTHROPIC_VERSION.to_owned());
        }
        let own = match &provider.credential {
            Some(Credential::Header(name, value)) => {
                self.effects.push_back(Effect::SetCredential(Rc::clone(name), value.clone()));
                Some(Rc::clone(name))
            }
            Some(Credential::Query(_)) | None => None,
        };
        let is_own = |name: &str| own.as_deref() == Some(name);
        if !is_own("authorization") {
            self.effects.push_back(Effect::RemoveRequestHeader("authorization".into()));
        }
        // What an attempt writes stands there when the next one begins.
        if let Some(left) =
            self.credential_header.take().filter(|left| !is_own(left) && **left != *"authorization")
        {
            let left = (*left).to_owned();
            self.effects.push_back(Effect::RemoveRequestHeader(left.into()));
        }
        self.credential_header = own;
        let wrote_version = forwarded.attempt.follows && !self.names_version;
        if wrote_version && outgoing.endpoint != Endpoint::Messages {
            self.effects.push_back(Effect::RemoveRequestHeader("anthropic-version".into()));
        }
    }

    pub(in crate::exchange) fn attempt_body(&mut self) -> Flow {
        self.write_body();
        Flow::Continue
    }

    /// Puts the whole edited body in the place of the first piece, and nothing in that of others.
    pub(in crate::exchange) fn write_body(&mut self) {
        let Some(forwarded) = &mut self.forwarded else { return };
        let attempt = &mut forwarded.attempt;
        if !attempt.writes_body() {
            return;
        }
        // The client's own may be forgotten where it is not what is sent.
        let own = self.body.as_deref().or(attempt.replaces_body.then_some(&[]));
        let body = match own.filter(|_| !attempt.body_written) {
            Some(own) => attempt.edits.apply(forwarded.outgoing.body(own)),
            None => Vec::new(),
        };
        attempt.body_written = true;
        self.effects.push_back(Effect::ReplaceRequestBody(body));
    }
}
