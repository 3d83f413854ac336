//! `/api/resilience`: when accounts go out of rotation, in OmniRoute's shapes and our own.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use crate::config::ResilienceConfig;
use crate::domain::{Edit, ItemKind};
use crate::effective::{RESILIENCE, resilience_of};
use crate::http::auth::By;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::items::{self, Draft, bad, in_file};
use crate::http::monitoring::{breakers, rate_limits};
use crate::http::{App, Body};
use crate::service::ItemDraft;

type Answer = Result<Json<Value>, ApiError>;

/// `GET /api/resilience`.
pub(crate) async fn show(State(app): State<App>) -> Answer {
    let (now, out) = (app.service.now(), app.service.health().await?);
    let config = app.config.borrow().clone();
    let breakers = breakers(&config.providers, &out).map(|(name, breaker)| {
        json!({
            "name": name,
            "state": breaker.get("state"),
            "failureCount": breaker.get("failures"),
            "lastFailureTime": breaker.get("lastFailure"),
        })
    });
    Ok(Json(json!({
        "profiles": {"apikey": profile(config.resilience)},
        "resilience": own(config.resilience),
        "circuitBreakers": breakers.collect::<Vec<_>>(),
        "rateLimitStatus": rate_limits(&out, now),
    })))
}

/// `PATCH` and `PUT /api/resilience`.
pub(crate) async fn change(State(app): State<App>, By(actor): By, Body(body): Body) -> Answer {
    let mut fields = Fields::read(&body)?;
    let (profiles, own) = (fields.object("profiles").value(), fields.object("resilience").value());
    let defaults = fields.object("defaults").value();
    fields.finish()?;
    if defaults.is_some() {
        let message = "defaults are not supported: give providers and accounts limits instead";
        return Err(bad(message));
    }
    let mut wanted = Map::new();
    if let Some(profiles) = profiles {
        wanted.extend(of_profiles(&profiles)?);
    }
    for (name, value) in own.unwrap_or_default() {
        if !FIELDS.contains(&name.as_str()) {
            let known = FIELDS.join(", ");
            return Err(bad(format!("resilience.{name} is not supported; known are {known}")));
        }
        if value.as_u64().is_none_or(|number| !(1..=MOST).contains(&number)) {
            return Err(bad(format!("resilience.{name} must be within 1..{MOST}")));
        }
        wanted.insert(name, value);
    }
    if wanted.is_empty() {
        return Err(bad("write profiles or resilience"));
    }
    refuse_configured(&app, &wanted)?;
    let before = items::find(&app, ItemKind::Setting, RESILIENCE).await?;
    let mut body = before.as_ref().map(|item| item.body.clone()).unwrap_or_default();
    body.extend(wanted);
    let draft =
        ItemDraft { kind: ItemKind::Setting, id: RESILIENCE.to_owned(), body, secret: Edit::Clear };
    let draft = Draft { wanted: draft, before: before.as_ref(), action: "resilience.update" };
    items::put(&app, draft, &actor).await?;
    let now = app.config.borrow().resilience;
    Ok(Json(json!({
        "ok": true,
        "profiles": {"apikey": profile(now)},
        "resilience": self::own(now),
    })))
}

/// `POST /api/resilience/reset`.
pub(crate) async fn reset(State(app): State<App>) -> Answer {
    let count = app.service.reset_health(|_| true).await?.len();
    let message = format!("{count} accounts and models are back in rotation");
    Ok(Json(json!({"ok": true, "resetCount": count, "message": message})))
}

/// Reads OmniRoute's figures, all five of them; accounts by OAuth there are none.
fn of_profiles(profiles: &Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    let mut wanted = Map::new();
    for (name, profile) in profiles {
        if name != "apikey" {
            return Err(bad(format!("profiles.{name} is not supported: write apikey")));
        }
        let number = |field: &str, least: u64| {
            let number = profile.get(field).and_then(Value::as_u64);
            number.filter(|number| (least..=MOST).contains(number)).ok_or_else(|| {
                bad(format!("profiles.apikey.{field} must be a number of at least {least}"))
            })
        };
        if number("rateLimitCooldown", 0)? != 0 {
            let message = "profiles.apikey.rateLimitCooldown must be 0: the provider's word holds";
            return Err(bad(message));
        }
        let first = number("transientCooldown", 1)?;
        let doublings = number("maxBackoffLevel", 0)?.min(20);
        let longest = first.saturating_mul(1 << doublings).min(MOST);
        wanted.insert("cooldown_ms".into(), first.into());
        wanted.insert("longest_cooldown_ms".into(), longest.into());
        wanted.insert("failures".into(), number("circuitBreakerThreshold", 1)?.into());
        wanted.insert("open_ms".into(), number("circuitBreakerReset", 1)?.into());
    }
    Ok(wanted)
}

fn refuse_configured(app: &App, wanted: &Map<String, Value>) -> Result<(), ApiError> {
    let file = own(app.file.borrow().resilience);
    let stored = own(resilience_of(wanted));
    let says = |config: &Value, name: &str| config.get(name).is_some_and(|it| !it.is_null());
    if let Some(name) = FIELDS.iter().find(|name| says(&file, name) && says(&stored, name)) {
        return Err(in_file(&format!("resilience.{name}")));
    }
    Ok(())
}

fn own(config: ResilienceConfig) -> Value {
    json!({
        "failures": config.failures,
        "open_ms": config.open_ms,
        "cooldown_ms": config.cooldown_ms,
        "longest_cooldown_ms": config.longest_cooldown_ms,
        "refused_ms": config.refused_ms,
    })
}

fn profile(config: ResilienceConfig) -> Value {
    // What the filter takes where nothing is said.
    let holds = tollgate_core::snapshot::routing::Resilience::default();
    let ms = |said: Option<u32>, us: i64| said.map_or(us / 1000, i64::from);
    let first = ms(config.cooldown_ms, holds.cooldown_us);
    let longest = ms(config.longest_cooldown_ms, holds.longest_cooldown_us);
    let doublings = (0..20).find(|level| first << level >= longest);
    json!({
        "transientCooldown": first,
        "rateLimitCooldown": 0,
        "maxBackoffLevel": doublings,
        "circuitBreakerThreshold": config.failures.unwrap_or(holds.failures),
        "circuitBreakerReset": ms(config.open_ms, holds.open_us),
    })
}

const FIELDS: [&str; 5] =
    ["failures", "open_ms", "cooldown_ms", "longest_cooldown_ms", "refused_ms"];
const MOST: u64 = 86_400_000;
