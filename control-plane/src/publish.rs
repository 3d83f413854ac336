//! From changes to whoever must hear of them: filters that watch, Envoys on ADS.
//!
//! [`Publisher`] holds the newest [`Published`] state and knows where changes of keys are heard of.
//! It keeps nothing that the store and the configuration do not know better.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tollgate_proto::v1::Snapshot;

use crate::config::{Config, MediaFetchConfig};
use crate::semantic::Semantic;
use crate::snapshot;
use crate::store::SharedLimits;
use crate::store::news::{Feed, Newsroom};
use crate::xds::{self, Resource, ResourceSet, Resources, cluster};

/// Tells filters and Envoys what changed.
#[derive(Clone)]
pub struct Publisher {
    shared: Arc<Shared>,
}

struct Shared {
    current: watch::Sender<Published>,
    newsroom: Newsroom,
    envoys: Envoys,
    /// Serialises changes of `current`, which read it before they write it.
    publishing: Mutex<()>,
}

/// One state of the configuration, as others are told it.
#[derive(Clone)]
pub struct Published {
    /// For filters.
    pub snapshot: Arc<Snapshot>,
    /// For Envoys.
    pub resources: Arc<Resources>,
    /// How questions are compared. `None`: they are not.
    pub semantic: Option<Arc<Semantic>>,
    /// Which media are fetched. `None`: none.
    pub media_fetch: Option<MediaFetchConfig>,
    /// Before this moment Envoy may still look for the addresses of new providers.
    resolved_at: Instant,
}

impl Publisher {
    /// Begins with a configuration. `revision` and `newsroom` are the store's.
    pub fn new(config: &Config, limits: &SharedLimits, revision: u64, newsroom: Newsroom) -> Self {
        let published = Published {
            snapshot: Arc::new(snapshot::render(config, limits, revision)),
            resources: Arc::new(xds::render(config)),
            semantic: Semantic::of(config).map(Arc::new),
            media_fetch: config.media_fetch.clone(),
            resolved_at: Instant::now(),
        };
        Self {
            shared: Arc::new(Shared {
                current: watch::Sender::new(published),
                newsroom,
                envoys: Envoys::default(),
                publishing: Mutex::new(()),
            }),
        }
    }

    /// Replaces the configuration and the limits of all. `revision` is the store's, and above every earlier one.
    ///
    /// Clusters of providers that are gone stay known to Envoy for a while: requests that were
    /// decided before the filter heard of it are still on their way there.
    pub fn publish(&self, config: &Config, limits: &SharedLimits, revision: u64) {
        let snapshot = Arc::new(snapshot::render(config, limits, revision));
        let wanted = xds::render(config);
        let _guard = self.shared.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.current().resources;
        let lookup = if has_new_names(config, &wanted.clusters, &known.clusters) {
            LOOKUP
        } else {
            Duration::ZERO
        };
        let clusters = with_leavers(&wanted.clusters, &known.clusters);
        let leaving = clusters.version != wanted.clusters.version;
        let routes = xds::routes(config, &clusters);
        let resources = Arc::new(Resources { clusters, routes, ..wanted.clone() });
        let resolved_at = Instant::now() + lookup;
        let semantic = Semantic::of(config).map(Arc::new);
        let media_fetch = config.media_fetch.clone();
        let published = Published { snapshot, resources, semantic, media_fetch, resolved_at };
        self.shared.current.send_replace(published);
        if leaving {
            tokio::spawn(self.clone().drop_leavers(revision, wanted));
        }
    }

    /// Returns the present state.
    pub fn current(&self) -> Published {
        self.shared.current.borrow().clone()
    }

    /// Returns how long answers to requests with an id are remembered, in milliseconds.
    pub fn idempotency_window_ms(&self) -> u32 {
        let current = self.shared.current.borrow();
        current.snapshot.idempotency.map(|settings| settings.window_ms).unwrap_or_default()
    }

    /// Returns how questions are compared. `None`: they are not.
    pub fn semantic(&self) -> Option<Arc<Semantic>> {
        self.shared.current.borrow().semantic.clone()
    }

    /// Follows the state.
    pub fn watch(&self) -> watch::Receiver<Published> {
        self.shared.current.subscribe()
    }

    /// Follows changes of keys from now on.
    pub fn news(&self) -> Feed {
        self.shared.newsroom.feed()
    }

    /// Returns the Envoys that are connected over ADS.
    pub fn envoys(&self) -> &Envoys {
        &self.shared.envoys
    }

