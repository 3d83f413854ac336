//! Requests about objects that providers keep: who holds them, what is asked there, and what the
//! control plane must hear of the answer.

use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;

use tollgate_proto::v1 as proto;

use super::commit::Wanted;
use super::kept::Keeping;
use super::limits::{self, Candidate};
use super::objects::{Found, Holder};
use super::{Exchange, Flow, Outgoing, model, objects};
use crate::dialect::provider::keeps_objects;
use crate::dialect::references::{self, Noun, Reference};
use crate::dialect::request::Request;
use crate::gateway::Gateway;
use crate::json::edit::Edits;
use crate::json::scan::{Malformed, Object};
use crate::json::text;
use crate::meter::Meter;
use crate::path::resources::{Action, ResourceCall};
use crate::path::{self, query};
use crate::policy::access::KeyPolicy;
use crate::policy::resolve::resolve;
use crate::price::Price;
use crate::refusal::Refusal;
use crate::snapshot::{Model, Provider, Snapshot, Target};
use crate::tokens::Family;

/// What a request says besides its path.
#[derive(Debug, Default)]
struct Said {
    named: Vec<Reference>,
    model: Option<String>,
    model_at: Vec<Range<usize>>,
    provider: Option<String>,
    streams: bool,
}

impl Exchange {
    /// Tells whether the request's body goes by without being held: it may be longer than what
    /// can be, and nothing in it decides anything.
    pub fn streams_body(&self) -> bool {
        matches!(&self.selection, path::Selection::Resource(call)
            if matches!(call.row.action, Action::Upload(_)))
    }

