//! `/api/monitoring/health`: who is out of rotation, with all that is known about it.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use crate::catalogue::Catalogue;
use crate::domain::{HealthMark, HealthState};
use crate::http::error::ApiError;
use crate::http::key_view::zulu;
use crate::http::{App, marks};

type Answer = Result<Json<Value>, ApiError>;

/// `GET /api/monitoring/health`.
pub(crate) async fn health(State(app): State<App>) -> Answer {
    let (now, out) = (app.service.now(), app.service.health().await?);
    let config = app.config.borrow().clone();
    let accounts = config.providers.iter().map(|provider| provider.accounts.len()).sum::<usize>();
    let active = config.providers.iter().filter(|provider| provider.usable().next().is_some());
    let lockouts: Vec<Value> = out.iter().map(|mark| marks::view(mark, now)).collect();
    let soonest = out.iter().map(|mark| marks::remaining_ms(mark, now)).min();
    Ok(Json(json!({
        "status": if out.is_empty() { "healthy" } else { "degraded" },
        "timestamp": zulu(now),
        "system": {
            "version": env!("CARGO_PKG_VERSION"),
            "pid": std::process::id(),
            "platform": std::env::consts::OS,
        },
        "providerHealth": breakers(&config.providers, &out).collect::<Map<_, _>>(),
        "rateLimitStatus": rate_limits(&out, now),
        "lockouts": lockouts,
        "connectionHealth": {
            "coolingDown": out.len(),
            "total": accounts,
            "soonestRetryAfterMs": soonest,
        },
        "providerSummary": {
            "catalogCount": Catalogue::built_in().providers().len(),
            "configuredCount": config.providers.len(),
            "activeCount": active.count(),
            "monitoredCount": config.providers.len(),
        },
        "setupComplete": !config.models.is_empty(),
    })))
}

/// `DELETE /api/monitoring/health`: everything comes back into rotation.
pub(crate) async fn reset(State(app): State<App>) -> Answer {
    let count = app.service.reset_health(|_| true).await?.len();
    let message = format!("{count} accounts and models are back in rotation");
    Ok(Json(json!({"success": true, "message": message, "resetCount": count})))
}

/// Says of each provider what its worst breaker is.
pub(crate) fn breakers<'a>(
    providers: &'a [crate::config::ProviderConfig],
    out: &'a [HealthMark],
) -> impl Iterator<Item = (String, Value)> + 'a {
    providers.iter().map(|provider| {
        let worst = out
            .iter()
            .filter(|mark| mark.of.provider == provider.id && mark.state == HealthState::Open)
            .max_by_key(|mark| mark.level);
        let view = json!({
            "state": if worst.is_some() { "OPEN" } else { "CLOSED" },
            "failures": worst.map_or(0, |mark| mark.level),
            "lastFailure": worst.map(|mark| zulu(mark.since)),
        });
        (provider.id.clone(), view)
    })
}

/// Lists the accounts that asked for a pause.
pub(crate) fn rate_limits(out: &[HealthMark], now: crate::domain::Timestamp) -> Value {
    let cooling = out.iter().filter(|mark| mark.state == HealthState::Cooling);
    let views = cooling.map(|mark| (marks::connection(&mark.of), marks::view(mark, now)));
    Value::Object(views.collect())
}
