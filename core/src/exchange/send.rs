//! A request goes on to the provider that was chosen for it.

use std::rc::Rc;

use super::attempt::Attempt;
use super::limits::{Candidate, Reserved};
use super::{CLUSTER_HEADER, Effect, Exchange, Flow, Forwarded, Phase};
use crate::gateway::Gateway;

/// How long Envoy waits for the first byte of an attempt, in milliseconds. It takes the header off.
const PATIENCE_HEADER: &str = "x-envoy-upstream-rq-per-try-timeout-ms";

impl Exchange {
    /// Sends a request on for which enough is reserved.
    pub(super) fn send(
        &mut self,
        candidate: Candidate,
        reserved: Reserved,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Flow {
        let Candidate { outgoing, request, target, tags, model, mut fallback, .. } = candidate;
        let body = outgoing.body(self.body.as_deref().unwrap_or_default());
        let mut attempt = Attempt::new(&request, &outgoing, &target, body, reserved.cap);
        let prompt_bytes = body.len() as u64;
        if self.is_flowing() {
            self.let_flow(attempt.take_edits());
        }
        if let Some(fallback) = &mut fallback {
            fallback.common = candidate.meters;
            fallback.low_budget = candidate.low_budget;
            fallback.begin(&target, gateway, now_us);
        }
        self.forwarded = Some(Forwarded {
            record_id: gateway.open_record(),
            prompt_bytes,
            request,
            outgoing,
            target: Rc::clone(&target),
            tags,
            attempt,
            reserved,
            fallback,
        });
        self.phase = Phase::Forwarded;
        if self.settings.route_header {
            let cluster =
                self.forwarded.as_ref().map(Forwarded::cluster).unwrap_or_default().into();
            self.effects.push_back(Effect::SetRequestHeader(CLUSTER_HEADER, cluster));
            if let Some(patience) = model.routing.patience_ms() {
                let value = patience.to_string().into_bytes();
                self.effects.push_back(Effect::SetRequestHeader(PATIENCE_HEADER, value));
            }
            self.announce_fallback();
            self.announce_steps();
            self.effects.push_back(Effect::ClearRouteCache);
        }
        if self.is_standalone() {
            self.write_request();
            self.write_body();
        } else {
            self.effects.push_back(Effect::LeadAttempts(self.id));
        }
        Flow::Continue
    }
}
