//! `/spend/logs`: what was used and what it cost, request by request or day by day.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Map, Value, json};
use time::macros::format_description;
use time::{Date, Duration};
use tollgate_core::money::NanoDollars;

use crate::domain::{Endpoint, RecordId, TeamRole, Timestamp, UsageSource};
use crate::http::App;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::health::model_id;
use crate::http::key_view::{dollars, zulu};
use crate::http::paging::Paging;
use crate::http::query::{Query, key_hash};
use crate::store::{DailySpend, LedgerEntry, UsagePage, UsageQuery};

type Answer = Result<Json<Value>, ApiError>;

/// `GET /spend/logs`: sums by day when both dates are given and `summarize` is not false, else
/// the records themselves, newest first; the caller's own unless they are admin.
///
/// All of them, or those of a `page` with how many there are. More than an answer can hold are
/// refused rather than cut.
pub(crate) async fn logs(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref());
    let summarize = query.flag("summarize")?.unwrap_or(true);
    let (first, last) = (query.day("start_date")?, query.day("end_date")?);
    let asked = usage_query(&caller, &query)?;
    if let (Some(first), Some(last), true, None) = (first, last, summarize, query.text("page")) {
        let days = days(first, last)?;
        let spend = match &asked {
            Some(asked) => app.service.daily_spend(asked).await?,
            None => DailySpend::default(),
        };
        return Ok(Json(daily(&days, spend)));
    }
    if query.text("page").is_some() || query.text("page_size").is_some() {
        return page(&app, &query, asked.as_ref()).await;
    }
    let Some(asked) = asked else { return Ok(Json(json!([]))) };
    if let Some(limit) = query.number("limit", 1, MOST_ROWS)? {
        let entries = app.service.usage(&asked, limit).await?;
        return Ok(Json(entries.iter().map(log_row).collect()));
    }
    let found = app.service.usage_page(&asked, MOST_ROWS, 0).await?;
    if found.total > u64::from(MOST_ROWS) {
        let message = format!(
            "{} rows match, and an answer holds {MOST_ROWS}. Ask for a page with page and \
             page_size, or for fewer days with start_date and end_date.",
            found.total
        );
        return Err(ApiError::bad_request("page", message));
    }
    Ok(Json(found.entries.iter().map(log_row).collect()))
}

/// `GET /spend/logs/v2` and `GET /spend/logs/ui`: a page of records, newest first, and how many
/// there are.
pub(crate) async fn paged_logs(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref());
    let asked = usage_query(&caller, &query)?;
    page(&app, &query, asked.as_ref()).await
}

async fn page(app: &App, query: &Query, asked: Option<&UsageQuery>) -> Answer {
    let paging = Paging::read(query, "page_size", 50, MOST_ROWS)?;
    let found = match asked {
        Some(asked) => app.service.usage_page(asked, paging.size(), paging.offset()).await?,
        None => UsagePage::default(),
    };
    let rows: Vec<Value> = found.entries.iter().map(log_row).collect();
    Ok(paging.answer("data", rows, found.total))
}

/// Reads the filters. `None`: nothing can match.
pub(crate) fn usage_query(caller: &Caller, query: &Query) -> Result<Option<UsageQuery>, ApiError> {
    query.refuse(UNSUPPORTED)?;
    let failed = match query.text("status_filter").or_else(|| query.text("status")) {
        None => None,
        Some("success") => Some(false),
        Some("failure") => Some(true),
        Some(_) => {
            return Err(ApiError::bad_request("status", "status must be success or failure"));
        }
    };
    let id = query.text("request_id").map(RecordId::from_hex);
    let mut key = query.text("api_key").map(key_hash);
    let text = |name: &str| query.text(name).map(str::to_owned);
    let mut user_id = text("user_id").or_else(|| text("internal_user_id"));
    let team_id = text("team_id");
    if let Some(own) = caller.confined() {
        let standing = &caller.standing;
        let of_team = team_id.as_ref().and_then(|team| standing.teams.get(team));
        match &standing.user {
            // Admins of a team see all that was spent in it.
            Some(_) if of_team == Some(&TeamRole::Admin) => {}
            Some(user) if user_id.as_ref().is_none_or(|asked| asked == user) => {
                user_id = Some(user.clone());
            }
            Some(_) => return Ok(None),
            None => key = Some(key.map_or(Some(own.hash), |key| key.filter(|it| *it == own.hash))),
        }
    }
    if id == Some(None) || key == Some(None) {
        return Ok(None);
    }
    Ok(Some(UsageQuery {
        id: id.flatten(),
        key: key.flatten(),
        user_id,
        team_id,
        end_user: text("end_user").or_else(|| text("customer_id")),
        model: text("model").or_else(|| text("model_group")),
        failed,
        from: query.day("start_date")?,
        // The last day counts whole.
        until: query.day("end_date")?.map(|day| day.plus_micros(Timestamp::A_DAY)),
    }))
}

