//! What work has used, by what its provider says when it is over.

use serde_json::Value;
use tollgate_core::money::NanoDollars;
use tollgate_core::price::{Price, TokenUsage};
use tollgate_core::usage::parse;

use crate::deferred::judge::Fault;
use crate::deferred::reading::Pieces;
use crate::domain::Used;

/// Returns what a run, or a batch that says it itself, has used. `None`: it does not say.
pub(super) fn of_object(body: &Value, price: Option<&Price>) -> Option<Used> {
    let tokens = parse(body.get("usage")?.to_string().as_bytes())?;
    Some(Used::Said(tokens, cost(price, &tokens)))
}

/// Tells whether the sum of a batch's tokens says what it costs.
pub(super) fn adds_up(price: Option<&Price>) -> bool {
    price.is_none_or(|price| price.tiers.is_empty() && price.request.is_none())
}

/// Returns what a job has used.
pub(super) fn of_job(body: &Value, price: Option<&Price>) -> Used {
    let trained = body.get("trained_tokens").and_then(Value::as_u64).unwrap_or_default();
    let tokens = TokenUsage { input: trained, total: trained, ..TokenUsage::default() };
    let cost = price.and_then(|price| price.of_training(trained));
    Used::Said(tokens, cost.unwrap_or_default())
}

/// Adds up what the lines of a batch's output have used, each a request of its own.
pub(super) fn of_output(price: Option<&Price>, mut pieces: Pieces) -> Result<Used, Fault> {
    let (mut sum, mut money) = (TokenUsage::default(), 0_i64);
    pieces.each_line(|_, line| {
        if let Some(tokens) = of_line(line) {
            add(&mut sum, &tokens);
            money = money.saturating_add(cost(price, &tokens).0);
        }
        Ok(())
    })?;
    Ok(Used::Said(sum, NanoDollars(money)))
}

/// Reads the usage of an answer. A line of a request that failed has none.
fn of_line(line: &[u8]) -> Option<TokenUsage> {
    let line: Value = serde_json::from_slice(line).ok()?;
    let usage = line.get("response")?.get("body")?.get("usage")?;
    parse(usage.to_string().as_bytes())
}

fn cost(price: Option<&Price>, tokens: &TokenUsage) -> NanoDollars {
    price.map_or(NanoDollars(0), |price| price.cost(tokens))
}

fn add(sum: &mut TokenUsage, tokens: &TokenUsage) {
    let classes = [
        (&mut sum.input, tokens.input),
        (&mut sum.output, tokens.output),
        (&mut sum.total, tokens.total),
        (&mut sum.cached_input, tokens.cached_input),
        (&mut sum.cache_write, tokens.cache_write),
        (&mut sum.reasoning, tokens.reasoning),
        (&mut sum.audio_input, tokens.audio_input),
        (&mut sum.audio_output, tokens.audio_output),
    ];
    for (sum, count) in classes {
        *sum = sum.saturating_add(count);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tollgate_core::money::AttoDollars;
    use tollgate_core::price::{LaterPrices, PriceTier};

    use super::*;
    use crate::deferred::reading::tests::pieces;

    fn price() -> Price {
        Price {
            input: AttoDollars(1_000_000_000),
            output: AttoDollars(10_000_000_000),
            tiers: vec![PriceTier {
                above: 100,
                input: Some(AttoDollars(2_000_000_000)),
                ..PriceTier::default()
            }],
            later: LaterPrices {
                training: Some(AttoDollars(3_000_000_000)),
                ..LaterPrices::default()
            },
            ..Price::default()
        }
    }

    #[test]
    fn each_line_of_an_output_costs_what_a_request_costs() {
        let line = |usage: Value| {
            let body = json!({"id": "x", "usage": usage});
            format!("{}\n", json!({"custom_id": "a", "response": {"body": body}}))
        };
        let text = [
            line(json!({"prompt_tokens": 90, "completion_tokens": 2, "total_tokens": 92})),
            line(json!({"input_tokens": 110, "output_tokens": 1, "total_tokens": 111})),
            line(Value::Null),
            "{\"custom_id\":\"b\",\"response\":null,\"error\":{}}\nnot json\n".to_owned(),
        ];

        let used = of_output(Some(&price()), pieces(&text.concat())).unwrap();

        let Used::Said(tokens, cost) = used else { panic!("{used:?}") };
        assert_eq!((tokens.input, tokens.output, tokens.total), (200, 3, 203));
        // Only the second is long.
        assert_eq!(cost, NanoDollars(90 + 20 + 220 + 10));
        assert!(!adds_up(Some(&price())) && adds_up(None));
    }

    #[test]
    fn objects_say_what_they_used() {
        let run = json!({"usage": {"prompt_tokens": 5, "completion_tokens": 1}});
        let tokens = TokenUsage { input: 5, output: 1, total: 6, ..TokenUsage::default() };
        assert_eq!(of_object(&run, Some(&price())), Some(Used::Said(tokens, NanoDollars(15))));
        assert_eq!(of_object(&json!({"usage": null}), None), None);

        let Used::Said(tokens, cost) = of_job(&json!({"trained_tokens": 7}), Some(&price())) else {
            panic!("a job says what it used");
        };
        assert_eq!((tokens.input, cost), (7, NanoDollars(21)));
    }
}
