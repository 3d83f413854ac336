//! `tollgate serve`: opens everything, serves until told to stop, closes everything.

use std::future::Future;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::clock::SystemClock;
use crate::config::{Config, ControlListen, Source};
use crate::entropy::SystemEntropy;
use crate::grpc::Control;
use crate::http::{self, App};
use crate::prices::PriceList;
use crate::publish::Publisher;
use crate::reload::{self, Reload, warn_about_gaps};
use crate::service::{Parts, ROUND_SECONDS, Service, Watchman};
use crate::store;

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
    // Before limits are read: what changes from here on is noticed.
    let news = store.newsroom().feed();
    let (revision, limits) =
        reload::apply_limits(&store, &config).await.context("cannot use the database")?;
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
    let reload = Reload::new(current, store.clone(), publisher.clone());
    let reload = tokio::spawn(reload.follow(source, prices, news));
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

async fn raised(mut flag: watch::Receiver<bool>) {
    // An error says that the sender is gone, which only happens in the end.
    let _ = flag.wait_for(|raised| *raised).await;
}

async fn overdue(flag: watch::Receiver<bool>) {
    raised(flag).await;
    tokio::time::sleep(DRAIN).await;
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

const DRAIN: Duration = Duration::from_secs(30);
const CLOSE: Duration = Duration::from_secs(5);
