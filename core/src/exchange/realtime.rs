//! WebSocket sessions: begun like a request, and charged while they last.

use std::borrow::Cow;
use std::rc::Rc;

use prost::Message;
use tollgate_proto::v1::{Endpoint, ResolveKeyResponse};

use super::answer::Form;
use super::record::{Outcome, used};
use super::{CallFailed, Effect, Exchange, Reply};
use crate::dialect::openai::answer::{Facts, member};
use crate::dialect::openai::realtime::{Charge, Session};
use crate::gateway::Gateway;
use crate::headers::Headers;
use crate::key::hex;
use crate::money::NanoDollars;
use crate::path::{Api, Selection};
use crate::policy::credential::PROTOCOLS_HEADER;
use crate::policy::key_cache::Known;
use crate::price::Price;
use crate::refusal::Refusal;
use crate::settings::ErrorProfile;
use crate::snapshot::Target;

/// What a request for a session is told that is none.
pub(super) const NO_UPGRADE: Refusal =
    Refusal::InvalidField { field: "upgrade", expected: "websocket" };

/// Compressed messages could not be read.
const EXTENSIONS_HEADER: &str = "sec-websocket-extensions";

/// Protocols that a client offers to say who it is. That is between it and us.
const PRIVATE_PROTOCOLS: [&str; 3] =
    ["openai-insecure-api-key.", "openai-organization.", "openai-project."];

/// Tells whether a client asks for a WebSocket.
pub(super) fn asks_for_upgrade(headers: Headers<'_>) -> bool {
    headers.first("upgrade").is_some_and(|value| value.eq_ignore_ascii_case(b"websocket"))
}

impl Exchange {
    /// Tells whether this is a session, or is to be one.
    pub(super) fn is_realtime(&self) -> bool {
        matches!(&self.selection, Selection::Inference(call) if call.endpoint == Endpoint::Realtime)
    }

    /// Takes out what of the WebSocket handshake no provider gets to see.
    pub(super) fn strip_protocols(&mut self, headers: Headers<'_>) {
        let Some(offered) = headers.first(PROTOCOLS_HEADER) else {
            return self.remove(EXTENSIONS_HEADER);
        };
        let offered = String::from_utf8_lossy(offered);
        let is_private = |name: &&str| PRIVATE_PROTOCOLS.iter().any(|it| name.starts_with(it));
        let kept: Vec<&str> =
            offered.split(',').map(str::trim).filter(|name| !is_private(name)).collect();
        if kept.is_empty() {
            self.remove(PROTOCOLS_HEADER);
        } else {
            let kept = kept.join(", ").into_bytes();
            self.effects.push_back(Effect::SetRequestHeader(PROTOCOLS_HEADER, kept));
        }
        self.remove(EXTENSIONS_HEADER);
    }

    fn remove(&mut self, header: &'static str) {
        self.effects.push_back(Effect::RemoveRequestHeader(Cow::Borrowed(header)));
    }

    /// Hands on what came of a session, records what was charged for, and ends the session where
    /// its key may not go on.
    pub(super) fn charge_session(
        &mut self,
        piece: &[u8],
        changed: &mut Option<Vec<u8>>,
        gateway: &mut Gateway,
        now_us: i64,
    ) {
        let charges = self.session().map(Session::take_charges).unwrap_or_default();
        for charge in charges {
            self.charge(charge, gateway, now_us);
        }
        let is_cut = self.session().is_some_and(|session| session.is_cut());
        let ends = (!is_cut).then(|| self.may_not_go_on(gateway, now_us)).flatten();
        if let Some(refusal) = ends {
            let end = self.end_session(&refusal);
            changed.get_or_insert_with(|| piece.to_vec()).extend(end);
        }
        if let Some(changed) = changed.take() {
            self.effects.push_back(Effect::ReplaceResponseBody(changed));
        }
    }

    fn session(&mut self) -> Option<&mut Session> {
        let answer = self.forwarded.as_mut()?.attempt.answer_mut()?;
        if let Form::Session(session) = &mut answer.form { Some(session) } else { None }
    }

