//! `tollgate serve`: opens everything, serves until told to stop, closes everything.

use std::future::Future;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::clock::{Clock, SystemClock};
use crate::config::watch::FileWatch;
use crate::config::{Config, ControlListen, Source, TargetConfig};
use crate::entropy::SystemEntropy;
use crate::grpc::Control;
use crate::http::{self, App};
use crate::prices::PriceList;
use crate::publish::Publisher;
use crate::service::{Parts, ROUND_SECONDS, Service, Watchman};
use crate::store::{self, Configured, SharedLimits, Store, StoreError};

/// Serves what `source` says until `shutdown`, then drains.
///
/// # Errors
/// When something cannot be opened, or a listener fails.
pub async fn run(
    source: Source,
    config: Config,
    prices: PriceList,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let store = store::open(&config.database_url).await.context("cannot open the database")?;
    let (revision, limits) =
        apply_limits(&store, &config).await.context("cannot use the database")?;
    let publisher = Publisher::new(&config, &limits, revision, store.newsroom().clone());
    let service = Service::new(Parts {
        store: store.clone(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        master_key: config.master_key.clone(),
    });
    let admin = TcpListener::bind(config.server.admin_listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.server.admin_listen))?;
    let listen = &config.server.control_listen;
    if let ControlListen::Unix(path) = listen {
        make_folder(path)?;
    }
    let control =
        Control::bind(listen).await.with_context(|| format!("cannot listen on {listen:?}"))?;
    announce(&admin.local_addr()?.to_string(), control.address())?;
    warn_about_gaps(&config);

    let (draining, drained) = watch::channel(false);
    let (current, config) = watch::channel(Arc::new(config));
    let reload = tokio::spawn(reload(source, prices, current, store.clone(), publisher.clone()));
    let watchman = tokio::spawn(watch_holders(service.clone()));
    let app = App { service: service.clone(), config, draining: drained.clone() };
    // Health is answered, with "shutting down", until filters and Envoys are done.
    let (done, control_done) = watch::channel(false);
    let http = axum::serve(admin, http::router(app)).with_graceful_shutdown(raised(control_done));
    let grpc = control.serve(service, publisher, raised(drained.clone()));
    tokio::spawn(async move {
        shutdown.await;
        tracing::info!("draining");
        draining.send_replace(true);
        // Until `run` is over, so that nobody takes the end of the channel for a drain.
        draining.closed().await;
    });
    let served = async {
        tokio::try_join!(async { http.await.context("the admin listener failed") }, async {
            let served = grpc.await.context("the control listener failed");
            done.send_replace(true);
            served
        },)
    };
    let result = tokio::select! {
        result = served => result.map(|((), ())| ()),
        () = overdue(drained) => {
            tracing::warn!("requests were still in flight when the time to drain was over");
            Ok(())
        }
    };
    reload.abort();
    watchman.abort();
    if tokio::time::timeout(CLOSE, store.close()).await.is_err() {
        tracing::warn!("the database was still busy when the time to close it was over");
    }
    tracing::info!("stopped");
    result
}

/// Says that both listeners are open: to people on standard error, to programs as the only line
/// on standard output.
fn announce(admin: &str, control: &str) -> anyhow::Result<()> {
    let line = serde_json::json!({"admin": format!("http://{admin}"), "control": control});
    tracing::info!(admin.address = admin, control.address = control, "ready");
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("cannot write to standard output")
}

fn make_folder(socket: &Path) -> anyhow::Result<()> {
    let Some(folder) = socket.parent() else { return Ok(()) };
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

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

async fn raised(mut flag: watch::Receiver<bool>) {
    // An error says that the sender is gone, which only happens in the end.
    let _ = flag.wait_for(|raised| *raised).await;
}

async fn overdue(flag: watch::Receiver<bool>) {
    raised(flag).await;
    tokio::time::sleep(DRAIN).await;
}

/// Follows the file and those it names. What cannot be used is logged, and the old configuration stays.
async fn reload(
    source: Source,
    prices: PriceList,
    current: watch::Sender<Arc<Config>>,
    store: Arc<dyn Store>,
    publisher: Publisher,
) {
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
            Ok(config) => current.borrow().successor(config),
            Err(error) => {
                tracing::error!(%error, "the new configuration is not valid; the old one stays");
                continue;
            }
        };
        if new == **current.borrow() {
            continue;
        }
        let (revision, limits) = limits_applied(&store, &new).await;
        publisher.publish(&new, &limits, revision);
        warn_about_gaps(&new);
        tracing::info!(
            revision,
            providers = new.providers.len(),
            models = new.models.len(),
            "configuration reloaded"
        );
        current.send_replace(Arc::new(new));
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

/// Gives up holders of leases that vanished.
async fn watch_holders(service: Service) {
    let mut watchman = Watchman::new(service.now());
    let mut rounds = tokio::time::interval(Duration::from_secs(ROUND_SECONDS.unsigned_abs()));
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        if let Err(error) = watchman.round(&service).await {
            let error = crate::telemetry::chain(&error);
            tracing::error!(error, "holders of leases that vanished are not looked for");
        }
    }
}

/// Waits for the database when it is away: without a number the change cannot be told.
async fn limits_applied(store: &Arc<dyn Store>, config: &Config) -> (u64, SharedLimits) {
    loop {
        match apply_limits(store, config).await {
            Ok(applied) => return applied,
            Err(error) => {
                let error = crate::telemetry::chain(&error);
                tracing::error!(error, "the new configuration waits for the database");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

const DRAIN: Duration = Duration::from_secs(30);
const CLOSE: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_secs(1);
