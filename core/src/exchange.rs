//! One request and its answer as a state machine.
//!
//! The host calls [`Exchange::handle`] with everything that happens, in both places where the
//! filter runs: in the listener, and in the provider's cluster for each attempt (inputs named
//! `Attempt…`). **After every call the host drains [`Exchange::next_effect`]** and does what it
//! says to the message at hand; then it honours the [`Flow`].
//!
//! ```
//! use std::rc::Rc;
//! use tollgate_core::exchange::{Effect, Exchange, Flow, Input};
//! use tollgate_core::gateway::Gateway;
//! use tollgate_core::headers::Headers;
//! use tollgate_core::settings::Settings;
//!
//! let settings = Settings::parse(br#"{"role":"gateway","control_cluster":"control"}"#).unwrap();
//! let mut exchange = Exchange::new(1, Rc::new(settings));
//! let headers = [(":method", &b"GET"[..]), (":path", b"/")];
//! let input = Input::RequestHeaders { headers: Headers(&headers), end: true };
//! let flow = exchange.handle(input, &mut Gateway::default(), 0);
//! assert_eq!(flow, Flow::Pause);
//! let Some(Effect::Reply(reply)) = exchange.next_effect() else { unreachable!() };
//! assert_eq!(reply.status, 404);
//! ```

use std::collections::VecDeque;
use std::rc::Rc;

use crate::dialect::request::Request;
use crate::gateway::Gateway;
use crate::key::KeyHash;
use crate::path::{Api, Selection};
use crate::policy::access::KeyPolicy;
use crate::refusal::Refusal;
use crate::settings::{Role, Settings};
use crate::snapshot::Target;

mod address;
mod answer;
mod attempt;
mod cached;
mod capture;
mod choice;
pub mod commit;
mod customer;
pub mod effect;
mod elsewhere;
mod fallback;
mod forms;
mod further;
mod heard;
pub mod input;
mod kept;
mod limits;
mod local;
mod model;
mod objects;
mod outgoing;
mod plan;
mod realtime;
mod record;
mod repeats;
mod request;
mod resources;
mod response;
mod route;
mod send;
mod shown;
mod special;
mod strip;
mod trial;
mod units;
mod upload;
mod wishes;

pub use effect::{Effect, Flow, Question, Reply};
pub use input::{CallFailed, Input};
pub use plan::Plan;

use address::Address;
use attempt::Attempt;
use customer::Customer;
use elsewhere::Elsewhere;
use fallback::Fallback;
use limits::{Candidate, Reserved};
use objects::Objects;
use outgoing::Outgoing;
use upload::Upload;
use wishes::Wishes;

/// Request header that names the Envoy cluster to route to.
pub const CLUSTER_HEADER: &str = "x-tollgate-cluster";
/// Request header that marks requests which another provider may take over. Envoy takes it off.
pub const RETRY_ON_HEADER: &str = "x-envoy-retry-on";
/// Property of a request that names the cluster of its next attempt; Envoy puts `wasm.` before it.
pub const CLUSTER_PROPERTY: &str = "tollgate_cluster";
/// Answer header that tells Envoy to make another attempt in place of this answer.
pub const AGAIN_HEADER: &str = "x-tollgate-retry";
/// Answer header with the id of the ledger record.
pub const CALL_ID_HEADER: &str = "x-litellm-call-id";

