//! Whether a provider answers with a key, and which models it has: asked of the provider itself.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::catalogue::Catalogue;
use crate::config::ProviderConfig;
use crate::domain::{Edit, Item, ItemKind, Secret, Stamps};
use crate::effective::provider_of;
use crate::http::auth::By;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::items::{self, Draft, bad};
use crate::http::key_view::zulu;
use crate::http::providers::{nodes, one, provider};
use crate::http::{App, Body};
use crate::outbound::{self, OutboundError, Reach, Reply, question};
use crate::service::ItemDraft;

type Answer = Result<Json<Value>, ApiError>;

/// `POST /api/providers/{id}/test`.
pub(crate) async fn test(State(app): State<App>, By(actor): By, Path(id): Path<String>) -> Answer {
    let before = one(&app, &id).await?;
    let (provider, credential) = (provider(&app, &before).await?, app.service.credential(&before)?);
    let tested = app.service.now();
    let verdict = ask(&provider, credential.as_ref(), reach(&provider, &before)).await;
    let mut body = before.body.clone();
    body.insert("testStatus".into(), if verdict.valid() { "active" } else { "error" }.into());
    body.insert("lastError".into(), verdict.message.clone().into());
    body.insert("errorCode".into(), verdict.status.into());
    body.insert("lastTested".into(), zulu(tested).into());
    let draft = ItemDraft { kind: ItemKind::Connection, id, body, secret: Edit::Keep };
    let draft = Draft { wanted: draft, before: Some(&before), action: "provider.test" };
    items::put(&app, draft, &actor).await?;
    Ok(Json(json!({
        "valid": verdict.valid(),
        "error": verdict.message,
        "refreshed": false,
        "diagnosis": {
            "type": verdict.kind,
            "source": "upstream",
            "message": verdict.message,
            "code": verdict.status,
        },
        "latencyMs": verdict.latency_ms,
        "statusCode": verdict.status,
        "runtime": null,
        "testedAt": zulu(tested),
    })))
}

/// `POST /api/providers/validate`: a key that is not stored.
pub(crate) async fn validate(State(app): State<App>, Body(body): Body) -> Answer {
    let (name, item, key) = unsaved(&app, &body, "provider")?;
    if name.is_none() {
        return Err(bad("provider is required"));
    }
    let provider = provider_of(&item, &nodes(&app).await?)
        .map_err(|why| ApiError::plain(StatusCode::NOT_FOUND, why))?;
    verdict_of(&provider, key.as_ref(), allowed(&item)).await
}

/// `POST /api/provider-nodes/validate`: a place that is not stored.
pub(crate) async fn validate_node(State(app): State<App>, Body(body): Body) -> Answer {
    let (_, mut item, key) = unsaved(&app, &body, "provider")?;
    if item.text("baseUrl").is_none() {
        return Err(bad("baseUrl is required"));
    }
    item.body.insert("prefix".into(), "validated".into());
    let node = match crate::effective::Node::read(&item) {
        Ok(node) => node,
        Err(why) => return Ok(Json(json!({"valid": false, "error": why}))),
    };
    let provider = ProviderConfig::new(node.prefix, node.base_url, node.dialect);
    verdict_of(&provider, key.as_ref(), allowed(&item)).await
}

/// `GET /api/providers/{id}/models`: from the provider's own list.
pub(crate) async fn models(State(app): State<App>, Path(id): Path<String>) -> Answer {
    let item = one(&app, &id).await?;
    let provider = provider(&app, &item).await?;
    let known = provider.kind.as_deref().and_then(|kind| Catalogue::built_in().find(kind));
    let names = if known.is_some_and(|known| !known.lists_models) {
        app.prices.models_of(provider.listed_as()).map(str::to_owned).collect()
    } else {
        let credential = app.service.credential(&item)?;
        discovered(&provider, credential.as_ref(), reach(&provider, &item)).await?
    };
    let models: Vec<Value> =
        names.iter().map(|name: &String| json!({"id": name, "name": name})).collect();
    Ok(Json(json!({"provider": provider.id, "connectionId": id, "models": models})))
}

async fn discovered(
    provider: &ProviderConfig,
    credential: Option<&Secret>,
    reach: Reach,
) -> Result<Vec<String>, ApiError> {
    let reply = call(provider, question::models(provider, credential), reach).await;
    let reply = reply.map_err(|error| match error {
        OutboundError::Forbidden(_) => bad(error.to_string()),
        OutboundError::Unreachable(_) | OutboundError::TimedOut => {
            ApiError::plain(StatusCode::BAD_GATEWAY, error.to_string())
        }
    })?;
    if !(200..300).contains(&reply.status) {
        // Never 401: the caller's own key is good.
        let status = if reply.status == 429 { 429 } else { 502 };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
        return Err(ApiError::plain(status, format!("the provider answers {}", reply.status)));
    }
    question::names(provider.dialect, &reply.body)
        .ok_or_else(|| ApiError::plain(StatusCode::BAD_GATEWAY, "the answer is no list of models"))
}

