//! LiteLLM's `/credentials`: keys of providers with names of their own, which models refer to
//! by `litellm_credential_name`. Nobody sees a key again that was stored.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Map, Value, json};

use crate::domain::{Edit, Item, ItemKind, Secret};
use crate::effective::credential_of;
use crate::http::auth::By;
use crate::http::deployments::refuse_secrets;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::items::{self, Draft, MASK, secret};
use crate::http::{App, Body};
use crate::service::ItemDraft;

type Answer = Result<Json<Value>, ApiError>;

/// `GET /credentials`.
pub(crate) async fn list(State(app): State<App>) -> Answer {
    let found = items::of_kind(&app, ItemKind::Credential).await?;
    let credentials: Vec<Value> = found.iter().map(view).collect();
    Ok(Json(json!({ "success": true, "credentials": credentials })))
}

/// `POST /credentials`.
pub(crate) async fn new(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut fields = Fields::read(&body)?;
    let name = fields.required_text("credential_name");
    let model = fields.text("model_id").value();
    let values = fields.object("credential_values").value();
    let info = fields.object("credential_info").value().unwrap_or_default();
    fields.finish()?;
    if model.is_some() {
        let message = "model_id is not supported: a key that was stored is not read again. \
                       Write credential_values.";
        return Err(ApiError::bad_request("model_id", message));
    }
    let values = values.ok_or_else(|| {
        ApiError::bad_request("credential_values", "credential_values is required")
    })?;
    if items::find(&app, ItemKind::Credential, &name).await?.is_some() {
        let message = format!("Credential {name} already exists");
        return Err(ApiError::conflict("credential_name", message));
    }
    let draft = draft(name, Map::new(), (values, info))?;
    let draft = Draft { wanted: draft, before: None, action: "credential.new" };
    items::put(&app, draft, &actor).await?;
    Ok(done("created"))
}

/// `GET /credentials/by_name/{name}`.
pub(crate) async fn by_name(State(app): State<App>, Path(name): Path<String>) -> Answer {
    Ok(Json(view(&existing(&app, &name).await?)))
}

/// `GET /credentials/by_model/{id}`: that of a deployment, its own or the one it names.
pub(crate) async fn by_model(State(app): State<App>, Path(id): Path<String>) -> Answer {
    let deployment = items::find(&app, ItemKind::Deployment, &id).await?;
    let deployment = deployment
        .ok_or_else(|| ApiError::not_found("model_id", &format!("Model id = {id} not found")))?;
    if let Some(name) = credential_of(&deployment) {
        return Ok(Json(view(&existing(&app, name).await?)));
    }
    let params = deployment.body.get("litellm_params").and_then(Value::as_object);
    let places = params.into_iter().flatten().filter(|(name, _)| PLACES.contains(&name.as_str()));
    let values = places.map(|(name, value)| (name.clone(), value.clone())).collect();
    Ok(Json(json!({
        "credential_name": format!("{}-credential", deployment.text("model_name").unwrap_or_default()),
        "credential_values": shown(values, deployment.sealed.is_some()),
        "credential_info": {},
    })))
}

/// `PATCH /credentials/{name}`: what is given replaces what was there, by name.
pub(crate) async fn update(
    State(app): State<App>,
    By(actor): By,
    Path(name): Path<String>,
    Body(body): Body,
) -> Answer {
    let mut fields = Fields::read(&body)?;
    let values = fields.object("credential_values").value().unwrap_or_default();
    let info = fields.object("credential_info").value().unwrap_or_default();
    fields.finish()?;
    let before = existing(&app, &name).await?;
    let draft = draft(name, before.body.clone(), (values, info))?;
    let draft = Draft { wanted: draft, before: Some(&before), action: "credential.update" };
    items::put(&app, draft, &actor).await?;
    Ok(done("updated"))
}

/// `DELETE /credentials/{name}`, unless models are used with it.
pub(crate) async fn delete(
    State(app): State<App>,
    By(actor): By,
    Path(name): Path<String>,
) -> Answer {
    existing(&app, &name).await?;
    let deployments = items::of_kind(&app, ItemKind::Deployment).await?;
    if let Some(user) = deployments.iter().find(|it| credential_of(it) == Some(&name)) {
        let message =
            format!("Credential {name} is used by model id {}; delete that first", user.id);
        return Err(ApiError::conflict("credential_name", message));
    }
    items::delete(&app, &[(ItemKind::Credential, name)], "credential.delete", &actor).await?;
    Ok(done("deleted"))
}

async fn existing(app: &App, name: &str) -> Result<Item, ApiError> {
    let found = items::find(app, ItemKind::Credential, name).await?;
    found.ok_or_else(|| {
        let message = format!("Credential not found. Got credential name: {name}");
        ApiError::not_found("credential_name", &message)
    })
}

/// Says what a credential is to be: what there was, with values and facts that replace.
fn draft(
    id: String,
    mut body: Map<String, Value>,
    (mut values, info): (Map<String, Value>, Map<String, Value>),
) -> Result<ItemDraft, ApiError> {
    let secret = key_of(&mut values)?;
    refuse_secrets(&values, "credential_values")?;
    for (section, fields) in [("credential_values", values), ("credential_info", info)] {
        let known = body.entry(section).or_insert_with(|| Map::new().into());
        if let Some(known) = known.as_object_mut() {
            known.extend(fields);
            known.retain(|_, value| !value.is_null());
        }
    }
    Ok(ItemDraft { kind: ItemKind::Credential, id, body, secret })
}

/// Takes the key out of what would be stored in the clear.
fn key_of(values: &mut Map<String, Value>) -> Result<Edit<Secret>, ApiError> {
    let field = "credential_values.api_key";
    secret(items::key_edit(values.remove("api_key"), field)?, field)
}

fn view(item: &Item) -> Value {
    let section = |name: &str| item.body.get(name).and_then(Value::as_object).cloned();
    json!({
        "credential_name": item.id,
        "credential_values": shown(section("credential_values").unwrap_or_default(), item.sealed.is_some()),
        "credential_info": section("credential_info").unwrap_or_default(),
    })
}

fn shown(mut values: Map<String, Value>, has_key: bool) -> Value {
    if has_key {
        values.insert("api_key".into(), MASK.into());
    }
    values.into()
}

fn done(what: &str) -> Json<Value> {
    Json(json!({ "success": true, "message": format!("Credential {what} successfully") }))
}

/// What of a deployment says where its provider is.
const PLACES: [&str; 3] = ["api_base", "api_version", "custom_llm_provider"];
