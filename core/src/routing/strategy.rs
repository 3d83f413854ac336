//! In which order targets are tried: entries by one strategy, the accounts of each by another.
//!
//! A strategy gives each candidate a rank, and the lower one comes first; the same rank leaves
//! them as they are configured.

use std::rc::Rc;

use super::health::Health;
use super::health::key::{hash, mix};
use super::turns::Turns;
use super::{Ask, State};
use crate::price::TokenUsage;
use crate::snapshot::routing::Strategy;
use crate::snapshot::{Model, Target};

/// Tokens of an answer, for its cost, when the request does not limit it.
const USUAL_OUTPUT: u64 = 1_024;

/// One of those that are put in order: an entry, or an account of one.
struct Candidate<'a, T> {
    what: T,
    /// Who would be tried.
    target: &'a Target,
    weight: u32,
    rank: u128,
}

/// Puts the targets of a model in the order they are to be tried.
pub(super) fn sort(
    targets: &mut Vec<Rc<Target>>,
    model: &Model,
    ask: &Ask<'_>,
    state: &mut State,
    now_us: i64,
) {
    let routing = model.routing;
    let in_order = |strategy| strategy == Strategy::Unspecified;
    if targets.len() < 2 || in_order(routing.strategy) && in_order(routing.accounts) {
        return;
    }
    let State { health, turns } = state;
    let view = View { model, ask, health, now_us };
    let mut entries = Vec::with_capacity(targets.len());
    for accounts in targets.chunk_by(|one, other| one.entry == other.entry) {
        let mut accounts: Vec<_> = accounts
            .iter()
            .map(|target| Candidate { what: target, target, weight: target.weight, rank: 0 })
            .collect();
        view.put_in_order(routing.accounts, Level::Accounts, &mut accounts, turns);
        let Some(first) = accounts.first() else { continue };
        entries.push(Candidate {
            target: first.target,
            // Each account of an entry bears the weight of the entry.
            weight: accounts.iter().map(|account| account.weight).max().unwrap_or_default(),
            rank: 0,
            what: accounts,
        });
    }
    view.put_in_order(routing.strategy, Level::Entries, &mut entries, turns);
    if let Some(entry) = entries.first() {
        for (strategy, level) in
            [(routing.strategy, Level::Entries), (routing.accounts, Level::Accounts)]
        {
            if strategy == Strategy::RoundRobin {
                turns.take(view.id(level, entry.target));
            }
        }
    }
    let sorted = entries.iter().flat_map(|entry| &entry.what);
    let sorted = sorted.map(|account| Rc::clone(account.what)).collect();
    *targets = sorted;
}

/// What is put in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Entries,
    Accounts,
}

/// What ranks are made of.
struct View<'a> {
    model: &'a Model,
    ask: &'a Ask<'a>,
    health: &'a Health,
    now_us: i64,
}

impl View<'_> {
    fn put_in_order<T>(
        &self,
        strategy: Strategy,
        level: Level,
        candidates: &mut [Candidate<'_, T>],
        turns: &Turns,
    ) {
        if candidates.len() < 2 || strategy == Strategy::Unspecified {
            return;
        }
        if strategy == Strategy::Weighted {
            self.draw(level, candidates);
        } else {
            for candidate in &mut *candidates {
                candidate.rank = self.rank(strategy, level, candidate.target, turns);
            }
        }
        candidates.sort_by_key(|candidate| candidate.rank);
    }

    fn rank(&self, strategy: Strategy, level: Level, target: &Target, turns: &Turns) -> u128 {
        match strategy {
            Strategy::Unspecified | Strategy::Weighted => 0,
            Strategy::RoundRobin => turns.last(self.id(level, target)).into(),
            Strategy::Random => mix(self.ask.random, self.id(level, target)).into(),
            Strategy::LeastUsed => self.health.busy(target),
            Strategy::LeastCost => self.cost(target).into(),
            Strategy::LeastLatency => self.health.slow(target, self.now_us),
            Strategy::UsageHeadroom => used_up((self.ask.headroom)(target)),
            Strategy::Sticky => {
                let conversation = self.ask.conversation.unwrap_or(self.ask.random);
                mix(conversation, name(level, target)).into()
            }
        }
    }

    /// Draws the first by weight; the others follow, the heaviest first. All alike without
    /// weights.
    fn draw<T>(&self, level: Level, candidates: &mut [Candidate<'_, T>]) {
        let total: u64 = candidates.iter().map(|one| u64::from(one.weight)).sum();
        let random = match (level, candidates.first()) {
            (Level::Accounts, Some(one)) => mix(self.ask.random, one.target.entry.into()),
            (Level::Accounts, None) | (Level::Entries, _) => self.ask.random,
        };
        let count = u64::try_from(candidates.len()).unwrap_or(u64::MAX);
        let mut ticket = part(random, if total == 0 { count } else { total });
        let mut drawn = false;
        for candidate in candidates {
            let share = if total == 0 { 1 } else { u64::from(candidate.weight) };
            candidate.rank = if !drawn && ticket < share {
                drawn = true;
                0
            } else {
                ticket = ticket.saturating_sub(if drawn { 0 } else { share });
                u128::from(u32::MAX - candidate.weight) + 1
            };
        }
    }

    /// What the request costs there, in nano-dollars. What is not known costs most.
    fn cost(&self, target: &Target) -> u64 {
        if target.free {
            return 0;
        }
        let Some(price) = &target.price else { return u64::MAX };
        let tokens = TokenUsage {
            input: self.ask.prompt_tokens,
            output: self.ask.output_tokens.unwrap_or(USUAL_OUTPUT),
            ..TokenUsage::default()
        };
        u64::try_from(price.cost(&tokens).0).unwrap_or_default()
    }

    /// Who takes turns: entries of a model, and accounts of an entry.
    fn id(&self, level: Level, target: &Target) -> u64 {
        let model = hash([&self.model.name]);
        match level {
            Level::Entries => mix(model, target.entry.into()),
            Level::Accounts => mix(model, name(level, target)),
        }
    }
}

/// What conversations stick to. Independent of order, so that only those move whose target is
/// gone.
fn name(level: Level, target: &Target) -> u64 {
    let provider = &target.provider;
    match level {
        Level::Entries => hash([&provider.id, &target.model]),
        Level::Accounts => hash([&provider.id, &provider.account, &target.model]),
    }
}

/// Ranks what is left of limits: all of it first. What is not a number is nothing.
fn used_up(headroom: f64) -> u128 {
    let left = if headroom.is_nan() { 0.0 } else { headroom.clamp(0.0, 1.0) };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and a billion"
    )]
    let billionths = ((1.0 - left) * 1e9) as u64;
    billionths.into()
}

/// Maps a random number to one below `end`, evenly.
fn part(random: u64, end: u64) -> u64 {
    u64::try_from((u128::from(random) * u128::from(end)) >> 64).unwrap_or_default()
}
