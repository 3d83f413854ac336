//! `/global/spend/*` and `/global/activity`: what everybody spent, by day and by whom. Read from
//! sums of days, never from single records.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Map, Value, json};
use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;

use crate::domain::Scope;
use crate::http::activity::days;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::key_view::dollars;
use crate::http::query::{Query, key_hash};
use crate::http::spend_logs::{date, short_date};
use crate::http::{App, Body};
use crate::store::{Counts, DailyQuery, DailyUsage, Dearest};

type Answer = Result<Json<Value>, ApiError>;

/// `GET /global/spend`: what all requests cost, ever.
pub(crate) async fn total(State(app): State<App>) -> Answer {
    let parts = app.service.daily_usage(&DailyQuery::default()).await?;
    let spend = sum(parts.iter().map(|part| part.counts.cost));
    Ok(Json(json!({ "spend": dollars(spend), "max_budget": null })))
}

/// `GET /global/spend/logs`: what each of the last days cost, of all keys or one.
pub(crate) async fn logs(State(app): State<App>, RawQuery(query): RawQuery) -> Answer {
    let query = Query::read(query.as_deref());
    let keys = query.text("api_key").map(|name| key_hash(name).into_iter().collect());
    let asked = DailyQuery { keys, ..lately(&app) };
    let mut by_day = BTreeMap::<i64, NanoDollars>::new();
    for part in app.service.daily_usage(&asked).await? {
        let sum = by_day.entry(part.day).or_default();
        *sum = sum.saturating_add(part.counts.cost);
    }
    let row = |(day, cost)| json!({ "date": date(day), "spend": dollars(cost) });
    Ok(Json(by_day.into_iter().map(row).collect()))
}

/// `GET /global/spend/keys`: the keys that spent most lately.
pub(crate) async fn keys(State(app): State<App>, RawQuery(query): RawQuery) -> Answer {
    let mut rows = Vec::new();
    for (hash, counts) in dearest(&app, query.as_deref(), Dearest::Keys).await? {
        let key = match KeyHash::from_hex(&hash) {
            Some(hash) => app.service.key(&hash).await?,
            None => None,
        };
        rows.push(json!({
            "api_key": hash,
            "key_alias": key.as_ref().and_then(|key| key.alias.clone()),
            "key_name": key.map(|key| key.name),
            "total_spend": dollars(counts.cost),
        }));
    }
    Ok(Json(rows.into()))
}

/// `GET /global/spend/models`: the models that cost most lately.
pub(crate) async fn models(State(app): State<App>, RawQuery(query): RawQuery) -> Answer {
    let rows = dearest(&app, query.as_deref(), Dearest::Models).await?.into_iter();
    let row = |(model, counts): (String, Counts)| json!({ "model": model, "total_spend": dollars(counts.cost) });
    Ok(Json(rows.map(row).collect()))
}

/// `GET /global/spend/teams`: what each team spent on each of the last days.
pub(crate) async fn teams(State(app): State<App>) -> Answer {
    let all = lately(&app);
    let of_teams = DailyQuery { scope: Some(Scope::Team), ..all.clone() };
    let mut days = BTreeMap::<i64, BTreeMap<String, NanoDollars>>::new();
    let mut totals = BTreeMap::<String, NanoDollars>::new();
    for (day, team, cost) in app.service.daily_costs(&of_teams, Dearest::Owners).await? {
        add(days.entry(day).or_default(), &team, cost);
        add(&mut totals, &team, cost);
    }
    // What no team spent is the rest.
    for part in app.service.daily_usage(&all).await? {
        add(days.entry(part.day).or_default(), "", part.counts.cost);
    }
    let daily: Vec<Value> = days
        .into_iter()
        .map(|(day, mut teams)| {
            let whole = teams.remove("").unwrap_or_default();
            let rest = whole.0.saturating_sub(sum(teams.values().copied()).0);
            let mut view: Map<String, Value> =
                teams.into_iter().map(|(team, cost)| (team, dollars(cost))).collect();
            view.insert("date".into(), date(day).into());
            if rest > 0 {
                view.insert("Unassigned".into(), dollars(NanoDollars(rest)));
            }
            view.into()
        })
        .collect();
    let mut per_team: Vec<(&String, &NanoDollars)> = totals.iter().collect();
    per_team.sort_by_key(|(_, cost)| std::cmp::Reverse(**cost));
    let row = |(team, cost): (&String, &NanoDollars)| json!({ "team_id": team, "total_spend": dollars(*cost) });
    Ok(Json(json!({
        "daily_spend": daily,
        "teams": totals.keys().collect::<Vec<_>>(),
        "total_spend_per_team": per_team.into_iter().map(row).collect::<Vec<_>>(),
    })))
}

/// `POST /global/spend/end_users`: the customers that spent most.
pub(crate) async fn end_users(State(app): State<App>, Body(body): Body) -> Answer {
    let mut fields = Fields::read_or_none(&body)?;
    let key = fields.text("api_key").value();
    let (from, until) = (fields.text("startTime").value(), fields.text("endTime").value());
    fields.finish()?;
    let query = Query::of([("start_date", from), ("end_date", until)]);
    let asked = DailyQuery {
        scope: Some(Scope::Customer),
        keys: key.map(|name| key_hash(&name).into_iter().collect()),
        ..lately_or(&app, &query)?
    };
    let named = app.service.dearest(&asked, Dearest::Owners, MOST_ROWS).await?;
    let row = |(owner, counts): (String, Counts)| {
        json!({
            "end_user": owner,
            "total_count": counts.requests,
            "total_spend": dollars(counts.cost),
        })
    };
    Ok(Json(named.into_iter().map(row).collect()))
}