    /// Serves a request about objects.
    pub(super) fn serve_objects(
        &mut self,
        call: &ResourceCall,
        body: Vec<u8>,
        policy: &KeyPolicy,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Result<Flow, Refusal> {
        let asked = query::pairs(&self.path);
        let said = self.read_objects(call, &asked, &body)?;
        may_ask(call, policy)?;
        if let Action::List(kind) = call.row.action {
            let request = page(kind, policy, &asked)?;
            return Ok(self.ask_for_page(&request));
        }
        let found = self.holder(said.named.clone(), policy)?;
        let customer = self.named_customer.clone();
        let of_customer = match found {
            Found::Later => None,
            Found::Nothing | Found::Holder(_) => {
                self.customer_meters(customer.as_deref(), gateway, now_us)?
            }
        };
        let Some(of_customer) = of_customer else {
            self.body = Some(body);
            return Ok(Flow::Pause);
        };
        let holder = found.holder();
        let snapshot = gateway.snapshot().ok_or(Refusal::PolicyUnavailable)?;
        let chosen = place(call, &said, holder.as_ref(), policy, snapshot)?;
        let made_with = holder.as_ref().and_then(|it| it.models.iter().find(|it| !it.is_empty()));
        may_run(call, made_with, policy, gateway)?;
        let name = chosen.public.or_else(|| made_with.cloned()).unwrap_or_default();
        let wanted = Wanted { call, body: &body, model: &name, provider: &chosen.provider };
        if !self.is_committed(&wanted, policy)? {
            self.body = Some(body);
            return Ok(Flow::Pause);
        }
        let target = target(chosen.provider, chosen.model.unwrap_or_else(|| name.clone()));
        let input_file = self.objects.as_ref().and_then(|it| it.work.input_file());
        let (written, model_at) = written(&body, said.model_at, input_file);
        let request = Request::about(call.row.endpoint, name, model_at, said.streams);
        let outgoing = Outgoing::about(&request, written);
        let candidate =
            candidate(request, outgoing, target, (policy, of_customer, snapshot), gateway);
        let below = [call.row.path(&call.ids), query::written(&asked, PASSED)].concat();
        self.object_path = Some(below.into());
        self.objects.get_or_insert_default().keeping = keeping(call);
        self.body = (!self.streams_body()).then_some(body);
        self.reserve(candidate, gateway, now_us)
    }

    /// Reads what a request names, wherever it may stand.
    fn read_objects(
        &self,
        call: &ResourceCall,
        asked: &[(String, String)],
        body: &[u8],
    ) -> Result<Said, Refusal> {
        let mut said = Said::default();
        for (kind, id) in call.row.kinds().zip(&call.ids) {
            let noun = kind.map(Noun::Held);
            match noun {
                Some(noun) => said.named.push(Reference { noun, id: id.clone() }),
                // A part: of whatever the object before it holds.
                None if references::is_id(id) => {}
                None => {
                    let id = id.clone();
                    return Err(objects::unknown(&Reference { noun: Noun::Item, id }));
                }
            }
        }
        said.named.extend(
            query::named(asked, call)
                .map(|(kind, id)| Reference { noun: Noun::Held(kind), id: id.to_owned() }),
        );
        if !matches!(call.row.action, Action::Upload(_)) && !body.trim_ascii().is_empty() {
            read_body(body, &mut said)?;
            said.named.extend(references::named_in(call.row.endpoint, body));
        }
        let query =
            |name: &str| asked.iter().find(|(key, _)| key == name).map(|(_, it)| it.clone());
        let objects = self.objects.as_deref();
        let named_model = objects.and_then(|it| it.named_model.clone());
        said.model = said.model.or_else(|| query("model")).or(named_model);
        let named_provider = objects.and_then(|it| it.named_provider.clone());
        said.provider = said.provider.or(named_provider).or_else(|| query("custom_llm_provider"));
        Ok(said)
    }
}

/// Tells whether a key may ask for this at all.
fn may_ask(call: &ResourceCall, policy: &KeyPolicy) -> Result<(), Refusal> {
    let makes = matches!(call.row.action, Action::Create(_) | Action::Upload(_));
    if policy.unknown_meters || makes && policy.tenant.is_empty() {
        return Err(Refusal::PolicyUnavailable);
    }
    if makes { policy.check_budget().map_err(Refusal::from) } else { Ok(()) }
}

/// Says what the control plane must hear of the answer.
fn keeping(call: &ResourceCall) -> Keeping {
    match call.row.action {
        Action::Create(kind) | Action::Upload(kind) => Keeping::Object { kind, new: true },
        Action::Show(kind) => Keeping::Object { kind, new: false },
        Action::Delete(_) => Keeping::Deletion(call.ids.last().cloned().unwrap_or_default()),
        Action::List(_) | Action::Pass => Keeping::Nothing,
    }
}

/// Puts together what goes to a provider, with the limits that it meets.
fn candidate(
    request: Request,
    outgoing: Outgoing,
    target: Target,
    (policy, of_customer, snapshot): (&KeyPolicy, Vec<Rc<Meter>>, &Snapshot),
    gateway: &Gateway,
) -> Candidate {
    let (name, target) = (request.model.clone(), Rc::new(target));
    let model = Rc::new(Model { name, ..Model::default() });
    let tags = Exchange::tags(policy, &request);
    let mut meters = limits::meters(gateway, &policy.meters, &tags, &model, Some(&target));
    meters.extend(of_customer.into_iter().filter(|meter| meter.counts(&model.name)));
    Candidate {
        outgoing,
        meters,
        low_budget: policy.low_budget.unwrap_or(snapshot.low_budget),
        input: 0,
        counted: true,
        tags,
        request,
        target,
        waits: None,
        model,
        fallback: None,
    }
}

/// Chooses who serves a request.
fn place(
    call: &ResourceCall,
    said: &Said,
    holder: Option<&Holder>,
    policy: &KeyPolicy,
    snapshot: &Snapshot,
) -> Result<Chosen, Refusal> {
    let usable = |provider: &&Rc<Provider>| {
        keeps_objects(provider) && holder.is_none_or(|holder| holder.is(provider))
    };
    if let Some(name) = &said.model {
        let at = call.route.provider.as_deref();
        let model = resolve(snapshot, policy, name, at).map_err(|why| model::refusal(why, name))?;
        let target = model.targets.iter().find(|target| usable(&&target.provider));
        let unsupported = || match said.named.first() {
            Some(reference) if holder.is_some() => objects::unknown(reference),
            _ => Refusal::Unsupported(name.clone()),
        };
        let target = target.ok_or_else(unsupported)?;
        return Ok(Chosen {
            provider: Rc::clone(&target.provider),
            public: Some(name.clone()),
            model: Some(target.model.clone()),
        });
    }
    let mut all = snapshot.providers.iter();
    let wrong = |field| Refusal::InvalidField { field, expected: KEEPER };
    let found = if holder.is_some() {
        // Taken out of the configuration since.
        all.find(usable).ok_or(Refusal::ProviderFailed)?
    } else if let Some(name) = call.route.provider.as_ref().or(said.provider.as_ref()) {
        let id = snapshot.names.provider(name).ok_or(wrong("provider"))?;
        all.filter(|it| it.id == id).find(usable).ok_or(wrong("provider"))?
    } else {
        let default = &snapshot.resources_provider;
        let is_default = |it: &&Rc<Provider>| default.is_empty() || it.id == *default;
        all.filter(is_default).find(usable).ok_or(wrong("provider"))?
    };
    Ok(Chosen { provider: Rc::clone(found), public: None, model: None })
}

/// A run uses its assistant's model, which another key of the tenant may have chosen.
fn may_run(
    call: &ResourceCall,
    made_with: Option<&String>,
    policy: &KeyPolicy,
    gateway: &Gateway,
) -> Result<(), Refusal> {
    let runs = call.row.action == Action::Create(proto::ResourceKind::Run);
    let Some(name) = made_with.filter(|_| runs) else { return Ok(()) };
    model::offered(gateway, policy, name, &path::Route::default()).map(|_| ())
}

/// Who serves a request.
struct Chosen {
    provider: Rc<Provider>,
    /// What the client calls the model.
    public: Option<String>,
    /// What the provider calls it.
    model: Option<String>,
}

/// Reads the members of a body that decide something.
fn read_body(body: &[u8], said: &mut Said) -> Result<(), Refusal> {
    let malformed = |why: Malformed| Refusal::InvalidJson(why.to_string());
    std::str::from_utf8(body).map_err(|error| {
        Refusal::InvalidJson(format!("not UTF-8 at byte {}", error.valid_up_to()))
    })?;
    let mut object = Object::open(body).map_err(malformed)?;
    while let Some(member) = object.next_member().map_err(malformed)? {
        let value = body.get(member.value.clone()).unwrap_or_default();
        match &*text::decode(body.get(member.key.clone()).unwrap_or_default()) {
            "model" if value != b"null" => {
                let name = text::string_value(value).filter(|name| !name.is_empty());
                let wrong = Refusal::InvalidField { field: "model", expected: "a model's name" };
                said.model = Some(name.ok_or(wrong)?.into_owned());
                said.model_at.push(member.value);
            }
            EXTRA => said.provider = text::string_value(value).map(Cow::into_owned),
            "stream" => said.streams = value == b"true",
            _ => {}
        }
    }
    Ok(())
}

/// Returns a body without what is said to us alone, and with another file if there is one, where
/// that changes it, and where its model stands.
fn written(
    body: &[u8],
    model_at: Vec<Range<usize>>,
    input_file: Option<&str>,
) -> (Option<Vec<u8>>, Vec<Range<usize>>) {
    let mut edits = Edits::default();
    if let Ok(mut object) = Object::open(body) {
        while let Ok(Some(member)) = object.next_member() {
            let key = body.get(member.key.clone()).unwrap_or_default();
            if text::means(key, EXTRA) {
                edits.remove(&member);
            } else if let Some(id) = input_file
                && text::means(key, "input_file_id")
            {
                edits.replace(member.value, text::encode(id));
            }
        }
    }
    if edits.is_empty() {
        return (None, model_at);
    }
    let written = edits.apply(body);
    let mut said = Said::default();
    // It was read before, so that nothing in it is wrong.
    let _ = read_body(&written, &mut said);
    (Some(written), said.model_at)
}

/// Asks for a page as the query says.
fn page(
    kind: proto::ResourceKind,
    policy: &KeyPolicy,
    asked: &[(String, String)],
) -> Result<proto::ListRequest, Refusal> {
    let given = |name: &str| {
        let value = asked.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        value.filter(|value| !value.is_empty())
    };
    let wrong = |field, expected| Refusal::InvalidField { field, expected };
    let limit = given("limit").map(|limit| limit.parse::<u32>().ok().filter(|limit| *limit > 0));
    let ascending = match given("order").as_deref() {
        None | Some("desc") => false,
        Some("asc") => true,
        Some(_) => return Err(wrong("order", "asc or desc")),
    };
    Ok(proto::ListRequest {
        tenant: policy.tenant.clone(),
        kind: kind.into(),
        limit: limit.map(|limit| limit.ok_or(wrong("limit", "a whole number"))).transpose()?,
        after: given("after"),
        before: given("before"),
        ascending,
        purpose: given("purpose"),
    })
}

fn target(provider: Rc<Provider>, model: String) -> Target {
    Target {
        id: String::new(),
        provider,
        family: Family::for_model(&model),
        model,
        price: Some(Price::default()),
        max_output_tokens: Some(0),
        max_input_tokens: None,
        free: true,
        weight: 0,
        entry: 0,
        tools: None,
        vision: None,
    }
}

const EXTRA: &str = "custom_llm_provider";
const KEEPER: &str = "a provider that keeps files, batches and threads";
/// What a provider is asked with. Others are between the client and us, or none of OpenAI's.
const PASSED: &[&str] = &[
    "after",
    "before",
    "filter",
    "include",
    "include[]",
    "include_obfuscation",
    "limit",
    "order",
    "run_id",
    "starting_after",
    "stream",
];
