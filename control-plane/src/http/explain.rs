//! `/policy/explain`: would this request pass, by which rule not, at what cost at worst, and who
//! would serve it.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use tollgate_core::exchange::Reply;
use tollgate_core::money::NanoDollars;
use tollgate_proto::v1;

use crate::domain::meter::{Answer as Standing, Dimension, Statement};
use crate::domain::{MeterRow, Timestamp};
use crate::explain::{self, Ask, Case, Known, Outcome, Passage, Target};
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::key_view::dollars;
use crate::http::query::key_hash;
use crate::http::{App, Body};
use crate::snapshot;
use crate::xds::filter::{Gateway, Role};

type Answer = Result<Json<Value>, ApiError>;

/// `POST /policy/explain`: judges a request as a filter would, from what is so now; nothing is
/// sent, and nothing used up.
pub(crate) async fn explain(State(app): State<App>, Body(body): Body) -> Answer {
    let mut fields = Fields::read(&body)?;
    let key = fields.required_text("key");
    let path = fields.text("path").value().unwrap_or_else(|| "/v1/chat/completions".to_owned());
    let headers = fields.object("headers").value().unwrap_or_default();
    let request = fields.object("body").value();
    let address = fields.text("client_address").value();
    fields.finish()?;
    let mut known = Known::default();
    let mut limits = Limits::default();
    let case = case(&app, &key, (&path, &headers, request), address).await?;
    for _ in 0..MOST_QUESTIONS {
        match explain::judge(&case, &known).map_err(|why| ApiError::bad_request("path", why))? {
            Outcome::Asks(Ask::Customer(name)) => {
                let resolved = app.service.resolve_customer(&name).await?;
                known.customers.insert(
                    name,
                    snapshot::key::render_customer(resolved.revision, resolved.customer),
                );
            }
            Outcome::Asks(Ask::Limits(states)) => {
                let now = app.service.now();
                let asked: Vec<Statement> =
                    states.iter().map(|it| snapshot::lease::statement(it, now)).collect();
                let found = app.service.would_grant(&asked).await?;
                limits.add(&asked, found, &mut known, now);
            }
            Outcome::Passes(passage) => return Ok(Json(passes(&passage, &limits))),
            Outcome::Answered(reply) => return Ok(Json(answered(&reply, &limits))),
            Outcome::Beyond => break,
        }
    }
    let message = "What becomes of this request depends on what only a gateway knows: files, \
                   objects that providers keep, or units that others hold and may give back.";
    Err(ApiError::bad_request("body", message))
}

async fn case(
    app: &App,
    key: &str,
    (path, headers, body): (&str, &Map<String, Value>, Option<Map<String, Value>>),
    address: Option<String>,
) -> Result<Case, ApiError> {
    let resolved = match key_hash(key) {
        Some(hash) => app.service.resolve(&hash).await?,
        None => return Err(ApiError::bad_request("key", "key must be a key or its hash")),
    };
    let config = app.config.borrow().clone();
    let role = Role::Gateway(Gateway::from(&config.server.gateway));
    let settings = serde_json::to_string(&role).unwrap_or_default();
    let health = app.service.health().await?;
    let state = app.publisher.current();
    let snapshot = v1::Snapshot {
        health: health.iter().map(snapshot::health::render).collect(),
        // Filters hear a moment later that there are any.
        customers: true,
        ..v1::Snapshot::clone(&state.snapshot)
    };
    let body = body.map(|body| Value::Object(body).to_string().into_bytes()).unwrap_or_default();
    Ok(Case {
        settings,
        snapshot,
        policy: v1::ResolveKeyResponse {
            policy: resolved.policy.map(snapshot::key::render),
            revision: resolved.revision,
        },
        headers: written(path, headers, body.is_empty()),
        body,
        address: address.map(|address| format!("{address}:0")),
        now_us: app.service.now().as_micros(),
    })
}

