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
use crate::config::{Config, ControlListen, ServerConfig, Source};
use crate::deferred::{Desk, poller};
use crate::domain::Secret;
use crate::entropy::SystemEntropy;
use crate::first_run;
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
    let (server, named) = (config.server.clone(), config.master_key.is_some());
    let reload = Reload::begin(config, prices, service.clone(), store.clone())
        .await
        .context("cannot use the database")?;
    let (admin, control) = listeners(&server).await?;
    // Only now: who is shown no key must not have made one.
    let made = if named { None } else { first_master(store.as_ref(), &service).await? };
    announce(&admin.local_addr()?.to_string(), control.address(), made.as_ref())?;

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
/// on standard output. A master key that was made just now stands there, this once, and in no log.
fn announce(admin: &str, control: &str, made: Option<&Secret>) -> anyhow::Result<()> {
    let mut line = serde_json::json!({"admin": format!("http://{admin}"), "control": control});
    if let (Some(key), Some(line)) = (made, line.as_object_mut()) {
        line.insert("master_key".into(), key.expose().into());
        tracing::info!("a master key was made; it stands on standard output, this once");
    }
    tracing::info!(admin.address = admin, control.address = control, "ready");
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("cannot write to standard output")
}

async fn listeners(server: &ServerConfig) -> anyhow::Result<(TcpListener, Control)> {
    let (admin, listen) = (server.admin_listen, &server.control_listen);
    let admin =
        TcpListener::bind(admin).await.with_context(|| format!("cannot listen on {admin}"))?;
    if let ControlListen::Unix(path) = listen {
        make_folder(path)?;
    }
    let control =
        Control::bind(listen).await.with_context(|| format!("cannot listen on {listen:?}"))?;
    Ok((admin, control))
}

/// Makes a master key where there is nothing yet.
async fn first_master(store: &dyn Store, service: &Service) -> anyhow::Result<Option<Secret>> {
    let made = first_run::made(store, &SystemClock, &SystemEntropy).await;
    let made = made.context("cannot use the database")?;
    service.follow_master().await.context("cannot use the database")?;
    if !service.has_master() {
        tracing::warn!(
            "there is no master key, so the management API answers health alone; \
             `tollgate master-key rotate` makes one"
        );
    }
    Ok(made)
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
        let followed = service.follow_master().await;
        if round % SECONDS_BETWEEN_SWEEPS != 0 {
            continue;
        }
        if let Err(error) = followed {
            let error = crate::telemetry::chain(&error);
            tracing::error!(error, "nobody knows whether there is another master key");
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
