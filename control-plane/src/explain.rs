//! What would become of a request: the filter's own core, driven here with a request that is never
//! sent. Pure: what it has to know it asks for ([`Outcome::Asks`]), and is begun anew with that.

use std::collections::BTreeMap;
use std::rc::Rc;

use prost::Message;
use tollgate_core::exchange::{CallFailed, Effect, Exchange, Input, Plan, Reply};
use tollgate_core::gateway::Gateway;
use tollgate_core::headers::Headers;
use tollgate_core::money::NanoDollars;
use tollgate_core::settings::Settings;
use tollgate_proto::v1;
use tollgate_proto::v1::update::Event;

/// A request, and the state in which it is judged.
pub struct Case {
    /// The filter's configuration, as Envoy would hand it over.
    pub settings: String,
    /// What filters are told.
    pub snapshot: v1::Snapshot,
    /// What its key may do. Unset in it: there is no such key.
    pub policy: v1::ResolveKeyResponse,
    /// The client's headers, pseudo headers included.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
    /// Where the client calls from, as Envoy writes it.
    pub address: Option<String>,
    /// Microseconds since the Unix epoch.
    pub now_us: i64,
}

/// What was asked for, and found.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Customers, by the name that requests give them.
    pub customers: BTreeMap<String, v1::ResolveCustomerResponse>,
    /// What limits would grant, by meter.
    pub grants: BTreeMap<u64, v1::MeterGrant>,
}

/// What becomes of it.
#[derive(Debug)]
pub enum Outcome {
    /// It cannot be said before this is known.
    Asks(Ask),
    /// It is sent on.
    Passes(Passage),
    /// It is answered by the gateway itself: refused, most of all.
    Answered(Reply),
    /// It depends on what only a gateway knows: a file, an object of a provider, a form.
    Beyond,
}

/// What has to be known.
#[derive(Debug, PartialEq)]
pub enum Ask {
    /// This customer.
    Customer(String),
    /// What these limits would grant.
    Limits(Vec<v1::MeterState>),
}

/// How it would be served.
#[derive(Debug)]
pub struct Passage {
    /// The model, by public name.
    pub model: String,
    /// Who is asked, one after the other until one answers.
    pub targets: Vec<Target>,
    /// Who is not asked.
    pub passed_over: Vec<(Target, &'static str)>,
    /// Most tokens in.
    pub input: u64,
    /// Most tokens out.
    pub output: u64,
    /// Most that it costs. `None`: nobody knows.
    pub cost: Option<NanoDollars>,
    /// The cap that is written into it.
    pub output_cap: Option<u64>,
}

/// Who may be asked.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    /// The provider.
    pub provider: String,
    /// Its account; may be empty.
    pub account: String,
    /// The provider's name of the model.
    pub model: String,
}

/// Judges a request.
///
/// # Errors
/// When the filter's configuration is none: a message for the operator.
pub fn judge(case: &Case, known: &Known) -> Result<Outcome, String> {
    let settings = Rc::new(Settings::parse(case.settings.as_bytes())?);
    let mut host = Host {
        gateway: Gateway::default(),
        exchange: Exchange::new(1, settings),
        case,
        known,
        now_us: case.now_us,
    };
    host.update(Event::Welcome(v1::Welcome { instance_id: vec![1; 16] }));
    host.update(Event::Snapshot(case.snapshot.clone()));
    Ok(host.run())
}

/// A host that is nothing but memory.
struct Host<'a> {
    gateway: Gateway,
    exchange: Exchange,
    case: &'a Case,
    known: &'a Known,
    now_us: i64,
}

