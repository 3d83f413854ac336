//! When a silent holder of leases is given up.

use std::time::Duration;

use serde_json::json;
use tollgate_control_plane::domain::meter::Statement;
use tollgate_control_plane::domain::{HolderId, Holding, Report};
use tollgate_control_plane::service::Watchman;

use crate::app::TestApp;

/// Reports as a holder.
async fn report(app: &TestApp) {
    let statement = Statement {
        meter: 1,
        consumed: 0,
        consumed_at: app.service.now(),
        idle: 0,
        reserved: 0,
        need: 0,
        want: 0,
    };
    let holder = HolderId::from_bytes(&[1; 16]).unwrap();
    let holding = Some(Holding { holder, sequence: 1, statements: vec![statement] });
    app.service.report(Report { holding, ..Report::default() }).await.unwrap();
}

/// Lets time pass, a round every ten seconds, and returns how many holders were given up.
async fn seconds(app: &TestApp, watchman: &mut Watchman, seconds: u64) -> u64 {
    let mut given_up = 0;
    for _ in 0..seconds / 10 {
        app.clock.advance(Duration::from_secs(10));
        given_up += watchman.round(&app.service).await.unwrap();
    }
    given_up
}

#[tokio::test]
async fn a_holder_is_given_up_after_ninety_seconds_of_silence() {
    let app = TestApp::start().await;
    app.key(json!({"max_budget": 1})).await;
    let mut watchman = Watchman::new(app.service.now());

    seconds(&app, &mut watchman, 200).await;
    report(&app).await;

    assert_eq!(seconds(&app, &mut watchman, 90).await, 0);
    assert_eq!(seconds(&app, &mut watchman, 10).await, 1);
    assert_eq!(seconds(&app, &mut watchman, 200).await, 0);
}

#[tokio::test]
async fn silence_while_nobody_listened_is_no_sign() {
    let app = TestApp::start().await;
    app.key(json!({"max_budget": 1})).await;
    report(&app).await;
    let mut watchman = Watchman::new(app.service.now());

    // The process stood still.
    app.clock.advance(Duration::from_secs(1_000));
    assert_eq!(watchman.round(&app.service).await.unwrap(), 0);
    assert_eq!(seconds(&app, &mut watchman, 80).await, 0);
    assert_eq!(seconds(&app, &mut watchman, 10).await, 1);

    // A new process.
    report(&app).await;
    app.clock.advance(Duration::from_secs(1_000));
    let mut watchman = Watchman::new(app.service.now());
    assert_eq!(seconds(&app, &mut watchman, 80).await, 0);
    assert_eq!(seconds(&app, &mut watchman, 10).await, 1);
}
