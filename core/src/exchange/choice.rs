//! Who is asked first, and who after that.

use std::rc::Rc;

use super::fallback::{self, Fallback};
use super::{Exchange, Outgoing};
use crate::dialect::request::Request;
use crate::dialect::{conversation, provider};
use crate::gateway::Gateway;
use crate::refusal::Refusal;
use crate::routing::{self, Ask, Nothing};
use crate::snapshot::routing::Strategy;
use crate::snapshot::{Model, Target};

/// Prompts have about this many bytes a token; what does not fit by this is avoided.
const BYTES_PER_TOKEN: u64 = 4;

/// Who is asked first, what they are sent, and who may follow.
type First = (Rc<Target>, Outgoing, Option<Box<Fallback>>);

impl Exchange {
    /// Chooses who is asked first, and who may follow.
    pub(super) fn first_target(
        &mut self,
        (request, body): (&Request, &[u8]),
        model: &Rc<Model>,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Result<First, Refusal> {
        let mut fallback = self.choose((request, body), model, gateway, now_us)?;
        let (target, outgoing) = match &mut fallback {
            Some(fallback) => fallback.first(request, body, gateway, now_us)?,
            None => fallback::only(request, body, model)?,
        };
        if outgoing.has_steps() {
            if self.is_standalone() || !self.settings.route_header {
                return Err(Refusal::Unsupported(request.model.clone()));
            }
            fallback = None;
        }
        Ok((target, outgoing, fallback))
    }

    /// Orders the targets of a model for a request. `None`: it has only one.
    pub(super) fn choose(
        &self,
        (request, body): (&Request, &[u8]),
        model: &Rc<Model>,
        gateway: &mut Gateway,
        now_us: i64,
    ) -> Result<Option<Box<Fallback>>, Refusal> {
        if model.targets.len() < 2 {
            return Ok(None);
        }
        let says = |able: fn(&Target) -> Option<bool>| {
            model.targets.iter().any(|target| able(target) == Some(false))
        };
        let sticky = [model.routing.strategy, model.routing.accounts].contains(&Strategy::Sticky);
        let random = gateway.random();
        let Gateway { leases, routing: state, .. } = gateway;
        let ask = Ask {
            prompt_tokens: if request.is_media() { 0 } else { body.len() as u64 / BYTES_PER_TOKEN },
            prompt_is_exact: false,
            output_tokens: request.max_tokens,
            tools: says(|target| target.tools) && conversation::brings_tools(body),
            vision: says(|target| target.vision) && conversation::brings_images(body),
            conversation: sticky.then(|| conversation::identity(self.key.as_ref(), body)),
            random,
            headroom: &|target| routing::headroom(target, &model.name, leases, now_us),
        };
        let mut chain = routing::order(model, &ask, state, now_us)
            .map_err(|nothing| refusal(nothing, request, now_us))?;
        if self.is_realtime() {
            // A session begins once, with somebody who has sessions.
            chain.retain(|target| provider::serves(&target.provider, request.endpoint));
            chain.keep_first();
        }
        if self.is_standalone() || !self.settings.route_header || self.is_flowing() {
            // The route leads where it leads, and what has flowed cannot be sent again.
            chain.keep_first();
        }
        Ok(Some(Box::new(Fallback::new(Rc::clone(model), chain, now_us))))
    }
}

fn refusal(nothing: Nothing, request: &Request, now_us: i64) -> Refusal {
    match nothing {
        Nothing::NoTargets => Refusal::ModelNotFound(request.model.clone()),
        Nothing::TooLong { most_tokens } => Refusal::PromptTooLong(most_tokens),
        Nothing::Unable(_) => Refusal::Unsupported(request.model.clone()),
        Nothing::OutOfRotation { until_us } => {
            let wait = until_us.saturating_sub(now_us).max(0) / 1_000_000 + 1;
            Refusal::NoProvider { retry_after_seconds: wait.unsigned_abs() }
        }
    }
}
