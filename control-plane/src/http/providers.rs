//! `/api/providers`: accounts of providers, in OmniRoute's shapes.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::catalogue::Catalogue;
use crate::config::{AccountConfig, ProviderConfig};
use crate::domain::{Edit, HealthMark, Item, ItemKind};
use crate::effective::{Node, provider_of};
use crate::http::auth::By;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::items::{self, Draft, MASK, Taken, bad, in_file, not_found, secret};
use crate::http::key_view::zulu;
use crate::http::{App, Body};
use crate::service::ItemDraft;

type Answer = Result<Json<Value>, ApiError>;

/// `GET /api/providers`: those of the file are shown, and changed there.
pub(crate) async fn list(State(app): State<App>) -> Answer {
    let health = app.service.health().await?;
    let file = app.file.borrow().clone();
    let stored = items::of_kind(&app, ItemKind::Connection).await?;
    let mut connections = Vec::new();
    for provider in &file.providers {
        connections.extend(provider.accounts.iter().map(|account| of_file(provider, account)));
    }
    connections.extend(stored.iter().map(|item| view(item, &health)));
    Ok(Json(json!({"connections": connections})))
}

/// `POST /api/providers`.
pub(crate) async fn new(
    State(app): State<App>,
    By(actor): By,
    Body(body): Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let mut fields = Fields::read(&body)?;
    let mut body = Map::new();
    let key = read(&mut fields, &mut body)?;
    let name = fields.text("provider").value().ok_or_else(|| bad("provider is required"))?;
    fields.finish()?;
    let nodes = nodes(&app).await?;
    let known = Catalogue::built_in().find(&name);
    let node = nodes.iter().find(|node| node.id == name || node.prefix == name);
    let id = match (node, known) {
        (Some(node), _) => node.id.clone(),
        (None, Some(known)) => known.id.clone(),
        (None, None) if name.contains("-compatible-") => {
            return Err(not_found("provider node"));
        }
        (None, None) => return Err(bad(format!("there is no provider {name:?}"))),
    };
    let wants_key = node.is_none() && known.is_some_and(|known| known.needs_credential);
    if wants_key && !matches!(key, Edit::Set(_)) {
        return Err(bad("apiKey is required"));
    }
    body.insert("provider".into(), id.into());
    let draft =
        ItemDraft { kind: ItemKind::Connection, id: app.service.new_id(), body, secret: key };
    let draft = Draft { wanted: draft, before: None, action: "provider.new" };
    let item = items::put(&app, draft, &actor).await?;
    Ok((StatusCode::CREATED, Json(json!({"connection": view(&item, &[])}))))
}

/// `GET /api/providers/{id}`.
pub(crate) async fn info(State(app): State<App>, Path(id): Path<String>) -> Answer {
    let item = one(&app, &id).await?;
    Ok(Json(json!({"connection": view(&item, &app.service.health().await?)})))
}

/// `PUT /api/providers/{id}`.
pub(crate) async fn update(
    State(app): State<App>,
    By(actor): By,
    Path(id): Path<String>,
    Body(body): Body,
) -> Answer {
    let before = one(&app, &id).await?;
    let mut fields = Fields::read(&body)?;
    let mut body = before.body.clone();
    let secret = read(&mut fields, &mut body)?;
    fields.finish()?;
    if !matches!(secret, Edit::Keep) {
        // What was found out with the old key says nothing of the new one.
        for stale in TESTED {
            body.remove(stale);
        }
    }
    let draft = ItemDraft { kind: ItemKind::Connection, id, body, secret };
    let draft = Draft { wanted: draft, before: Some(&before), action: "provider.update" };
    let item = items::put(&app, draft, &actor).await?;
    Ok(Json(json!({"connection": view(&item, &app.service.health().await?)})))
}

/// `DELETE /api/providers/{id}`.
pub(crate) async fn delete(
    State(app): State<App>,
    By(actor): By,
    Path(id): Path<String>,
) -> Answer {
    one(&app, &id).await?;
    items::delete(&app, &[(ItemKind::Connection, id)], "provider.delete", &actor).await?;
    Ok(Json(json!({"message": "Connection deleted successfully"})))
}

