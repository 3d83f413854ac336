//! Who used most over some days, dearest first: keys in pages, by a part of their name or by
//! model, users, and everything as a table to keep.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use tollgate_core::key::KeyHash;

use crate::domain::{ApiKey, Scope};
use crate::http::App;
use crate::http::activity::view::{key_metadata, metrics};
use crate::http::activity::{Kind, asked, days};
use crate::http::auth::Caller;
use crate::http::entity_view::fields;
use crate::http::error::ApiError;
use crate::http::query::Query;
use crate::http::spend_logs::date;
use crate::store::{Counts, DailyQuery, DailyUsage, Dearest};

type Answer = Result<Json<Value>, ApiError>;

/// `…/aggregated/keys`: a page of the keys that were used.
pub(super) async fn keys(app: &App, caller: &Caller, kind: &Kind, query: &Query) -> Answer {
    let asked = of_days(caller, kind, query)?;
    let offset = query.number("offset", 0, MOST_RANKED)?.unwrap_or(0);
    let limit = query.number("limit", 1, MOST_SHOWN)?.unwrap_or(USUAL_SHOWN);
    let ranked = ranked(app, &asked, MOST_RANKED).await?;
    let page = ranked.iter().skip(offset as usize).take(limit as usize).copied().collect();
    Ok(Json(json!({
        "api_keys": rows(app, asked, page).await?,
        "total_api_keys": ranked.len(),
        "offset": offset,
        "limit": limit,
    })))
}

/// `…/aggregated/search`: the keys whose hash, alias or user has this text in it, among the
/// dearest.
pub(super) async fn search(app: &App, caller: &Caller, kind: &Kind, query: &Query) -> Answer {
    let asked = of_days(caller, kind, query)?;
    let text = query.required("search")?.to_lowercase();
    let limit = query.number("limit", 1, MOST_SHOWN)?.unwrap_or(USUAL_SHOWN);
    let has = |name: Option<&str>| name.is_some_and(|name| name.to_lowercase().contains(&text));
    let mut found = Vec::new();
    for hash in ranked(app, &asked, MOST_SEARCHED).await? {
        let key = app.service.key(&hash).await?;
        let named = key.as_ref().is_some_and(|key| {
            has(key.alias.as_deref()) || has(key.user_id.as_deref()) || has(Some(&key.name))
        });
        if named || has(Some(&hash.to_hex())) {
            found.push(hash);
        }
        if found.len() == limit as usize {
            break;
        }
    }
    Ok(Json(json!({ "api_keys": rows(app, asked, found).await? })))
}

/// `…/aggregated/model_top_keys`: the keys that spent most on a model.
pub(super) async fn of_model(app: &App, caller: &Caller, kind: &Kind, query: &Query) -> Answer {
    let model = query.required("model_group")?.to_owned();
    let limit = query.number("limit", 1, MOST_SHOWN)?.unwrap_or(USUAL_SHOWN);
    let by_group = query.flag("by_model_group")?.unwrap_or(true);
    let asked = DailyQuery { model: Some(model.clone()), ..of_days(caller, kind, query)? };
    let keys = ranked(app, &asked, limit).await?;
    Ok(Json(json!({
        "model": model,
        "by_model_group": by_group,
        "api_keys": rows(app, asked, keys).await?,
    })))
}

/// `/user/daily/activity/aggregated/users`: a page of the users who used anything.
pub(super) async fn users(app: &App, caller: &Caller, kind: &Kind, query: &Query) -> Answer {
    let asked = DailyQuery { scope: Some(kind.scope), ..of_days(caller, kind, query)? };
    let offset = query.number("offset", 0, MOST_RANKED)?.unwrap_or(0);
    let limit = query.number("limit", 1, MOST_SHOWN)?.unwrap_or(USUAL_SHOWN);
    let ranked = app.service.dearest(&asked, Dearest::Owners, MOST_RANKED).await?;
    let page: Vec<String> = ranked
        .iter()
        .skip(offset as usize)
        .take(limit as usize)
        .map(|(owner, _)| owner.clone())
        .collect();
    let by_owner = DailyQuery { owners: Some(page.clone()), by_owner: true, ..asked };
    let mut sums = BTreeMap::<String, Counts>::new();
    for part in app.service.daily_usage(&by_owner).await? {
        sums.entry(part.owner).or_default().add(&part.counts);
    }
    let mut shown = Vec::with_capacity(page.len());
    for id in page {
        let user = app.service.entity(Scope::User, &id).await?;
        let mut view = metrics(&sums.get(&id).copied().unwrap_or_default());
        view.insert("user_id".into(), id.into());
        view.insert("user_email".into(), user.as_ref().and_then(|it| it.email.clone()).into());
        view.insert("user_alias".into(), user.and_then(|it| it.alias).into());
        shown.push(Value::Object(view));
    }
    Ok(Json(json!({
        "users": shown,
        "total_users": ranked.len(),
        "offset": offset,
        "limit": limit,
    })))
}

