//! What a host can tell an exchange.

use crate::headers::Headers;

/// Something that happened to a request.
#[derive(Debug)]
pub enum Input<'a> {
    /// Where the client calls from, as Envoy writes it, with the port. Comes before the headers
    /// where [`crate::gateway::Gateway::judges_addresses`] says so, and as the answer to
    /// [`super::Effect::ReadAddress`].
    ClientAddress(Option<&'a [u8]>),
    /// The client's headers. `end`: there is no body.
    RequestHeaders {
        /// All of them.
        headers: Headers<'a>,
        /// Nothing follows.
        end: bool,
    },
    /// More body has come but not all of it; `size` bytes are there.
    RequestBodyPart {
        /// Bytes so far.
        size: u64,
    },
    /// A piece of the body, when [`super::Exchange::reads_pieces`] says yes.
    RequestPiece {
        /// Bytes that have not been handed in.
        piece: &'a [u8],
        /// Bytes that the host holds in all.
        held: u64,
    },
    /// The whole body.
    RequestBody(Vec<u8>),
    /// The answer to [`super::Effect::ResolveKey`]: an encoded `ResolveKeyResponse`.
    KeyResolved(Result<&'a [u8], CallFailed>),
    /// The answer to [`super::Effect::RecallKey`].
    KeyRecalled(Option<&'a [u8]>),
    /// Units of limits have moved, or some time has passed: comes to those that wait for units.
    UnitsMoved,
    /// No body callback has come for so long that this host cannot hold headers.
    NoBodyCallback,
    /// An attempt at a provider begins; its headers are at hand.
    AttemptHeaders {
        /// Envoy's cluster, when [`super::Exchange::needs_cluster`] says yes.
        cluster: Option<&'a [u8]>,
    },
    /// A piece of the body passes to the provider.
    AttemptBody,
    /// The provider answers.
    AttemptResponseHeaders {
        /// All of them.
        headers: Headers<'a>,
        /// There is no body.
        end: bool,
    },
    /// A piece of the provider's answer.
    AttemptResponseBody {
        /// The bytes.
        piece: &'a [u8],
        /// It is the last.
        end: bool,
    },
    /// The provider's answer ends with trailers.
    AttemptResponseTrailers,
    /// An answer has been held for as long as [`crate::gateway::Gateway::take_held`] said.
    HeldLongEnough,
    /// An answer is about to reach the client.
    ResponseHeaders {
        /// All of them; may be empty when [`super::Exchange::needs_headers`] says no.
        headers: Headers<'a>,
        /// False: Envoy made it up. Counts only when [`super::Exchange::needs_origin`] says yes.
        from_upstream: bool,
        /// There is no body.
        end: bool,
    },
    /// A piece of the answer is about to reach the client; when
    /// [`super::Exchange::watches_response_body`] says yes.
    ResponseBody {
        /// The bytes.
        piece: &'a [u8],
        /// It is the last.
        end: bool,
    },
    /// Some of an answer is here that is held ([`super::Exchange::keeps_answer`]).
    HeldAnswer {
        /// All that has come of it.
        body: &'a [u8],
        /// Nothing follows.
        end: bool,
    },
    /// It is over, one way or another. Comes once, last.
    Ended,
}

/// Why a question to the control plane has no answer: a gRPC status, or 14 when it was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallFailed(pub u32);
