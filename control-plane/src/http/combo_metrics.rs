//! What combos did, out of the ledger, and whether their members answer.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Map, Value, json};

use crate::config::{Config, TargetConfig};
use crate::domain::{LedgerRecord, Timestamp};
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::items::{bad, not_found};
use crate::http::key_view::zulu;
use crate::http::provider_tests::judged;
use crate::http::query::Query;
use crate::http::{App, Body};
use crate::outbound::{Reach, question};
use crate::store::UsageQuery;

type Answer = Result<Json<Value>, ApiError>;

/// `GET /api/combos/metrics`: of the newest records of each combo.
pub(crate) async fn metrics(State(app): State<App>, RawQuery(query): RawQuery) -> Answer {
    let query = Query::read(query.as_deref());
    let wanted = query.text("combo");
    let config = app.config.borrow().clone();
    let mut metrics = Map::new();
    for combo in config.combos.iter().filter(|it| wanted.is_none_or(|wanted| wanted == it.name)) {
        let usage = UsageQuery { model: Some(combo.name.clone()), ..UsageQuery::default() };
        let entries = app.service.usage(&usage, MOST_RECORDS).await?;
        let records: Vec<&LedgerRecord> = entries.iter().map(|entry| &entry.record).collect();
        let strategy = combo.routing.strategy.name();
        metrics.insert(combo.name.clone(), of(&records, strategy));
    }
    if let (Some(name), true) = (wanted, metrics.is_empty()) {
        return Err(not_found(&format!("combo {name}")));
    }
    Ok(Json(json!({"metrics": metrics})))
}

/// `POST /api/combos/test`: asks each member for a few words, one after the other.
pub(crate) async fn test(State(app): State<App>, Body(body): Body) -> Answer {
    let mut fields = Fields::read(&body)?;
    let name = fields.text("comboName").value().ok_or_else(|| bad("comboName is required"))?;
    fields.finish()?;
    let config = app.config.borrow().clone();
    let combo = config.combos.iter().find(|combo| combo.name == name);
    let combo = combo.ok_or_else(|| not_found("combo"))?;
    let model = config.models.iter().find(|model| model.name == name);
    let mut results = Vec::new();
    for target in model.into_iter().flat_map(|model| &model.targets) {
        results.push(tried(&config, target).await);
    }
    let first =
        results.iter().find(|result| result.get("status").is_some_and(|status| status == "ok"));
    let resolved = first.and_then(|result| result.get("model").cloned());
    Ok(Json(json!({
        "comboName": name,
        "strategy": combo.routing.strategy.name(),
        "resolvedBy": resolved,
        "results": results,
        "testedAt": zulu(app.service.now()),
    })))
}

async fn tried(config: &Config, target: &TargetConfig) -> Value {
    let name = format!("{}/{}", target.provider, target.model);
    let provider = config.providers.iter().find(|provider| provider.id == target.provider);
    let wanted = |id: &str| target.account.as_ref().is_none_or(|account| account == id);
    let account = provider.and_then(|it| it.usable().find(|account| wanted(&account.id)));
    let (Some(provider), Some(account)) = (provider, account) else {
        return json!({"model": name, "status": "error", "latencyMs": 0,
            "error": "no account may be used"});
    };
    let question = question::words(provider, account.credential.as_ref(), &target.model);
    // What is configured is where requests go anyway.
    let verdict = judged(provider, question, Reach::Private).await;
    json!({
        "model": name,
        "status": if verdict.valid() { "ok" } else { "error" },
        "latencyMs": verdict.latency_ms,
        "statusCode": verdict.status,
        "error": verdict.message,
    })
}

/// Counts requests and attempts: newest first, each attempt a record.
fn of(records: &[&LedgerRecord], strategy: &str) -> Value {
    let requests = records.iter().filter(|it| it.first_attempt.is_none()).count();
    let successes = records.iter().filter(|it| it.error_code.is_none()).count();
    let fallbacks = records.iter().filter(|it| it.first_attempt.is_some()).count();
    let latency: i64 = records.iter().map(|record| took_ms(record)).sum();
    let mut by_model = BTreeMap::<String, Vec<&LedgerRecord>>::new();
    for record in records {
        if let (Some(provider), Some(model)) = (&record.provider, &record.provider_model) {
            by_model.entry(format!("{provider}/{model}")).or_default().push(record);
        }
    }
    let by_model = by_model.iter().map(|(name, records)| (name.clone(), of_target(records)));
    json!({
        "totalRequests": requests,
        "totalSuccesses": successes,
        "totalFailures": requests.saturating_sub(successes),
        "totalFallbacks": fallbacks,
        "totalLatencyMs": latency,
        "strategy": strategy,
        "lastUsedAt": records.first().map(|record| zulu(record.started_at)),
        "avgLatencyMs": average(latency, requests),
        "successRate": percent(successes, requests),
        "fallbackRate": percent(fallbacks, requests),
        "byModel": by_model.collect::<Map<String, Value>>(),
    })
}

fn of_target(records: &[&LedgerRecord]) -> Value {
    let successes = records.iter().filter(|record| record.error_code.is_none()).count();
    let latency: i64 = records.iter().map(|record| took_ms(record)).sum();
    json!({
        "requests": records.len(),
        "successes": successes,
        "failures": records.len() - successes,
        "avgLatencyMs": average(latency, records.len()),
        "successRate": percent(successes, records.len()),
        "lastStatus": records.first().map(|record| record.status),
        "lastUsedAt": records.first().map(|record| zulu(record.started_at)),
    })
}

fn took_ms(record: &LedgerRecord) -> i64 {
    let micros = |at: Timestamp| at.as_micros();
    (micros(record.ended_at) - micros(record.started_at)).max(0) / 1000
}

fn average(sum: i64, count: usize) -> i64 {
    i64::try_from(count).ok().and_then(|count| sum.checked_div(count)).unwrap_or(0)
}

fn percent(part: usize, whole: usize) -> usize {
    (part * 100).checked_div(whole).unwrap_or(0)
}

const MOST_RECORDS: u32 = 10_000;
