//! What changes while the process runs: the configuration file, what the management API adds to
//! it, and limits in the database that every filter is told of. All are published again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};

use crate::clock::{Clock, SystemClock};
use crate::config::watch::FileWatch;
use crate::config::{Config, Source, TargetConfig};
use crate::effective::LeftOut;
use crate::prices::PriceList;
use crate::publish::Publisher;
use crate::service::Service;
use crate::store::news::{Feed, Heard, News};
use crate::store::{Configured, SharedLimits, Store, StoreError};

/// Publishes what changes.
pub struct Reload {
    file: watch::Sender<Arc<Config>>,
    current: watch::Sender<Arc<Config>>,
    prices: Arc<PriceList>,
    service: Service,
    store: Arc<dyn Store>,
    publisher: Publisher,
    news: Feed,
    /// Taken while something is read and published, so that an older state never replaces a newer.
    turn: Arc<Mutex<()>>,
}

impl Reload {
    /// Begins with a file and what the database adds to it.
    pub async fn begin(
        file: Config,
        prices: PriceList,
        service: Service,
        store: Arc<dyn Store>,
    ) -> Result<Self, StoreError> {
        // Before anything is read: what changes from here on is noticed.
        let news = store.newsroom().feed();
        let items = store.items().await?;
        let effective = service.effective(&file, &items, &prices);
        say_left_out(&effective.left_out);
        let config = effective.config;
        let (revision, limits) = apply_limits(&store, &config).await?;
        let publisher = Publisher::new(&config, &limits, revision, store.newsroom().clone());
        warn_about_gaps(&config);
        Ok(Self {
            file: watch::Sender::new(Arc::new(file)),
            current: watch::Sender::new(Arc::new(config)),
            prices: Arc::new(prices),
            service,
            store,
            publisher,
            news,
            turn: Arc::default(),
        })
    }

    /// Returns what is told to others.
    pub fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    /// Returns what the file says.
    pub fn file(&self) -> watch::Receiver<Arc<Config>> {
        self.file.subscribe()
    }

    /// Returns what holds.
    pub fn config(&self) -> watch::Receiver<Arc<Config>> {
        self.current.subscribe()
    }

    /// Returns the list prices.
    pub fn prices(&self) -> Arc<PriceList> {
        self.prices.clone()
    }

    /// Publishes what changes, until it is dropped. Without a source the file stays as it is.
    pub async fn follow(mut self, source: Option<Source>) {
        let news = std::mem::replace(&mut self.news, self.publisher.news());
        tokio::join!(self.follow_files(source), self.follow_store(news));
    }

    /// Follows the file and those it names. What cannot be used is logged, and the old
    /// configuration stays.
    async fn follow_files(&self, source: Option<Source>) {
        let Some(source) = source else { return };
        let mut files = match FileWatch::start(source.files(&self.prices)) {
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
            let _ = files.follow(source.files(&self.prices));
            let loaded = match source.load(&self.prices) {
                Ok(loaded) => loaded,
                Err(error) => {
                    tracing::error!(%error, "the new configuration is not valid; the old one stays");
                    continue;
                }
            };
            let new = self.file.borrow().successor(loaded.config.clone());
            if new != **self.file.borrow() {
                say_changes(&self.file.borrow().changes(&new));
                loaded.log_notes();
                self.file.send_replace(Arc::new(new));
                self.apply().await;
            }
        }
    }

    /// Follows what the database adds to the file, and limits that every filter is told of.
    async fn follow_store(&self, mut news: Feed) {
        loop {
            match news.next().await {
                Heard::News(News::ItemsChanged { .. }) | Heard::Missed => self.apply().await,
                Heard::News(News::SharedChanged { .. }) => self.apply_limits().await,
                Heard::News(_) => {}
            }
        }
    }

