//! Which targets a request is tried at, in which order, and what is learned from each attempt.
//!
//! [`order`] makes a [`Chain`] of a model's targets; [`Chain::begin`] begins the attempts one after
//! the other. What came of one is read by [`failure`] and [`content`] and told to [`Health`], which
//! decides who is out of rotation and for how long. Time and randomness come in as arguments.

use std::rc::Rc;

use crate::snapshot::{Model, Target};

pub use chain::Chain;
pub use headroom::headroom;
pub use health::{Attempt, Health, Standing};

pub mod chain;
pub mod content;
pub mod failure;
pub mod health;

mod headroom;
mod strategy;
mod suitable;
mod turns;

/// What a VM knows of its targets besides the configuration.
#[derive(Debug, Default)]
pub struct State {
    /// Who is out of rotation, who is busy, who is fast.
    pub health: Health,
    turns: turns::Turns,
}

/// What choosing needs to know of a request.
pub struct Ask<'a> {
    /// Tokens of its prompt, as well as they are known.
    pub prompt_tokens: u64,
    /// They were counted, or are no more than there can be: a target that holds fewer cannot
    /// answer. Else such targets are avoided, but tried when there is nothing better.
    pub prompt_is_exact: bool,
    /// Longest answer it asks for.
    pub output_tokens: Option<u64>,
    /// It brings tools.
    pub tools: bool,
    /// It brings images.
    pub vision: bool,
    /// Which conversation it belongs to: a hash of tenant, system prompt and first message.
    pub conversation: Option<u64>,
    /// A random number.
    pub random: u64,
    /// How much is left of a target's limits: 1 is all, 0 nothing.
    pub headroom: &'a dyn Fn(&Target) -> f64,
}

/// Why no target can be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nothing {
    /// The model has no targets.
    NoTargets,
    /// The prompt is longer than any target takes.
    TooLong {
        /// What the target that takes most takes.
        most_tokens: u64,
    },
    /// No target can be given what the request brings.
    Unable(Ability),
    /// All accounts refuse their credentials, and other requests try just now whether they still
    /// do.
    OutOfRotation {
        /// When the first of them comes back.
        until_us: i64,
    },
}

/// What some targets cannot be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ability {
    /// Tools.
    Tools,
    /// Images.
    Vision,
}

/// Returns the targets to try, best first.
///
/// What is out of rotation is left out. When everything is, the one that comes back soonest is
/// tried all the same: the provider's own answer is worth more to the client than ours. Accounts
/// that refuse their credentials are tried so by one request at a time.
///
/// # Errors
/// When no target is worth trying, with the reason.
pub fn order(
    model: &Model,
    ask: &Ask<'_>,
    state: &mut State,
    now_us: i64,
) -> Result<Chain, Nothing> {
    let suitable = suitable::targets(&model.targets, ask)?;
    let mut inside = Vec::with_capacity(suitable.len());
    let mut outside = Outside::default();
    for target in suitable {
        match state.health.standing(target, now_us) {
            Standing::In => inside.push(Rc::clone(target)),
            Standing::Out { until_us, refused, tried } => {
                outside.add(target, until_us, refused, tried);
            }
        }
    }
    if inside.is_empty() {
        inside.push(outside.last_resort()?);
    }
    strategy::sort(&mut inside, model, ask, state, now_us);
    Ok(Chain::new(inside, model.routing.max_attempts))
}

/// The targets that are out of rotation.
#[derive(Default)]
struct Outside<'a> {
    soonest: Option<(i64, &'a Rc<Target>)>,
    soonest_refused: Option<(i64, &'a Rc<Target>)>,
    until_us: Option<i64>,
}

impl<'a> Outside<'a> {
    fn add(&mut self, target: &'a Rc<Target>, until_us: i64, refused: bool, tried: bool) {
        let soonest = if refused { &mut self.soonest_refused } else { &mut self.soonest };
        let sooner = soonest.is_none_or(|(soonest, _)| until_us < soonest);
        if sooner && !(refused && tried) {
            *soonest = Some((until_us, target));
        }
        self.until_us = Some(self.until_us.map_or(until_us, |least| least.min(until_us)));
    }

    fn last_resort(self) -> Result<Rc<Target>, Nothing> {
        match (self.soonest.or(self.soonest_refused), self.until_us) {
            (Some((_, target)), _) => Ok(Rc::clone(target)),
            (None, Some(until_us)) => Err(Nothing::OutOfRotation { until_us }),
            (None, None) => Err(Nothing::NoTargets),
        }
    }
}
