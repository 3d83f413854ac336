//! `/api/provider-nodes` and `/api/provider-models`: providers that are not in the catalogue, and
//! models that providers' lists do not name, in OmniRoute's shapes.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::domain::{Edit, Item, ItemKind};
use crate::http::auth::By;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::items::{self, Draft, Taken, bad, not_found};
use crate::http::key_view::zulu;
use crate::http::query::Query;
use crate::http::{App, Body};
use crate::service::ItemDraft;

type Answer = Result<Json<Value>, ApiError>;

/// `GET /api/provider-nodes`.
pub(crate) async fn list(State(app): State<App>) -> Answer {
    let nodes = items::of_kind(&app, ItemKind::Node).await?;
    Ok(Json(json!({"nodes": nodes.iter().map(view).collect::<Vec<_>>()})))
}

/// `POST /api/provider-nodes`.
pub(crate) async fn new(
    State(app): State<App>,
    By(actor): By,
    Body(body): Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let body = read(&body, Map::new())?;
    let kind = body.get("type").and_then(Value::as_str).unwrap_or(OPENAI);
    let api = body.get("apiType").and_then(Value::as_str).unwrap_or("chat");
    let id = app.service.new_id();
    let id = if kind == OPENAI { format!("{OPENAI}-{api}-{id}") } else { format!("{kind}-{id}") };
    let draft = ItemDraft { kind: ItemKind::Node, id, body, secret: Edit::Clear };
    let draft = Draft { wanted: draft, before: None, action: "provider_node.new" };
    let item = items::put(&app, draft, &actor).await?;
    Ok((StatusCode::CREATED, Json(json!({"node": view(&item)}))))
}

/// `PUT /api/provider-nodes/{id}`.
pub(crate) async fn update(
    State(app): State<App>,
    By(actor): By,
    Path(id): Path<String>,
    Body(body): Body,
) -> Answer {
    let before = items::find(&app, ItemKind::Node, &id).await?;
    let before = before.ok_or_else(|| not_found("provider node"))?;
    let body = read(&body, before.body.clone())?;
    let draft = ItemDraft { kind: ItemKind::Node, id, body, secret: Edit::Clear };
    let draft = Draft { wanted: draft, before: Some(&before), action: "provider_node.update" };
    let item = items::put(&app, draft, &actor).await?;
    Ok(Json(json!({"node": view(&item)})))
}

/// `DELETE /api/provider-nodes/{id}`: with its connections and models.
pub(crate) async fn delete(
    State(app): State<App>,
    By(actor): By,
    Path(id): Path<String>,
) -> Answer {
    let all = app.service.items().await?;
    let node = all.iter().find(|item| item.kind == ItemKind::Node && item.id == id);
    let prefix = node.ok_or_else(|| not_found("provider node"))?.text("prefix");
    let belongs = |item: &&Item| {
        let of = item.text("provider");
        matches!(item.kind, ItemKind::Connection | ItemKind::ProviderModel)
            && of.is_some_and(|of| of == id || Some(of) == prefix)
    };
    let gone = all.iter().filter(belongs).map(|item| (item.kind, item.id.clone()));
    let gone: Vec<_> = gone.chain([(ItemKind::Node, id.clone())]).collect();
    items::delete(&app, &gone, "provider_node.delete", &actor).await?;
    Ok(Json(json!({"success": true})))
}

/// `GET /api/provider-models`.
pub(crate) async fn models(State(app): State<App>, RawQuery(query): RawQuery) -> Answer {
    let query = Query::read(query.as_deref());
    let models = items::of_kind(&app, ItemKind::ProviderModel).await?;
    if let Some(provider) = query.text("provider") {
        let own = models.iter().filter(|item| item.text("provider") == Some(provider));
        return Ok(Json(json!({"models": own.map(model_view).collect::<Vec<_>>()})));
    }
    let mut by_provider = Map::new();
    for item in &models {
        let provider = item.text("provider").unwrap_or_default().to_owned();
        let list = by_provider.entry(provider).or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(model_view(item));
        }
    }
    Ok(Json(json!({"models": by_provider})))
}

/// `POST /api/provider-models`.
pub(crate) async fn new_model(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut fields = Fields::read(&body)?;
    let mut body = Map::new();
    Taken { fields: &mut fields, body: &mut body }.texts(&["provider", "modelId", "modelName"]);
    fields.finish()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let (Some(provider), Some(model)) = (text("provider"), text("modelId")) else {
        return Err(bad("provider and modelId are required"));
    };
    let id = format!("{provider}/{model}");
    let before = items::find(&app, ItemKind::ProviderModel, &id).await?;
    let draft = ItemDraft { kind: ItemKind::ProviderModel, id, body, secret: Edit::Clear };
    let draft = Draft { wanted: draft, before: before.as_ref(), action: "provider_model.new" };
    let item = items::put(&app, draft, &actor).await?;
    Ok(Json(json!({"model": model_view(&item)})))
}

/// `DELETE /api/provider-models`.
pub(crate) async fn delete_model(
    State(app): State<App>,
    By(actor): By,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref());
    let (Some(provider), Some(model)) = (query.text("provider"), query.text("model")) else {
        return Err(bad("provider and model are required"));
    };
    let ids = [(ItemKind::ProviderModel, format!("{provider}/{model}"))];
    let gone = items::delete(&app, &ids, "provider_model.delete", &actor).await?;
    Ok(Json(json!({"removed": !gone.is_empty()})))
}

fn read(body: &[u8], mut into: Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    let mut fields = Fields::read(body)?;
    let mut taken = Taken { fields: &mut fields, body: &mut into };
    taken.texts(&["name", "prefix", "type", "apiType", "baseUrl"]);
    fields.finish()?;
    let text = |name: &str| into.get(name).and_then(Value::as_str);
    for required in ["prefix", "baseUrl"] {
        if text(required).is_none() {
            return Err(bad(format!("{required} is required")));
        }
    }
    match (text("type").unwrap_or(OPENAI), text("apiType")) {
        (OPENAI, Some("chat" | "responses")) | (ANTHROPIC, _) => Ok(into),
        (OPENAI, _) => Err(bad("apiType must be chat or responses")),
        (other, _) => Err(bad(format!("type {other:?} is neither {OPENAI} nor {ANTHROPIC}"))),
    }
}

fn view(item: &Item) -> Value {
    let mut view = item.body.clone();
    let kind = item.text("type").unwrap_or(OPENAI);
    view.insert("id".into(), item.id.as_str().into());
    view.insert("type".into(), kind.into());
    view.insert("createdAt".into(), zulu(item.stamps.created_at).into());
    view.insert("updatedAt".into(), zulu(item.stamps.updated_at).into());
    Value::Object(view)
}

fn model_view(item: &Item) -> Value {
    let id = item.text("modelId");
    json!({"id": id, "name": item.text("modelName").or(id), "source": "custom",
        "provider": item.text("provider")})
}

const OPENAI: &str = "openai-compatible";
const ANTHROPIC: &str = "anthropic-compatible";
