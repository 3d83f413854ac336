//! `/cost/estimate`: what requests of some size would cost, one by one, a day and a month.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};
use tollgate_core::money::{AttoDollars, NanoDollars};
use tollgate_core::price::{Price, TokenUsage};

use crate::http::cost::priced;
use crate::http::deployments::usd;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::key_view::dollars;
use crate::http::{App, Body};

/// `POST /cost/estimate`. `input_tokens` are those of the prompt's text, besides what is read from
/// or written to the provider's cache.
pub(crate) async fn estimate(
    State(app): State<App>,
    Body(body): Body,
) -> Result<Json<Value>, ApiError> {
    let mut body = Fields::read(&body)?;
    let model = body.required_text("model");
    body.required("input_tokens");
    body.required("output_tokens");
    let mut counts = [0_u64; COUNTS.len()];
    for (count, name) in counts.iter_mut().zip(COUNTS) {
        *count = tokens(&mut body, name)?.unwrap_or(0);
    }
    let per_day = tokens(&mut body, "num_requests_per_day")?;
    let per_month = tokens(&mut body, "num_requests_per_month")?;
    body.finish()?;
    let (target, price) = priced(&app, &model)?;
    let parts = Parts::of(&price, counts);
    let mut view = Map::new();
    view.insert("model".into(), model.into());
    for (count, name) in counts.iter().zip(COUNTS) {
        view.insert(name.into(), (*count).into());
    }
    view.insert("num_requests_per_day".into(), per_day.into());
    view.insert("num_requests_per_month".into(), per_month.into());
    for (name, cost) in parts.named() {
        let per_request = if name.is_empty() { "cost".into() } else { format!("{name}_cost") };
        view.insert(format!("{per_request}_per_request"), dollars(cost));
        for (times, period) in [(per_day, "daily"), (per_month, "monthly")] {
            view.insert(format!("{period}_{per_request}"), times.map(|it| many(cost, it)).into());
        }
    }
    let rate = |price: Option<AttoDollars>| price.map(usd);
    let rates = json!({
        "input_cost_per_token": usd(price.input),
        "output_cost_per_token": usd(price.output),
        "cache_read_input_token_cost": rate(price.cached_input),
        "cache_creation_input_token_cost": rate(price.cache_write),
        "output_cost_per_reasoning_token": rate(price.reasoning),
        "provider": target.provider,
    });
    view.extend(rates.as_object().cloned().unwrap_or_default());
    Ok(Json(view.into()))
}

/// What a request costs, and what of it is for what.
struct Parts {
    whole: NanoDollars,
    input: NanoDollars,
    cache_read: NanoDollars,
    cache_creation: NanoDollars,
    reasoning: NanoDollars,
}

impl Parts {
    fn of(price: &Price, [text, output, read, written, reasoning]: [u64; 5]) -> Self {
        let input = text.saturating_add(read).saturating_add(written);
        let usage = TokenUsage {
            input,
            output,
            total: input.saturating_add(output),
            cached_input: read,
            cache_write: written,
            reasoning,
            ..TokenUsage::default()
        };
        let whole = price.cost(&usage);
        // What a class costs is what is saved when it costs nothing.
        let class = |free: fn(&mut Price)| {
            let mut price = price.clone();
            free(&mut price);
            difference(whole, price.cost(&usage))
        };
        Self {
            whole,
            input: price.cost(&TokenUsage { output: 0, reasoning: 0, ..usage }),
            cache_read: class(|price| {
                price.cached_input = Some(FREE);
                price.tiers.iter_mut().for_each(|tier| tier.cached_input = Some(FREE));
            }),
            cache_creation: class(|price| {
                price.cache_write = Some(FREE);
                price.tiers.iter_mut().for_each(|tier| tier.cache_write = Some(FREE));
            }),
            reasoning: class(|price| price.reasoning = Some(FREE)),
        }
    }

    fn named(&self) -> [(&'static str, NanoDollars); 7] {
        [
            ("", self.whole),
            ("input", self.input),
            ("output", difference(self.whole, self.input)),
            ("margin", NanoDollars::ZERO),
            ("cache_read", self.cache_read),
            ("cache_creation", self.cache_creation),
            ("reasoning", self.reasoning),
        ]
    }
}

fn difference(more: NanoDollars, less: NanoDollars) -> NanoDollars {
    NanoDollars(more.0.saturating_sub(less.0))
}

fn many(cost: NanoDollars, times: u64) -> Value {
    let times = i64::try_from(times).unwrap_or(i64::MAX);
    dollars(NanoDollars(cost.0.saturating_mul(times)))
}

fn tokens(body: &mut Fields, name: &str) -> Result<Option<u64>, ApiError> {
    let Some(number) = body.whole(name).value() else { return Ok(None) };
    let message = || ApiError::bad_request(name, format!("{name} must not be negative"));
    u64::try_from(number).map(Some).map_err(|_| message())
}

const FREE: AttoDollars = AttoDollars(0);
const COUNTS: [&str; 5] = [
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "reasoning_tokens",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_is_told_what_it_costs() {
        let usd = |text| AttoDollars::from_usd(text).unwrap();
        let price = Price {
            input: usd("0.000001"),
            output: usd("0.000002"),
            cached_input: Some(usd("0.0000005")),
            cache_write: Some(usd("0.000003")),
            reasoning: Some(usd("0.000004")),
            ..Price::default()
        };

        let parts = Parts::of(&price, [100, 50, 20, 10, 5]);

        assert_eq!(parts.cache_read.0, 10_000);
        assert_eq!(parts.cache_creation.0, 30_000);
        assert_eq!(parts.input.0, 100_000 + 10_000 + 30_000);
        assert_eq!(parts.reasoning.0, 20_000);
        assert_eq!(parts.whole.0, 140_000 + 45 * 2_000 + 20_000);
    }
}
