//! A host that is nothing but memory: it hands events in and keeps what comes out.

use std::collections::BTreeMap;
use std::rc::Rc;

use prost::Message;
use tollgate_core::exchange::{CallFailed, Effect, Exchange, Flow, Input, Question, Reply};
use tollgate_core::gateway::Gateway;
use tollgate_core::headers::Headers;
use tollgate_core::key::KeyHash;
use tollgate_core::outbox;
use tollgate_core::settings::Settings;
use tollgate_proto::v1 as proto;
use tollgate_proto::v1::update::Event;

use crate::configured::snapshot;

pub(crate) const KEY: &str = "sk-test-key";
/// Where the client calls from.
pub(crate) const CLIENT: &[u8] = b"192.0.2.7:4711";
pub(crate) const GATEWAY: &str = r#"{"role":"gateway","control_cluster":"control",
    "management_cluster":"admin","max_body_bytes":1000}"#;
pub(crate) const STANDALONE: &str = r#"{"role":"standalone","control_cluster":"control"}"#;

/// What the listener's route takes off.
const BY_ROUTE: [&str; 6] = [
    "x-tollgate-cluster",
    "accept-encoding",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-envoy-internal",
    "x-envoy-external-address",
];

/// One VM with a configuration in it.
pub(crate) struct Host {
    pub(crate) gateway: Gateway,
    settings: Rc<Settings>,
    pub(crate) now: i64,
    /// What workers share about the one key.
    shared: Option<Vec<u8>>,
}

/// One request in flight.
pub(crate) struct Run<'a> {
    host: &'a mut Host,
    pub(crate) exchange: Exchange,
    pub(crate) request: Headered,
    pub(crate) answer: Headered,
    pub(crate) reply: Option<Reply>,
    pub(crate) asked: Vec<KeyHash>,
    pub(crate) claims: Vec<proto::ClaimRequest>,
    pub(crate) recalls: Vec<proto::RecallRequest>,
    /// What the control plane was asked about objects.
    pub(crate) questions: Vec<(Question, Vec<u8>)>,
    pub(crate) resumed: u32,
    /// The stream to the provider was closed.
    pub(crate) ended_here: bool,
    /// The exchange that attempts will find.
    pub(crate) led_to: Option<u64>,
    sent_by_client: Vec<u8>,
    /// Where Envoy sends the next attempt.
    pub(crate) cluster: Option<String>,
    /// The answer was sent on after it had been held.
    pub(crate) answer_resumed: bool,
}

/// A message as it stands.
#[derive(Default, Debug)]
pub(crate) struct Headered {
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    /// What takes the place of the body that is at hand.
    replaced: Option<Vec<u8>>,
}

impl Headered {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| std::str::from_utf8(value).unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// What was put in the place of the body, outside of a piece's own callback.
    pub(crate) fn take_replaced(&mut self) -> Vec<u8> {
        self.replaced.take().unwrap_or_default()
    }

    /// The headers as a host hands them over.
    fn pairs(headers: &[(String, Vec<u8>)]) -> Vec<(&str, &[u8])> {
        headers.iter().map(|(name, value)| (&**name, &**value)).collect()
    }

    fn set(&mut self, name: &str, value: Vec<u8>) {
        self.headers.retain(|(key, _)| key != name);
        self.headers.push((name.to_owned(), value));
    }
}

impl Host {
    pub(crate) fn new(settings: &str) -> Self {
        let mut host = Self {
            gateway: Gateway::default(),
            settings: Rc::new(Settings::parse(settings.as_bytes()).unwrap()),
            now: 1_000_000,
            shared: None,
        };
        host.update(Event::Welcome(proto::Welcome { instance_id: vec![7; 16] }));
        host.update(Event::Snapshot(snapshot()));
        host
    }

    /// A host that knows [`KEY`] and what it may do.
    pub(crate) fn knowing(settings: &str, policy: proto::KeyPolicy) -> Self {
        let mut host = Self::new(settings);
        let (hash, now) = (KeyHash::of(KEY.as_bytes()), host.now);
        host.gateway.keys.answered(hash, Some(Rc::new(policy.into())), 1, now);
        host
    }

    pub(crate) fn update(&mut self, event: Event) {
        let message = proto::Update { event: Some(event) }.encode_to_vec();
        self.gateway.apply_update(&message, self.now);
    }

    /// Another worker of the same process: it shares and has not seen a key.
    pub(crate) fn other_worker(&self, settings: &str) -> Self {
        Self { shared: self.shared.clone(), ..Self::new(settings) }
    }

