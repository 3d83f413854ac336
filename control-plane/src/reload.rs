//! What changes while the process runs: the configuration file, and limits in the database that
//! every filter is told of. Both are published again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};

use crate::clock::{Clock, SystemClock};
use crate::config::watch::FileWatch;
use crate::config::{Config, Source, TargetConfig};
use crate::prices::PriceList;
use crate::publish::Publisher;
use crate::store::news::{Feed, Heard, News};
use crate::store::{Configured, SharedLimits, Store, StoreError};

/// Publishes what changes.
pub(crate) struct Reload {
    current: watch::Sender<Arc<Config>>,
    store: Arc<dyn Store>,
    publisher: Publisher,
    /// Taken while limits are read and published, so that an older state never replaces a newer.
    turn: Mutex<()>,
}

impl Reload {
    /// Begins with what is published already.
    pub(crate) fn new(
        current: watch::Sender<Arc<Config>>,
        store: Arc<dyn Store>,
        publisher: Publisher,
    ) -> Self {
        Self { current, store, publisher, turn: Mutex::default() }
    }

    /// Publishes what changes, until it is dropped.
    pub(crate) async fn follow(self, source: Source, prices: PriceList, news: Feed) {
        tokio::join!(self.follow_files(source, prices), self.follow_limits(news));
    }

    /// Follows the file and those it names. What cannot be used is logged, and the old
    /// configuration stays.
    async fn follow_files(&self, source: Source, prices: PriceList) {
        let mut files = match FileWatch::start(source.files(&prices)) {
            Ok(files) => files,
            Err(error) => {
                tracing::error!(%error, "changes of the configuration will not be noticed");
                return;
            }
        };
        // Once before waiting: it may have changed since it was read at the start.
        let mut looked = false;
        loop {
            if std::mem::replace(&mut looked, true) {
                files.changed().await;
            }
            // Before they are read: what changes from here on is noticed. A name that cannot be
            // watched is one of a file that cannot be read, which is said below.
            let _ = files.follow(source.files(&prices));
            let new = match source.load(&prices) {
                Ok(config) => self.current.borrow().successor(config),
                Err(error) => {
                    tracing::error!(%error, "the new configuration is not valid; the old one stays");
                    continue;
                }
            };
            if new != **self.current.borrow() {
                self.apply(new).await;
            }
        }
    }

    /// Follows changes of the limits that every filter is told of.
    async fn follow_limits(&self, mut news: Feed) {
        loop {
            match news.next().await {
                Heard::News(News::SharedChanged { .. }) | Heard::Missed => {}
                Heard::News(_) => continue,
            }
            let _turn = self.turn.lock().await;
            let (revision, limits) = loop {
                match shared(&self.store).await {
                    Ok(shared) => break shared,
                    Err(error) => wait(&error).await,
                }
            };
            let config = self.current.borrow().clone();
            self.publisher.publish(&config, &limits, revision);
        }
    }

    async fn apply(&self, new: Config) {
        let _turn = self.turn.lock().await;
        let (revision, limits) = loop {
            match apply_limits(&self.store, &new).await {
                Ok(applied) => break applied,
                Err(error) => wait(&error).await,
            }
        };
        self.publisher.publish(&new, &limits, revision);
        warn_about_gaps(&new);
        tracing::info!(
            revision,
            providers = new.providers.len(),
            models = new.models.len(),
            "configuration reloaded"
        );
        self.current.send_replace(Arc::new(new));
    }
}

/// Gives the limits of a configuration their meters, and returns the number of the change and the
/// limits that filters are told of.
pub(crate) async fn apply_limits(
    store: &Arc<dyn Store>,
    config: &Config,
) -> Result<(u64, SharedLimits), StoreError> {
    let configured = Configured { rates: config.limits.window, limits: config.limited() };
    let revision = store.configure(&configured, SystemClock.now()).await?;
    Ok((revision, store.shared_limits().await?))
}

/// Says what is missing in a configuration that can be used.
pub(crate) fn warn_about_gaps(config: &Config) {
    if config.master_key.is_none() {
        tracing::warn!("no master_key is configured: the management API answers health alone");
    }
    for model in &config.models {
        let unpriced = |target: &&TargetConfig| target.price.is_none() && !target.free;
        for target in model.targets.iter().filter(unpriced) {
            tracing::warn!(
                model.name = model.name,
                provider.id = target.provider,
                provider.model = target.model,
                "no price is known: requests cost nothing and are marked unpriced"
            );
        }
    }
}

/// The revision is read first, so that it is never too new.
async fn shared(store: &Arc<dyn Store>) -> Result<(u64, SharedLimits), StoreError> {
    let revision = store.revision().await?;
    Ok((revision, store.shared_limits().await?))
}

/// Says why what changed has to wait, and waits.
async fn wait(error: &StoreError) {
    let error = crate::telemetry::chain(error);
    tracing::error!(error, "what changed waits for the database");
    tokio::time::sleep(RETRY).await;
}

const RETRY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Change, Entity, Scope, Secret};
    use crate::xds::tests::config;

    #[tokio::test]
    async fn limits_of_all_are_published_when_they_change() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        let store = crate::store::open(&Secret::new(url)).await.unwrap();
        let news = store.newsroom().feed();
        let (revision, limits) = apply_limits(&store, &config(Vec::new())).await.unwrap();
        let newsroom = store.newsroom().clone();
        let publisher = Publisher::new(&config(Vec::new()), &limits, revision, newsroom);
        let current = watch::Sender::new(Arc::new(config(Vec::new())));
        let reload = Reload::new(current, store.clone(), publisher.clone());
        let mut published = publisher.watch();

        let follow = tokio::spawn(async move { reload.follow_limits(news).await });
        let change = Change {
            id: "c".into(),
            at: SystemClock.now(),
            actor: "somebody".into(),
            action: "customer.new",
            request_id: None,
        };
        let customer = Entity::new(Scope::Customer, "c".into(), &change);
        let added = store.add_entity(&customer, &change).await.unwrap();
        let told = published.wait_for(|state| state.snapshot.customers);
        let told = tokio::time::timeout(Duration::from_secs(30), told).await.unwrap().unwrap();

        assert_eq!(told.snapshot.revision, added.revision);
        follow.abort();
    }
}