/// `…/export`: a row for each day and each of whom, by key or model where that is asked for.
pub(super) async fn export(
    app: &App,
    caller: &Caller,
    kind: &Kind,
    query: &Query,
) -> Result<Response, ApiError> {
    let asked = of_days(caller, kind, query)?;
    let told_apart = match query.text("export_type") {
        None | Some("daily") => Apart::Nothing,
        Some("daily_with_keys") => Apart::Keys,
        Some("daily_with_models") => Apart::Models,
        Some(_) => {
            let message = "export_type must be daily, daily_with_keys or daily_with_models";
            return Err(ApiError::bad_request("export_type", message));
        }
    };
    let rows = table(app, kind, asked, told_apart).await?;
    match query.text("format") {
        Some("json") => Ok(Json(rows).into_response()),
        None | Some("csv") => {
            let name = format!("attachment; filename=\"{}-activity.csv\"", kind.scope.as_str());
            let headers = [(CONTENT_TYPE, "text/csv; charset=utf-8".to_owned())];
            Ok((headers, [(CONTENT_DISPOSITION, name)], csv(&rows)).into_response())
        }
        Some(_) => Err(ApiError::bad_request("format", "format must be csv or json")),
    }
}

/// What an exported table tells apart besides days and whom.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Apart {
    Nothing,
    Keys,
    Models,
}

async fn table(
    app: &App,
    kind: &Kind,
    asked: DailyQuery,
    apart: Apart,
) -> Result<Vec<Map<String, Value>>, ApiError> {
    let by_owner = asked.scope == Some(kind.scope);
    let query = DailyQuery { by_owner, by_key: apart == Apart::Keys, ..asked };
    let parts = app.service.daily_usage(&query).await?;
    let mut sums = BTreeMap::<(i64, String, String), Counts>::new();
    for part in parts {
        let of = match apart {
            Apart::Nothing => String::new(),
            Apart::Keys => part.key.as_ref().map(KeyHash::to_hex).unwrap_or_default(),
            Apart::Models => part.model,
        };
        sums.entry((part.day, part.owner, of)).or_default().add(&part.counts);
        if sums.len() > MOST_EXPORTED {
            let message = format!("this would be more than {MOST_EXPORTED} rows; ask for less");
            return Err(ApiError::bad_request("start_date", message));
        }
    }
    let row = |((day, owner, of), counts): ((i64, String, String), Counts)| {
        let mut row = Map::new();
        row.insert("date".into(), date(day).into());
        row.insert(format!("{}_id", kind.scope.as_str()), owner.into());
        match apart {
            Apart::Nothing => None,
            Apart::Keys => row.insert("api_key".into(), of.into()),
            Apart::Models => row.insert("model".into(), of.into()),
        };
        row.extend(metrics(&counts));
        row
    };
    Ok(sums.into_iter().map(row).collect())
}

/// Writes rows that all have the same columns.
fn csv(rows: &[Map<String, Value>]) -> String {
    let Some(first) = rows.first() else { return String::new() };
    let line = |cells: Vec<String>| cells.join(",") + "\r\n";
    let mut text = line(first.keys().map(|name| cell(name)).collect());
    for row in rows {
        let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), cell);
        text.push_str(&line(row.values().map(shown).collect()));
    }
    text
}

/// Quotes a cell. What spreadsheets would take for a formula is made a text.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

fn of_days(caller: &Caller, kind: &Kind, query: &Query) -> Result<DailyQuery, ApiError> {
    let (first, last) = days(query)?;
    let mut asked = asked(kind, query, caller.confined())?;
    (asked.from, asked.until) = (Some(first), Some(last));
    Ok(asked)
}

async fn ranked(app: &App, asked: &DailyQuery, most: u32) -> Result<Vec<KeyHash>, ApiError> {
    let ranked = app.service.dearest(asked, Dearest::Keys, most).await?;
    Ok(ranked.iter().filter_map(|(hash, _)| KeyHash::from_hex(hash)).collect())
}

/// Writes what keys used, in this order.
async fn rows(app: &App, asked: DailyQuery, keys: Vec<KeyHash>) -> Result<Vec<Value>, ApiError> {
    let query = DailyQuery { keys: Some(keys.clone()), by_key: true, ..asked };
    let mut sums = BTreeMap::<KeyHash, Counts>::new();
    for DailyUsage { key, counts, .. } in app.service.daily_usage(&query).await? {
        if let Some(key) = key {
            sums.entry(key).or_default().add(&counts);
        }
    }
    let mut rows = Vec::with_capacity(keys.len());
    for hash in keys {
        let key: Option<ApiKey> = app.service.key(&hash).await?;
        rows.push(Value::Object(fields(json!({
            "api_key": hash.to_hex(),
            "metrics": metrics(&sums.get(&hash).copied().unwrap_or_default()),
            "metadata": key_metadata(key.as_ref()),
        }))));
    }
    Ok(rows)
}

/// How many keys are ranked at most; those beyond spent least.
const MOST_RANKED: u32 = 10_000;
/// How many are looked through for a name.
const MOST_SEARCHED: u32 = 500;
const MOST_SHOWN: u32 = 500;
const USUAL_SHOWN: u32 = 50;
const MOST_EXPORTED: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn cells_are_texts_and_nothing_else() {
        assert_eq!(cell("plain"), "plain");
        assert_eq!(cell("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(cell("=SUM(A1)"), "'=SUM(A1)");
    }
}