/// Finds a connection that can be changed here.
pub(crate) async fn one(app: &App, id: &str) -> Result<Item, ApiError> {
    if let Some(item) = items::find(app, ItemKind::Connection, id).await? {
        return Ok(item);
    }
    let (provider, account) = id.split_once('/').unwrap_or((id, ""));
    let file = app.file.borrow().clone();
    let known = file.providers.iter().find(|known| known.id == provider);
    if known.is_some_and(|known| known.accounts.iter().any(|it| it.id == account)) {
        return Err(in_file(id));
    }
    Err(not_found("connection"))
}

/// Returns the nodes that connections can be of.
pub(crate) async fn nodes(app: &App) -> Result<Vec<Node>, ApiError> {
    let items = items::of_kind(app, ItemKind::Node).await?;
    Ok(items.iter().filter_map(|item| Node::read(item).ok()).collect())
}

/// Makes the provider of a connection.
pub(crate) async fn provider(app: &App, item: &Item) -> Result<ProviderConfig, ApiError> {
    provider_of(item, &nodes(app).await?).map_err(bad)
}

/// Reads what a connection may say, and returns its credential.
fn read(
    fields: &mut Fields,
    body: &mut Map<String, Value>,
) -> Result<Edit<crate::domain::Secret>, ApiError> {
    if let Edit::Set(special) = fields.object("providerSpecificData") {
        let known = special.iter().filter(|(name, _)| SPECIAL.contains(&name.as_str()));
        body.extend(known.map(|(name, value)| (name.clone(), value.clone())));
    }
    let mut taken = Taken { fields, body };
    taken.texts(&["name", "defaultModel", "baseUrl", "apiVersion", "proxy"]);
    taken.wholes(&["priority", "weight"]);
    taken.flags(&["isActive", "allowPrivate"]);
    taken.objects(&["limits"]);
    if let Some(limits) = body.get("limits").and_then(Value::as_object) {
        for (name, value) in limits {
            if !LIMITS.contains(&name.as_str()) || value.as_i64().is_none_or(|n| n < 0) {
                let message =
                    format!("limits.{name}: write rpm, tpm, tpd or max_parallel_requests");
                return Err(bad(message));
            }
        }
    }
    secret(fields.text("apiKey"), "apiKey")
}

/// Shows a connection without its secret.
pub(crate) fn view(item: &Item, health: &[HealthMark]) -> Value {
    let mark = health.iter().find(|mark| mark.of.account == item.id);
    let mut view = item.body.clone();
    view.remove("provider");
    let active = item.flag("isActive").unwrap_or(true);
    let shown = json!({
        "id": item.id,
        "provider": item.text("provider"),
        "source": "database",
        "authType": "apikey",
        "isActive": active,
        "hasCredential": item.sealed.is_some(),
        "apiKey": item.sealed.as_ref().map(|_| MASK),
        "testStatus": item.text("testStatus").unwrap_or("unknown"),
        "rateLimitedUntil": mark.map(|mark| zulu(mark.until)),
        "backoffLevel": mark.map_or(0, |mark| mark.level),
        "createdAt": zulu(item.stamps.created_at),
        "updatedAt": zulu(item.stamps.updated_at),
    });
    if let Value::Object(shown) = shown {
        view.extend(shown);
    }
    Value::Object(view)
}

fn of_file(provider: &ProviderConfig, account: &AccountConfig) -> Value {
    let id = if account.id.is_empty() {
        provider.id.clone()
    } else {
        format!("{}/{}", provider.id, account.id)
    };
    json!({
        "id": id,
        "provider": provider.id,
        "source": "file",
        "authType": "apikey",
        "name": id,
        "isActive": provider.enabled && account.enabled,
        "hasCredential": account.credential.is_some(),
        "apiKey": account.credential.as_ref().map(|_| MASK),
        "testStatus": "unknown",
    })
}

const SPECIAL: [&str; 4] = ["baseUrl", "apiVersion", "proxy", "allowPrivate"];
const LIMITS: [&str; 4] = ["rpm", "tpm", "tpd", "max_parallel_requests"];
/// What a test writes.
const TESTED: [&str; 4] = ["testStatus", "lastError", "errorCode", "lastTested"];
