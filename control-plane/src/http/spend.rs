//! `/spend/*`: what was used and what it cost.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use serde_json::{Map, Value, json};
use time::macros::format_description;
use time::{Date, Duration};
use tollgate_core::money::NanoDollars;

use crate::domain::{Endpoint, RecordId, Timestamp, UsageSource};
use crate::http::App;
use crate::http::auth::{Caller, authenticate};
use crate::http::error::ApiError;
use crate::http::health::model_id;
use crate::http::key_view::{dollars, row_with_token, zulu};
use crate::http::query::{Query, key_hash};
use crate::store::{DailySpend, KeyQuery, KeySort, LedgerEntry, UsageQuery};

type Answer = Result<Json<Value>, ApiError>;

/// `GET /spend/keys`: whole rows, dearest first; the caller's own unless they are admin.
pub(crate) async fn keys(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    let caller = authenticate(&app, &headers).await?;
    let limit = Query::read(query.as_deref()).number("limit", 1, MOST_ROWS)?.unwrap_or(MOST_ROWS);
    let now = app.service.now();
    let rows: Vec<Value> = match caller {
        Caller::Key(own) => vec![Value::Object(row_with_token(&own, now))],
        Caller::Admin => {
            let query = KeyQuery {
                deleted: false,
                user_id: None,
                team_id: None,
                organization_id: None,
                alias: None,
                hash: None,
                sort: KeySort::Spend,
                descending: true,
                offset: 0,
                limit,
            };
            let page = app.service.keys(&query).await?;
            page.keys.iter().map(|listed| Value::Object(row_with_token(&listed.key, now))).collect()
        }
    };
    Ok(Json(Value::Array(rows)))
}

/// `GET /spend/logs`: sums by day when both dates are given and `summarize` is not false, else
/// the records themselves, newest first; the caller's own unless they are admin.
pub(crate) async fn logs(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    let caller = authenticate(&app, &headers).await?;
    let query = Query::read(query.as_deref());
    let summarize = query.flag("summarize")?.unwrap_or(true);
    let limit = query.number("limit", 1, MOST_ROWS)?.unwrap_or(MOST_ROWS);
    let (first, last) = (query.day("start_date")?, query.day("end_date")?);
    let asked = usage_query(&caller, &query, first, last);
    if let (Some(first), Some(last), true) = (first, last, summarize) {
        let days = days(first, last)?;
        let spend = match &asked {
            Some(asked) => app.service.daily_spend(asked).await?,
            None => Vec::new(),
        };
        return Ok(Json(daily(&days, &spend)));
    }
    let entries = match &asked {
        Some(asked) => app.service.usage(asked, limit).await?,
        None => Vec::new(),
    };
    Ok(Json(entries.iter().map(log_row).collect()))
}

/// Reads the filters. `None`: nothing can match.
fn usage_query(
    caller: &Caller,
    query: &Query,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
) -> Option<UsageQuery> {
    let id = match query.text("request_id") {
        Some(text) => Some(RecordId::from_hex(text)?),
        None => None,
    };
    let key = match query.text("api_key") {
        Some(text) => Some(key_hash(text)?),
        None => None,
    };
    let key = match (caller, key) {
        (Caller::Admin, key) => key,
        (Caller::Key(own), Some(key)) if key != own.hash => return None,
        (Caller::Key(own), _) => Some(own.hash),
    };
    let user_id = query.text("user_id").map(str::to_owned);
    // The last day counts whole.
    let until = last.map(|day| day.plus_micros(MICROS_A_DAY));
    Some(UsageQuery { id, key, user_id, from: first, until })
}

/// Lists the days from the first to the last, as days since the epoch.
fn days(first: Timestamp, last: Timestamp) -> Result<std::ops::RangeInclusive<i64>, ApiError> {
    let (first, last) = (first.as_micros() / MICROS_A_DAY, last.as_micros() / MICROS_A_DAY);
    if last - first > MOST_DAYS {
        let message = format!("end_date may be at most {MOST_DAYS} days after start_date");
        return Err(ApiError::bad_request("end_date", message));
    }
    Ok(first..=last)
}

/// One object a day, days without spend included.
fn daily(days: &std::ops::RangeInclusive<i64>, spend: &[DailySpend]) -> Value {
    let mut by_day: BTreeMap<i64, Vec<&DailySpend>> =
        days.clone().map(|day| (day, Vec::new())).collect();
    for part in spend {
        by_day.entry(part.day).or_default().push(part);
    }
    by_day.into_iter().map(|(day, parts)| one_day(day, &parts)).collect()
}

