//! `/spend/calculate` and `/utils/token_counter`: what a request would cost, how long it is.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};
use tollgate_core::price::{Price, TokenUsage};
use tollgate_core::tokens::{Counted, Family, request_tokens, text_tokens};

use crate::config::TargetConfig;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::key_view::dollars;
use crate::http::{App, Body};

type Answer = Result<Json<Value>, ApiError>;

/// `POST /spend/calculate`: of a prompt (`model` and `messages`), or of an answer
/// (`completion_response`, by its usage).
pub(crate) async fn calculate(State(app): State<App>, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let model = body.text("model").value();
    let messages = body.list("messages").value();
    let answer = body.object("completion_response").value();
    body.finish()?;
    let (model, usage) = match (answer, model, messages) {
        (Some(answer), model, _) => {
            let named = answer.get("model").and_then(Value::as_str).map(str::to_owned);
            (model.or(named), usage_of(&answer))
        }
        (None, Some(model), Some(messages)) => {
            let request = json!({"model": model, "messages": messages}).to_string();
            let target = target(&app, &model);
            let name = target.as_ref().map_or(model.as_str(), |target| target.model.as_str());
            let input = request_tokens(Family::for_model(name), request.as_bytes()).tokens;
            (Some(model), Some(TokenUsage { input, total: input, ..TokenUsage::default() }))
        }
        _ => (None, None),
    };
    let (Some(model), Some(usage)) = (model, usage) else {
        let message = "Either model and messages, or a completion_response with a model and its \
                       usage, must be given.";
        return Err(ApiError::bad_request("completion_response", message));
    };
    let cost = priced(&app, &model)?.1.cost(&usage);
    Ok(Json(json!({"cost": dollars(cost)})))
}

/// Finds where a model would be had and what it costs there.
pub(crate) fn priced(app: &App, model: &str) -> Result<(TargetConfig, Price), ApiError> {
    let target = target(app, model).ok_or_else(|| {
        ApiError::bad_request("model", format!("Model {model} is not configured."))
    })?;
    let free = || target.free.then(Price::default);
    let price = target.price.clone().or_else(free).ok_or_else(|| {
        ApiError::bad_request("model", format!("The price of {model} is not known."))
    })?;
    Ok((target, price))
}

/// `POST /utils/token_counter`: of a `prompt`, or of `messages` with `tools`.
pub(crate) async fn count_tokens(State(app): State<App>, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let model = body.required_text("model");
    let prompt = body.text("prompt").value();
    let messages = body.list("messages").value();
    let tools = body.list("tools").value();
    if body.given("contents").is_some() || body.given("system").is_some() {
        let message = "contents and system are not supported yet. Write prompt or messages.";
        return Err(ApiError::bad_request("contents", message));
    }
    body.finish()?;
    let target = target(&app, &model);
    let used = target.as_ref().map_or(model.as_str(), |target| target.model.as_str());
    let family = Family::for_model(used);
    let counted = match (prompt, messages) {
        (Some(prompt), None) => text_tokens(family, &prompt),
        (None, Some(messages)) => request(family, used, messages, tools),
        _ => {
            let message = "prompt or messages must be given";
            return Err(ApiError::bad_request("messages", message));
        }
    };
    Ok(Json(json!({
        "total_tokens": counted.tokens,
        "request_model": model,
        "model_used": used,
        "tokenizer_type": if counted.exact { "openai_tokenizer" } else { "estimate" },
        "count_source": "local_estimate",
        "original_response": null,
        "error": false,
        "error_message": null,
        "status_code": null,
    })))
}

fn request(
    family: Family,
    model: &str,
    messages: Vec<Value>,
    tools: Option<Vec<Value>>,
) -> Counted {
    let mut request = Map::new();
    request.insert("model".into(), model.into());
    request.insert("messages".into(), messages.into());
    if let Some(tools) = tools {
        request.insert("tools".into(), tools.into());
    }
    request_tokens(family, Value::Object(request).to_string().as_bytes())
}

/// Finds where a model would be had: by the name clients use, else by the provider's, since
/// answers name that.
fn target(app: &App, model: &str) -> Option<TargetConfig> {
    let config = app.config.borrow();
    let named = config.models.iter().find(|known| known.name == model);
    let mut all = config.models.iter().flat_map(|known| &known.targets);
    let target = named.and_then(|known| known.targets.first());
    target.or_else(|| all.find(|target| target.model == model)).cloned()
}

/// Reads the usage of an answer.
fn usage_of(answer: &Map<String, Value>) -> Option<TokenUsage> {
    let usage = answer.get("usage")?;
    let count = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64);
    let input = count("/prompt_tokens")?;
    let output = count("/completion_tokens").unwrap_or(0);
    Some(TokenUsage {
        input,
        output,
        total: count("/total_tokens").unwrap_or(input.saturating_add(output)),
        cached_input: count("/prompt_tokens_details/cached_tokens").unwrap_or(0),
        cache_write: count("/prompt_tokens_details/cache_write_tokens").unwrap_or(0),
        reasoning: count("/completion_tokens_details/reasoning_tokens").unwrap_or(0),
        audio_input: count("/prompt_tokens_details/audio_tokens").unwrap_or(0),
        audio_output: count("/completion_tokens_details/audio_tokens").unwrap_or(0),
    })
}