/// Lists the days from the first to the last, as days since the epoch.
fn days(first: Timestamp, last: Timestamp) -> Result<std::ops::RangeInclusive<i64>, ApiError> {
    let (first, last) = (first.day(), last.day());
    if last - first > MOST_DAYS {
        let message = format!("end_date may be at most {MOST_DAYS} days after start_date");
        return Err(ApiError::bad_request("end_date", message));
    }
    Ok(first..=last)
}

/// One object a day, days without spend included.
fn daily(days: &std::ops::RangeInclusive<i64>, spend: DailySpend) -> Value {
    let mut by_day: BTreeMap<i64, [BTreeMap<String, NanoDollars>; 3]> =
        days.clone().map(|day| (day, <[_; 3]>::default())).collect();
    for (of, parts) in [spend.keys, spend.users, spend.models].into_iter().enumerate() {
        for (day, name, cost) in parts {
            if let Some(sums) = by_day.entry(day).or_default().get_mut(of) {
                let sum = sums.entry(name).or_default();
                *sum = sum.saturating_add(cost);
            }
        }
    }
    by_day
        .into_iter()
        .map(|(day, [keys, users, models])| one_day(day, keys, users, models))
        .collect()
}

fn one_day(
    day: i64,
    keys: BTreeMap<String, NanoDollars>,
    users: BTreeMap<String, NanoDollars>,
    models: BTreeMap<String, NanoDollars>,
) -> Value {
    let total = models.values().fold(NanoDollars::ZERO, |sum, cost| sum.saturating_add(*cost));
    let view = |sums: BTreeMap<String, NanoDollars>| {
        sums.into_iter().map(|(name, sum)| (name, dollars(sum))).collect::<Map<String, Value>>()
    };
    let mut row = view(keys);
    row.insert("startTime".into(), date(day).into());
    row.insert("spend".into(), dollars(total));
    row.insert("users".into(), view(users).into());
    row.insert("models".into(), view(models).into());
    Value::Object(row)
}

/// Writes a day as `YYYY-MM-DD`.
pub(crate) fn date(day: i64) -> String {
    let format = format_description!("[year]-[month]-[day]");
    date_of(day).and_then(|date| date.format(format).ok()).unwrap_or_default()
}

/// Writes a day as `Nov 21`.
pub(crate) fn short_date(day: i64) -> String {
    let format = format_description!("[month repr:short] [day]");
    date_of(day).and_then(|date| date.format(format).ok()).unwrap_or_default()
}

fn date_of(day: i64) -> Option<Date> {
    time::OffsetDateTime::UNIX_EPOCH.date().checked_add(Duration::days(day))
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
        "cache_hit": record.cached.then_some("True"),
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
        "units": record.units.map(|units| BTreeMap::from(units.counts())),
        "cost_breakdown": {"total_cost": dollars(record.cost)},
        "unpriced": record.unpriced,
        "streamed": record.streamed,
        "aborted": record.aborted,
        "provider_response_id": record.provider_response_id,
        "account": record.account,
        "attempt": record.attempt,
        "first_attempt": record.first_attempt.map(RecordId::to_hex),
    })
}

fn call_type(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::ChatCompletions | Endpoint::OllamaChat => "acompletion",
        Endpoint::Completions | Endpoint::OllamaGenerate => "atext_completion",
        Endpoint::Responses => "aresponses",
        Endpoint::Realtime => "_arealtime",
        Endpoint::Messages => "anthropic_messages",
        Endpoint::GenerateContent => "agenerate_content",
        Endpoint::Embeddings
        | Endpoint::EmbedContent
        | Endpoint::BatchEmbedContents
        | Endpoint::OllamaEmbed
        | Endpoint::OllamaEmbeddings => "aembedding",
        Endpoint::ImagesGenerations => "aimage_generation",
        Endpoint::ImagesEdits => "aimage_edit",
        Endpoint::ImagesVariations => "aimage_variation",
        Endpoint::Speech => "aspeech",
        Endpoint::Transcriptions | Endpoint::Translations => "atranscription",
        Endpoint::Moderations => "amoderation",
        Endpoint::Files => "afile",
        Endpoint::Batches => "abatch",
        Endpoint::FineTuning => "afine_tuning_job",
        Endpoint::Assistants => "aassistant",
        Endpoint::Threads => "athread",
        Endpoint::Runs => "arun_thread",
        Endpoint::VectorStores => "avector_store",
        Endpoint::StoredResponses => "aget_responses",
        Endpoint::Unknown => "unknown",
    }
}

/// An answer is built in memory; whoever needs more asks for pages.
const MOST_ROWS: u32 = 10_000;
/// Filters of LiteLLM's that would change the answer and that we do not know.
const UNSUPPORTED: &[&str] = &[
    "session_id",
    "min_spend",
    "max_spend",
    "cache_hit_filter",
    "model_id",
    "key_alias",
    "error_code",
    "error_message",
    "sort_by",
    "sort_order",
    "group_by_session",
    "span_type",
];
const MOST_DAYS: i64 = 3_660;
