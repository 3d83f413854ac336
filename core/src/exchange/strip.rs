//! What a request carries that goes no further than here.
//!
//! All of it is taken out in the listener, where the headers are read anyway: the attempt then has
//! nothing to read.

use std::borrow::Cow;

use super::{Effect, Exchange};
use crate::headers::Headers;
use crate::path::Selection;
use crate::policy::credential;

/// Request headers that are not a provider's business, besides credentials, `x-tollgate-*`,
/// `x-envoy-*`, `x-forwarded-*` and `x-omniroute-*`. The OpenAI ones would act on an account that
/// is not the client's, and `idempotency-key` would meet those of others there; `accept-encoding`
/// would hide the answer from the meter.
const PRIVATE: [&str; 12] = [
    "accept-encoding",
    "cookie",
    "expect",
    "forwarded",
    "idempotency-key",
    "openai-organization",
    "openai-project",
    "proxy-authorization",
    "transfer-encoding",
    "via",
    "x-real-ip",
    "x-request-id",
];

/// What nearly every request has, most of it by Envoy's own doing. The route of the listener takes
/// these off (`request_headers_to_remove`), which costs less than our asking for it.
const BY_ROUTE: [&str; 5] = [
    "accept-encoding",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-envoy-internal",
    "x-envoy-external-address",
];

impl Exchange {
    /// Takes out what only we and Envoy may say. Clients may not steer routing or retries.
    pub(super) fn strip_internal(&mut self, headers: Headers<'_>) {
        for name in headers.names() {
            let envoys = name.starts_with("x-envoy-") && !BY_ROUTE.contains(&name);
            if envoys || name.starts_with("x-tollgate-") {
                self.effects.push_back(Effect::RemoveRequestHeader(name.to_owned().into()));
            }
        }
    }

    /// Takes out of a request that goes to a provider what goes no further than here, and keeps
    /// what that says to us.
    pub(super) fn sift(&mut self, headers: Headers<'_>, path: &[u8]) {
        let is_object = matches!(self.selection, Selection::Resource(_));
        if is_object || matches!(self.selection, Selection::Inference(_)) {
            self.strip_private(headers);
            self.path = path.to_vec();
        }
        if self.is_realtime() {
            self.strip_protocols(headers);
        }
        if is_object {
            self.take_named(headers);
        }
    }

    /// Takes out what is between the client and us. `authorization` stays until the provider is
    /// known, whose own mostly takes its place.
    fn strip_private(&mut self, headers: Headers<'_>) {
        for name in headers.names() {
            let elsewhere = if self.is_standalone() {
                // The route is still to be found, and Envoy finds none without it.
                name == "x-forwarded-proto"
            } else {
                BY_ROUTE.contains(&name)
            };
            if !elsewhere && let Some(private) = private(name) {
                self.effects.push_back(Effect::RemoveRequestHeader(private));
            }
        }
    }
}

/// Returns the name of a header that no provider gets to see, without a copy where it is known.
fn private(name: &str) -> Option<Cow<'static, str>> {
    if name == "authorization" {
        return None;
    }
    let mut known = PRIVATE.iter().chain(&BY_ROUTE).chain(&credential::HEADERS);
    if let Some(known) = known.find(|known| **known == name) {
        return Some(Cow::Borrowed(known));
    }
    let internal = name.starts_with("x-forwarded-") || name.starts_with("x-omniroute-");
    internal.then(|| Cow::Owned(name.to_owned()))
}