/// One request, from its first byte to its record.
#[derive(Debug)]
pub struct Exchange {
    id: u64,
    settings: Rc<Settings>,
    effects: VecDeque<Effect>,
    phase: Phase,
    selection: Selection,
    /// The client says which version of Anthropic's API it speaks.
    names_version: bool,
    /// Whose manners answers of ours have.
    api: Api,
    started_at_us: i64,
    key: Option<KeyHash>,
    policy: Option<Rc<KeyPolicy>>,
    /// Served when the control plane cannot be asked.
    last_known_policy: Option<Rc<KeyPolicy>>,
    /// The path, where the key may not call every one.
    asked_path: Option<Box<str>>,
    address: Address,
    /// The request's path as it is on its way; an attempt replaces it.
    path: Vec<u8>,
    /// The header in which the last attempt wrote its credential.
    credential_header: Option<Rc<str>>,
    body: Option<Vec<u8>>,
    /// A form with files that is read as it comes.
    upload: Option<Box<Upload>>,
    candidate: Option<Candidate>,
    customer: Customer,
    /// The customer that a header names.
    named_customer: Option<String>,
    forwarded: Option<Forwarded>,
    status: u16,
    error_code: Option<String>,
    /// What is known of objects that it names.
    objects: Option<Box<Objects>>,
    /// What is known of media that it names by address.
    elsewhere: Option<Box<Elsewhere>>,
    /// Where it goes at its provider, when it is about objects.
    object_path: Option<Box<str>>,
    /// The provider keeps its answer, which can be named later.
    is_stored: bool,
    /// The answer waits for the control plane.
    answer_held: bool,
    /// Takes the place of a body that Envoy made up.
    local_body: Option<Vec<u8>>,
    /// What the client asks of us. `None`: nothing.
    wishes: Option<Box<Wishes>>,
    /// A session goes on whose key has changed.
    key_is_stale: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing has come yet.
    New,
    /// The headers are held until policy and body are both here.
    Deciding,
    /// Judged; the headers are held until its limits have enough for it.
    AwaitingUnits,
    /// On its way to a provider.
    Forwarded,
    /// Management traffic, which only passes.
    Passing,
    /// Answered here.
    Replied,
    /// Over.
    Ended,
}

/// What was decided.
#[derive(Debug)]
struct Forwarded {
    record_id: Vec<u8>,
    request: Request,
    outgoing: Outgoing,
    target: Rc<Target>,
    tags: Vec<String>,
    prompt_bytes: u64,
    attempt: Attempt,
    reserved: Reserved,
    /// Who may serve it besides. `None`: nobody.
    fallback: Option<Box<Fallback>>,
}

impl Forwarded {
    /// Tells whether an answer of the provider's is on its way to the client.
    fn is_answered(&self) -> bool {
        self.attempt.has_answer() && !self.is_between_attempts()
    }

    /// Envoy's cluster for the attempt.
    fn cluster(&self) -> &str {
        self.target.provider.cluster_for(self.outgoing.endpoint)
    }
}

impl Exchange {
    /// Begins an exchange. `id` is the host's, unique among those that are open in the VM.
    pub fn new(id: u64, settings: Rc<Settings>) -> Self {
        Self {
            id,
            settings,
            effects: VecDeque::new(),
            phase: Phase::New,
            selection: Selection::Unknown,
            names_version: false,
            api: Api::default(),
            started_at_us: 0,
            key: None,
            policy: None,
            last_known_policy: None,
            asked_path: None,
            address: Address::default(),
            path: Vec::new(),
            credential_header: None,
            body: None,
            upload: None,
            candidate: None,
            customer: Customer::default(),
            named_customer: None,
            forwarded: None,
            status: 0,
            error_code: None,
            objects: None,
            elsewhere: None,
            object_path: None,
            answer_held: false,
            is_stored: false,
            local_body: None,
            wishes: None,
            key_is_stale: false,
        }
    }

    /// Takes one event. `now_us` is microseconds since the Unix epoch.
    pub fn handle(&mut self, input: Input<'_>, gateway: &mut Gateway, now_us: i64) -> Flow {
        match input {
            Input::ClientAddress(written) => self.client_address(written, gateway, now_us),
            Input::RequestHeaders { headers, end } => {
                self.request_headers(headers, end, gateway, now_us)
            }
            Input::RequestBodyPart { size } => self.request_body_part(size),
            Input::RequestPiece { piece, held } => self.upload_piece(piece, held, gateway, now_us),
            Input::RequestBody(body) => self.request_body(body, gateway, now_us),
            Input::KeyResolved(answer) => self.key_resolved(answer, gateway, now_us),
            Input::KeyRecalled(shared) => self.key_recalled(shared, gateway, now_us),
            Input::UnitsMoved => self.units_moved(gateway, now_us),
            Input::NoBodyCallback => self.refuse(&Refusal::HostCannotHold),
            Input::AttemptHeaders { cluster } => self.attempt_headers(cluster, gateway, now_us),
            Input::AttemptBody => self.attempt_body(),
            Input::AttemptResponseHeaders { headers, end } => {
                self.attempt_response_headers(headers, end, gateway, now_us)
            }
            Input::AttemptResponseBody { piece, end } => {
                self.attempt_response_body(piece, end, gateway, now_us)
            }
            Input::AttemptResponseTrailers => self.attempt_response_trailers(gateway, now_us),
            Input::HeldLongEnough => self.held_long_enough(),
            Input::ResponseHeaders { headers, from_upstream, end } => {
                let origin = (from_upstream, end);
                let flow = self.response_headers(headers, origin, gateway, now_us);
                self.show_standing(gateway, now_us);
                flow
            }
            Input::ResponseBody { piece, end } => {
                self.refresh_key(gateway);
                self.response_body(piece, end, gateway, now_us)
            }
            Input::HeldAnswer { body, end } => self.held_answer(body, end),
            Input::Ended => self.ended(gateway, now_us),
        }
    }