fn one_day(day: i64, parts: &[&DailySpend]) -> Value {
    let sum = |name: fn(&DailySpend) -> Option<String>| {
        let mut sums = BTreeMap::<String, NanoDollars>::new();
        for part in parts {
            if let Some(name) = name(part) {
                let sum = sums.entry(name).or_default();
                *sum = sum.saturating_add(part.cost);
            }
        }
        sums.into_iter().map(|(name, sum)| (name, dollars(sum))).collect::<Map<String, Value>>()
    };
    let total = parts.iter().fold(NanoDollars::ZERO, |sum, part| sum.saturating_add(part.cost));
    let mut view = sum(|part| Some(part.key_hash.to_hex()));
    view.insert("startTime".into(), date(day).into());
    view.insert("spend".into(), dollars(total));
    view.insert("users".into(), Value::Object(sum(|part| part.user_id.clone())));
    view.insert("models".into(), Value::Object(sum(|part| Some(part.model.clone()))));
    Value::Object(view)
}

fn date(day: i64) -> String {
    let epoch = time::OffsetDateTime::UNIX_EPOCH.date();
    let date: Option<Date> = epoch.checked_add(Duration::days(day));
    date.and_then(|date| date.format(format_description!("[year]-[month]-[day]")).ok())
        .unwrap_or_default()
}

/// A ledger record in the form of LiteLLM's spend logs.
fn log_row(entry: &LedgerEntry) -> Value {
    let record = &entry.record;
    let status = if record.error_code.is_none() { "success" } else { "failure" };
    let target = record.provider.as_ref().zip(record.provider_model.as_ref());
    let model_id = target.map(|(provider, model)| model_id(&record.model, provider, model));
    let took = (record.ended_at.as_micros() - record.started_at.as_micros()) / 1000;
    json!({
        "request_id": record.id.to_hex(),
        "call_type": call_type(record.endpoint),
        "api_key": record.key_hash.to_hex(),
        "spend": dollars(record.cost),
        "total_tokens": record.tokens.total,
        "prompt_tokens": record.tokens.input,
        "completion_tokens": record.tokens.output,
        "startTime": zulu(record.started_at),
        "endTime": zulu(record.ended_at),
        "request_duration_ms": took,
        "completionStartTime": record.first_byte_at.map(zulu),
        "model": record.provider_model.as_ref().unwrap_or(&record.model),
        "model_id": model_id,
        "model_group": record.model,
        "custom_llm_provider": record.provider,
        "api_base": null,
        "user": entry.user_id,
        "metadata": log_metadata(entry, status),
        "cache_hit": null,
        "cache_key": null,
        "request_tags": record.tags,
        "team_id": entry.team_id,
        "organization_id": null,
        "end_user": record.end_user,
        "requester_ip_address": null,
        "messages": {},
        "response": {},
        "proxy_server_request": {},
        "session_id": null,
        "status": status,
        "agent_id": null,
        "mcp_namespaced_tool_name": null,
    })
}

fn log_metadata(entry: &LedgerEntry, status: &str) -> Value {
    let record = &entry.record;
    let tokens = &record.tokens;
    let error = record
        .error_code
        .as_ref()
        .map(|code| json!({"error_code": record.status.to_string(), "error_class": code}));
    json!({
        "status": status,
        "http_status": record.status,
        "user_api_key": record.key_hash.to_hex(),
        "user_api_key_alias": entry.key_alias,
        "user_api_key_user_id": entry.user_id,
        "user_api_key_team_id": entry.team_id,
        "error_information": error,
        "error_code": record.error_code,
        "usage_source": match record.usage_source {
            UsageSource::None => Value::Null,
            UsageSource::Provider => "provider".into(),
            UsageSource::Estimated => "estimated".into(),
            UsageSource::Counted => "counted".into(),
            UsageSource::Presumed => "presumed".into(),
        },
        "usage_object": {
            "prompt_tokens": tokens.input,
            "completion_tokens": tokens.output,
            "total_tokens": tokens.total,
            "prompt_tokens_details": {
                "cached_tokens": tokens.cached_input,
                "cache_write_tokens": tokens.cache_write,
                "audio_tokens": tokens.audio_input,
            },
            "completion_tokens_details": {
                "reasoning_tokens": tokens.reasoning,
                "audio_tokens": tokens.audio_output,
            },
        },
        "cost_breakdown": {"total_cost": dollars(record.cost)},
        "unpriced": record.unpriced,
        "streamed": record.streamed,
        "aborted": record.aborted,
        "provider_response_id": record.provider_response_id,
    })
}

fn call_type(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::ChatCompletions => "acompletion",
        Endpoint::Completions => "atext_completion",
        Endpoint::Embeddings => "aembedding",
        Endpoint::Unknown => "unknown",
    }
}

/// An answer is built in memory; whoever needs more asks for days.
const MOST_ROWS: u32 = 10_000;
const MOST_DAYS: i64 = 3_660;
const MICROS_A_DAY: i64 = 86_400 * 1_000_000;
