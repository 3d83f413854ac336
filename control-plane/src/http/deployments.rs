//! LiteLLM's `/model/*`: targets of models, each with its own place and key.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use tollgate_core::money::AttoDollars;
use tollgate_core::policy::access::KeyPolicy;

use crate::config::{Config, ModelConfig, TargetConfig};
use crate::domain::{Item, ItemKind};
use crate::http::auth::{By, Caller};
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::health::model_id;
use crate::http::items::{self, Draft, secret};
use crate::http::key_view::zulu;
use crate::http::query::Query;
use crate::http::{App, Body};
use crate::service::{Actor, ItemDraft};

type Answer = Result<Json<Value>, ApiError>;

/// `POST /model/new`.
pub(crate) async fn new(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut fields = Fields::read(&body)?;
    let name = fields.required_text("model_name");
    fields.required("litellm_params");
    let params = fields.object("litellm_params").value().unwrap_or_default();
    let info = fields.object("model_info").value().unwrap_or_default();
    fields.finish()?;
    let id = info.get("id").and_then(Value::as_str).map(str::to_owned);
    let id = id.filter(|id| !id.trim().is_empty()).unwrap_or_else(|| app.service.new_id());
    let item = put(&app, &id, Parts { name, params, info }, None, &actor).await?;
    Ok(Json(view(&item)))
}

/// `POST /model/update`.
pub(crate) async fn update(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let fields = Fields::read(&body)?;
    let id = fields.given("model_info").and_then(|info| info.get("id")).and_then(Value::as_str);
    // LiteLLM's own client writes the id as `id`.
    let named = ["model_id", "id"].into_iter().find_map(|name| fields.given(name)?.as_str());
    let id = id.or(named).map(str::to_owned);
    let id = id.ok_or_else(|| ApiError::bad_request("model_info", "model_info.id is required"))?;
    change(&app, &id, fields, &actor).await
}

/// `PATCH /model/{id}/update`.
pub(crate) async fn update_one(
    State(app): State<App>,
    By(actor): By,
    Path(id): Path<String>,
    Body(body): Body,
) -> Answer {
    change(&app, &id, Fields::read(&body)?, &actor).await
}

/// `POST /model/delete`.
pub(crate) async fn delete(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut fields = Fields::read(&body)?;
    let id = fields.required_text("id");
    fields.finish()?;
    refuse_configured(&app, &id)?;
    let ids = [(ItemKind::Deployment, id.clone())];
    if items::delete(&app, &ids, "model.delete", &actor).await?.is_empty() {
        let message = format!("{{'error': 'Model with id={id} not found in db'}}");
        return Err(ApiError::bad_request("id", message));
    }
    Ok(Json(json!({"message": format!("Model: {id} deleted successfully")})))
}

/// `GET /model/info`: of the models that the caller may use.
pub(crate) async fn info(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref());
    let mut data = shown(&app, &caller).await?;
    if let Some(id) = query.text("litellm_model_id") {
        data.retain(|entry| entry.pointer("/model_info/id").is_some_and(|known| known == id));
        if data.is_empty() {
            let error = format!("Model id = {id} not found on litellm proxy");
            return Err(ApiError::detail(StatusCode::BAD_REQUEST, json!({"error": error})));
        }
    }
    Ok(Json(json!({"data": data})))
}

/// Returns the deployments of models that the caller may use. Who may not see everything is not
/// told where they are.
pub(crate) async fn shown(app: &App, caller: &Caller) -> Result<Vec<Value>, ApiError> {
    let mut data = all(app).await?;
    let usable = Usable::of(app, caller).await?;
    if usable.is_all() {
        return Ok(data);
    }
    let config = app.config.borrow().clone();
    data.retain(|entry| {
        let name = entry.get("model_name").and_then(Value::as_str);
        let model = config.models.iter().find(|model| name == Some(model.name.as_str()));
        model.is_some_and(|model| usable.has(model))
    });
    for params in data.iter_mut().filter_map(|entry| entry.get_mut("litellm_params")) {
        if let Some(params) = params.as_object_mut() {
            params.retain(|name, _| OPEN_PARAMS.contains(&name.as_str()));
        }
    }
    Ok(data)
}

