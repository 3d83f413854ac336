//! Further forms of `/key/*`: names alone, several at once, keys of services.

use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Value, json};

use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::paging::Paging;
use crate::http::query::{Query, key_hash};
use crate::http::{App, Body, key_fields, keys, rights};
use crate::store::{KeyQuery, KeySort};

type Answer = Result<Json<Value>, ApiError>;

/// `GET /key/aliases`: a page of the names that keys have, sorted.
pub(crate) async fn aliases(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref());
    query.refuse(&["search"])?;
    let paging = Paging::read(&query, "size", 50, 100)?;
    let mut wanted = KeyQuery {
        team_id: query.text("team_id").map(str::to_owned),
        has_alias: true,
        sort: KeySort::Alias,
        offset: paging.offset(),
        limit: paging.size(),
        ..KeyQuery::default()
    };
    rights::narrow_keys(&app, &caller, &mut wanted, true).await?;
    let found = app.service.keys(&wanted).await?;
    let aliases: Vec<&String> =
        found.keys.iter().filter_map(|listed| listed.key.alias.as_ref()).collect();
    let mut view = paging.counted("aliases", json!(aliases), found.total);
    view.insert("size".into(), paging.size().into());
    Ok(Json(view.into()))
}

/// `POST /key/health`: a key that gets this far is good. Nothing is logged elsewhere for a key.
pub(crate) async fn health() -> Answer {
    Ok(Json(json!({ "key": "healthy", "logging_callbacks": null })))
}

/// `POST /v2/key/info`: of several keys. Those that are not there are left out.
pub(crate) async fn infos(State(app): State<App>, caller: Caller, Body(body): Body) -> Answer {
    let mut body = Fields::read(&body)?;
    let names = body.texts("keys").value();
    body.finish()?;
    let names = match (caller.key.as_deref(), names) {
        (Some(own), None) => vec![own.hash.to_hex()],
        (_, names) => names.unwrap_or_default(),
    };
    let (mut shown, mut infos) = (Vec::new(), Vec::new());
    for name in names {
        let Some(hash) = key_hash(&name) else { continue };
        if let Some(key) = app.service.key(&hash).await? {
            rights::see_key(&app, &caller, &key).await?;
            infos.push(Value::Object(keys::shown(&app, &key).await?));
            shown.push(name);
        }
    }
    Ok(Json(json!({ "key": shown, "info": infos })))
}

/// `POST /key/service-account/generate`: a key of a team that is nobody's own.
pub(crate) async fn service_account(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body,
) -> Answer {
    let mut body = Fields::read(&body)?;
    let mut fields = key_fields::read(&mut body)?;
    body.finish()?;
    if fields.change.team_id.as_value().is_none() {
        return Err(ApiError::bad_request(
            "team_id",
            "team_id is required for service account keys. Please specify `team_id` in the \
             request body.",
        ));
    }
    if fields.change.user_id.as_value().is_some() {
        return Err(ApiError::bad_request("user_id", "a service account key is no user's"));
    }
    rights::make_key(&app, &caller, None, &mut fields, rights::SERVICE_ACCOUNT).await?;
    keys::made(&app, None, fields, &caller.actor).await
}

/// `POST /key/bulk_update`: each for itself; one that fails stops no other.
pub(crate) async fn update_many(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body,
) -> Answer {
    let mut body = Fields::read(&body)?;
    let items = body.list("keys").value().unwrap_or_default();
    body.finish()?;
    if items.is_empty() || items.len() > MOST_AT_ONCE {
        let message = format!("keys must hold 1 to {MOST_AT_ONCE} entries");
        return Err(ApiError::bad_request("keys", message));
    }
    let (requested, mut done, mut failed) = (items.len(), Vec::new(), Vec::new());
    for item in items {
        let name = item.get("key").and_then(Value::as_str).unwrap_or_default().to_owned();
        match keys::changed(&app, item.to_string().as_bytes(), &caller).await {
            Ok((name, info)) => done.push(json!({ "key": name, "key_info": info })),
            Err(error) => failed.push(json!({
                "key": name,
                "key_info": null,
                "failed_reason": error.message(),
            })),
        }
    }
    Ok(Json(json!({
        "total_requested": requested,
        "successful_updates": done,
        "failed_updates": failed,
    })))
}

const MOST_AT_ONCE: usize = 500;
