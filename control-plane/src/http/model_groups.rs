//! LiteLLM's views of models besides `/model/info`: by public name, and in pages.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Value, json};
use tollgate_core::money::AttoDollars;
use tollgate_core::snapshot::ModelKind;

use crate::config::{ModelConfig, TargetConfig};
use crate::http::auth::Caller;
use crate::http::deployments::{self, Usable};
use crate::http::error::ApiError;
use crate::http::paging::Paging;
use crate::http::query::Query;
use crate::http::{App, public};

type Answer = Result<Json<Value>, ApiError>;

/// `GET /model_group/info`: each name that the caller may use, with the best of what its targets
/// can do.
pub(crate) async fn info(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref());
    let config = app.config.borrow().clone();
    let usable = Usable::of(&app, &caller).await?;
    let public = public::names(&app).await?;
    let wanted = |model: &&ModelConfig| {
        usable.has(model) && query.text("model_group").is_none_or(|name| name == model.name)
    };
    let shown = |model: &ModelConfig| group(model, public.contains(&model.name));
    let data: Vec<Value> = config.models.iter().filter(wanted).map(shown).collect();
    Ok(Json(json!({ "data": data })))
}

/// `GET /v2/model/info`: a page of what `/model/info` shows.
pub(crate) async fn page(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref());
    query.refuse(&["teamId", "sortBy", "sortOrder", "blocked", "access_group", "wildcard_only"])?;
    let paging = Paging::read(&query, "size", 50, 1000)?;
    let mut data = deployments::shown(&app, &caller).await?;
    data.retain(|entry| {
        let is = |pointer: &str, name: &str| {
            query.text(name).is_none_or(|text| entry.pointer(pointer).is_some_and(|it| it == text))
        };
        let name = entry["model_name"].as_str().unwrap_or_default();
        let found = query.text("search").is_none_or(|text| name.contains(text));
        found && is("/model_name", "model") && is("/model_info/id", "modelId")
    });
    let total = data.len() as u64;
    let rows = data.into_iter().skip(paging.offset() as usize).take(paging.size() as usize);
    let mut view = paging.counted("data", rows.collect::<Vec<Value>>(), total);
    view.insert("size".into(), paging.size().into());
    Ok(Json(view.into()))
}

/// Writes a model by the name that clients use.
pub(crate) fn group(model: &ModelConfig, public: bool) -> Value {
    let targets = &model.targets;
    let providers: BTreeSet<&str> = targets.iter().map(|it| it.provider.as_str()).collect();
    let most = |of: fn(&TargetConfig) -> Option<u64>| targets.iter().filter_map(of).max();
    let price = |of: fn(&TargetConfig) -> Option<AttoDollars>| {
        targets.iter().filter_map(of).max_by_key(|it| it.0).map(deployments::usd)
    };
    let any = |of: fn(&TargetConfig) -> Option<bool>| targets.iter().any(|it| of(it) == Some(true));
    let tools = any(|target| target.tools);
    json!({
        "model_group": model.name,
        "providers": providers,
        "max_input_tokens": most(|target| target.max_input_tokens),
        "max_output_tokens": most(|target| target.max_output_tokens),
        "input_cost_per_token": price(|target| target.price.as_ref().map(|it| it.input)),
        "output_cost_per_token": price(|target| target.price.as_ref().map(|it| it.output)),
        "input_cost_per_pixel": null,
        "mode": mode(model.kind()),
        "tpm": model.limits.tpm,
        "rpm": model.limits.rpm,
        "supports_parallel_function_calling": tools,
        "supports_function_calling": tools,
        "supports_vision": any(|target| target.vision),
        "supports_web_search": false,
        "supports_url_context": false,
        "supports_reasoning": false,
        "supported_openai_params": null,
        "configurable_clientside_auth_params": null,
        "is_public_model_group": public,
        "health_status": null,
        "health_response_time": null,
        "health_checked_at": null,
    })
}

/// LiteLLM's word for what a model is for.
pub(crate) fn mode(kind: ModelKind) -> &'static str {
    match kind {
        ModelKind::Unspecified => "chat",
        ModelKind::Embeddings => "embedding",
        ModelKind::Images => "image_generation",
        ModelKind::Speech => "audio_speech",
        ModelKind::Transcriptions => "audio_transcription",
        ModelKind::Moderations => "moderations",
    }
}
