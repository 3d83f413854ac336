//! `/policy/replay`: what a changed policy would have made of the requests of some days.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::domain::replay::{Policy, Refused, Replay, Rule, Sum};
use crate::domain::{MeterSpec, Scope, Timestamp};
use crate::http::error::ApiError;
use crate::http::explain::amount;
use crate::http::fields::Fields;
use crate::http::key_view::{dollars, zulu};
use crate::http::query::{Query, key_hash};
use crate::http::{App, Body, limit_fields, limit_view};
use crate::service::ServiceError;
use crate::store::UsageQuery;

type Answer = Result<Json<Value>, ApiError>;

/// `POST /policy/replay`: plays the ledger of a key, user, team or customer again, under the
/// limits that they have with those of `policy` changed.
pub(crate) async fn replay(State(app): State<App>, Body(body): Body) -> Answer {
    let mut fields = Fields::read(&body)?;
    let subject = Subject::read(&mut fields)?;
    let days = [fields.required_text("start_date"), fields.required_text("end_date")];
    let change = fields.object("policy").value().unwrap_or_default();
    fields.finish()?;
    let (policy, view) = subject.policy(&app, change).await?;
    let [first, last] = days.map(Some);
    let days = Query::of([("start_date", first), ("end_date", last)]);
    let (Some(from), Some(until)) = (days.day("start_date")?, days.day("end_date")?) else {
        return Err(ApiError::bad_request("start_date", "start_date and end_date must be days"));
    };
    let rates = app.config.borrow().limits.window;
    let mut replay = Replay::new(subject.scope, policy, rates);
    let records = play(&app, &subject, (from, until), &mut replay).await?;
    Ok(Json(shown(&replay, records, &view)))
}

/// Whose requests are played.
struct Subject {
    scope: Scope,
    id: String,
}

impl Subject {
    fn read(fields: &mut Fields) -> Result<Self, ApiError> {
        let mut named = Vec::new();
        for (name, scope) in KINDS {
            named.extend(fields.text(name).value().map(|id| Self { scope, id }));
        }
        let (first, second) = (named.pop(), named.pop());
        first.filter(|_| second.is_none()).ok_or_else(|| {
            let message = "Say whose requests: one of key, user_id, team_id and end_user.";
            ApiError::bad_request("key", message)
        })
    }

    /// Reads what holds, changed, and says which limits these are.
    async fn policy(
        &self,
        app: &App,
        change: Map<String, Value>,
    ) -> Result<(Policy, Map<String, Value>), ApiError> {
        let mut change = Fields::read(Value::Object(change).to_string().as_bytes())?;
        let models = change.texts("models").value();
        let blocked = change.flag("blocked").value();
        let limits = limit_fields::read(&mut change, None)?;
        change.finish()?;
        limits.check().map_err(ServiceError::from)?;
        let mut policy = self.present(app).await?;
        limits.apply(&mut policy.limits);
        policy.models = models.unwrap_or(policy.models);
        policy.blocked = blocked.unwrap_or(policy.blocked);
        let groups = app.config.borrow().models.clone();
        policy.groups = groups.into_iter().map(|model| (model.name, model.groups)).collect();
        let mut view = limit_view::limits(&policy.limits);
        view.insert("models".into(), json!(policy.models));
        view.insert("blocked".into(), policy.blocked.into());
        Ok((policy, view))
    }

    async fn present(&self, app: &App) -> Result<Policy, ApiError> {
        let service = &app.service;
        if self.scope == Scope::Key {
            let hash = key_hash(&self.id).ok_or(ServiceError::NotFound("key"))?;
            let key = service.key(&hash).await?.ok_or(ServiceError::NotFound("key"))?;
            return Ok(Policy {
                models: service.resolve(&hash).await?.policy.unwrap_or_default().models,
                expires_at: key.expires_at,
                blocked: key.blocked.unwrap_or(false),
                limits: key.limits,
                groups: BTreeMap::new(),
            });
        }
        let entity = service.entity(self.scope, &self.id).await?.ok_or_else(|| {
            let error = format!("There is no {} {}.", self.scope.as_str(), self.id);
            ApiError::detail(StatusCode::NOT_FOUND, json!({ "error": error }))
        })?;
        Ok(Policy {
            models: entity.models,
            limits: entity.limits,
            blocked: entity.blocked.unwrap_or(false),
            ..Policy::default()
        })
    }

