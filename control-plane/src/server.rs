//! `tollgate serve`: opens everything, serves until told to stop, closes everything.

use std::future::Future;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::checks;
use crate::clock::SystemClock;
use crate::config::{Config, ControlListen, Source};
use crate::deferred::{Desk, poller};
use crate::entropy::SystemEntropy;
use crate::grpc::Control;
use crate::http::{self, App};
use crate::prices::PriceList;
use crate::reload::Reload;
use crate::service::{Parts, ROUND_SECONDS, Service, Watchman};
use crate::store::{self, Store};
use crate::vault::{self, Vault};

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
    let service = service(&source, &config, store.clone())?;
    let listen = config.server.control_listen.clone();
    let admin = config.server.admin_listen;
    let reload = Reload::begin(config, prices, service.clone(), store.clone())
        .await
        .context("cannot use the database")?;
    let admin =
        TcpListener::bind(admin).await.with_context(|| format!("cannot listen on {admin}"))?;
    if let ControlListen::Unix(path) = &listen {
        make_folder(path)?;
    }
    let control =
        Control::bind(&listen).await.with_context(|| format!("cannot listen on {listen:?}"))?;
    announce(&admin.local_addr()?.to_string(), control.address())?;

    let (draining, drained) = watch::channel(false);
    let publisher = reload.publisher();
    let app = App::new(service.clone(), &reload, drained.clone());
    let configs = reload.config();
    let checks = tokio::spawn(checks::follow(service.clone(), reload.config()));
    let reload = tokio::spawn(reload.follow(Some(source)));
    let watchman = tokio::spawn(watch_holders(service.clone()));
    let sweeper = tokio::spawn(sweep(service.clone()));
    // Health is answered, with "shutting down", until filters and Envoys are done.
    let (done, control_done) = watch::channel(false);
    // Handlers hear who calls.
    let router = http::router(app).into_make_service_with_connect_info::<SocketAddr>();
    let http = axum::serve(admin, router).with_graceful_shutdown(raised(control_done));
    let desk = Desk::new(service.clone(), publisher.clone(), configs);
    let poller = tokio::spawn(poller::follow(desk.clone()));
    let grpc = control.serve(service, publisher, desk, raised(drained.clone()));
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
    for task in [reload, checks, watchman, sweeper, poller] {
        task.abort();
    }
    if tokio::time::timeout(CLOSE, store.close()).await.is_err() {
        tracing::warn!("the database was still busy when the time to close it was over");
    }
    tracing::info!("stopped");
    result
}

fn service(source: &Source, config: &Config, store: Arc<dyn Store>) -> anyhow::Result<Service> {
    let written = source.env.get(vault::VARIABLE).map(String::as_str);
    let vault = Vault::open(written, &source.data_dir, &SystemEntropy)
        .context("cannot keep credentials of providers")?;
    if written.is_none() && !config.database_url.expose().starts_with("sqlite:") {
        tracing::warn!(
            variable = vault::VARIABLE,
            "credentials of providers are sealed with a key of this machine alone; other control \
             planes on the database need the same one"
        );
    }
    Ok(Service::new(Parts {
        store,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        master_key: config.master_key.clone(),
        vault,
    }))
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

/// Lets others make requests whose makers vanished, and forgets answers and sessions that are too
/// old.
async fn sweep(service: Service) {
    let mut rounds = tokio::time::interval(Duration::from_secs(1));
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for round in 0_u64.. {
        rounds.tick().await;
        service.sweep_claims();
        if round % SECONDS_BETWEEN_SWEEPS != 0 {
            continue;
        }
        if let Err(error) = service.sweep_answers().await {
            let error = crate::telemetry::chain(&error);
            tracing::error!(error, "answers that are too old are not forgotten");
        }
        if let Err(error) = service.sweep_sessions().await {
            let error = crate::telemetry::chain(&error);
            tracing::error!(error, "sessions that are over are not forgotten");
        }
    }
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
const SECONDS_BETWEEN_SWEEPS: u64 = 60;
