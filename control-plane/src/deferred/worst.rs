//! What work needs of the limits that it meets.

use tollgate_core::meter::{Dimension as CoreDimension, Meter};

use crate::deferred::judge::{Fault, Judged};
use crate::domain::Dimension;

/// Tells whether a limit counts work that goes on for hours: money always, tokens where they are
/// no rate. What a provider does in its own time is nobody's request of this minute.
pub(super) fn is_kept(meter: &Meter) -> bool {
    match meter.dimension {
        CoreDimension::Money => true,
        CoreDimension::Tokens | CoreDimension::InputTokens | CoreDimension::OutputTokens => {
            meter.window_seconds == 0 || meter.window_seconds >= SHORTEST
        }
        CoreDimension::Requests | CoreDimension::Parallel => false,
    }
}

/// Returns the limits that it is counted on when it is over.
pub(super) fn counted(judged: &Judged) -> Vec<(u64, Dimension)> {
    let kept = judged.meters.iter().filter(|meter| is_kept(meter));
    kept.map(|meter| (meter.id, dimension(meter))).collect()
}

/// Returns what is to be reserved of each limit.
pub(super) fn needs(judged: &Judged) -> Result<Vec<(u64, i64)>, Fault> {
    let hard = || judged.meters.iter().filter(|meter| is_kept(meter) && !meter.observe_only);
    if judged.price.is_none() && hard().any(|it| it.dimension == CoreDimension::Money) {
        return Err(Fault::Unpriced(judged.model.clone()));
    }
    if hard().next().is_none() {
        return Ok(Vec::new());
    }
    let worst = judged.worst.ok_or(Fault::Uncapped(judged.missing))?;
    let needs = hard().filter_map(|meter| Some((meter.id, worst.of(dimension(meter))?)));
    Ok(needs.filter(|(_, amount)| *amount > 0).collect())
}

fn dimension(meter: &Meter) -> Dimension {
    match meter.dimension {
        CoreDimension::Requests => Dimension::Requests,
        CoreDimension::Tokens => Dimension::Tokens,
        CoreDimension::InputTokens => Dimension::InputTokens,
        CoreDimension::OutputTokens => Dimension::OutputTokens,
        CoreDimension::Money => Dimension::Money,
        CoreDimension::Parallel => Dimension::Parallel,
    }
}

/// A day, in seconds.
const SHORTEST: u32 = 86_400;

#[cfg(test)]
mod tests {
    use tollgate_core::meter::Scope;
    use tollgate_core::money::NanoDollars;
    use tollgate_core::price::Price;

    use super::*;
    use crate::domain::Worst;

    fn meter(id: u64, dimension: CoreDimension, window_seconds: u32, observe_only: bool) -> Meter {
        Meter {
            id,
            scope: Scope::Key,
            name: "k".into(),
            dimension,
            model: None,
            limit: 1,
            observe_only,
            window_seconds,
        }
    }

    fn judged(meters: Vec<Meter>) -> Judged {
        Judged {
            model: "m".into(),
            provider_model: "pm".into(),
            price: Some(Price::default()),
            worst: Some(Worst { input: 70, output: 30, cost: NanoDollars(5) }),
            missing: "max_prompt_tokens",
            meters,
            named: Vec::new(),
            renamed: false,
        }
    }

    #[test]
    fn budgets_are_needed_and_rates_are_not() {
        let judged = judged(vec![
            meter(1, CoreDimension::Money, 60, false),
            meter(2, CoreDimension::Money, 0, true),
            meter(3, CoreDimension::Tokens, 60, false),
            meter(4, CoreDimension::Tokens, 0, false),
            meter(5, CoreDimension::OutputTokens, 86_400, false),
            meter(6, CoreDimension::Requests, 0, false),
        ]);

        assert_eq!(needs(&judged), Ok(vec![(1, 5), (4, 100), (5, 30)]));
        let counted: Vec<u64> = counted(&judged).into_iter().map(|(meter, _)| meter).collect();
        assert_eq!(counted, [1, 2, 4, 5]);
    }

    #[test]
    fn what_nobody_can_bound_is_refused_where_a_limit_is() {
        let money = || vec![meter(1, CoreDimension::Money, 0, false)];
        let unpriced = Judged { price: None, ..judged(money()) };
        let uncapped = Judged { worst: None, ..judged(money()) };
        let unlimited = Judged { worst: None, price: None, ..judged(Vec::new()) };

        assert_eq!(needs(&unpriced), Err(Fault::Unpriced("m".into())));
        assert_eq!(needs(&uncapped), Err(Fault::Uncapped("max_prompt_tokens")));
        assert_eq!(needs(&unlimited), Ok(Vec::new()));
    }
}
