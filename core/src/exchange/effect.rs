//! What an exchange can make a host do. These are all powers that the filter has.

use std::borrow::Cow;
use std::rc::Rc;

use crate::dialect::error;
use crate::json::edit::Edits;
use crate::key::KeyHash;
use crate::path::Api;
use crate::refusal::Refusal;
use crate::settings::ErrorProfile;

/// Whether the message at hand goes on.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Let it pass.
    Continue,
    /// Hold it until [`Effect::ResumeRequest`] or a reply.
    Pause,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Set or replace a request header.
    SetRequestHeader(&'static str, Vec<u8>),
    /// Set or replace the request header that carries the provider's credential.
    SetCredential(Rc<str>, String),
    /// Remove all values of a request header.
    RemoveRequestHeader(Cow<'static, str>),
    /// Let Envoy choose the route again.
    ClearRouteCache,
    /// Replace the request body that is at hand by this.
    ReplaceRequestBody(Vec<u8>),
    /// Make these changes to the request body that is at hand.
    EditRequestBody(Edits<'static>),
    /// Ask the control plane for a key's policy; the answer comes as an input.
    ResolveKey(KeyHash),
    /// Ask the control plane for a customer's policy; the answer comes as that about a key does.
    ResolveCustomer(String),
    /// Ask the control plane, with an encoded `ClaimRequest`, whether this request is to be made;
    /// the answer comes as that about a key does.
    Claim(Vec<u8>),
    /// Ask the control plane, with an encoded `RecallRequest`, for an answer that was kept; it comes
    /// as that about a key does.
    Recall(Vec<u8>),
    /// Ask the control plane about objects; the answer comes as that about a key does.
    Ask(Question, Vec<u8>),
    /// Keep an answer about a key, an encoded `ResolveKeyResponse`, where all workers find it.
    ShareKey(KeyHash, Vec<u8>),
    /// Look for what another worker has shared about a key; it comes as an input.
    RecallKey(KeyHash),
    /// Say where the client calls from; it comes as an input.
    ReadAddress,
    /// Make each attempt of this request find the exchange with this id.
    LeadAttempts(u64),
    /// Make Envoy send this request's next attempt to this cluster.
    RouteTo(String),
    /// Send the request on that has been held.
    ResumeRequest,
    /// Send the answer on that has been held.
    ResumeResponse,
    /// Set or replace an answer header.
    SetResponseHeader(&'static str, Vec<u8>),
    /// Remove all values of an answer header.
    RemoveResponseHeader(Cow<'static, str>),
    /// Replace the piece of the answer that is at hand by this.
    ReplaceResponseBody(Vec<u8>),
    /// End the answer now: close the stream to the provider, whatever it still sends.
    EndResponse,
    /// Answer here; nothing goes upstream any more.
    Reply(Reply),
}

/// A question about objects, by the message that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// `AdmitRequest`.
    Admit,
    /// `AssessRequest`.
    Assess,
    /// `ReleaseRequest`.
    Release,
    /// `RegisterRequest`.
    Register,
    /// `ListRequest`.
    List,
    /// `ForgetRequest`.
    Forget,
    /// `FetchRequest`: not about objects, but about what stands at addresses.
    Fetch,
}

impl Question {
    /// Returns the method that answers it.
    pub fn method(self) -> &'static str {
        match self {
            Self::Admit => "Admit",
            Self::Assess => "Assess",
            Self::Release => "Release",
            Self::Register => "Register",
            Self::List => "List",
            Self::Forget => "Forget",
            Self::Fetch => "Fetch",
        }
    }

    /// Returns how long the answer may take, in seconds. Files of batches are read meanwhile.
    pub fn patience_seconds(self) -> u64 {
        match self {
            Self::Assess => 300,
            // Longer than the control plane may be told to try.
            Self::Fetch => 35,
            Self::Admit | Self::Release | Self::Register | Self::List | Self::Forget => 2,
        }
    }
}

/// An answer made here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Why, when it is an error.
    pub code: Option<&'static str>,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl From<&Refusal> for Reply {
    fn from(refusal: &Refusal) -> Self {
        Self::refusing(refusal, Api::default(), ErrorProfile::default())
    }
}

impl Reply {
    /// Renders a refusal as clients of an API expect errors; of OpenAI's, by a profile.
    pub fn refusing(refusal: &Refusal, api: Api, profile: ErrorProfile) -> Self {
        let rendered = error::render(refusal, api, profile);
        let mut headers: Vec<(&'static str, String)> =
            rendered.headers.iter().map(|(name, value)| (*name, value.to_string())).collect();
        headers.push(("content-type", "application/json".to_owned()));
        Self { status: rendered.status, code: Some(rendered.code), headers, body: rendered.body }
    }
}