    fn records(&self) -> UsageQuery {
        let id = |scope| (self.scope == scope).then(|| self.id.clone());
        UsageQuery {
            key: id(Scope::Key).and_then(|name| key_hash(&name)),
            user_id: id(Scope::User),
            team_id: id(Scope::Team),
            end_user: id(Scope::Customer),
            ..UsageQuery::default()
        }
    }
}

/// Plays the records of some days, day by day; returns how many there were.
async fn play(
    app: &App,
    subject: &Subject,
    (from, until): (Timestamp, Timestamp),
    replay: &mut Replay,
) -> Result<u64, ApiError> {
    let mut played = 0;
    for day in from.day()..=until.day() {
        let begin = |day: i64| Some(Timestamp::from_micros(day * Timestamp::A_DAY));
        let query = UsageQuery { from: begin(day), until: begin(day + 1), ..subject.records() };
        let left = MOST_RECORDS - played;
        let found = app.service.usage(&query, left + 1).await?;
        played += u32::try_from(found.len()).unwrap_or(u32::MAX);
        if played > MOST_RECORDS {
            let message =
                format!("There are more than {MOST_RECORDS} records. Ask for fewer days.");
            return Err(ApiError::bad_request("end_date", message));
        }
        // They come the newest first.
        for entry in found.iter().rev() {
            replay.take(&entry.record);
        }
    }
    Ok(played.into())
}

fn shown(replay: &Replay, records: u64, policy: &Map<String, Value>) -> Value {
    let limits: Vec<&MeterSpec> = replay.limits().collect();
    let refused = replay.refused().values().fold(Sum::default(), |mut all, it| {
        all.requests += it.sum.requests;
        all.tokens = all.tokens.saturating_add(it.sum.tokens);
        all.cost = all.cost.saturating_add(it.sum.cost);
        all
    });
    let rule = |(rule, refused): (&Rule, &Refused)| {
        let limit = match rule {
            Rule::Limit(at) => limits.get(*at).map(|spec| limit(spec)),
            Rule::Blocked | Rule::Expired | Rule::ModelNotAllowed => None,
        };
        let mut view = sum(refused.sum);
        view.insert("rule".into(), name(rule).into());
        view.insert("limit".into(), limit.into());
        view.insert("first".into(), zulu(refused.first).into());
        let examples = refused.examples.iter().map(|id| Value::from(id.to_hex()));
        view.insert("examples".into(), examples.collect());
        Value::Object(view)
    };
    json!({
        "policy": policy,
        "records": records,
        "passed": sum(replay.passed()),
        "refused": sum(refused),
        "rules": replay.refused().iter().map(rule).collect::<Vec<_>>(),
    })
}

fn sum(sum: Sum) -> Map<String, Value> {
    let mut view = Map::new();
    view.insert("requests".into(), sum.requests.into());
    view.insert("tokens".into(), sum.tokens.into());
    view.insert("cost".into(), dollars(sum.cost));
    view
}

fn limit(spec: &MeterSpec) -> Value {
    json!({
        "dimension": spec.dimension.as_str(),
        "model": spec.model,
        "window_seconds": spec.window.seconds(),
        "limit": amount(spec.dimension, spec.amount),
    })
}

fn name(rule: &Rule) -> &'static str {
    match rule {
        Rule::Blocked => "key_blocked",
        Rule::Expired => "expired_api_key",
        Rule::ModelNotAllowed => "model_not_allowed",
        Rule::Limit(_) => "limit_reached",
    }
}

const KINDS: [(&str, Scope); 4] = [
    ("key", Scope::Key),
    ("user_id", Scope::User),
    ("team_id", Scope::Team),
    ("end_user", Scope::Customer),
];

/// They are read a day at a time; this is how long one may wait for an answer.
const MOST_RECORDS: u32 = 100_000;
