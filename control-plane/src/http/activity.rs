//! `/user/daily/activity` and its kin: what was used by day, told apart by model, provider, key
//! and whom it was for. Read from sums of days, never from single records.

mod ranked;
mod view;

use std::collections::HashSet;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tollgate_core::key::KeyHash;

use crate::domain::{ApiKey, Scope};
use crate::http::App;
use crate::http::activity::view::{Found, Names};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::paging::Paging;
use crate::http::query::{Query, key_hash};
use crate::store::{DailyQuery, Dearest};

type Answer = Result<Json<Value>, ApiError>;

/// Whose days are shown, and by which parameters they are named.
#[derive(Debug, Clone, Copy)]
struct Kind {
    scope: Scope,
    ids: &'static str,
    without: &'static str,
}

const KINDS: [Kind; 5] = [
    Kind { scope: Scope::User, ids: "user_id", without: "" },
    Kind { scope: Scope::Team, ids: "team_ids", without: "exclude_team_ids" },
    Kind {
        scope: Scope::Organization,
        ids: "organization_ids",
        without: "exclude_organization_ids",
    },
    Kind { scope: Scope::Customer, ids: "end_user_ids", without: "exclude_end_user_ids" },
    Kind { scope: Scope::Tag, ids: "tags", without: "" },
];

/// All kinds, each below a path of its own: days in pages, the latest first, or all at once.
pub(crate) fn routes() -> Router<App> {
    let handler = |kind: Kind, paged: bool| {
        get(move |State(app): State<App>, caller: Caller, RawQuery(query): RawQuery| async move {
            answer(&app, &caller, &kind, &Query::read(query.as_deref()), paged).await
        })
    };
    KINDS.into_iter().fold(Router::new(), |router, kind| {
        let path = format!("/{}/daily/activity", kind.scope.as_str());
        let whole = format!("{path}/aggregated");
        let router = router.route(&path, handler(kind, true)).route(&whole, handler(kind, false));
        rankings(router, &path, kind)
    })
}

/// Whose days cost most, below the path of a kind.
fn rankings(router: Router<App>, path: &str, kind: Kind) -> Router<App> {
    let handler = |what: Ranking| {
        get(move |State(app): State<App>, caller: Caller, RawQuery(query): RawQuery| async move {
            what.answer(&app, &caller, &kind, &Query::read(query.as_deref())).await
        })
    };
    let router = router
        .route(&format!("{path}/aggregated/keys"), handler(Ranking::Keys))
        .route(&format!("{path}/aggregated/search"), handler(Ranking::Search))
        .route(&format!("{path}/aggregated/model_top_keys"), handler(Ranking::OfModel))
        .route(&format!("{path}/export"), handler(Ranking::Export));
    if kind.scope == Scope::User {
        return router.route(&format!("{path}/aggregated/users"), handler(Ranking::Users));
    }
    router
}

/// In which form those are told who used most.
#[derive(Debug, Clone, Copy)]
enum Ranking {
    Keys,
    Search,
    OfModel,
    Users,
    Export,
}

impl Ranking {
    async fn answer(
        self,
        app: &App,
        caller: &Caller,
        kind: &Kind,
        query: &Query,
    ) -> Result<Response, ApiError> {
        let told = match self {
            Self::Keys => ranked::keys(app, caller, kind, query).await,
            Self::Search => ranked::search(app, caller, kind, query).await,
            Self::OfModel => ranked::of_model(app, caller, kind, query).await,
            Self::Users => ranked::users(app, caller, kind, query).await,
            Self::Export => return ranked::export(app, caller, kind, query).await,
        };
        told.map(IntoResponse::into_response)
    }
}

async fn answer(app: &App, caller: &Caller, kind: &Kind, query: &Query, paged: bool) -> Answer {
    let limit = query.number("api_key_limit", 1, MOST_NAMED)?.unwrap_or(USUAL_NAMED);
    let (first, last) = days(query)?;
    let mut asked = asked(kind, query, caller.confined())?;
    let shown = Shown::read(query, (first, last), paged)?;
    (asked.from, asked.until) = (Some(shown.from), Some(shown.until));
    let found = found(app, kind, asked, limit).await?;
    let named = names(app, kind, &found).await?;
    let mut body = view::days(&found, &named);
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("page".into(), shown.page.into());
        metadata.insert("total_pages".into(), shown.pages.into());
        metadata.insert("has_more".into(), (shown.page < shown.pages).into());
        metadata.insert("api_key_limit".into(), limit.into());
    }
    Ok(Json(body))
}

/// The days of one answer.
struct Shown {
    from: i64,
    until: i64,
    page: u64,
    pages: u64,
}

