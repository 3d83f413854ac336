//! `/audit`: who changed what, as LiteLLM shows it.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::domain::{ItemKind, Timestamp};
use crate::http::App;
use crate::http::error::ApiError;
use crate::http::key_view::zulu;
use crate::http::paging::Paging;
use crate::http::query::Query;
use crate::store::{AuditEntry, AuditQuery, ChangeKind};

type Answer = Result<Json<Value>, ApiError>;

/// `GET /audit`: a page of changes, the latest first.
pub(crate) async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> Answer {
    let query = Query::read(query.as_deref());
    query.refuse(&["changed_by_api_key", "object_team_id", "search"])?;
    let paging = Paging::read(&query, "page_size", 10, 100)?;
    let mut asked = AuditQuery {
        objects: query.text("object_key_hash").or(query.text("object_id")).map(objects),
        actor: query.text("changed_by").map(str::to_owned),
        from: query.day("start_date")?,
        before: query.day("end_date")?.map(|day| day.plus_micros(Timestamp::A_DAY)),
        ascending: ascending(&query)?,
        offset: paging.offset(),
        limit: paging.size(),
        ..AuditQuery::default()
    };
    let action = query.text("action").map(|name| KINDS.iter().find(|it| it.1 == name));
    let table = query.text("table_name").map(|name| TABLES.iter().find(|it| it.1 == name));
    let found = if action == Some(None) || table == Some(None) {
        // Nothing of that name is ever done, or kept.
        crate::store::AuditPage::default()
    } else {
        asked.kind = action.flatten().map(|it| it.0);
        asked.of = table.flatten().map(|it| it.0);
        app.service.changes(&asked).await?
    };
    let entries: Vec<Value> = found.entries.iter().map(view).collect();
    Ok(paging.answer("audit_logs", entries, found.total))
}

/// `GET /audit/{id}`.
pub(crate) async fn show(State(app): State<App>, Path(id): Path<String>) -> Answer {
    let (change, object) = id.split_once(':').unwrap_or((&id, ""));
    let asked = AuditQuery {
        change_id: Some(change.to_owned()),
        objects: (!object.is_empty()).then(|| vec![object.to_owned()]),
        limit: 1,
        ..AuditQuery::default()
    };
    let found = app.service.changes(&asked).await?;
    let entry = found.entries.first().ok_or_else(|| {
        let message = format!("Audit log with ID {id} not found");
        ApiError::detail(StatusCode::NOT_FOUND, json!({ "error": message }))
    })?;
    Ok(Json(view(entry)))
}

/// Names under which the log has something of this id: keys as they are, others with their kind.
fn objects(id: &str) -> Vec<String> {
    let kinds = TABLES.iter().map(|(kind, _)| *kind).chain(ItemKind::NAMES.iter().map(|it| it.0));
    std::iter::once(id.to_owned()).chain(kinds.map(|kind| format!("{kind}:{id}"))).collect()
}

fn ascending(query: &Query) -> Result<bool, ApiError> {
    if !matches!(query.text("sort_by"), None | Some("updated_at")) {
        return Err(ApiError::bad_request("sort_by", "sort_by must be updated_at"));
    }
    match query.text("sort_order") {
        None | Some("desc") => Ok(false),
        Some("asc") => Ok(true),
        Some(_) => Err(ApiError::bad_request("sort_order", "sort_order must be asc or desc")),
    }
}

fn view(entry: &AuditEntry) -> Value {
    let state = |text: &Option<String>| {
        text.as_deref().map(|text| serde_json::from_str::<Value>(text).unwrap_or_default())
    };
    let of = entry.action.split('.').next().unwrap_or_default();
    let table = TABLES.iter().find(|it| it.0 == of).map_or(of, |it| it.1);
    let kind = entry.kind();
    let action = KINDS.iter().find(|it| it.0 == kind).map_or("updated", |it| it.1);
    json!({
        // One change may be of several objects.
        "id": format!("{}:{}", entry.change_id, entry.object),
        "updated_at": zulu(entry.at),
        "changed_by": entry.actor,
        "changed_by_api_key": "",
        "action": action,
        "table_name": table,
        "object_id": entry.object.split_once(':').map_or(&*entry.object, |(_, id)| id),
        "before_value": state(&entry.before),
        "updated_values": state(&entry.after),
        "request_id": entry.request_id,
    })
}

const KINDS: [(ChangeKind, &str); 5] = [
    (ChangeKind::Created, "created"),
    (ChangeKind::Updated, "updated"),
    (ChangeKind::Deleted, "deleted"),
    (ChangeKind::Blocked, "blocked"),
    (ChangeKind::Unblocked, "unblocked"),
];

/// What stands before the dot of an action, and what LiteLLM calls the table.
const TABLES: [(&str, &str); 8] = [
    ("key", "LiteLLM_VerificationToken"),
    ("user", "LiteLLM_UserTable"),
    ("team", "LiteLLM_TeamTable"),
    ("organization", "LiteLLM_OrganizationTable"),
    ("customer", "LiteLLM_EndUserTable"),
    ("budget", "LiteLLM_BudgetTable"),
    ("tag", "LiteLLM_TagTable"),
    ("model", "LiteLLM_ProxyModelTable"),
];