/// What a test found.
pub(crate) struct Verdict {
    kind: &'static str,
    /// The provider's status.
    pub(crate) status: Option<u16>,
    /// What is wrong.
    pub(crate) message: Option<String>,
    /// How long it took.
    pub(crate) latency_ms: u64,
}

impl Verdict {
    /// Tells whether nothing is wrong.
    pub(crate) fn valid(&self) -> bool {
        self.message.is_none()
    }
}

async fn verdict_of(provider: &ProviderConfig, key: Option<&Secret>, reach: Reach) -> Answer {
    let verdict = ask(provider, key, reach).await;
    Ok(Json(json!({"valid": verdict.valid(), "error": verdict.message})))
}

async fn ask(provider: &ProviderConfig, credential: Option<&Secret>, reach: Reach) -> Verdict {
    let known = provider.kind.as_deref().and_then(|kind| Catalogue::built_in().find(kind));
    if known.is_some_and(|known| known.needs_credential) && credential.is_none() {
        let message = Some("there is no key".to_owned());
        return Verdict { kind: "auth_missing", status: None, message, latency_ms: 0 };
    }
    judged(provider, question::models(provider, credential), reach).await
}

/// Sends a call and says what its answer means.
pub(crate) async fn judged(
    provider: &ProviderConfig,
    question: outbound::Call,
    reach: Reach,
) -> Verdict {
    let began = tokio::time::Instant::now();
    let reply = call(provider, question, reach).await;
    let latency_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let status = reply.as_ref().ok().map(|reply| reply.status);
    let (kind, message) = match (reply, status.unwrap_or_default()) {
        (Err(error), _) => ("network_error", Some(error.to_string())),
        (Ok(_), 200..300) => ("ok", None),
        (Ok(_), 401 | 403) => ("upstream_auth_error", Some("the key is refused".to_owned())),
        (Ok(_), 429) => ("upstream_rate_limited", Some("the key is over its limits".to_owned())),
        (Ok(_), 404 | 405) => {
            ("unsupported", Some("the provider does not answer this question".to_owned()))
        }
        (Ok(_), status @ 500..) => {
            ("upstream_unavailable", Some(format!("the provider answers {status}")))
        }
        (Ok(_), status) => ("upstream_error", Some(format!("the provider answers {status}"))),
    };
    Verdict { kind, status, message, latency_ms }
}

async fn call(
    provider: &ProviderConfig,
    question: outbound::Call,
    reach: Reach,
) -> Result<Reply, OutboundError> {
    if provider.proxy.is_some() {
        let why = "providers behind a proxy are not tested from here";
        return Err(OutboundError::Unreachable(why.into()));
    }
    outbound::send(&provider.base_url, question, reach).await
}

/// A stored provider whose URL is an address, or this machine, was put there by whoever made it.
/// A name may lead anywhere, and later elsewhere.
pub(crate) fn reach(provider: &ProviderConfig, item: &Item) -> Reach {
    let host = &provider.base_url.host;
    let written = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok();
    if written { Reach::Private } else { allowed(item) }
}

fn allowed(item: &Item) -> Reach {
    if item.flag("allowPrivate") == Some(true) { Reach::Private } else { Reach::Public }
}

/// Reads what is to be tried without being stored.
fn unsaved(
    app: &App,
    body: &[u8],
    name: &str,
) -> Result<(Option<String>, Item, Option<Secret>), ApiError> {
    let mut fields = Fields::read(body)?;
    let mut body = Map::new();
    let named = fields.text(name).value();
    let mut taken = items::Taken { fields: &mut fields, body: &mut body };
    taken.texts(&["provider", "baseUrl", "apiVersion", "type", "apiType"]);
    taken.flags(&["allowPrivate"]);
    let key = items::secret(fields.text("apiKey"), "apiKey")?.value();
    fields.finish()?;
    let now = app.service.now();
    let nobody = String::new;
    let stamps =
        Stamps { created_at: now, created_by: nobody(), updated_at: now, updated_by: nobody() };
    let item = Item { kind: ItemKind::Connection, id: nobody(), body, sealed: None, stamps };
    Ok((named, item, key))
}