    /// Writes one record, and reserves as much for what comes next.
    fn charge(&mut self, charge: Charge, gateway: &mut Gateway, now_us: i64) {
        let Some(mut forwarded) = self.forwarded.take() else { return };
        let of_session = std::mem::replace(&mut forwarded.record_id, gateway.open_record());
        let outcome = Outcome { status: self.status, error_code: None };
        let facts = Facts { usage: Some(charge.usage), id: charge.id, ..Facts::default() };
        let mut record = self.record_of(facts, &mut forwarded, &outcome, now_us);
        forwarded.record_id = of_session;
        if let Some(model) = charge.model {
            let price = price_of(gateway, &forwarded.target, &model);
            let cost = price.as_ref().map(|price| price.cost(&charge.usage));
            record.cost_nanos = cost.unwrap_or_default().0;
            record.unpriced = price.is_none();
            record.provider_model = Some(model);
        }
        let reserved = &mut forwarded.reserved;
        for reservation in [&mut reserved.reservation, &mut reserved.of_provider] {
            let debits = gateway.leases.renew(reservation, |it| used(&record, it), now_us);
            record.debits.extend(debits);
        }
        if let Some(hash) = &self.key {
            gateway.keys.spent(hash, NanoDollars(record.cost_nanos));
        }
        gateway.close_record(&record);
        self.forwarded = Some(forwarded);
    }

    /// Returns why a session must end: its key was taken back, or its money or limits are used up.
    fn may_not_go_on(&mut self, gateway: &mut Gateway, now_us: i64) -> Option<Refusal> {
        if let Some(hash) = &self.key {
            match gateway.keys.look_up(hash, now_us) {
                Known::Policy(policy) => self.policy = Some(policy),
                Known::NoSuchKey => return Some(Refusal::UnknownKey),
                // Only the listener can ask. The answer is in the cache when the next piece comes.
                Known::Ask(_) => self.key_is_stale = true,
            }
        }
        let policy = self.policy.as_ref()?;
        if let Err(denied) = policy.check_standing(now_us).and_then(|()| policy.check_budget()) {
            return Some(denied.into());
        }
        let reserved = &self.forwarded.as_ref()?.reserved;
        let held = [&reserved.reservation, &reserved.of_provider];
        let shortage = held.iter().find_map(|it| gateway.leases.shortage(it, now_us))?;
        Some(Refusal::LimitReached(Box::new(shortage)))
    }

    /// Ends a session with an error event of ours.
    fn end_session(&mut self, refusal: &Refusal) -> Vec<u8> {
        let reply = Reply::refusing(refusal, Api::OpenAi, ErrorProfile::default());
        let error = member(&reply.body, "error").unwrap_or(b"{}");
        let id = self.forwarded.as_ref().map(|it| hex(&it.record_id)).unwrap_or_default();
        let event = [
            br#"{"type":"error","event_id":"event_"#,
            id.as_bytes(),
            br#"","error":"#,
            error,
            b"}",
        ]
        .concat();
        self.error_code = reply.code.map(str::to_owned);
        let reason = reply.code.unwrap_or_default();
        self.session().map(|session| session.cut(&event, reason)).unwrap_or_default()
    }

    /// Asks for the key of a session again, if something changed.
    pub(super) fn refresh_key(&mut self, gateway: &mut Gateway) {
        if std::mem::take(&mut self.key_is_stale)
            && let Some(hash) = self.key
        {
            let _ = self.ask(hash, gateway);
        }
    }

    /// Hears of the key of a session that is under way.
    pub(super) fn hear_of_key(
        &self,
        answer: Result<&[u8], CallFailed>,
        gateway: &mut Gateway,
        now_us: i64,
    ) {
        let Some(hash) = self.key else { return };
        let Some(response) = answer.ok().and_then(|it| ResolveKeyResponse::decode(it).ok()) else {
            return gateway.keys.not_answered(&hash);
        };
        let policy = response.policy.map(|policy| Rc::new(policy.into()));
        gateway.keys.answered(hash, policy, response.revision, now_us);
    }
}

/// The price of another model of the same provider.
fn price_of(gateway: &Gateway, target: &Target, model: &str) -> Option<Price> {
    let snapshot = gateway.snapshot()?;
    let targets = snapshot.models.values().flat_map(|model| &model.targets);
    let same = |it: &&Rc<Target>| it.provider.id == target.provider.id && it.model == model;
    targets.filter(same).find_map(|target| target.price.clone())
}
