//! How long choosing among ten targets takes, for each strategy:
//! `cargo run --release -p tollgate-core --example choose`.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it measures, prints, and may stop"
)]

use std::hint::black_box;
use std::rc::Rc;
use std::time::Instant;

use tollgate_core::money::AttoDollars;
use tollgate_core::price::Price;
use tollgate_core::routing::failure::Failure;
use tollgate_core::routing::{Ask, State, order};
use tollgate_core::snapshot::routing::{Resilience, Routing, Strategy};
use tollgate_core::snapshot::{Model, Provider, Target};
use tollgate_core::tokens::Family;
use tollgate_proto::v1 as proto;

const ROUNDS: u64 = 200_000;
const STRATEGIES: [Strategy; 9] = [
    Strategy::Unspecified,
    Strategy::Weighted,
    Strategy::RoundRobin,
    Strategy::Random,
    Strategy::LeastUsed,
    Strategy::LeastCost,
    Strategy::LeastLatency,
    Strategy::UsageHeadroom,
    Strategy::Sticky,
];

fn main() {
    println!("{:30} {:>10} {:>18}", "strategy", "healthy", "one account out");
    for strategy in STRATEGIES {
        let mut of_accounts = vec![Strategy::Unspecified, strategy];
        of_accounts.dedup();
        for accounts in of_accounts {
            let model = model(strategy, accounts);
            let healthy = nanoseconds(&model, &mut State::default());
            let mut state = State::default();
            let target = model.targets.last().unwrap();
            let mut attempt = state.health.begin(target, NOW_US);
            let resilience =
                Resilience { longest_cooldown_us: i64::MAX / 2, ..Resilience::default() };
            let forever = Failure::RateLimited { retry_after_us: Some(i64::MAX / 4) };
            let _ = state.health.failed(&mut attempt, forever, &resilience, 0, NOW_US);
            state.health.end(attempt);
            let one_out = nanoseconds(&model, &mut state);
            let name = format!("{strategy:?} / {accounts:?}");
            println!("{name:30} {healthy:>7} ns {one_out:>15} ns");
        }
    }
}

const NOW_US: i64 = 1_795_248_565_000_000;

/// Measures choosing, beginning the first attempt, its first content and its end.
fn nanoseconds(model: &Model, state: &mut State) -> u128 {
    let began = Instant::now();
    for n in 0..ROUNDS {
        let random = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let ask = Ask {
            prompt_tokens: 1_000,
            prompt_is_exact: false,
            output_tokens: Some(500),
            tools: true,
            vision: false,
            conversation: Some(random),
            random,
            headroom: &|_| 0.5,
        };
        let now_us = NOW_US + i64::try_from(n).unwrap();
        let mut chain = order(black_box(model), &ask, state, now_us).unwrap();
        let first = Rc::clone(chain.targets().next().unwrap());
        let mut attempt = chain.begin(&first, &mut state.health, now_us).unwrap();
        let _ = black_box(state.health.succeeded(&mut attempt, now_us + 100_000));
        state.health.end(attempt);
    }
    began.elapsed().as_nanos() / u128::from(ROUNDS)
}

/// Five targets with two accounts each.
fn model(strategy: Strategy, accounts: Strategy) -> Model {
    let targets = (0..10).map(|n| {
        let provider = proto::Provider {
            id: format!("provider-{}", n / 2),
            account: format!("account-{n}"),
            ..proto::Provider::default()
        };
        Rc::new(Target {
            id: format!("target-{n}"),
            provider: Rc::new(Provider::try_from(provider).unwrap()),
            model: "gpt-4o-mini-2024-07-18".to_owned(),
            family: Family::Other,
            price: Some(Price {
                input: AttoDollars(150_000_000_000),
                output: AttoDollars(600_000_000_000),
                ..Price::default()
            }),
            max_output_tokens: Some(16_384),
            max_input_tokens: Some(128_000),
            free: false,
            weight: 1,
            entry: n / 2,
            tools: Some(true),
            vision: None,
        })
    });
    let routing = Routing { strategy, accounts, ..Routing::default() };
    Model { name: "model".to_owned(), targets: targets.collect(), routing, ..Model::default() }
}