/// Which models a caller may use: as their key's list says. `None`: all.
pub(crate) struct Usable(Option<Vec<String>>);

impl Usable {
    /// Finds out what a caller may use.
    pub(crate) async fn of(app: &App, caller: &Caller) -> Result<Self, ApiError> {
        let Some(key) = caller.confined() else { return Ok(Self(None)) };
        let policy = app.service.resolve(&key.hash).await?.policy;
        Ok(Self(Some(policy.unwrap_or_default().models)))
    }

    /// Tells whether there is nothing that they may not use.
    pub(crate) fn is_all(&self) -> bool {
        self.0.is_none()
    }

    /// Tells whether they may use this one.
    pub(crate) fn has(&self, model: &ModelConfig) -> bool {
        let Some(models) = &self.0 else { return true };
        let of_group = model.groups.iter().any(|group| models.contains(group));
        let policy = KeyPolicy { models: models.clone(), ..KeyPolicy::default() };
        of_group || policy.may_use(&model.name)
    }
}

/// Returns all deployments: those made over REST, then those of the file.
pub(crate) async fn all(app: &App) -> Result<Vec<Value>, ApiError> {
    let config = app.config.borrow().clone();
    let stored = items::of_kind(app, ItemKind::Deployment).await?;
    let mut data: Vec<Value> = stored.iter().map(|item| known(item, &config)).collect();
    let file = app.file.borrow().clone();
    for model in file.models.iter().filter(|model| !model.combo) {
        data.extend(model.targets.iter().map(|target| of_file(model, target)));
    }
    Ok(data)
}

/// What a deployment is made of.
struct Parts {
    name: String,
    params: Map<String, Value>,
    info: Map<String, Value>,
}

async fn change(app: &App, id: &str, mut fields: Fields, actor: &Actor) -> Answer {
    refuse_configured(app, id)?;
    let before = items::find(app, ItemKind::Deployment, id).await?;
    let before = before.ok_or_else(|| {
        ApiError::bad_request("model_info", format!("model not found: there is no id {id}"))
    })?;
    let section = |name: &str| {
        let section = before.body.get(name).and_then(Value::as_object);
        section.cloned().unwrap_or_default()
    };
    let (mut params, mut info) = (section("litellm_params"), section("model_info"));
    params.extend(fields.object("litellm_params").value().unwrap_or_default());
    info.extend(fields.object("model_info").value().unwrap_or_default());
    let name = fields.text("model_name").value();
    fields.finish()?;
    let name = name.or_else(|| before.text("model_name").map(str::to_owned)).unwrap_or_default();
    let item = put(app, id, Parts { name, params, info }, Some(&before), actor).await?;
    Ok(Json(view(&item)))
}

async fn put(
    app: &App,
    id: &str,
    parts: Parts,
    before: Option<&Item>,
    actor: &Actor,
) -> Result<Item, ApiError> {
    let Parts { name, mut params, mut info } = parts;
    let field = "litellm_params.api_key";
    let key = secret(items::key_edit(params.remove("api_key"), field)?, field)?;
    refuse_secrets(&params, "litellm_params")?;
    params.retain(|_, value| !value.is_null());
    info.insert("id".into(), id.into());
    let mut body = Map::new();
    body.insert("model_name".into(), name.into());
    body.insert("litellm_params".into(), params.into());
    body.insert("model_info".into(), info.into());
    let action = if before.is_none() { "model.new" } else { "model.update" };
    let draft = ItemDraft { kind: ItemKind::Deployment, id: id.to_owned(), body, secret: key };
    items::put(app, Draft { wanted: draft, before, action }, actor).await
}

