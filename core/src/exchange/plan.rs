//! What was decided about a request that may go on: for those who ask why, before it is sent.

use std::rc::Rc;

use super::limits::UNKNOWN_OUTPUT;
use super::{Exchange, Forwarded};
use crate::dialect::provider::is_embedding;
use crate::gateway::Gateway;
use crate::money::NanoDollars;
use crate::snapshot::Target;
use crate::tokens::upper_bound;

/// What becomes of a request.
#[derive(Debug)]
pub struct Plan {
    /// The model, by public name.
    pub model: String,
    /// Who is asked, one after the other until one answers.
    pub targets: Vec<Rc<Target>>,
    /// Who of the model's targets is not asked, and whether that is because it is out of rotation.
    pub passed_over: Vec<(Rc<Target>, bool)>,
    /// Most tokens that any of them could count in.
    pub input: u64,
    /// Most tokens that may come out.
    pub output: u64,
    /// Most that it costs, whoever serves it. `None`: nobody knows.
    pub cost: Option<NanoDollars>,
    /// The cap that is written into the request, since its limits leave no more.
    pub output_cap: Option<u64>,
}

impl Exchange {
    /// Says what was decided about a request with this body. `None`: it does not go on, or not
    /// yet.
    pub fn plan(&self, body: &[u8], gateway: &Gateway, now_us: i64) -> Option<Plan> {
        let forwarded = self.forwarded.as_ref()?;
        let targets = forwarded.targets();
        let (input, output) = forwarded.bounds(body, &targets);
        let snapshot = gateway.snapshot()?;
        let model = snapshot.models.get(&forwarded.request.model);
        let others = model.iter().flat_map(|model| &model.targets);
        let others = others.filter(|it| !targets.iter().any(|asked| Rc::ptr_eq(asked, it)));
        let away = |it: &Rc<Target>| !gateway.routing.health.is_free(it, now_us);
        Some(Plan {
            model: forwarded.request.model.clone(),
            passed_over: others.map(|it| (Rc::clone(it), away(it))).collect(),
            input,
            output,
            cost: forwarded.cost(input, output, &targets),
            output_cap: forwarded.reserved.cap.as_ref().map(|cap| cap.tokens),
            targets,
        })
    }
}

impl Forwarded {
    fn targets(&self) -> Vec<Rc<Target>> {
        let others = self.fallback.iter().flat_map(|fallback| fallback.chain.targets());
        let others = others.filter(|it| !Rc::ptr_eq(it, &self.target));
        std::iter::once(&self.target).chain(others).map(Rc::clone).collect()
    }

    /// Tokens in and out at most, as limits reserve them.
    fn bounds(&self, body: &[u8], targets: &[Rc<Target>]) -> (u64, u64) {
        if let Some(ask) = &self.request.media {
            return (ask.input_tokens, self.reserved.output.unwrap_or(0));
        }
        let sent = self.outgoing.body(body);
        let input = targets.iter().map(|target| upper_bound(target.family, sent)).max();
        if is_embedding(self.outgoing.endpoint) {
            return (input.unwrap_or(0), 0);
        }
        let request = self.outgoing.request(&self.request);
        let one = request.max_tokens.or(self.target.max_output_tokens).unwrap_or(UNKNOWN_OUTPUT);
        let most = one.saturating_mul(request.choices);
        (input.unwrap_or(0), self.reserved.output.map_or(most, |output| output.min(most)))
    }

    fn cost(&self, input: u64, output: u64, targets: &[Rc<Target>]) -> Option<NanoDollars> {
        let cost = |target: &Rc<Target>| match (&target.price, &self.request.media) {
            (Some(price), Some(ask)) => Some(price.bound_with(input, output, &ask.units)),
            (Some(price), None) => Some(price.bound(input, output)),
            (None, _) => target.free.then_some(NanoDollars::ZERO),
        };
        targets.iter().map(cost).try_fold(NanoDollars::ZERO, |most, cost| Some(most.max(cost?)))
    }
}
