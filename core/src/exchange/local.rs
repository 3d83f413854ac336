//! What is answered here: models, and how many tokens a prompt has.

use std::rc::Rc;

use super::{Exchange, Flow, Outgoing, Reply, model};
use crate::dialect::{count, models, ollama};
use crate::gateway::Gateway;
use crate::path::{Api, Call};
use crate::policy::access::KeyPolicy;
use crate::refusal::Refusal;
use crate::snapshot::{ModelKind, Snapshot};
use crate::tokens::request_tokens;

impl Exchange {
    pub(super) fn reply_models(
        &mut self,
        gateway: &Gateway,
        policy: &KeyPolicy,
        api: Api,
    ) -> Result<Flow, Refusal> {
        Ok(self.reply_json(models::list(snapshot(gateway)?, policy, api)))
    }

    pub(super) fn reply_models_for(
        &mut self,
        gateway: &Gateway,
        policy: &KeyPolicy,
        kind: ModelKind,
    ) -> Result<Flow, Refusal> {
        Ok(self.reply_json(models::list_for(snapshot(gateway)?, policy, kind)))
    }

    pub(super) fn reply_model(
        &mut self,
        gateway: &Gateway,
        policy: &KeyPolicy,
        id: &str,
        api: Api,
    ) -> Result<Flow, Refusal> {
        Ok(self.reply_json(models::retrieve(snapshot(gateway)?, policy, id, api)?))
    }

    pub(super) fn reply_engines(
        &mut self,
        gateway: &Gateway,
        policy: &KeyPolicy,
    ) -> Result<Flow, Refusal> {
        Ok(self.reply_json(models::engines(snapshot(gateway)?, policy)))
    }

    pub(super) fn reply_engine(
        &mut self,
        gateway: &Gateway,
        policy: &KeyPolicy,
        id: &str,
    ) -> Result<Flow, Refusal> {
        Ok(self.reply_json(models::engine(snapshot(gateway)?, policy, id)?))
    }

    /// Ollama's clients name the model that they want to be shown in the body.
    pub(super) fn reply_shown(
        &mut self,
        gateway: &Gateway,
        policy: &KeyPolicy,
        body: &[u8],
    ) -> Result<Flow, Refusal> {
        let id = ollama::models::read_show(body)?;
        Ok(self.reply_json(models::retrieve(snapshot(gateway)?, policy, &id, Api::Ollama)?))
    }

    /// Counts a prompt as the model that it names would.
    pub(super) fn reply_count(
        &mut self,
        gateway: &Gateway,
        policy: &KeyPolicy,
        call: &Call,
        body: &[u8],
    ) -> Result<Flow, Refusal> {
        let body = count::request(call.endpoint, body);
        let (request, body) = model::read(gateway, call, body.into())?;
        let model = model::offered(gateway, policy, &request.model, &call.route)?;
        let target = model.targets.first().ok_or(Refusal::Internal)?;
        let prompt = Outgoing::prompt(&request, &body, target, model.settings.as_ref())?;
        let counted = request_tokens(target.family, prompt.as_deref().unwrap_or(&body));
        Ok(self.reply_json(count::write(call.endpoint, counted.tokens)))
    }

    pub(super) fn reply_json(&mut self, body: Vec<u8>) -> Flow {
        let headers = vec![("content-type", "application/json".to_owned())];
        self.reply(Reply { status: 200, code: None, headers, body })
    }
}

fn snapshot(gateway: &Gateway) -> Result<&Snapshot, Refusal> {
    gateway.snapshot().map(Rc::as_ref).ok_or(Refusal::PolicyUnavailable)
}
