//! Active checks: providers that are asked from time to time whether they are there, so that one
//! that is not is left alone before a request finds out.
//!
//! What is asked costs nothing: the list of models. Whoever answers is there, whatever the answer
//! is; only a refused credential, a server error or silence counts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::config::{AccountConfig, Config, ProviderConfig};
use crate::domain::{HealthMark, HealthState, Marked};
use crate::outbound::{self, OutboundError, Reach, Reply, question};
use crate::service::Service;

/// What a check has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    There,
    NotThere,
    Refused,
}

/// Checks providers for as long as the configuration is there.
pub async fn follow(service: Service, mut configs: watch::Receiver<Arc<Config>>) {
    // When each is to be asked again. `None`: it is being asked.
    let mut due = BTreeMap::<String, Option<Instant>>::new();
    let mut under_way = JoinSet::new();
    loop {
        let config = configs.borrow_and_update().clone();
        let now = Instant::now();
        let mut next = now + IDLE;
        for (provider, every) in config.providers.iter().filter_map(checked) {
            let at = due.entry(provider.id.clone()).or_insert(Some(now));
            if at.take_if(|at| *at <= now).is_some() {
                let check = check(service.clone(), provider.clone(), every);
                let again = (provider.id.clone(), now + every);
                under_way.spawn(async move {
                    check.await;
                    again
                });
            }
            next = at.map_or(next, |at| next.min(at));
        }
        due.retain(|id, _| config.providers.iter().any(|it| it.id == *id && checked(it).is_some()));
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            changed = configs.changed() => if changed.is_err() { return },
            Some(checked) = under_way.join_next() => match checked {
                // One that answers slowly is not asked again before it has.
                Ok((id, at)) => {
                    due.insert(id, Some(at));
                }
                // It panicked, and whose it was is not known: all begin anew.
                Err(_) => due.retain(|_, at| at.is_some()),
            },
        }
    }
}

fn checked(provider: &ProviderConfig) -> Option<(&ProviderConfig, Duration)> {
    let every = provider.check_every.filter(|_| provider.enabled)?;
    Some((provider, every))
}

/// Asks with each of a provider's accounts.
async fn check(service: Service, provider: ProviderConfig, every: Duration) {
    for account in provider.accounts.iter().filter(|account| account.enabled) {
        let call = question::models(&provider, account.credential.as_ref());
        let answer = outbound::send(&provider.base_url, call, Reach::Private).await;
        let found = judge(&answer);
        if let Err(error) = tell(&service, &provider, account, found, every).await {
            let error = crate::telemetry::chain(&error);
            tracing::error!(provider.id = provider.id, error, "a check could not be noted");
        }
    }
}

fn judge(answer: &Result<Reply, OutboundError>) -> Found {
    match answer {
        Ok(Reply { status: 401 | 403, .. }) => Found::Refused,
        Ok(Reply { status: 500.., .. }) | Err(_) => Found::NotThere,
        Ok(_) => Found::There,
    }
}

async fn tell(
    service: &Service,
    provider: &ProviderConfig,
    account: &AccountConfig,
    found: Found,
    every: Duration,
) -> Result<(), crate::service::ServiceError> {
    let of =
        Marked { provider: provider.id.clone(), account: account.id.clone(), model: String::new() };
    let (state, reason) = match found {
        Found::There => {
            service.reset_health(|out| *out == of).await?;
            return Ok(());
        }
        Found::NotThere => (HealthState::Open, "check_failed"),
        Found::Refused => (HealthState::Refused, "credential_refused"),
    };
    let now = service.now();
    // Until the check after the next: one that is late changes nothing.
    let pause = i64::try_from((every * 2).as_micros()).unwrap_or(i64::MAX);
    let until = now.plus_micros(pause);
    let mark = HealthMark { of, state, until, level: 1, reason: reason.to_owned(), since: now };
    service.report_health(vec![mark]).await
}

/// How often a configuration without checks is looked at again; changes are heard of anyway.
const IDLE: Duration = Duration::from_hours(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_answers_is_there() {
        let status = |status| Ok(Reply { status, body: Vec::new().into() });
        let lost = || Err(OutboundError::TimedOut);
        let cases = [
            (status(200), Found::There),
            (status(404), Found::There),
            (status(429), Found::There),
            (status(401), Found::Refused),
            (status(403), Found::Refused),
            (status(503), Found::NotThere),
            (lost(), Found::NotThere),
        ];
        for (answer, found) in cases {
            assert_eq!(judge(&answer), found, "{answer:?}");
        }
    }
}
