//! Asking providers about work until it is over, and charging it then. Several control planes on
//! one database are each given other work; what one of them loses comes to another.

use std::time::Duration;

use hyper::Method;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tollgate_core::money::NanoDollars;
use tollgate_core::price::TokenUsage;

use crate::deferred::site::Site;
use crate::deferred::{Desk, reading, usage};
use crate::domain::commitment::asked_again;
use crate::domain::{Commitment, Resource, Used, WorkKind};
use crate::service::ServiceError;
use crate::service::resources::Sighting;

/// What came of asking.
enum Found {
    /// It goes on, or nobody answers.
    GoesOn,
    /// It is over.
    Over(Used),
    /// Nobody knows of it any more.
    Gone,
}

/// Asks about work that is due, for ever.
pub async fn follow(desk: Desk) {
    let mut rounds = tokio::time::interval(ROUND);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut under_way = JoinSet::new();
    for round in 0_u64.. {
        rounds.tick().await;
        while under_way.try_join_next().is_some() {}
        if round % ROUNDS_BETWEEN_SWEEPS == 0 {
            sweep(&desk).await;
        }
        if under_way.len() >= AT_ONCE {
            continue;
        }
        match desk.service.due_work().await {
            Ok(due) => {
                for (resource, tries) in due {
                    let desk = desk.clone();
                    under_way.spawn(async move {
                        if let Err(error) = desk.attend(&resource, tries).await {
                            let error = crate::telemetry::chain(&error);
                            tracing::error!(resource.id = resource.id, error, "not charged yet");
                        }
                    });
                }
            }
            Err(error) => {
                let error = crate::telemetry::chain(&error);
                tracing::error!(error, "work that is due is not asked about");
            }
        }
    }
}

/// Gives back what was reserved for work that nobody has heard of for too long.
async fn sweep(desk: &Desk) {
    match desk.service.abandoned_work().await {
        Ok(abandoned) => {
            for id in abandoned {
                tracing::warn!(commitment = id.to_hex(), "nobody took what was reserved");
                if let Err(error) = desk.release(id).await {
                    let error = crate::telemetry::chain(&error);
                    tracing::error!(error, "what was reserved for work is not given back");
                }
            }
        }
        Err(error) => {
            let error = crate::telemetry::chain(&error);
            tracing::error!(error, "what was reserved for work is not looked through");
        }
    }
}

impl Desk {
    /// Asks about work, and charges it when it is over.
    async fn attend(&self, resource: &Resource, tries: u64) -> Result<(), ServiceError> {
        let commitment = match resource.commitment {
            Some(id) => self.service.commitment(id).await?,
            None => None,
        };
        let Some(commitment) = commitment else { return Ok(()) };
        let used = match self.ask(resource, &commitment).await? {
            Found::Over(used) => used,
            Found::Gone => Used::Unknown,
            Found::GoesOn => {
                let now = self.service.now();
                if now < commitment.terms.kind.given_up(commitment.made_at) {
                    let due = asked_again(tries, now);
                    return self.service.put_off(&resource.id, due).await;
                }
                Used::Unknown
            }
        };
        if used == Used::Unknown {
            tracing::warn!(resource.id = resource.id, "nobody says what it used; its worst counts");
        }
        let record = commitment.record(resource, used, self.service.now());
        self.service.settle_work(resource, &commitment, &record).await?;
        self.drop_copy(&commitment).await;
        Ok(())
    }

    async fn ask(
        &self,
        resource: &Resource,
        commitment: &Commitment,
    ) -> Result<Found, ServiceError> {
        let config = self.configs.borrow().clone();
        let (Ok(site), Some(path)) = (Site::of(&config, &resource.place), path(resource)) else {
            return Ok(Found::GoesOn);
        };
        let mut lost = 0;
        let body = loop {
            match site.ask(Method::GET, &path).await {
                Ok(reply) if reply.status == 200 => break reply.body,
                Ok(reply) if reply.status == 404 && lost < CERTAIN => lost += 1,
                Ok(reply) if reply.status == 404 => return Ok(Found::Gone),
                Ok(_) | Err(_) => return Ok(Found::GoesOn),
            }
            tokio::time::sleep(BEFORE_CERTAIN).await;
        };
        let read = std::str::from_utf8(&body).ok();
        let Some((text, said)) = read.and_then(|it| Some((it, serde_json::from_str(it).ok()?)))
        else {
            return Ok(Found::GoesOn);
        };
        self.note(resource, text).await?;
        Ok(used(&site, commitment, &said).await)
    }