/// Refuses secrets that would be stored in the clear.
pub(crate) fn refuse_secrets(values: &Map<String, Value>, section: &str) -> Result<(), ApiError> {
    let given = |name: &&&str| values.get(**name).is_some_and(|value| !value.is_null());
    match SECRETS.iter().find(given) {
        None => Ok(()),
        Some(name) => {
            let message = "is not supported: only api_key is kept as a secret";
            Err(ApiError::bad_request(&format!("{section}.{name}"), message))
        }
    }
}

/// What stands in the file is changed there.
fn refuse_configured(app: &App, id: &str) -> Result<(), ApiError> {
    let file = app.file.borrow().clone();
    let mut ids = file.models.iter().flat_map(|model| {
        model.targets.iter().map(|it| model_id(&model.name, &it.provider, &it.model))
    });
    if ids.any(|known| known == id) {
        let message = "this model stands in the configuration file; change it there";
        return Err(ApiError::conflict("id", message));
    }
    Ok(())
}

fn view(item: &Item) -> Value {
    json!({
        "model_id": item.id,
        "model_name": item.text("model_name"),
        "litellm_params": item.body.get("litellm_params"),
        "model_info": item.body.get("model_info"),
        "created_at": zulu(item.stamps.created_at),
        "created_by": item.stamps.created_by,
        "updated_at": zulu(item.stamps.updated_at),
        "updated_by": item.stamps.updated_by,
    })
}

fn known(item: &Item, config: &Config) -> Value {
    let mut info = item.body.get("model_info").and_then(Value::as_object).cloned();
    let info = info.get_or_insert_default();
    let name = item.text("model_name").unwrap_or_default();
    let model = config.models.iter().find(|model| model.name == name);
    let target = model.and_then(|model| {
        model.targets.iter().find(|it| it.account.as_deref() == Some(item.id.as_str()))
    });
    if let Some(target) = target {
        facts(info, target);
    }
    info.insert("db_model".into(), true.into());
    json!({
        "model_name": name,
        "litellm_params": item.body.get("litellm_params"),
        "model_info": info,
    })
}

fn of_file(model: &ModelConfig, target: &TargetConfig) -> Value {
    let mut info = Map::new();
    facts(&mut info, target);
    info.insert("id".into(), model_id(&model.name, &target.provider, &target.model).into());
    info.insert("db_model".into(), false.into());
    info.insert("access_groups".into(), json!(model.groups));
    json!({
        "model_name": model.name,
        "litellm_params": {
            "model": format!("{}/{}", target.provider, target.model),
            "custom_llm_provider": target.provider,
        },
        "model_info": info,
    })
}

/// Writes a price as LiteLLM does.
pub(crate) fn usd(price: AttoDollars) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "shown as a float, as LiteLLM does")]
    let usd = price.0 as f64 / 1e18;
    usd
}

/// Adds what is known of a model.
fn facts(info: &mut Map<String, Value>, target: &TargetConfig) {
    let price = target.price.as_ref();
    info.insert("key".into(), target.model.as_str().into());
    info.insert("max_tokens".into(), target.max_output_tokens.into());
    info.insert("max_input_tokens".into(), target.max_input_tokens.into());
    info.insert("max_output_tokens".into(), target.max_output_tokens.into());
    info.insert("input_cost_per_token".into(), price.map(|it| usd(it.input)).into());
    info.insert("output_cost_per_token".into(), price.map(|it| usd(it.output)).into());
}

/// What of a deployment everybody may know who may use it.
const OPEN_PARAMS: [&str; 7] = [
    "model",
    "custom_llm_provider",
    "rpm",
    "tpm",
    "input_cost_per_token",
    "output_cost_per_token",
    "max_tokens",
];

/// Credentials of providers that take more than a key.
const SECRETS: [&str; 6] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "vertex_credentials",
    "azure_ad_token",
    "client_secret",
];
