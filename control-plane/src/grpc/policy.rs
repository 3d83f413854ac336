//! `tollgate.v1.Policy`: what filters need to know.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tollgate_core::key::KeyHash;
use tollgate_proto::v1;
use tollgate_proto::v1::policy_server::Policy;
use tollgate_proto::v1::update::Event;
use tonic::{Request, Response, Status};

use super::error::status;
use super::{Drain, draining};
use crate::publish::Publisher;
use crate::service::Service;
use crate::snapshot::{self, health};
use crate::store::news::{Feed, Heard, News};

/// Serves [`Policy`].
pub(super) struct PolicyServer {
    pub(super) service: Service,
    pub(super) publisher: Publisher,
    pub(super) drain: Drain,
}

#[tonic::async_trait]
impl Policy for PolicyServer {
    type WatchStream = ReceiverStream<Result<v1::Update, Status>>;

    async fn watch(
        &self,
        request: Request<v1::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let v1::WatchRequest { node, filter_version, known_revision } = request.into_inner();
        tracing::debug!(node, filter.version = filter_version, "a filter watches");
        let (updates, stream) = mpsc::channel(UPDATES_AHEAD);
        let due = self.publisher.due(known_revision);
        let (publisher, drain) = (self.publisher.clone(), self.drain.clone());
        let service = self.service.clone();
        let watch = Watch { service, publisher, updates, drain, due };
        // Nothing that is committed from here on may be missed.
        let news = self.publisher.news();
        tokio::spawn(async move {
            if let Err(End::Tell(status)) = watch.run(news).await {
                tracing::info!(node, reason = status.message(), "a filter's watch ends");
                // An error says that the filter is gone.
                let _ = watch.updates.send(Err(status)).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn resolve_key(
        &self,
        request: Request<v1::ResolveKeyRequest>,
    ) -> Result<Response<v1::ResolveKeyResponse>, Status> {
        let hash = KeyHash::from_bytes(&request.into_inner().key_hash)
            .ok_or_else(|| Status::invalid_argument("key_hash: not 32 bytes"))?;
        let resolved = self.service.resolve(&hash).await.map_err(|error| status(&error))?;
        Ok(Response::new(v1::ResolveKeyResponse {
            policy: resolved.policy.map(snapshot::key::render),
            revision: resolved.revision,
        }))
    }

    async fn resolve_customer(
        &self,
        request: Request<v1::ResolveCustomerRequest>,
    ) -> Result<Response<v1::ResolveCustomerResponse>, Status> {
        let resolved = self.service.resolve_customer(&request.into_inner().customer).await;
        let resolved = resolved.map_err(|error| status(&error))?;
        Ok(Response::new(snapshot::key::render_customer(resolved.revision, resolved.customer)))
    }

    async fn report_health(
        &self,
        request: Request<v1::ReportHealthRequest>,
    ) -> Result<Response<v1::ReportHealthResponse>, Status> {
        let marks = request.into_inner().marks.into_iter().map(health::read).collect();
        let reported = self.service.report_health(marks).await;
        reported.map_err(|error| status(&error))?;
        Ok(Response::new(v1::ReportHealthResponse {}))
    }
}

/// One filter's stream.
struct Watch {
    service: Service,
    publisher: Publisher,
    updates: mpsc::Sender<Result<v1::Update, Status>>,
    drain: Drain,
    /// No snapshot before this moment.
    due: Instant,
}

/// Why a stream ends.
enum End {
    /// The filter left.
    Gone,
    /// The filter must start over.
    Tell(Status),
}

impl Watch {
    async fn run(&self, mut news: Feed) -> Result<(), End> {
        let mut drain = self.drain.clone();
        let mut states = self.publisher.watch();
        let instance: [u8; 16] = rand::random();
        self.send(Event::Welcome(v1::Welcome { instance_id: instance.to_vec() })).await?;
        let mut reachable = self.reachable(&mut states);
        let mut moves = Moves::default();
        loop {
            tokio::select! {
                // Revocations before everything: they must not wait for Envoys.
                biased;
                heard = news.next() => match heard {
                    Heard::News(News::KeyChanged { hash, revision }) => {
                        let key_hash = hash.as_bytes().to_vec();
                        self.send(Event::KeyChanged(v1::KeyChanged { key_hash, revision })).await?;
                    }
                    Heard::News(News::MetersMoved { recalled, returned }) => {
                        moves.add(recalled, returned);
                    }
                    Heard::News(News::CustomerChanged { customer, revision }) => {
                        let change = v1::CustomerChanged { customer, revision };
                        self.send(Event::CustomerChanged(change)).await?;
                    }
                    Heard::News(News::HealthChanged { marks }) => {
                        let marks = marks.iter().map(health::render).collect();
                        self.send(Event::HealthChanged(v1::HealthChanged { marks })).await?;
                    }
                    // Comes with the next snapshot.
                    Heard::News(News::SharedChanged { .. } | News::ItemsChanged { .. }) => {}
                    // A filter that starts over trusts nothing that it has cached.
                    Heard::News(News::KeysChanged { .. }) | Heard::Missed => {
                        let why = "changes of keys may have been missed; start over";
                        return Err(End::Tell(Status::data_loss(why)));
                    }
                },
                () = drain.wait() => return Err(End::Tell(draining())),
                () = self.updates.closed() => return Err(End::Gone),
                () = moves.due() => self.send(Event::MeterNews(moves.take())).await?,
                snapshot = reachable.as_mut() => {
                    self.send(Event::Snapshot(snapshot)).await?;
                    reachable = Box::pin(std::future::pending());
                }
                changed = states.changed() => {
                    if changed.is_err() {
                        return Err(End::Tell(draining()));
                    }
                    reachable = self.reachable(&mut states);
                }
            }
        }
    }

    /// Waits until Envoys reach the providers of the newest state, and returns its snapshot.
    fn reachable(
        &self,
        states: &mut tokio::sync::watch::Receiver<crate::publish::Published>,
    ) -> Pin<Box<dyn Future<Output = v1::Snapshot> + Send>> {
        let state = states.borrow_and_update().clone();
        let (publisher, due, service) = (self.publisher.clone(), self.due, self.service.clone());
        Box::pin(async move {
            publisher.reachable(&state, due).await;
            // News of changes are heard from before this moment on, so none is missed.
            let health = service.health().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "a filter is not told which accounts are out of rotation");
                Vec::new()
            });
            let health = health.iter().map(health::render).collect();
            v1::Snapshot { health, ..v1::Snapshot::clone(&state.snapshot) }
        })
    }

    async fn send(&self, event: Event) -> Result<(), End> {
        let update = v1::Update { event: Some(event) };
        self.updates.send(Ok(update)).await.map_err(|_| End::Gone)
    }
}

/// Movements of meters that a filter is not told yet. Told at once after a silence, and else in
/// one message for some milliseconds, so that many who wait do not make many messages.
#[derive(Default)]
struct Moves {
    recalled: BTreeSet<u64>,
    returned: BTreeSet<u64>,
    told: Option<Instant>,
}

impl Moves {
    fn add(&mut self, recalled: Vec<u64>, returned: Vec<u64>) {
        self.recalled.extend(recalled);
        self.returned.extend(returned);
    }

    /// Waits until there is something to tell and it is time to.
    async fn due(&self) {
        if self.recalled.is_empty() && self.returned.is_empty() {
            return std::future::pending().await;
        }
        if let Some(told) = self.told {
            tokio::time::sleep_until(told + BETWEEN_MOVES).await;
        }
    }

    fn take(&mut self) -> v1::MeterNews {
        self.told = Some(Instant::now());
        v1::MeterNews {
            recalled: std::mem::take(&mut self.recalled).into_iter().collect(),
            returned: std::mem::take(&mut self.returned).into_iter().collect(),
        }
    }
}

/// A slow filter holds this many updates here, and then more in the publisher.
const UPDATES_AHEAD: usize = 64;
const BETWEEN_MOVES: Duration = Duration::from_millis(5);
