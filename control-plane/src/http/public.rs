//! `/public/*`: what anybody may know of models and providers. Which models are shown is said by
//! `/model_group/make_public`; without a word none is.

use std::collections::BTreeSet;

use axum::extract::{OriginalUri, Path, RawQuery, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use crate::catalogue::{Catalogue, KnownProvider};
use crate::config::ProviderDialect;
use crate::domain::{Edit, ItemKind};
use crate::http::auth::By;
use crate::http::deployments::usd;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::items::{self, Draft};
use crate::http::paging::Paging;
use crate::http::query::Query;
use crate::http::{App, Body, model_groups};
use crate::service::ItemDraft;

type Answer = Result<Json<Value>, ApiError>;

/// What anybody may know, and the route that says of which models.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/model_group/make_public", post(make_public))
        .route("/public/model_hub", get(model_hub))
        .route("/public/model_hub/info", get(hub_info))
        .route("/public/v1/model_hub", get(model_page))
        .route("/public/v1/model_hub/{facet}", get(facet))
        .route("/public/providers", get(providers))
        .route("/public/providers/fields", get(provider_fields))
        .route("/public/litellm_model_cost_map", get(cost_map))
}

/// `POST /model_group/make_public`: shows these models, and no others, to anybody.
async fn make_public(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let names = body.required_texts("model_groups");
    body.finish()?;
    let config = app.config.borrow().clone();
    let known = |name: &&String| config.models.iter().any(|model| model.name == **name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        let message = format!("{unknown:?} is no model here");
        return Err(ApiError::bad_request("model_groups", message));
    }
    let before = items::find(&app, ItemKind::Setting, SHOWN).await?;
    let mut body = Map::new();
    body.insert("models".into(), json!(names));
    let wanted =
        ItemDraft { kind: ItemKind::Setting, id: SHOWN.to_owned(), body, secret: Edit::Clear };
    let draft = Draft { wanted, before: before.as_ref(), action: "public.update" };
    items::put(&app, draft, &actor).await?;
    Ok(Json(json!({
        "message": "These models are public now, and no others",
        "public_model_groups": names,
        "updated_by": actor.name,
    })))
}

/// `GET /public/model_hub`.
async fn model_hub(State(app): State<App>) -> Answer {
    Ok(Json(shown(&app).await?.into()))
}

/// `GET /public/v1/model_hub`: the same in pages.
async fn model_page(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref());
    let paging = Paging::read(&query, "page_size", 50, 1000)?;
    let models = shown(&app).await?;
    let total = models.len() as u64;
    let pages = paging.pages(total).max(1);
    let page = u64::from(paging.page());
    let link = |page: u64| format!("{}?page={page}&page_size={}", uri.path(), paging.size());
    let of_page = models.into_iter().skip(paging.offset() as usize).take(paging.size() as usize);
    Ok(Json(json!({
        "data": of_page.collect::<Vec<Value>>(),
        "meta": {
            "total_count": total,
            "page": page,
            "page_size": paging.size(),
            "total_pages": pages,
        },
        "links": {
            "self": link(page),
            "first": link(1),
            "prev": (page > 1).then(|| link(page - 1)),
            "next": (page < pages).then(|| link(page + 1)),
            "last": link(pages),
        },
    })))
}

/// `GET /public/v1/model_hub/{facet}`: what public models have, to choose from.
async fn facet(
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    Path(facet): Path<String>,
) -> Answer {
    let models = shown(&app).await?;
    let mut found = BTreeSet::new();
    for model in models.iter().filter_map(Value::as_object) {
        match facet.as_str() {
            "providers" => found.extend(
                model
                    .get("providers")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .cloned()
                    .filter_map(text),
            ),
            "modes" => found.extend(model.get("mode").cloned().and_then(text)),
            "features" => found.extend(
                model
                    .iter()
                    .filter(|(name, value)| name.starts_with("supports_") && **value == true)
                    .map(|(name, _)| name.clone()),
            ),
            _ => {
                let message = "facet must be providers, modes or features";
                return Err(ApiError::bad_request("facet", message));
            }
        }
    }
    Ok(Json(json!({
        "data": found,
        "meta": { "page": 1, "page_size": found.len().max(1), "has_more": false },
        "links": { "self": uri.path(), "prev": null, "next": null },
    })))
}

fn text(value: Value) -> Option<String> {
    if let Value::String(text) = value { Some(text) } else { None }
}

/// `GET /public/model_hub/info`.
async fn hub_info() -> Answer {
    Ok(Json(json!({
        "docs_title": "Tollgate",
        "custom_docs_description": null,
        // Which version runs is told to those who have a key.
        "litellm_version": "",
        "useful_links": {},
    })))
}

/// `GET /public/providers`: those that are known by name.
async fn providers() -> Answer {
    let known = Catalogue::built_in().providers().iter();
    Ok(Json(known.map(|provider| provider.id.as_str()).collect()))
}

/// `GET /public/providers/fields`: what each of them has to be told.
async fn provider_fields() -> Answer {
    Ok(Json(Catalogue::built_in().providers().iter().map(fields_of).collect()))
}

fn fields_of(known: &KnownProvider) -> Value {
    let field = |key: &str, label: &str, required: bool, kind: &str| {
        json!({
            "key": key,
            "label": label,
            "placeholder": null,
            "tooltip": null,
            "required": required,
            "field_type": kind,
            "options": null,
            "default_value": null,
        })
    };
    let mut fields = vec![field("api_key", "API Key", known.needs_credential, "password")];
    if known.base_url.is_none() {
        fields.insert(0, field("api_base", "API Base", true, "text"));
    }
    if known.dialect == ProviderDialect::Azure {
        fields.push(field("api_version", "API Version", false, "text"));
    }
    json!({
        "provider": known.id,
        "provider_display_name": known.name,
        "litellm_provider": known.id,
        "credential_fields": fields,
        "default_model_placeholder": null,
    })
}

/// `GET /public/litellm_model_cost_map`: list prices, as LiteLLM names them.
async fn cost_map(State(app): State<App>) -> Answer {
    let mut map = Map::new();
    for (provider, model, listed) in app.prices.all() {
        let price = &listed.price;
        let entry = json!({
            "litellm_provider": provider,
            "mode": model_groups::mode(listed.kind),
            "max_tokens": listed.max_output_tokens,
            "max_input_tokens": listed.max_input_tokens,
            "max_output_tokens": listed.max_output_tokens,
            "input_cost_per_token": usd(price.input),
            "output_cost_per_token": usd(price.output),
            "cache_read_input_token_cost": price.cached_input.map(usd),
            "cache_creation_input_token_cost": price.cache_write.map(usd),
        });
        map.insert(format!("{provider}/{model}"), entry);
    }
    Ok(Json(map.into()))
}

/// Returns the names of models that are public.
pub(crate) async fn names(app: &App) -> Result<Vec<String>, ApiError> {
    let item = items::find(app, ItemKind::Setting, SHOWN).await?;
    let names = item.as_ref().and_then(|item| item.body.get("models")).and_then(Value::as_array);
    Ok(names.into_iter().flatten().cloned().filter_map(text).collect())
}

async fn shown(app: &App) -> Result<Vec<Value>, ApiError> {
    let names = names(app).await?;
    let config = app.config.borrow().clone();
    let public = config.models.iter().filter(|model| names.contains(&model.name));
    Ok(public.map(|model| model_groups::group(model, true)).collect())
}

/// The setting that says which models anybody may know of.
const SHOWN: &str = "public_models";
