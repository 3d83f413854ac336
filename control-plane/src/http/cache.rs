//! `/api/cache`: what is kept, in OmniRoute's shapes.

use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Value, json};
use tollgate_core::key::KeyHash;

use crate::domain::kept::Purge;
use crate::http::App;
use crate::http::auth::By;
use crate::http::error::ApiError;
use crate::http::items::bad;
use crate::http::query::Query;

type Answer = Result<Json<Value>, ApiError>;

/// `GET /api/cache`.
pub(crate) async fn show(State(app): State<App>) -> Answer {
    let standing = app.service.cache_standing().await?;
    let config = app.config.borrow().clone();
    let asked = standing.hits.saturating_add(standing.misses);
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = if asked == 0 { 0.0 } else { standing.hits as f64 / asked as f64 };
    let semantic = config.cache.as_ref().and_then(|cache| cache.semantic.as_ref());
    let similar = semantic.map(|semantic| {
        let figures = app.service.similar_figures();
        json!({
            "embeddingModel": semantic.embedding_model,
            "threshold": f64::from(semantic.threshold.ten_thousandths()) / 10_000.0,
            "entries": standing.kept.similar,
            "hits": figures.hits,
            "embeddings": figures.asked,
            "failures": figures.failed,
        })
    });
    Ok(Json(json!({
        "semanticCache": {
            "enabled": config.cache.is_some(),
            // Each worker of each Envoy has a memory of its own, which it does not report.
            "memoryEntries": null,
            "memorySize": null,
            "memoryMaxSize": config.cache.as_ref().map(|cache| cache.memory_bytes),
            "dbEntries": standing.kept.entries,
            "dbSize": standing.kept.bytes,
            "hits": standing.hits,
            "misses": standing.misses,
            "hitRate": rate,
            "tokensSaved": standing.tokens_saved,
            "similar": similar,
        },
        "idempotency": {
            "activeKeys": app.service.claimed(),
            "windowMs": config.idempotency.map(|idempotency| idempotency.window_ms),
        },
    })))
}

/// `DELETE /api/cache`: forgets everything, or what one of `model`, `signature` and `staleMs` says.
pub(crate) async fn purge(
    State(app): State<App>,
    By(actor): By,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::read(query.as_deref());
    let given = ["model", "signature", "staleMs"].map(|name| query.text(name));
    let (what, scope) = match given {
        [None, None, None] => (Purge::All, "all"),
        [Some(model), None, None] => (Purge::Model(model.to_owned()), "model"),
        [None, Some(signature), None] => {
            let key = KeyHash::from_hex(signature);
            let key = key.ok_or_else(|| bad("signature must be 64 hexadecimal digits"))?;
            (Purge::One(*key.as_bytes()), "signature")
        }
        [None, None, Some(age)] => {
            let age = age.parse::<u32>().map_err(|_| bad("staleMs must be a number"))?;
            let before = app.service.now().plus_micros(-1000 * i64::from(age));
            (Purge::MadeBefore(before), "stale")
        }
        _ => return Err(bad("write one of model, signature and staleMs")),
    };
    let expired = app.service.sweep_answers().await?;
    let (gone, revision) = app.service.purge_answers(&what, &actor).await?;
    app.caught_up(revision).await;
    let count = if scope == "all" { "cleared" } else { "invalidated" };
    Ok(Json(json!({"ok": true, count: gone, "expiredRemoved": expired, "scope": scope})))
}
