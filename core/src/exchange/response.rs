//! The answer on its last stretch to the client.

use super::{CALL_ID_HEADER, Effect, Exchange, Flow, Phase};
use crate::dialect::error;
use crate::headers::Headers;
use crate::key::hex;
use crate::refusal::Refusal;

impl Exchange {
    pub(super) fn response_headers(
        &mut self,
        headers: Headers<'_>,
        from_upstream: bool,
        end: bool,
    ) -> Flow {
        if let Some(forwarded) = &self.forwarded {
            let id = hex(&forwarded.record_id).into_bytes();
            self.effects.push_back(Effect::SetResponseHeader(CALL_ID_HEADER, id));
        }
        let answered = self.forwarded.as_ref().and_then(|forwarded| forwarded.attempt.status());
        match (self.phase, answered) {
            (Phase::Forwarded, Some(status)) => self.status = status,
            (Phase::Forwarded | Phase::Passing, None) if from_upstream => {
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
                self.replace_local_answer(status_of(headers), end);
            }
            (Phase::Replied | Phase::Ended, _) => {}
        }
        Flow::Continue
    }

    pub(super) fn response_body(&mut self) -> Flow {
        if let Some(body) = &mut self.local_body {
            self.effects.push_back(Effect::ReplaceResponseBody(std::mem::take(body)));
        }
        Flow::Continue
    }

    /// Envoy made this answer up, in plain text: it becomes an error in the client's dialect. To
    /// an answer without body none can be added here; it keeps none, and does not announce one.
    fn replace_local_answer(&mut self, status: u16, end: bool) {
        let refusal = match (status, self.phase) {
            (413, _) => Refusal::BodyTooLarge(self.settings.max_body_bytes),
            (408, _) => Refusal::RequestTimeout,
            (504, Phase::Forwarded) => Refusal::ProviderTimeout,
            (_, Phase::Forwarded) => Refusal::ProviderFailed,
            (_, Phase::Passing) => Refusal::PolicyUnavailable,
            _ => Refusal::Internal,
        };
        let rendered = error::render(&refusal, self.api);
        self.status = rendered.status;
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
