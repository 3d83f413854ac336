//! `/spend/*` and `/global/spend/*`: who spent how much.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::domain::{KeyChange, Scope};
use crate::http::auth::{By, Caller};
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::key_view::{dollars, offset, row_with_token};
use crate::http::limit_view::reset_at;
use crate::http::query::{Query, key_hash};
use crate::http::spend_logs::usage_query;
use crate::http::{App, Body, keys, rights, users};
use crate::service::{KeyFields, ServiceError};
use crate::store::{Counts, EntityQuery, KeyQuery, KeySort};

type Answer = Result<Json<Value>, ApiError>;

/// `GET /spend/keys`: whole rows, dearest first; the caller's own unless they are admin. More
/// than an answer can hold are refused rather than cut, unless `limit` asks for the first.
pub(crate) async fn keys(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer {
    let limit = Query::read(query.as_deref()).number("limit", 1, MOST_ROWS)?;
    let now = app.service.now();
    if let (Some(own), None) = (caller.confined(), &caller.standing.user) {
        return Ok(Json(json!([row_with_token(own, now)])));
    }
    let mut query = KeyQuery {
        sort: KeySort::Spend,
        descending: true,
        limit: limit.unwrap_or(MOST_ROWS),
        ..KeyQuery::default()
    };
    rights::narrow_keys(&app, &caller, &mut query, false).await?;
    let page = app.service.keys(&query).await?;
    if limit.is_none() && page.total > u64::from(MOST_ROWS) {
        let message = format!(
            "There are {} keys, and an answer holds {MOST_ROWS}. Ask for the dearest with limit, \
             or for pages of /key/list with sort_by=spend and return_full_object=true.",
            page.total
        );
        return Err(ApiError::bad_request("limit", message));
    }
    let rows = page.keys.iter().map(|listed| Value::Object(row_with_token(&listed.key, now)));
    Ok(Json(rows.collect()))
}

/// `GET /spend/users`: whole rows; the caller's own unless they are admin.
pub(crate) async fn users(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref());
    let asked = query.text("user_id").map(str::to_owned);
    let ids = if caller.standing.sees_all() {
        asked.map(|id| vec![id])
    } else {
        let own = caller.standing.user.iter();
        let wanted = |own: &&String| asked.as_ref().is_none_or(|asked| asked == *own);
        Some(own.filter(wanted).cloned().collect())
    };
    let query = EntityQuery { ids, ..EntityQuery::all(Scope::User) };
    let now = app.service.now();
    let mut found = app.service.entities(&query).await?.entities;
    found.sort_by_key(|user| std::cmp::Reverse(user.spent(now)));
    Ok(Json(found.iter().map(|user| Value::Object(users::row(user, now))).collect()))
}

/// `GET /spend/tags`: what requests with each tag cost, dearest first.
pub(crate) async fn tags(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref());
    let Some(asked) = usage_query(&caller, &query)? else { return Ok(Json(json!([]))) };
    let sums = app.service.tag_spend(&asked).await?;
    let row = |(tag, counts): (String, Counts)| {
        json!({
            "individual_request_tag": tag,
            "log_count": counts.requests,
            "total_spend": dollars(counts.cost),
        })
    };
    Ok(Json(sums.into_iter().map(row).collect()))
}

/// `POST /global/spend/reset`: what keys and teams spent is nothing from now on; logs stay.
pub(crate) async fn reset(State(app): State<App>, By(actor): By) -> Answer {
    app.service.reset_spend(&actor).await?;
    let message = "Spend for all API Keys and Teams reset successfully";
    Ok(Json(json!({"message": message, "status": "success"})))
}

/// `POST /key/{key}/reset_spend`: what the key spent is lowered to `reset_to`.
pub(crate) async fn reset_key(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Body(body): Body,
) -> Answer {
    let mut body = Fields::read(&body)?;
    body.required("reset_to");
    let to = body.dollars("reset_to")?.value().unwrap_or_default();
    body.finish()?;
    let hash = key_hash(&name).ok_or(ServiceError::NotFound("key"))?;
    let before = keys::existing(&app, &caller, &hash).await?;
    rights::govern_key(&app, &caller, &before).await?;
    let spent = before.spent(app.service.now());
    if to > spent || to.0 < 0 {
        let error = format!("reset_to must be between 0 and what was spent, {spent}");
        return Err(ApiError::detail(StatusCode::BAD_REQUEST, json!({ "error": error })));
    }
    let change = KeyChange { spend: Some(to), ..KeyChange::default() };
    let fields = KeyFields { change, ..KeyFields::default() };
    let key = app.service.update_key(&hash, fields, &caller.actor).await?;
    let now = app.service.now();
    Ok(Json(json!({
        "key_hash": hash.to_hex(),
        "spend": dollars(key.spent(now)),
        "previous_spend": dollars(spent),
        "max_budget": key.limits.max_budget.map(dollars),
        "budget_reset_at": reset_at(&key.limits, key.budget, now).map(offset),
    })))
}

/// An answer is built in memory.
const MOST_ROWS: u32 = 10_000;