    async fn apply_limits(&self) {
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

    /// Publishes the file with what the database adds to it.
    async fn apply(&self) {
        let _turn = self.turn.lock().await;
        let (config, revision, limits) = loop {
            match self.read().await {
                Ok(read) => break read,
                Err(error) => wait(&error).await,
            }
        };
        let config = Arc::new(config);
        // Whoever waits for the revision then reads what belongs to it.
        self.current.send_replace(config.clone());
        self.publisher.publish(&config, &limits, revision);
        warn_about_gaps(&config);
        tracing::info!(
            revision,
            providers = config.providers.len(),
            models = config.models.len(),
            "configuration reloaded"
        );
    }

    async fn read(&self) -> Result<(Config, u64, SharedLimits), StoreError> {
        let items = self.store.items().await?;
        let file = self.file.borrow().clone();
        let effective = self.service.effective(&file, &items, &self.prices);
        say_left_out(&effective.left_out);
        let (revision, limits) = apply_limits(&self.store, &effective.config).await?;
        Ok((effective.config, revision, limits))
    }
}

/// Logs what a new file changes, each in a line.
fn say_changes(changes: &[String]) {
    for change in changes.iter().take(MOST_LINES) {
        tracing::info!("configuration file: {change}");
    }
    if let Some(more) = changes.len().checked_sub(MOST_LINES).filter(|more| *more > 0) {
        tracing::info!("configuration file: {more} more changes");
    }
}

fn say_left_out(left_out: &[LeftOut]) {
    for LeftOut { kind, id, why } in left_out {
        tracing::warn!(item.kind = kind.name(), item.id = id, why, "left out of the configuration");
    }
}

/// Gives the limits of a configuration their meters, and returns the number of the change and the
/// limits that filters are told of.
async fn apply_limits(
    store: &Arc<dyn Store>,
    config: &Config,
) -> Result<(u64, SharedLimits), StoreError> {
    let configured = Configured { rates: config.limits.window, limits: config.limited() };
    let revision = store.configure(&configured, SystemClock.now()).await?;
    Ok((revision, store.shared_limits().await?))
}

/// Says what is missing in a configuration that can be used.
fn warn_about_gaps(config: &Config) {
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
/// Most lines that a changed file is worth in the log.
const MOST_LINES: usize = 50;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::{Change, Entity, Item, ItemKind, Scope, Secret, Stamps};
    use crate::entropy::SystemEntropy;
    use crate::service::Parts;
    use crate::vault::Vault;
    use crate::xds::tests::config;

    async fn begun(folder: &std::path::Path) -> (Arc<dyn Store>, Reload) {
        let url = format!("sqlite:{}", folder.join("test.db").display());
        let store = crate::store::open(&Secret::new(url)).await.unwrap();
        let service = Service::new(Parts {
            store: store.clone(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            master_key: None,
            vault: Vault::with_key(&[1; 32]).unwrap(),
        });
        let (file, prices) = (config(Vec::new()), PriceList::default());
        let reload = Reload::begin(file, prices, service, store.clone()).await.unwrap();
        (store, reload)
    }

    fn change() -> Change {
        Change {
            id: "c".into(),
            at: SystemClock.now(),
            actor: "somebody".into(),
            action: "test",
            request_id: None,
        }
    }

    #[tokio::test]
    async fn limits_of_all_are_published_when_they_change() {
        let folder = tempfile::tempdir().unwrap();
        let (store, reload) = begun(folder.path()).await;
        let mut published = reload.publisher().watch();

        let follow = tokio::spawn(reload.follow(None));
        let customer = Entity::new(Scope::Customer, "c".into(), &change());
        let added = store.add_entity(&customer, &change()).await.unwrap();
        let told = published.wait_for(|state| state.snapshot.customers);
        let told = tokio::time::timeout(Duration::from_secs(30), told).await.unwrap().unwrap();

        assert_eq!(told.snapshot.revision, added.revision);
        follow.abort();
    }

    #[tokio::test]
    async fn what_is_added_to_the_file_is_published() {
        let folder = tempfile::tempdir().unwrap();
        let (store, reload) = begun(folder.path()).await;
        let (mut published, current) = (reload.publisher().watch(), reload.config());
        let at = SystemClock.now();
        let body = json!({"provider": "ollama", "defaultModel": "m"});
        let stamps = Stamps {
            created_at: at,
            created_by: "a".into(),
            updated_at: at,
            updated_by: "a".into(),
        };
        let item = Item {
            kind: ItemKind::Connection,
            id: "c".into(),
            body: body.as_object().unwrap().clone(),
            sealed: None,
            stamps,
        };

        let follow = tokio::spawn(reload.follow(None));
        let revision = store.put_item(&item, true, &change()).await.unwrap();
        let told = published.wait_for(|state| state.snapshot.revision >= revision);
        let told = tokio::time::timeout(Duration::from_secs(30), told).await.unwrap().unwrap();

        assert_eq!(told.snapshot.models[0].name, "ollama/m");
        assert!(told.resources.clusters.items.iter().any(|it| it.name == "tollgate/ollama"));
        assert_eq!(current.borrow().models.len(), 1);
        follow.abort();
    }
}