/// Writes the headers as a client's would reach the filter. Who the client is has been said
/// already: the secret of a key is not known, and not needed.
fn written(path: &str, headers: &Map<String, Value>, empty: bool) -> Vec<(String, String)> {
    let method = if empty { "GET" } else { "POST" };
    let own = [
        (":method", method),
        (":path", path),
        (":authority", "gateway"),
        ("content-type", "application/json"),
    ];
    let mut all: Vec<(String, String)> =
        own.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if !name.starts_with(':') && !NOT_TAKEN.contains(&&*name) {
            all.push((name, text));
        }
    }
    all.push(("authorization".to_owned(), format!("Bearer {STAND_IN}")));
    all
}

/// What limits would grant.
#[derive(Default)]
struct Limits(BTreeMap<u64, (Statement, MeterRow, Standing)>);

impl Limits {
    fn add(
        &mut self,
        asked: &[Statement],
        found: Vec<(MeterRow, Standing)>,
        known: &mut Known,
        now: Timestamp,
    ) {
        let found: BTreeMap<u64, (MeterRow, Standing)> =
            found.into_iter().map(|(row, standing)| (row.id, (row, standing))).collect();
        for statement in asked {
            let standing = found.get(&statement.meter);
            let grant = snapshot::lease::grant(
                statement.meter,
                standing.map(|(_, standing)| *standing),
                now,
            );
            known.grants.insert(statement.meter, grant);
            if let Some((row, standing)) = standing {
                self.0.insert(row.id, (*statement, row.clone(), *standing));
            }
        }
    }

    fn view(&self) -> Value {
        let row = |(asked, row, standing): &(Statement, MeterRow, Standing)| {
            let spec = &row.spec;
            let amount = |number: i64| amount(spec.dimension, number);
            json!({
                "scope": spec.scope.as_str(),
                "name": spec.name,
                "dimension": spec.dimension.as_str(),
                "model": spec.model,
                "window_seconds": spec.window.seconds(),
                "limit": amount(standing.limit),
                "used": amount(standing.used),
                "left": amount(standing.left),
                "needed": amount(asked.need),
                "wanted": amount(asked.want),
                "exceeded": standing.granted < asked.need,
            })
        };
        self.0.values().map(row).collect()
    }
}

/// Writes an amount in units of its dimension; money in dollars.
pub(crate) fn amount(dimension: Dimension, amount: i64) -> Value {
    if dimension == Dimension::Money { dollars(NanoDollars(amount)) } else { amount.into() }
}

fn passes(passage: &Passage, limits: &Limits) -> Value {
    json!({
        "allowed": true,
        "status": StatusCode::OK.as_u16(),
        "rule": null,
        "response": null,
        "model": passage.model,
        "targets": passage.targets.iter().map(target).collect::<Vec<_>>(),
        "passed_over": passage.passed_over.iter().map(passed_over).collect::<Vec<_>>(),
        "worst_case": {
            "input_tokens": passage.input,
            "output_tokens": passage.output,
            "cost": passage.cost.map(dollars),
        },
        "output_cap": passage.output_cap,
        "limits": limits.view(),
    })
}

fn answered(reply: &Reply, limits: &Limits) -> Value {
    let allowed = reply.status < 400;
    let response: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    json!({
        "allowed": allowed,
        "status": reply.status,
        "rule": reply.code,
        "response": response,
        "model": null,
        "targets": [],
        "passed_over": [],
        "worst_case": null,
        "output_cap": null,
        "limits": limits.view(),
    })
}

fn target(target: &Target) -> Value {
    let account = Some(&target.account).filter(|account| !account.is_empty());
    json!({ "provider": target.provider, "account": account, "model": target.model })
}

fn passed_over((it, why): &(Target, &str)) -> Value {
    let mut view = target(it);
    if let Some(view) = view.as_object_mut() {
        view.insert("reason".into(), (*why).into());
    }
    view
}

/// Stands for the key, whose secret nobody knows.
const STAND_IN: &str = "sk-explained";

/// Headers that would say who the client is, or make the request one with another.
const NOT_TAKEN: [&str; 6] =
    ["authorization", "x-api-key", "api-key", "x-goog-api-key", "idempotency-key", "x-request-id"];

/// A request names one customer, and meets its limits once for each provider that is full.
const MOST_QUESTIONS: usize = 32;