    pub(crate) fn begin(&mut self) -> Run<'_> {
        let exchange = Exchange::new(5, Rc::clone(&self.settings));
        self.resume(Parked { exchange, request: Headered::default() })
    }

    /// Goes on with a request that waited.
    pub(crate) fn resume(&mut self, parked: Parked) -> Run<'_> {
        Run {
            host: self,
            exchange: parked.exchange,
            request: parked.request,
            answer: Headered::default(),
            reply: None,
            asked: Vec::new(),
            claims: Vec::new(),
            recalls: Vec::new(),
            questions: Vec::new(),
            resumed: 0,
            ended_here: false,
            led_to: None,
            sent_by_client: Vec::new(),
            cluster: None,
            answer_resumed: false,
        }
    }

    /// The records that are on their way to the ledger.
    pub(crate) fn records(&mut self) -> Vec<proto::UsageRecord> {
        let batch = self.gateway.outbox.next_batch(1000);
        batch.map(|batch| outbox::decode_batch(&batch.records).unwrap().records).unwrap_or_default()
    }
}

/// A request that waits while the host does something else.
pub(crate) struct Parked {
    exchange: Exchange,
    request: Headered,
}

impl Run<'_> {
    /// The control plane says something while the request is under way.
    pub(crate) fn hears(&mut self, event: Event) {
        self.host.update(event);
    }

    /// Puts the request aside.
    pub(crate) fn park(self) -> Parked {
        Parked { exchange: self.exchange, request: self.request }
    }

    /// The client's headers and body arrive; the body whole.
    pub(crate) fn client_sends(&mut self, path: &str, extra: &[(&str, &str)], body: &str) -> Flow {
        let method = if body.is_empty() { "GET" } else { "POST" };
        let auth = format!("Bearer {KEY}");
        let fixed =
            [(":method", method), (":path", path), (":authority", "gw"), ("authorization", &auth)];
        self.request.headers = fixed
            .iter()
            .filter(|(name, _)| !extra.iter().any(|(key, _)| key == name))
            .chain(extra)
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect();
        self.request.body = body.as_bytes().to_vec();
        self.sent_by_client = body.as_bytes().to_vec();
        let headers = self.request.headers.clone();
        let end = body.is_empty();
        if self.host.gateway.judges_addresses() {
            let _ = self.hand(Input::ClientAddress(Some(CLIENT)));
        }
        let flow =
            self.hand(Input::RequestHeaders { headers: Headers(&Headered::pairs(&headers)), end });
        if end || !self.exchange.holds_body() {
            return flow;
        }
        self.hand(Input::RequestBody(body.as_bytes().to_vec()))
    }

    pub(crate) fn key_resolves(&mut self, answer: Result<proto::ResolveKeyResponse, u32>) -> Flow {
        match answer {
            Ok(answer) => self.hand(Input::KeyResolved(Ok(&answer.encode_to_vec()))),
            Err(status) => self.hand(Input::KeyResolved(Err(CallFailed(status)))),
        }
    }

    /// What stands at the provider: its path, and the body as JSON.
    pub(crate) fn sent(&self) -> (&str, serde_json::Value) {
        let path = self.request.header(":path").unwrap();
        (path, serde_json::from_slice(&self.request.body).unwrap())
    }

    /// Time passes.
    pub(crate) fn passes(&mut self, us: i64) {
        self.host.now += us;
    }

    /// The answers that have been held for long enough.
    pub(crate) fn due(&mut self) -> Vec<u64> {
        let now = self.host.now;
        self.host.gateway.take_held(now)
    }

    /// Envoy makes another attempt: the body is the client's again, the headers are not.
    pub(crate) fn is_tried_again(&mut self) {
        self.request.body.clone_from(&self.sent_by_client);
        self.answer = Headered::default();
        self.reaches_provider();
    }

    /// The upstream role sees the request, as one piece.
    pub(crate) fn reaches_provider(&mut self) {
        let header = self.request.header("x-tollgate-cluster").map(str::to_owned);
        let cluster = self.cluster.clone().or(header);
        self.request.headers.retain(|(name, _)| !BY_ROUTE.contains(&&**name));
        let flow =
            self.hand(Input::AttemptHeaders { cluster: cluster.as_deref().map(str::as_bytes) });
        assert_eq!(flow, Flow::Continue);
        let flow = self.hand(Input::AttemptBody);
        assert_eq!(flow, Flow::Continue);
    }

    /// The provider answers in pieces of `size`.
    pub(crate) fn provider_answers(&mut self, headers: &[(&str, &str)], body: &[u8], size: usize) {
        self.provider_begins(headers);
        let mut pieces = body.chunks(size).peekable();
        while let Some(piece) = pieces.next() {
            self.provider_sends(piece, pieces.peek().is_none());
        }
    }

    pub(crate) fn provider_begins(&mut self, headers: &[(&str, &str)]) {
        let _ = self.provider_headers(headers);
        self.listener_headers();
    }

    /// The provider's headers reach the upstream role.
    pub(crate) fn provider_headers(&mut self, headers: &[(&str, &str)]) -> Flow {
        let headers: Vec<(String, Vec<u8>)> =
            headers.iter().map(|(name, value)| ((*name).into(), value.as_bytes().into())).collect();
        self.answer.headers.clone_from(&headers);
        self.hand(Input::AttemptResponseHeaders {
            headers: Headers(&Headered::pairs(&headers)),
            end: false,
        })
    }

    /// The provider's headers go on to the listener.
    pub(crate) fn listener_headers(&mut self) {
        let headers = self.answer.headers.clone();
        let input = Input::ResponseHeaders {
            headers: Headers(&Headered::pairs(&headers)),
            from_upstream: true,
            end: false,
        };
        let _ = self.hand(input);
    }

    pub(crate) fn provider_sends(&mut self, piece: &[u8], end: bool) {
        self.answer.replaced = None;
        let _ = self.hand(Input::AttemptResponseBody { piece, end });
        let mut passed = self.answer.replaced.take().unwrap_or_else(|| piece.to_vec());
        if self.exchange.watches_response_body() {
            let _ = self.hand(Input::ResponseBody { piece: &passed, end });
            passed = self.answer.replaced.take().unwrap_or(passed);
        }
        self.answer.body.extend(passed);
    }

    /// Envoy answers by itself, in plain text.
    pub(crate) fn envoy_answers(&mut self, status: &str) {
        self.answer.headers = vec![
            (":status".to_owned(), status.as_bytes().to_vec()),
            ("content-type".to_owned(), b"text/plain".to_vec()),
        ];
        let headers = self.answer.headers.clone();
        let input = Input::ResponseHeaders {
            headers: Headers(&Headered::pairs(&headers)),
            from_upstream: false,
            end: false,
        };
        let _ = self.hand(input);
        let _ = self.hand(Input::ResponseBody { piece: b"plain", end: true });
        self.answer.body = self.answer.replaced.take().unwrap_or_default();
    }

    pub(crate) fn ends(&mut self) {
        let _ = self.hand(Input::Ended);
    }

    /// Status, type and code of the error that was sent here.
    pub(crate) fn refusal(&self) -> (u16, String, String) {
        let Some(reply) = &self.reply else { panic!("not refused") };
        let (kind, code) = error_in(&reply.body);
        (reply.status, kind, code)
    }

    pub(crate) fn hand(&mut self, input: Input<'_>) -> Flow {
        let now = self.host.now;
        let flow = self.exchange.handle(input, &mut self.host.gateway, now);
        while let Some(effect) = self.exchange.next_effect() {
            self.apply(effect);
        }
        flow
    }

    fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::SetRequestHeader(name, value) => self.request.set(name, value),
            Effect::SetCredential(name, value) => self.request.set(&name, value.into_bytes()),
            Effect::RemoveRequestHeader(name) => {
                self.request.headers.retain(|(key, _)| **key != *name);
            }
            Effect::SetResponseHeader(name, value) => self.answer.set(name, value),
            Effect::RemoveResponseHeader(name) => {
                self.answer.headers.retain(|(key, _)| **key != *name);
            }
            Effect::ReplaceRequestBody(body) => self.request.body = body,
            Effect::EditRequestBody(edits) => self.request.body = edits.apply(&self.request.body),
            Effect::ReplaceResponseBody(body) => self.answer.replaced = Some(body),
            Effect::ResolveKey(hash) => self.asked.push(hash),
            Effect::ResolveCustomer(id) => self.asked.push(KeyHash::of(id.as_bytes())),
            Effect::Ask(question, message) => self.questions.push((question, message)),
            Effect::LeadAttempts(id) => self.led_to = Some(id),
            Effect::ResumeRequest => self.resumed += 1,
            Effect::ShareKey(_, answer) => self.host.shared = Some(answer),
            Effect::RecallKey(_) => {
                let shared = self.host.shared.clone();
                let _ = self.hand(Input::KeyRecalled(shared.as_deref()));
            }
            Effect::Claim(claim) => self.claims.push(proto::ClaimRequest::decode(&*claim).unwrap()),
            Effect::Recall(what) => {
                self.recalls.push(proto::RecallRequest::decode(&*what).unwrap());
            }
            Effect::ReadAddress => {
                let _ = self.hand(Input::ClientAddress(Some(CLIENT)));
            }
            Effect::Reply(reply) => self.reply = Some(reply),
            Effect::EndResponse => self.ended_here = true,
            Effect::RouteTo(cluster) => self.cluster = Some(cluster),
            Effect::ResumeResponse => self.answer_resumed = true,
            Effect::ClearRouteCache => {}
        }
    }
}

pub(crate) fn error_in(body: &[u8]) -> (String, String) {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap();
    let text = |name: &str| body["error"][name].as_str().unwrap().to_owned();
    (text("type"), text("code"))
}

/// What providers charge for in these tests, by name.
pub(crate) fn counts(record: &proto::UsageRecord) -> BTreeMap<&'static str, u64> {
    let tokens = record.tokens.unwrap_or_default();
    [("input", tokens.input), ("output", tokens.output), ("total", tokens.total)].into()
}