    /// Keeps what the provider says, and the files that it has made.
    async fn note(&self, resource: &Resource, body: &str) -> Result<(), ServiceError> {
        let seen = Sighting {
            tenant: resource.tenant.clone(),
            key_hash: resource.key_hash,
            kind: resource.kind,
            place: resource.place.clone(),
            model: String::new(),
            body: body.to_owned(),
            tags: resource.tags.clone(),
            commitment: None,
        };
        self.service.register(seen).await.map(|_| ())
    }

    /// Deletes the copy of its file that a batch was made with.
    pub(super) async fn drop_copy(&self, commitment: &Commitment) {
        let Some((_, copy)) = &commitment.terms.files else { return };
        let site = Site::of(&self.configs.borrow().clone(), &commitment.terms.place);
        if let Ok(site) = site {
            // A copy that stays costs nothing and is nobody's.
            let _ = site.ask(Method::DELETE, &format!("/files/{copy}")).await;
        }
    }
}

/// Says what work has used, if it is over.
async fn used(site: &Site, commitment: &Commitment, said: &Value) -> Found {
    let (kind, price) = (commitment.terms.kind, commitment.terms.price.as_ref());
    if !kind.is_over(said.get("status").and_then(Value::as_str).unwrap_or_default()) {
        return Found::GoesOn;
    }
    let nothing = Used::Said(TokenUsage::default(), NanoDollars::default());
    match kind {
        WorkKind::Job => Found::Over(usage::of_job(said, price)),
        WorkKind::Run => Found::Over(usage::of_object(said, price).unwrap_or(nothing)),
        WorkKind::Batch => {
            // Older batches have no usage of their own.
            let whole = usage::of_object(said, price);
            let whole = whole.filter(|used| usage::adds_up(price) && *used != nothing);
            match (whole, said.get("output_file_id").and_then(Value::as_str)) {
                (Some(used), _) => Found::Over(used),
                (None, Some(file)) => output_of(site, file, commitment).await,
                (None, None) => Found::Over(nothing),
            }
        }
    }
}

/// Reads what a batch has made.
async fn output_of(site: &Site, file: &str, commitment: &Commitment) -> Found {
    let Ok(answer) = site.open(&format!("/files/{file}/content")).await else {
        return Found::GoesOn;
    };
    match answer.status {
        200 => {}
        404 => return Found::Gone,
        _ => return Found::GoesOn,
    }
    let price = commitment.terms.price.clone();
    match reading::read(answer, move |pieces| usage::of_output(price.as_ref(), pieces)).await {
        Ok(Ok(used)) => Found::Over(used),
        // Read to its end it would be charged in full.
        Ok(Err(_)) | Err(_) => Found::GoesOn,
    }
}

/// Returns the path below which a provider tells of work. `None`: it cannot be asked about.
fn path(resource: &Resource) -> Option<String> {
    let id = &resource.id;
    match WorkKind::of(resource.kind)? {
        WorkKind::Batch => Some(format!("/batches/{id}")),
        WorkKind::Job => Some(format!("/fine_tuning/jobs/{id}")),
        WorkKind::Run => {
            let body: Value = serde_json::from_str(&resource.body).ok()?;
            let thread = body.get("thread_id")?.as_str()?;
            tollgate_core::dialect::references::is_id(thread)
                .then(|| format!("/threads/{thread}/runs/{id}"))
        }
    }
}

const ROUND: Duration = Duration::from_millis(500);
/// A minute.
const ROUNDS_BETWEEN_SWEEPS: u64 = 120;
const AT_ONCE: usize = 32;
/// So often a provider may say that it knows nothing of it before that is believed.
const CERTAIN: u32 = 2;
const BEFORE_CERTAIN: Duration = Duration::from_secs(1);
