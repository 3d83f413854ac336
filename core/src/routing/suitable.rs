//! Which targets can serve a request at all.

use std::rc::Rc;

use super::{Ability, Ask, Nothing};
use crate::snapshot::Target;

/// Returns the targets that can serve a request, in the order they are configured.
///
/// What is not known of a target is taken as able. A cap on output that a target does not reach
/// never excludes all: providers differ in what they do with it.
pub(super) fn targets<'a>(
    all: &'a [Rc<Target>],
    ask: &Ask<'_>,
) -> Result<Vec<&'a Rc<Target>>, Nothing> {
    let mut left: Vec<_> = all.iter().collect();
    if left.is_empty() {
        return Err(Nothing::NoTargets);
    }
    keep_able(&mut left, ask.tools, |target| target.tools, Ability::Tools)?;
    keep_able(&mut left, ask.vision, |target| target.vision, Ability::Vision)?;
    keep_roomy(&mut left, ask)?;
    if let Some(output) = ask.output_tokens {
        prefer(&mut left, |target| target.max_output_tokens.is_none_or(|most| output <= most));
    }
    Ok(left)
}

fn keep_able(
    left: &mut Vec<&Rc<Target>>,
    wanted: bool,
    able: impl Fn(&Target) -> Option<bool>,
    ability: Ability,
) -> Result<(), Nothing> {
    if wanted {
        left.retain(|target| able(target) != Some(false));
    }
    if left.is_empty() { Err(Nothing::Unable(ability)) } else { Ok(()) }
}

/// Keeps the targets that take prompts of this length. Where that is an estimate and none does,
/// those that take most: the provider counts better.
fn keep_roomy(left: &mut Vec<&Rc<Target>>, ask: &Ask<'_>) -> Result<(), Nothing> {
    if prefer(left, |target| target.max_input_tokens.is_none_or(|most| ask.prompt_tokens <= most)) {
        return Ok(());
    }
    let most_tokens = left.iter().filter_map(|target| target.max_input_tokens).max();
    if ask.prompt_is_exact {
        return Err(Nothing::TooLong { most_tokens: most_tokens.unwrap_or_default() });
    }
    left.retain(|target| target.max_input_tokens == most_tokens);
    Ok(())
}

/// Keeps what is good, unless nothing is. Tells whether something was.
fn prefer(left: &mut Vec<&Rc<Target>>, good: impl Fn(&Target) -> bool) -> bool {
    let some = left.iter().any(|target| good(target));
    if some {
        left.retain(|target| good(target));
    }
    some
}