impl Shown {
    fn read(query: &Query, (first, last): (i64, i64), paged: bool) -> Result<Self, ApiError> {
        if !paged {
            return Ok(Self { from: first, until: last, page: 1, pages: 1 });
        }
        let paging = Paging::read(query, "page_size", 50, 1000)?;
        let until = last - i64::from(paging.offset());
        let from = first.max(until - i64::from(paging.size()) + 1);
        let pages = paging.pages((last - first + 1).max(0).cast_unsigned());
        Ok(Self { from, until, page: paging.page().into(), pages })
    }
}

/// Reads the first and the last day, since the epoch.
pub(crate) fn days(query: &Query) -> Result<(i64, i64), ApiError> {
    let (Some(first), Some(last)) = (query.day("start_date")?, query.day("end_date")?) else {
        let message = "Please provide start_date and end_date";
        return Err(ApiError::detail(StatusCode::BAD_REQUEST, json!({ "error": message })));
    };
    Ok((first.day(), last.day()))
}

/// Says whose days are asked for. Others than an admin are shown their own.
fn asked(kind: &Kind, query: &Query, own: Option<&ApiKey>) -> Result<DailyQuery, ApiError> {
    let keys = query.list("api_key").map(|names| {
        let hashes = names.iter().filter_map(|name| key_hash(name));
        hashes.collect::<Vec<KeyHash>>()
    });
    let mut asked = DailyQuery {
        scope: Some(kind.scope),
        owners: query.list(kind.ids),
        without: query.list(kind.without).unwrap_or_default(),
        keys,
        model: query.text("model").map(str::to_owned),
        ..DailyQuery::default()
    };
    let Some(own) = own else {
        // A user's days are those of all their keys; nobody's are those of all keys.
        if kind.scope == Scope::User && asked.owners.is_none() {
            asked.scope = None;
        }
        return Ok(asked);
    };
    let id = match kind.scope {
        Scope::User => own.owner().map(str::to_owned),
        Scope::Team => own.team_id.clone(),
        Scope::Organization
        | Scope::TeamMember
        | Scope::OrganizationMember
        | Scope::Customer
        | Scope::Tag
        | Scope::Key
        | Scope::Provider
        | Scope::Model => return Err(ApiError::forbidden("Only admins may see this.")),
    };
    let others =
        asked.owners.as_ref().is_some_and(|ids| ids.iter().any(|it| Some(it) != id.as_ref()));
    if others {
        let message = "You may see what is yours and nobody else's.";
        return Err(ApiError::forbidden(message));
    }
    if let Some(id) = id {
        asked.owners = Some(vec![id]);
    } else {
        // A key of nobody's shows itself.
        asked.scope = None;
        asked.keys = Some(vec![own.hash]);
    }
    Ok(asked)
}

/// Reads the sums. Of keys and owners only the dearest are named, so that an answer stays small.
async fn found(app: &App, kind: &Kind, asked: DailyQuery, limit: u32) -> Result<Found, ApiError> {
    let service = &app.service;
    let keys = service.dearest(&asked, Dearest::Keys, limit).await?;
    let keys: Vec<KeyHash> = keys.iter().filter_map(|(hash, _)| KeyHash::from_hex(hash)).collect();
    let by_key = DailyQuery { by_key: true, keys: Some(keys), ..asked.clone() };
    let by_key = service.daily_usage(&by_key).await?;
    let mut by_owner = Vec::new();
    if asked.scope == Some(kind.scope) {
        let owners = service.dearest(&asked, Dearest::Owners, limit).await?;
        let owners = Some(owners.into_iter().map(|(owner, _)| owner).collect());
        let query = DailyQuery { by_owner: true, owners, ..asked.clone() };
        by_owner = service.daily_usage(&query).await?;
    }
    Ok(Found { all: service.daily_usage(&asked).await?, by_key, by_owner })
}

/// Finds what people call those that are named.
async fn names(app: &App, kind: &Kind, found: &Found) -> Result<Names, ApiError> {
    let mut names = Names::default();
    let keys: HashSet<KeyHash> = found.by_key.iter().filter_map(|part| part.key).collect();
    for key in keys {
        names.keys.insert(key, app.service.key(&key).await?);
    }
    let owners: HashSet<&String> = found.by_owner.iter().map(|part| &part.owner).collect();
    for owner in owners {
        names.owners.insert(owner.clone(), app.service.entity(kind.scope, owner).await?);
    }
    Ok(names)
}

/// How many keys and owners are named unless `api_key_limit` says otherwise.
const USUAL_NAMED: u32 = 50;
const MOST_NAMED: u32 = 500;
