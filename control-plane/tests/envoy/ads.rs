//! A live Envoy on the control socket.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;
use tollgate_control_plane::clock::SystemClock;
use tollgate_control_plane::config::Config;
use tollgate_control_plane::deferred::Desk;
use tollgate_control_plane::domain::Secret;
use tollgate_control_plane::entropy::SystemEntropy;
use tollgate_control_plane::grpc::Control;
use tollgate_control_plane::publish::Publisher;
use tollgate_control_plane::service::{Parts, Service};
use tollgate_control_plane::store;
use tollgate_control_plane::store::SharedLimits;
use tollgate_control_plane::store::news::Newsroom;
use tollgate_control_plane::vault::Vault;

use crate::envoy::{Envoy, binary, eventually, get, origin};
use crate::fixture::{bootstrap, config};
use crate::wasm::smallest;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_provider_is_reached_and_nothing_else_is_touched() {
    let Some(binary) = binary() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (origin("one"), origin("two"));
    let text = format!(
        "server: {{ gateway: {{ listen: '127.0.0.1:0' }} }}\n\
         providers:\n- {{ id: one, base_url: 'http://{one}' }}\n"
    );
    let before = config(folder.path(), &text, &smallest());
    let after = config(
        folder.path(),
        &format!("{text}- {{ id: two, base_url: 'http://{two}' }}\n"),
        &smallest(),
    );
    let publisher = serve(folder.path(), &before).await;
    let bootstrap = bootstrap(folder.path(), "envoy.xds.yaml");
    let envoy = Envoy::start(&binary, &bootstrap, folder.path());
    let gateway = envoy.gateway();
    assert!(get(gateway, "/", "x-tollgate-cluster: tollgate/one\r\n").unwrap().ends_with("one"));

    publisher.publish(&after, &SharedLimits::default(), 2);

    eventually("the new provider answers", || {
        let answer = get(gateway, "/", "x-tollgate-cluster: tollgate/two\r\n").unwrap();
        answer.ends_with("two").then_some(())
    });
    envoy.wait_for("cluster_manager.cds.update_success", 2);
    for untouched in [
        "cluster_manager.cluster_modified",
        "cluster_manager.cds.update_rejected",
        "listener_manager.listener_modified",
        "listener_manager.listener_in_place_updated",
        "listener_manager.lds.update_rejected",
        "http.tollgate_gateway.rds.tollgate_routes.update_rejected",
    ] {
        assert_eq!(envoy.stat(untouched), 0, "{untouched}");
    }
    assert_eq!(envoy.stat("listener_manager.lds.update_success"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_no_filter_sees_are_refused_as_openai_errors() {
    let Some(binary) = binary() else { return };
    let folder = tempfile::tempdir().unwrap();
    let config =
        config(folder.path(), "server: { gateway: { listen: '127.0.0.1:0' } }\n", &smallest());
    serve(folder.path(), &config).await;
    let bootstrap = bootstrap(folder.path(), "envoy.xds.yaml");
    let envoy = Envoy::start(&binary, &bootstrap, folder.path());
    let gateway = envoy.gateway();

    let many = get(gateway, "/", &"a: b\r\n".repeat(300)).unwrap();
    assert!(many.starts_with("HTTP/1.1 431"), "{many}");
    assert!(many.contains("headers_too_large"), "{many}");
    let broken = get(gateway, "/", "content-length: x\r\n").unwrap();
    assert!(broken.starts_with("HTTP/1.1 400"), "{broken}");
    assert!(broken.contains(r#""type":"invalid_request_error""#), "{broken}");
}

/// Serves the control listener until the test ends.
async fn serve(folder: &Path, config: &Config) -> Publisher {
    let database = Secret::new(format!("sqlite:{}", folder.join("tollgate.db").display()));
    let publisher = Publisher::new(config, &SharedLimits::default(), 1, Newsroom::default());
    let service = Service::new(Parts {
        store: store::open(&database).await.unwrap(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        master_key: None,
        vault: Vault::with_key(&[1; 32]).unwrap(),
    });
    let control = Control::bind(&config.server.control_listen).await.unwrap();
    let configs = watch::channel(Arc::new(config.clone())).1;
    let desk = Desk::new(service.clone(), publisher.clone(), configs);
    tokio::spawn(control.serve(service, publisher.clone(), desk, std::future::pending()));
    publisher
}
