//! The answer on its last stretch to the client.

use super::heard::Heard;
use super::{AGAIN_HEADER, CALL_ID_HEADER, Effect, Exchange, Flow, Forwarded, Phase};
use crate::dialect::error;
use crate::gateway::Gateway;
use crate::headers::Headers;
use crate::key::hex;
use crate::refusal::Refusal;

/// Answer header that says who was tried.
const ATTEMPTS_HEADER: &str = "x-tollgate-attempts";

impl Exchange {
    pub(super) fn response_headers(
        &mut self,
        headers: Headers<'_>,
        (from_upstream, end): (bool, bool),
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Flow {
        if let Some(forwarded) = &self.forwarded {
            let id = hex(&forwarded.record_id).into_bytes();
            self.effects.push_back(Effect::SetResponseHeader(CALL_ID_HEADER, id));
        }
        let forwarded = self.forwarded.as_ref();
        let turning =
            |forwarded: &Forwarded| forwarded.outgoing.heard().is_some_and(Heard::is_turning);
        let between = forwarded.is_some_and(|it| it.is_between_attempts() || turning(it));
        let answered = forwarded
            .filter(|forwarded| forwarded.is_answered())
            .and_then(|forwarded| forwarded.attempt.status());
        match (self.phase, answered) {
            (Phase::Forwarded, Some(status)) => self.status = status,
            (Phase::Forwarded | Phase::Passing, None) if from_upstream && !between => {
                self.status = status_of(headers);
            }
            (
                Phase::Forwarded
                | Phase::Passing
                | Phase::Deciding
                | Phase::AwaitingUnits
                | Phase::New,
                _,
            ) => {
                if between {
                    self.effects.push_back(Effect::RemoveResponseHeader(AGAIN_HEADER.into()));
                }
                let status = status_of(headers);
                self.lost_attempt(status, gateway, now_us);
                self.replace_local_answer(status, end);
            }
            (Phase::Replied | Phase::Ended, _) => {}
        }
        self.show_attempts();
        self.grant_wishes(headers);
        match (self.phase, answered) {
            (Phase::Forwarded, Some(status)) => self.hold_if_kept(status, end),
            _ => Flow::Continue,
        }
    }

    pub(super) fn response_body(
        &mut self,
        piece: &[u8],
        end: bool,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Flow {
        if let Some(body) = &mut self.local_body {
            self.effects.push_back(Effect::ReplaceResponseBody(std::mem::take(body)));
        } else {
            self.passes(piece, end, gateway, now_us);
        }
        Flow::Continue
    }

    /// Says who was tried, when more than one was.
    fn show_attempts(&mut self) {
        let Some(forwarded) = &self.forwarded else { return };
        let told = forwarded.fallback.as_ref().and_then(|it| it.told(forwarded, self.status));
        if let Some(told) = told {
            self.effects.push_back(Effect::SetResponseHeader(ATTEMPTS_HEADER, told.into_bytes()));
        }
    }

    /// Envoy made this answer up, in plain text: it becomes an error in the client's dialect. To
    /// an answer without body none can be added here; it keeps none, and does not announce one.
    fn replace_local_answer(&mut self, status: u16, end: bool) {
        let refusal = match (status, self.phase) {
            (413, _) => Refusal::BodyTooLarge(self.settings.max_body_bytes),
            (408, _) => Refusal::RequestTimeout,
            (504, Phase::Forwarded) => self.all_failed(504).unwrap_or(Refusal::ProviderTimeout),
            (_, Phase::Forwarded) => self.all_failed(502).unwrap_or(Refusal::ProviderFailed),
            (_, Phase::Passing) => Refusal::PolicyUnavailable,
            _ => Refusal::Internal,
        };
        let rendered = error::render(&refusal, self.api, self.settings.error_profile);
        // The ledger's, which is the same for every profile.
        self.status = refusal.class().0;
        self.error_code = Some(rendered.code.to_owned());
        let mut set = |name, value: String| {
            self.effects.push_back(Effect::SetResponseHeader(name, value.into_bytes()));
        };
        set(":status", rendered.status.to_string());
        if end {
            set("content-length", "0".to_owned());
        } else {
            set("content-type", "application/json".to_owned());
            set("content-length", rendered.body.len().to_string());
        }
        for (name, value) in rendered.headers {
            set(name, value.into_owned());
        }
        self.local_body = (!end).then_some(rendered.body);
    }
}

fn status_of(headers: Headers<'_>) -> u16 {
    headers.number(":status").and_then(|status| u16::try_from(status).ok()).unwrap_or(0)
}