/// `GET /global/spend/tags`: what requests with each tag cost.
pub(crate) async fn tags(State(app): State<App>, RawQuery(query): RawQuery) -> Answer {
    let query = Query::read(query.as_deref());
    let (from, until) = days(&query)?;
    let asked = DailyQuery {
        scope: Some(Scope::Tag),
        owners: query.list("tags"),
        from: Some(from),
        until: Some(until),
        ..DailyQuery::default()
    };
    let sums = app.service.dearest(&asked, Dearest::Owners, MOST_ROWS).await?;
    let row = |(tag, counts): (String, Counts)| json!({ "name": tag, "spend": dollars(counts.cost), "log_count": counts.requests });
    Ok(Json(json!({ "spend_per_tag": sums.into_iter().map(row).collect::<Vec<_>>() })))
}

/// `GET /global/spend/all_tag_names`.
pub(crate) async fn tag_names(State(app): State<App>) -> Answer {
    let asked = DailyQuery { scope: Some(Scope::Tag), ..DailyQuery::default() };
    let named = app.service.dearest(&asked, Dearest::Owners, MOST_ROWS).await?;
    let mut names: Vec<String> = named.into_iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    Ok(Json(json!({ "tag_names": names })))
}

/// `GET /global/spend/provider`: what was spent with each provider.
pub(crate) async fn providers(State(app): State<App>, RawQuery(query): RawQuery) -> Answer {
    let asked = lately_or(&app, &Query::read(query.as_deref()))?;
    let mut sums = BTreeMap::<String, NanoDollars>::new();
    for part in app.service.daily_usage(&asked).await? {
        add(&mut sums, &part.provider, part.counts.cost);
    }
    // Requests that were refused went nowhere.
    sums.remove("");
    let row = |(provider, cost)| json!({ "provider": provider, "spend": dollars(cost) });
    Ok(Json(sums.into_iter().map(row).collect()))
}

/// `GET /global/activity`: requests and tokens by day.
pub(crate) async fn activity(State(app): State<App>, RawQuery(query): RawQuery) -> Answer {
    let asked = lately_or(&app, &Query::read(query.as_deref()))?;
    let parts = app.service.daily_usage(&asked).await?;
    Ok(Json(active(parts.iter()).into()))
}

/// `GET /global/activity/model`: the same, model by model.
pub(crate) async fn activity_by_model(State(app): State<App>, RawQuery(query): RawQuery) -> Answer {
    let asked = lately_or(&app, &Query::read(query.as_deref()))?;
    let parts = app.service.daily_usage(&asked).await?;
    let mut models = BTreeMap::<&str, Vec<&DailyUsage>>::new();
    for part in &parts {
        models.entry(&part.model).or_default().push(part);
    }
    let row = |(model, parts): (&str, Vec<&DailyUsage>)| {
        let mut view = active(parts.into_iter());
        view.insert("model".into(), model.into());
        Value::Object(view)
    };
    Ok(Json(models.into_iter().map(row).collect()))
}

fn active<'a>(parts: impl Iterator<Item = &'a DailyUsage>) -> Map<String, Value> {
    let (mut by_day, mut total) = (BTreeMap::<i64, Counts>::new(), Counts::default());
    for part in parts {
        by_day.entry(part.day).or_default().add(&part.counts);
        total.add(&part.counts);
    }
    let row = |(day, counts): (i64, Counts)| {
        json!({
            "date": short_date(day),
            "api_requests": counts.requests,
            "total_tokens": counts.total,
        })
    };
    let mut view = Map::new();
    view.insert("daily_data".into(), by_day.into_iter().map(row).collect());
    view.insert("sum_api_requests".into(), total.requests.into());
    view.insert("sum_total_tokens".into(), total.total.into());
    view
}

async fn dearest(
    app: &App,
    query: Option<&str>,
    among: Dearest,
) -> Result<Vec<(String, Counts)>, ApiError> {
    let limit = Query::read(query).number("limit", 1, MOST_ROWS)?.unwrap_or(10);
    Ok(app.service.dearest(&lately(app), among, limit).await?)
}

/// The last thirty days.
fn lately(app: &App) -> DailyQuery {
    let today = app.service.now().day();
    DailyQuery { from: Some(today - 30), until: Some(today), ..DailyQuery::default() }
}

/// The days that are asked for, or the last thirty.
fn lately_or(app: &App, query: &Query) -> Result<DailyQuery, ApiError> {
    if query.text("start_date").is_none() && query.text("end_date").is_none() {
        return Ok(lately(app));
    }
    let (from, until) = days(query)?;
    Ok(DailyQuery { from: Some(from), until: Some(until), ..DailyQuery::default() })
}

fn add(sums: &mut BTreeMap<String, NanoDollars>, name: &str, cost: NanoDollars) {
    let sum = sums.entry(name.to_owned()).or_default();
    *sum = sum.saturating_add(cost);
}

fn sum(costs: impl Iterator<Item = NanoDollars>) -> NanoDollars {
    costs.fold(NanoDollars::ZERO, NanoDollars::saturating_add)
}

const MOST_ROWS: u32 = 1_000;