impl Host<'_> {
    fn update(&mut self, event: Event) {
        let message = v1::Update { event: Some(event) }.encode_to_vec();
        self.gateway.apply_update(&message, self.now_us);
    }

    fn hand(&mut self, input: Input<'_>) {
        let _ = self.exchange.handle(input, &mut self.gateway, self.now_us);
    }

    fn run(&mut self) -> Outcome {
        let case = self.case;
        if self.gateway.judges_addresses() {
            self.hand(Input::ClientAddress(case.address.as_deref().map(str::as_bytes)));
        }
        let headers: Vec<(&str, &[u8])> =
            case.headers.iter().map(|(name, value)| (&**name, value.as_bytes())).collect();
        let end = case.body.is_empty();
        self.hand(Input::RequestHeaders { headers: Headers(&headers), end });
        if !end && self.exchange.holds_body() {
            self.hand(Input::RequestBody(case.body.clone()));
        }
        loop {
            if let Some(outcome) = self.effects() {
                return outcome;
            }
            if let Some(plan) = self.exchange.plan(&case.body, &self.gateway, self.now_us) {
                return Outcome::Passes(Passage::from(plan));
            }
            match self.grant() {
                Granted::Asks(limits) => return Outcome::Asks(Ask::Limits(limits)),
                // Nobody gives units back here: it waits for as long as it may, in vain.
                Granted::Nothing if self.now_us > case.now_us => return Outcome::Beyond,
                Granted::Nothing => self.now_us += LONGER_THAN_PATIENCE_US,
                Granted::All => {}
            }
            self.hand(Input::UnitsMoved);
        }
    }

    /// Does what the exchange wants, until there is nothing left.
    fn effects(&mut self) -> Option<Outcome> {
        while let Some(effect) = self.exchange.next_effect() {
            match effect {
                Effect::Reply(reply) => return Some(Outcome::Answered(reply)),
                Effect::Ask(..) | Effect::Claim(_) => return Some(Outcome::Beyond),
                Effect::ReadAddress => {
                    let address = self.case.address.as_deref().map(str::as_bytes);
                    self.hand(Input::ClientAddress(address));
                }
                Effect::RecallKey(_) => self.hand(Input::KeyRecalled(None)),
                Effect::ResolveKey(_) => {
                    let policy = self.case.policy.encode_to_vec();
                    self.hand(Input::KeyResolved(Ok(&policy)));
                }
                Effect::ResolveCustomer(name) => {
                    let Some(customer) = self.known.customers.get(&name) else {
                        return Some(Outcome::Asks(Ask::Customer(name)));
                    };
                    self.hand(Input::KeyResolved(Ok(&customer.encode_to_vec())));
                }
                // Whether an answer is kept is no matter of policy.
                Effect::Recall(_) => self.hand(Input::KeyResolved(Err(CallFailed(NOT_FOUND)))),
                Effect::SetRequestHeader(..)
                | Effect::SetCredential(..)
                | Effect::RemoveRequestHeader(_)
                | Effect::ClearRouteCache
                | Effect::ReplaceRequestBody(_)
                | Effect::EditRequestBody(_)
                | Effect::ShareKey(..)
                | Effect::LeadAttempts(_)
                | Effect::RouteTo(_)
                | Effect::ResumeRequest
                | Effect::ResumeResponse
                | Effect::SetResponseHeader(..)
                | Effect::RemoveResponseHeader(_)
                | Effect::ReplaceResponseBody(_)
                | Effect::EndResponse => {}
            }
        }
        None
    }

    /// Answers what the filter would say of its leases.
    fn grant(&mut self) -> Granted {
        let Some(report) = self.gateway.next_report(self.now_us) else { return Granted::Nothing };
        let meters = v1::ReportRequest::decode(&*report).map(|report| report.meters);
        let meters = meters.unwrap_or_default();
        let grants = meters.iter().map(|state| self.known.grants.get(&state.meter).copied());
        let Some(grants) = grants.collect::<Option<Vec<_>>>() else {
            return Granted::Asks(meters);
        };
        let answer = v1::ReportResponse { acknowledged: 0, grants };
        self.gateway.report_answered(&answer.encode_to_vec(), self.now_us);
        Granted::All
    }
}

enum Granted {
    Asks(Vec<v1::MeterState>),
    Nothing,
    All,
}

impl From<Plan> for Passage {
    fn from(plan: Plan) -> Self {
        let reason = |away| if away { "out_of_rotation" } else { "cannot_serve_it" };
        Self {
            targets: plan.targets.iter().map(|it| Target::from(&**it)).collect(),
            passed_over: plan
                .passed_over
                .iter()
                .map(|(target, away)| (Target::from(&**target), reason(*away)))
                .collect(),
            model: plan.model,
            input: plan.input,
            output: plan.output,
            cost: plan.cost,
            output_cap: plan.output_cap,
        }
    }
}

impl From<&tollgate_core::snapshot::Target> for Target {
    fn from(target: &tollgate_core::snapshot::Target) -> Self {
        Self {
            provider: target.provider.id.clone(),
            account: target.provider.account.clone(),
            model: target.model.clone(),
        }
    }
}

/// A request gives up before this.
const LONGER_THAN_PATIENCE_US: i64 = 10_000_000;
/// gRPC's `NOT_FOUND`.
const NOT_FOUND: u32 = 5;
