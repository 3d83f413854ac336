//! What `LiteLLM` says of a budget that is spent and of a rate that is reached.

use super::{Dimension, NanoDollars, Shortage};
use crate::meter::Scope;
use crate::refusal::moment::Moment;

/// A key whose budget never begins anew.
pub(super) fn of_a_spent_key(limit: NanoDollars, used: NanoDollars) -> String {
    exceeded("", limit, used)
}

/// A budget, whoever's it is.
pub(super) fn spent(shortage: &Shortage) -> String {
    let (limit, used) = (NanoDollars(shortage.limit), NanoDollars(shortage.used));
    let name = &shortage.meter.name;
    let over = |whose: &str| {
        let (used, limit) = (used.as_usd(), limit.as_usd());
        format!("ExceededBudget: {whose}={name} over budget. Spend={used:?}, Budget={limit:?}")
    };
    let named = |whose: &str| exceeded(&format!("{whose}={name} "), limit, used);
    match shortage.meter.scope {
        // It has no name but its hash.
        Scope::Key => exceeded("", limit, used),
        Scope::User => over("User"),
        Scope::Customer => over("End User"),
        Scope::Team => named("Team"),
        Scope::TeamMember => named("TeamMember"),
        Scope::Organization => named("Organization"),
        Scope::Tag => named("Tag"),
        Scope::Provider => named("Provider"),
        Scope::Model => named("Model"),
    }
}

fn exceeded(whose: &str, limit: NanoDollars, used: NanoDollars) -> String {
    let (used, limit) = (used.as_usd(), limit.as_usd());
    format!("Budget has been exceeded! {whose}Current cost: {used:?}, Max budget: {limit:?}")
}

/// Requests or tokens, by the minute or at a time.
pub(super) fn reached(shortage: &Shortage) -> String {
    let meter = &shortage.meter;
    let kind = match meter.dimension {
        Dimension::Requests => "requests",
        Dimension::Parallel => "max_parallel_requests",
        Dimension::Tokens | Dimension::InputTokens | Dimension::OutputTokens | Dimension::Money => {
            "tokens"
        }
    };
    let left = shortage.limit.saturating_sub(shortage.used).max(0);
    let resets =
        shortage.resets_at_us.map(|at| format!(" Limit resets at: {}", Moment::at(at).spoken()));
    format!(
        "Rate limit exceeded for {}. Limit type: {kind}. Current limit: {}, Remaining: {left}.{}",
        descriptor(shortage),
        shortage.limit,
        resets.unwrap_or_default()
    )
}

/// Whose limit, and the value that names them. A key's would be its hash.
fn descriptor(shortage: &Shortage) -> String {
    let (name, model) = (&shortage.meter.name, shortage.meter.model.as_deref());
    match (shortage.meter.scope, model) {
        (Scope::Key, None) => "api_key: this key".to_owned(),
        (Scope::Key, Some(model)) => format!("model_per_key: this key:{model}"),
        (Scope::Team, None) => format!("team: {name}"),
        (Scope::Team, Some(model)) => format!("model_per_team: {name}:{model}"),
        (Scope::Organization, None) => format!("organization: {name}"),
        (Scope::Organization, Some(model)) => format!("model_per_organization: {name}:{model}"),
        (Scope::Customer, _) => format!("end_user: {name}"),
        (Scope::TeamMember, _) => match name.split_once(':') {
            Some((user, team)) => format!("team_member: {team}:{user}"),
            None => format!("team_member: {name}"),
        },
        (scope, _) => format!("{}: {name}", scope.word()),
    }
}