    /// Returns from when on a filter that has the snapshot of `known_revision` may be told another
    /// one. 0: it has none, and its Envoy, when it is on ADS, is connected: it has the filter from
    /// there.
    ///
    /// One that lost its stream and is back may be earlier than its Envoy, and would name clusters
    /// that Envoy does not know yet. What it has serves meanwhile.
    pub fn due(&self, known_revision: u64) -> Instant {
        let waits = known_revision != 0 && known_revision != self.current().snapshot.revision;
        Instant::now() + if waits { ENVOYS_ARE_BACK } else { Duration::ZERO }
    }

    /// Waits until Envoys can be sent to every provider of a state, and `due`.
    pub async fn reachable(&self, state: &Published, due: Instant) {
        tokio::time::sleep_until(due).await;
        self.envoys().settled(&state.resources).await;
        tokio::time::sleep_until(state.resolved_at).await;
    }

    /// Removes the clusters of gone providers, unless the configuration changed again.
    async fn drop_leavers(self, revision: u64, wanted: Resources) {
        tokio::time::sleep(LEAVERS_STAY).await;
        let _guard = self.shared.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.current();
        if current.snapshot.revision == revision {
            let resources = Arc::new(wanted);
            self.shared.current.send_replace(Published { resources, ..current });
        }
    }
}

/// The Envoys on ADS, and which clusters each of them knows.
#[derive(Default)]
pub struct Envoys {
    seats: watch::Sender<Seats>,
}

#[derive(Default)]
struct Seats {
    next: u64,
    /// What each Envoy answered last.
    settled: BTreeMap<u64, Settled>,
}

/// What one Envoy answered last, with yes or no.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// Version of the clusters.
    pub clusters: Option<String>,
    /// Version of the routes. `None`: it has others, which are not ours.
    pub routes: Option<String>,
}

impl Settled {
    fn covers(&self, resources: &Resources) -> bool {
        let is = |have: &str, set: &ResourceSet| have == set.version;
        self.clusters.as_deref().is_some_and(|have| is(have, &resources.clusters))
            && self.routes.as_deref().is_none_or(|have| is(have, &resources.routes))
    }
}

impl Envoys {
    /// Counts an Envoy in, until the seat is dropped.
    pub fn join(&self) -> Seat {
        let mut id = 0;
        self.seats.send_modify(|seats| {
            id = seats.next;
            seats.next += 1;
            seats.settled.insert(id, Settled::default());
        });
        Seat { id, seats: self.seats.clone() }
    }

    /// Waits until every connected Envoy answered these clusters and routes, with yes or no; not
    /// for long: an Envoy that hangs must not keep policy from the others.
    pub async fn settled(&self, resources: &Resources) {
        let mut seats = self.seats.subscribe();
        let all = seats.wait_for(|seats| seats.settled.values().all(|seat| seat.covers(resources)));
        if tokio::time::timeout(ENVOYS_MAY_TAKE, all).await.is_err() {
            tracing::warn!(
                clusters.version = resources.clusters.version,
                "some Envoy has not answered the new clusters; filters get the models now"
            );
        }
    }
}

/// One Envoy's place among the connected.
pub struct Seat {
    id: u64,
    seats: watch::Sender<Seats>,
}

impl Seat {
    /// Notes what this Envoy answered.
    pub fn settle(&self, settled: Settled) {
        self.seats.send_if_modified(|seats| {
            let known = seats.settled.entry(self.id).or_default();
            let new = *known != settled;
            *known = settled;
            new
        });
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.send_modify(|seats| {
            seats.settled.remove(&self.id);
        });
    }
}

/// Tells whether Envoy has to look up a host name before it can use what is new in `wanted`.
/// It accepts a cluster at once, but knows it only after its first look-up.
fn has_new_names(config: &Config, wanted: &ResourceSet, known: &ResourceSet) -> bool {
    let new = |name: &str| {
        let find = |set: &ResourceSet| set.items.iter().find(|item| item.name == name).cloned();
        find(wanted) != find(known)
    };
    config.providers.iter().any(|provider| {
        !cluster::is_address(&provider.base_url) && new(&cluster::name(&provider.id))
    })
}

/// Adds to `wanted` what `known` has and it has not.
fn with_leavers(wanted: &ResourceSet, known: &ResourceSet) -> ResourceSet {
    let mut items: BTreeMap<&str, &Resource> = BTreeMap::new();
    for item in known.items.iter().chain(&wanted.items) {
        items.insert(&item.name, item);
    }
    ResourceSet::new(items.into_values().cloned().collect())
}

/// Longer than `max_interval` of `ads_config` in the bootstraps.
const ENVOYS_ARE_BACK: Duration = Duration::from_millis(2_500);
const ENVOYS_MAY_TAKE: Duration = Duration::from_secs(1);
/// Most look-ups are over by then; one that takes longer costs its provider's first requests.
const LOOKUP: Duration = Duration::from_millis(250);
const LEAVERS_STAY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
