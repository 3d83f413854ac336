//! `/api/models/alias` and `/api/models/catalog`, in OmniRoute's shapes.

use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Map, Value, json};

use crate::catalogue::{Catalogue, KnownProvider};
use crate::config::Config;
use crate::domain::{Edit, ItemKind};
use crate::http::auth::By;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::items::{self, Draft, bad, not_found};
use crate::http::query::Query;
use crate::http::{App, Body};
use crate::prices::PriceList;
use crate::service::ItemDraft;

type Answer = Result<Json<Value>, ApiError>;

/// `GET /api/models/alias`: all, or what one stands for.
pub(crate) async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> Answer {
    let config = app.config.borrow().clone();
    if let Some(name) = Query::read(query.as_deref()).text("alias") {
        let found = config.aliases.iter().find(|alias| alias.pattern == name);
        let found = found.ok_or_else(|| not_found("alias"))?;
        return Ok(Json(json!({"alias": found.pattern, "model": found.target})));
    }
    let aliases = config.aliases.iter();
    let aliases: Map<String, Value> =
        aliases.map(|alias| (alias.pattern.clone(), alias.target.as_str().into())).collect();
    Ok(Json(json!({"aliases": aliases})))
}

/// `PUT` and `POST /api/models/alias`.
pub(crate) async fn set(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut fields = Fields::read(&body)?;
    let (alias, model) = (fields.text("alias").value(), fields.text("model").value());
    fields.finish()?;
    let (Some(alias), Some(model)) = (alias, model) else {
        return Err(bad("model and alias are required"));
    };
    let before = items::find(&app, ItemKind::Alias, &alias).await?;
    let mut body = Map::new();
    body.insert("alias".into(), alias.as_str().into());
    body.insert("model".into(), model.as_str().into());
    let draft = ItemDraft { kind: ItemKind::Alias, id: alias.clone(), body, secret: Edit::Clear };
    let draft = Draft { wanted: draft, before: before.as_ref(), action: "alias.set" };
    items::put(&app, draft, &actor).await?;
    Ok(Json(json!({"success": true, "model": model, "alias": alias})))
}

/// `DELETE /api/models/alias?alias=`.
pub(crate) async fn delete(
    State(app): State<App>,
    By(actor): By,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref());
    let alias = query.text("alias").ok_or_else(|| bad("alias is required"))?;
    let ids = [(ItemKind::Alias, alias.to_owned())];
    let gone = items::delete(&app, &ids, "alias.delete", &actor).await?;
    if gone.is_empty() {
        return Err(not_found("alias"));
    }
    Ok(Json(json!({"success": true})))
}

/// `GET /api/models/catalog`: providers that are known by name, and models that are known of them.
pub(crate) async fn catalog(State(app): State<App>) -> Answer {
    let config = app.config.borrow().clone();
    let known = Catalogue::built_in().providers();
    let mut catalog: Map<String, Value> =
        known.iter().map(|known| (known.id.clone(), entry(known, &config, &app.prices))).collect();
    for provider in &config.providers {
        catalog.entry(provider.id.clone()).or_insert_with(|| {
            let active = provider.usable().next().is_some();
            let models = served(&config, &provider.id);
            json!({"provider": provider.id, "active": active, "models": models})
        });
    }
    Ok(Json(json!({
        "catalog": catalog,
        "providers": known.iter().map(provider).collect::<Vec<_>>(),
    })))
}

fn entry(known: &KnownProvider, config: &Config, prices: &PriceList) -> Value {
    let configured = config.providers.iter().find(|provider| provider.id == known.id);
    let listed = prices.models_of(&known.id);
    let mut models: Vec<Value> =
        listed.map(|name| json!({"id": name, "name": name, "type": kind(name)})).collect();
    for model in served(config, &known.id) {
        if !models.iter().any(|listed| listed.get("id") == model.get("id")) {
            models.push(model);
        }
    }
    json!({
        "provider": known.id,
        "active": configured.is_some_and(|provider| provider.usable().next().is_some()),
        "models": models,
    })
}

/// Lists the models of a provider that are configured.
fn served(config: &Config, provider: &str) -> Vec<Value> {
    let targets = config.models.iter().flat_map(|model| &model.targets);
    let mut names: Vec<&str> =
        targets.filter(|it| it.provider == provider).map(|it| it.model.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let model = |name: &str| json!({"id": name, "name": name, "type": kind(name), "custom": true});
    names.into_iter().map(model).collect()
}

fn provider(known: &KnownProvider) -> Value {
    json!({
        "id": known.id,
        "name": known.name,
        "aliases": known.aliases,
        "baseUrl": known.url,
        "dialect": known.dialect.name(),
        "credentialHeader": known.credential_header,
        "needsCredential": known.needs_credential,
        "listsModels": known.lists_models,
        "source": known.source,
    })
}

fn kind(name: &str) -> &'static str {
    if name.contains("embed") {
        return "embedding";
    }
    let image = ["dall-e", "image", "flux", "stable-diffusion"].iter().any(|it| name.contains(it));
    if image { "image" } else { "chat" }
}
