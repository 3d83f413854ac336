//! `/global/spend/report`: spend over some days, by team, customer or key.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Map, Value, json};
use tollgate_core::money::NanoDollars;

use crate::domain::Scope;
use crate::http::App;
use crate::http::auth::Caller;
use crate::http::entity_view::fields;
use crate::http::error::ApiError;
use crate::http::key_view::dollars;
use crate::http::query::Query;
use crate::http::spend_logs::{date, usage_query};
use crate::store::{EntityQuery, SpendBy, SpendPart};

/// `GET /global/spend/report`. With `api_key` or `internal_user_id` it is about their keys.
pub(crate) async fn report(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, ApiError> {
    let query = Query::read(query.as_deref());
    let by = match query.text("group_by") {
        _ if query.text("api_key").or_else(|| query.text("internal_user_id")).is_some() => {
            SpendBy::Key
        }
        None | Some("team") => SpendBy::Team,
        Some("customer") => SpendBy::Customer,
        Some("api_key" | "internal_user_id") => SpendBy::Key,
        Some(_) => {
            let message = "group_by must be team, customer, api_key or internal_user_id";
            return Err(ApiError::bad_request("group_by", message));
        }
    };
    shown(&app, &caller, &query, by).await
}

/// `GET /key/spend/report`: by key; `GET /user/spend/report`: by key of a user.
pub(crate) async fn of_keys(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, ApiError> {
    shown(&app, &caller, &Query::read(query.as_deref()), SpendBy::Key).await
}

/// `GET /team/spend/report`: by team.
pub(crate) async fn of_teams(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, ApiError> {
    shown(&app, &caller, &Query::read(query.as_deref()), SpendBy::Team).await
}

async fn shown(
    app: &App,
    caller: &Caller,
    query: &Query,
    by: SpendBy,
) -> Result<Json<Value>, ApiError> {
    query.required("start_date")?;
    query.required("end_date")?;
    let Some(asked) = usage_query(caller, query)? else { return Ok(Json(json!([]))) };
    let parts = app.service.spend_parts(&asked, by).await?;
    Ok(Json(match by {
        SpendBy::Key => by_key(&parts),
        SpendBy::Customer => by_day(&parts, ("customers", "customer"), &BTreeMap::new()),
        SpendBy::Team => {
            let teams = app.service.entities(&EntityQuery::all(Scope::Team)).await?.entities;
            let names = teams.into_iter().filter_map(|team| Some((team.id, team.alias?)));
            by_day(&parts, ("teams", "team_name"), &names.collect())
        }
    }))
}

/// One object a day, with what each of those spent by key and model.
fn by_day(
    parts: &[SpendPart],
    (all, one): (&str, &str),
    names: &BTreeMap<String, String>,
) -> Value {
    let mut days = BTreeMap::<i64, BTreeMap<&str, Vec<&SpendPart>>>::new();
    for part in parts {
        let of = part.of.as_deref().unwrap_or("Unassigned");
        days.entry(part.day).or_default().entry(of).or_default().push(part);
    }
    let group = |(id, parts): (&str, Vec<&SpendPart>)| {
        let name = names.get(id).map_or(id, String::as_str);
        let details: Vec<Value> = parts.iter().map(|part| detail(part)).collect();
        json!({one: name, "total_spend": dollars(sum(&parts)), "metadata": details})
    };
    let day = |(day, groups): (i64, BTreeMap<&str, Vec<&SpendPart>>)| {
        let groups: Vec<Value> = groups.into_iter().map(group).collect();
        json!({"group_by_day": format!("{}T00:00:00+00:00", date(day)), all: groups})
    };
    days.into_iter().map(day).collect()
}

fn detail(part: &SpendPart) -> Value {
    json!({
        "model": part.model,
        "spend": dollars(part.counts.cost),
        "total_tokens": part.counts.total,
        "api_key": part.key_hash.to_hex(),
    })
}

/// One object a key, dearest first, with what it spent by model.
fn by_key(parts: &[SpendPart]) -> Value {
    let mut keys = BTreeMap::<String, BTreeMap<&str, Vec<&SpendPart>>>::new();
    for part in parts {
        let models = keys.entry(part.key_hash.to_hex()).or_default();
        models.entry(&part.model).or_default().push(part);
    }
    let mut views: Vec<(NanoDollars, Value)> = Vec::with_capacity(keys.len());
    for (key, models) in keys {
        let parts: Vec<&SpendPart> = models.values().flatten().copied().collect();
        let details: Vec<Value> = models
            .iter()
            .map(|(model, parts)| {
                let mut view = totals(parts);
                view.insert("model".into(), (*model).into());
                Value::Object(view)
            })
            .collect();
        let mut view = totals(&parts);
        view.insert("api_key".into(), key.into());
        view.insert("model_details".into(), details.into());
        views.push((sum(&parts), Value::Object(view)));
    }
    views.sort_by_key(|(cost, _)| std::cmp::Reverse(*cost));
    views.into_iter().map(|(_, view)| view).collect()
}

fn totals(parts: &[&SpendPart]) -> Map<String, Value> {
    let tokens = |class: fn(&SpendPart) -> u64| {
        parts.iter().fold(0_u64, |sum, part| sum.saturating_add(class(part)))
    };
    fields(json!({
        "total_cost": dollars(sum(parts)),
        "total_input_tokens": tokens(|part| part.counts.input),
        "total_output_tokens": tokens(|part| part.counts.output),
    }))
}

fn sum(parts: &[&SpendPart]) -> NanoDollars {
    parts.iter().fold(NanoDollars::ZERO, |sum, part| sum.saturating_add(part.counts.cost))
}
