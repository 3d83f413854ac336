//! `/api/combos`: named chains of models, in OmniRoute's shapes.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::config::ComboConfig;
use crate::domain::{Edit, Item, ItemKind};
use crate::effective::combo_of;
use crate::http::auth::By;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::items::{self, Draft, Taken, bad, in_file, not_found};
use crate::http::key_view::zulu;
use crate::http::{App, Body};
use crate::service::ItemDraft;

type Answer = Result<Json<Value>, ApiError>;

/// `GET /api/combos`: those of the file are shown, and changed there.
pub(crate) async fn list(State(app): State<App>) -> Answer {
    let file = app.file.borrow().clone();
    let stored = items::of_kind(&app, ItemKind::Combo).await?;
    let combos = file.combos.iter().map(of_file).chain(stored.iter().map(view));
    Ok(Json(json!({"combos": combos.collect::<Vec<_>>()})))
}

/// `POST /api/combos`.
pub(crate) async fn new(
    State(app): State<App>,
    By(actor): By,
    Body(body): Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let body = read(&body, Map::new())?;
    let id = app.service.new_id();
    let draft = ItemDraft { kind: ItemKind::Combo, id, body, secret: Edit::Clear };
    let draft = Draft { wanted: draft, before: None, action: "combo.new" };
    let item = items::put(&app, draft, &actor).await?;
    Ok((StatusCode::CREATED, Json(view(&item))))
}

/// `GET /api/combos/{id}`.
pub(crate) async fn info(State(app): State<App>, Path(id): Path<String>) -> Answer {
    Ok(Json(view(&one(&app, &id).await?)))
}

/// `PUT /api/combos/{id}`.
pub(crate) async fn update(
    State(app): State<App>,
    By(actor): By,
    Path(id): Path<String>,
    Body(body): Body,
) -> Answer {
    let before = one(&app, &id).await?;
    let body = read(&body, before.body.clone())?;
    let draft = ItemDraft { kind: ItemKind::Combo, id, body, secret: Edit::Clear };
    let draft = Draft { wanted: draft, before: Some(&before), action: "combo.update" };
    Ok(Json(view(&items::put(&app, draft, &actor).await?)))
}

/// `DELETE /api/combos/{id}`.
pub(crate) async fn delete(
    State(app): State<App>,
    By(actor): By,
    Path(id): Path<String>,
) -> Answer {
    one(&app, &id).await?;
    items::delete(&app, &[(ItemKind::Combo, id)], "combo.delete", &actor).await?;
    Ok(Json(json!({"success": true})))
}

async fn one(app: &App, id: &str) -> Result<Item, ApiError> {
    if let Some(item) = items::find(app, ItemKind::Combo, id).await? {
        return Ok(item);
    }
    if app.file.borrow().combos.iter().any(|combo| combo.name == id) {
        return Err(in_file(id));
    }
    Err(not_found("combo"))
}

fn read(body: &[u8], mut into: Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    let mut fields = Fields::read(body)?;
    let mut taken = Taken { fields: &mut fields, body: &mut into };
    taken.texts(&["name", "strategy"]);
    taken.flags(&["isActive"]);
    if let Edit::Set(models) = fields.list("models") {
        into.insert("models".into(), models.into());
    }
    let config = fields.object("config");
    fields.finish()?;
    if let Edit::Set(config) = config {
        let unknown = config.keys().find(|name| !CONFIG.contains(&name.as_str()));
        if let Some(name) = unknown {
            let known = CONFIG.join(", ");
            return Err(bad(format!("config.{name} is not supported; known are {known}")));
        }
        into.insert("config".into(), config.into());
    }
    Ok(into)
}

/// Shows a combo.
fn view(item: &Item) -> Value {
    let combo = combo_of(item).ok();
    let strategy = combo.map(|combo| combo.routing.strategy.name());
    json!({
        "id": item.id,
        "name": item.text("name"),
        "models": item.body.get("models"),
        "strategy": strategy,
        "config": item.body.get("config").cloned().unwrap_or_else(|| json!({})),
        "isActive": item.flag("isActive").unwrap_or(true),
        "source": "database",
        "createdAt": zulu(item.stamps.created_at),
        "updatedAt": zulu(item.stamps.updated_at),
    })
}

fn of_file(combo: &ComboConfig) -> Value {
    let members = combo.members.iter();
    json!({
        "id": combo.name,
        "name": combo.name,
        "models": members.map(|it| json!({"model": it.model, "weight": it.weight}))
            .collect::<Vec<_>>(),
        "strategy": combo.routing.strategy.name(),
        "config": {},
        "isActive": true,
        "source": "file",
    })
}

/// What a combo's `config` may say.
const CONFIG: [&str; 6] =
    ["maxAttempts", "timeoutMs", "attemptsWithinMs", "holdMs", "holdBytes", "accountStrategy"];