    /// Returns the next thing to do, in order.
    pub fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Tells whether request body callbacks are to be handed in, and held back from Envoy.
    pub fn holds_body(&self) -> bool {
        match self.phase {
            Phase::Deciding => true,
            // A client may send before it has an answer, and a file may follow what is judged;
            // others have sent all there is by now.
            Phase::AwaitingUnits => self.is_realtime() || self.is_flowing() || self.streams_body(),
            Phase::New | Phase::Forwarded | Phase::Passing | Phase::Replied | Phase::Ended => false,
        }
    }

    /// Tells whether nothing is decided before the request's body has come.
    pub fn awaits_body(&self) -> bool {
        self.phase == Phase::Deciding && !self.is_realtime() && !self.streams_body()
    }

    /// Tells whether the host must say where an answer comes from ([`Input::ResponseHeaders`]):
    /// true while neither we nor the upstream role have seen one.
    pub fn needs_origin(&self) -> bool {
        match self.phase {
            Phase::Forwarded => !self.forwarded.as_ref().is_some_and(Forwarded::is_answered),
            Phase::New | Phase::Deciding | Phase::AwaitingUnits | Phase::Passing => true,
            Phase::Replied | Phase::Ended => false,
        }
    }

    /// Tells whether an attempt must say at which cluster it is made.
    pub fn needs_cluster(&self) -> bool {
        self.is_fallible()
            || self.forwarded.as_ref().is_some_and(|forwarded| forwarded.outgoing.has_steps())
    }

    /// Tells whether another target may take over.
    fn is_fallible(&self) -> bool {
        self.forwarded.as_ref().is_some_and(|forwarded| forwarded.fallback.is_some())
    }

    /// Tells whether it matters when each piece of the answer comes: nothing is decided about it,
    /// or records are made of what it says.
    pub fn times_pieces(&self) -> bool {
        let on_trial = |forwarded: &Forwarded| forwarded.attempt.is_on_trial();
        self.forwarded.as_ref().is_some_and(on_trial) || self.is_realtime()
    }

    /// Tells whether the client asks something of us that concerns its answer.
    pub fn has_wishes(&self) -> bool {
        self.wishes.as_ref().is_some_and(|wishes| wishes.concern_answer())
    }

    /// Tells whether the host must hand the answer's headers in, as they are on their way to the
    /// client ([`Input::ResponseHeaders`]), wherever the answer comes from.
    pub fn needs_headers(&self) -> bool {
        self.has_wishes() || self.needs_origin()
    }

    /// Tells whether body callbacks of the answer matter in the listener.
    pub fn watches_response_body(&self) -> bool {
        let wishes = self.wishes.as_ref().is_some_and(|it| it.watch_answer());
        self.local_body.is_some() || self.key_is_stale || wishes
    }

    /// Tells whether the time matters at which a piece of the answer reaches the client.
    pub fn times_response_body(&self) -> bool {
        self.wishes.as_ref().is_some_and(|it| it.time_answer())
    }

    fn is_standalone(&self) -> bool {
        self.settings.role == Role::Standalone
    }

    /// Ends the request with an error of ours.
    fn refuse(&mut self, refusal: &Refusal) -> Flow {
        self.reply(Reply::refusing(refusal, self.api, self.settings.error_profile))
    }

    fn reply(&mut self, reply: Reply) -> Flow {
        if matches!(self.phase, Phase::Replied | Phase::Ended) {
            return Flow::Pause;
        }
        self.phase = Phase::Replied;
        self.body = None;
        self.status = reply.status;
        self.error_code = reply.code.map(str::to_owned);
        self.effects.push_back(Effect::Reply(reply));
        Flow::Pause
    }
}
