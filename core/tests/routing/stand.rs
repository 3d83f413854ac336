//! Models and targets for tests.

use std::rc::Rc;

use tollgate_core::routing::failure::Failure;
use tollgate_core::routing::{Ask, Attempt, Chain, Health, State, order};
use tollgate_core::snapshot::routing::{Resilience, Routing, Strategy};
use tollgate_core::snapshot::{Model, Provider, Target};
use tollgate_core::tokens::Family;
use tollgate_proto::v1 as proto;
use tollgate_proto::v1::HealthMark;

/// Some moment: 2026-11-21 08:09:25 UTC.
pub(crate) const NOW_US: i64 = 1_795_248_565_000_000;
pub(crate) const SECOND_US: i64 = 1_000_000;
/// A random number by which pauses are neither longer nor shorter.
pub(crate) const MIDDLE: u64 = 256;

/// Returns a target, by `provider/account`, or `provider` where there is only one.
pub(crate) fn target(name: &str) -> Target {
    let (id, account) = name.split_once('/').unwrap_or((name, ""));
    let provider = proto::Provider {
        id: id.to_owned(),
        account: account.to_owned(),
        ..proto::Provider::default()
    };
    Target {
        id: name.to_owned(),
        provider: Rc::new(Provider::try_from(provider).unwrap()),
        model: "m".to_owned(),
        family: Family::Other,
        price: None,
        max_output_tokens: None,
        max_input_tokens: None,
        free: false,
        weight: 1,
        entry: 0,
        tools: None,
        vision: None,
    }
}

/// Returns a model with these targets; accounts of one provider that follow each other are of one
/// entry.
pub(crate) fn model(targets: impl IntoIterator<Item = Target>) -> Model {
    let mut model = Model { name: "model".to_owned(), ..Model::default() };
    let mut entry = 0;
    for target in targets {
        let last: Option<&Rc<Target>> = model.targets.last();
        if last.is_some_and(|last| last.provider.id != target.provider.id) {
            entry += 1;
        }
        model.targets.push(Rc::new(Target { entry, ..target }));
    }
    model
}

/// Returns a model whose targets have these names and nothing else.
pub(crate) fn named(names: &str) -> Model {
    model(names.split(' ').map(target))
}

/// Returns the same model with these strategies.
pub(crate) fn with(model: Model, strategy: Strategy, accounts: Strategy) -> Model {
    Model { routing: Routing { strategy, accounts, ..model.routing }, ..model }
}

/// A short request that brings nothing special.
pub(crate) fn ask() -> Ask<'static> {
    Ask {
        prompt_tokens: 100,
        prompt_is_exact: true,
        output_tokens: None,
        tools: false,
        vision: false,
        conversation: None,
        random: 0,
        headroom: &|_| 1.0,
    }
}

/// Begins the first attempt of a request, which is made whatever is known of its target.
pub(crate) fn first(chain: &mut Chain, health: &mut Health, now_us: i64) -> Attempt {
    let target = Rc::clone(chain.targets().next().unwrap());
    chain.begin(&target, health, now_us).unwrap()
}

/// Begins the next attempt of a request, if there is a target that is free.
pub(crate) fn next(chain: &mut Chain, health: &mut Health, now_us: i64) -> Option<Attempt> {
    let target = Rc::clone(chain.first_free(health, now_us, |_| true)?);
    chain.begin(&target, health, now_us)
}

/// Returns the names of a chain's targets, in order.
pub(crate) fn names(chain: &Chain) -> String {
    chain.targets().map(|target| target.id.as_str()).collect::<Vec<_>>().join(" ")
}

/// Returns who is tried, in which order.
pub(crate) fn order_of(model: &Model, ask: &Ask<'_>, state: &mut State) -> String {
    names(&order(model, ask, state, NOW_US).unwrap())
}

/// Makes an attempt fail that begins and ends now. Returns what others are to hear.
pub(crate) fn fail(
    health: &mut Health,
    target: &Rc<Target>,
    failure: Failure,
    now_us: i64,
) -> Vec<HealthMark> {
    let mut attempt = health.begin(target, now_us);
    let marks = health.failed(&mut attempt, failure, &Resilience::default(), MIDDLE, now_us);
    health.end(attempt);
    marks
}

/// Makes an attempt succeed that begins now.
pub(crate) fn succeed(health: &mut Health, target: &Rc<Target>, now_us: i64) -> Vec<HealthMark> {
    let mut attempt = health.begin(target, now_us);
    let marks = health.succeeded(&mut attempt, now_us);
    health.end(attempt);
    marks
}

pub(crate) const RATE_LIMITED: Failure = Failure::RateLimited { retry_after_us: None };

pub(crate) fn rate_limited_for(seconds: i64) -> Failure {
    Failure::RateLimited { retry_after_us: Some(seconds * SECOND_US) }
}
