//! `tollgate.v1.Policy`.

use tollgate_control_plane::store::SharedLimits;
use tollgate_control_plane::store::news::News;
use tollgate_core::key::KeyHash;
use tollgate_proto::v1::update::Event;
use tollgate_proto::v1::{
    HealthMark, HealthState, LowBudget, Price, Provider, ReportHealthRequest, ResolveKeyRequest,
    Update, WatchRequest,
};
use tonic::{Code, Status, Streaming};

use crate::fixture::{PATIENCE, Served, actor, next};

#[tokio::test]
async fn a_watch_begins_with_an_id_of_its_own_and_the_snapshot() {
    let served = Served::start().await;
    let (mut policy, _) = served.connect().await;
    let mut ids = Vec::new();

    for _ in 0..2 {
        let mut stream = policy.watch(WatchRequest::default()).await.unwrap().into_inner();
        let Event::Welcome(welcome) = next(&mut stream).await else { panic!("no welcome") };
        ids.push(welcome.instance_id);
    }

    assert_eq!(ids[0].len(), 16);
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn the_snapshot_says_what_is_configured() {
    let served = Served::start().await;

    let (_, snapshot) = served.watch().await;

    let provider = Provider {
        id: "openai".to_owned(),
        cluster: "tollgate/openai".to_owned(),
        authority: "api.openai.com:8443".to_owned(),
        base_path: "/v1".to_owned(),
        credential: Some("sk-provider".to_owned()),
        stream_usage: true,
        completion_tokens_cap: true,
        responses: true,
        realtime_cluster: "tollgate/openai/realtime".to_owned(),
        ..Provider::default()
    };
    let price = Price {
        input_token: 2_500_000_000_000,
        output_token: 10_000_000_000_000,
        ..Price::default()
    };
    assert_eq!(snapshot.providers, [provider]);
    assert_eq!(snapshot.models[0].name, "openai/gpt");
    assert_eq!(snapshot.models[0].targets[0].model, "gpt-4o");
    assert_eq!(snapshot.models[0].targets[0].price, Some(price));
    assert_eq!(snapshot.low_budget, Some(LowBudget { refuse: false, floor_tokens: 16 }));
}

#[tokio::test]
async fn a_filter_that_comes_back_gets_its_snapshot_again() {
    let served = Served::start().await;
    let (_, before) = served.watch().await;
    let (mut policy, _) = served.connect().await;

    let request = WatchRequest { known_revision: before.revision, ..WatchRequest::default() };
    let mut stream = policy.watch(request).await.unwrap().into_inner();

    let Event::Welcome(_) = next(&mut stream).await else { panic!("no welcome") };
    let Event::Snapshot(after) = next(&mut stream).await else { panic!("no snapshot") };
    assert_eq!(after, before);
}

#[tokio::test]
async fn a_new_configuration_reaches_filters_that_watch() {
    let served = Served::start().await;
    let (mut stream, before) = served.watch().await;

    served.publisher.publish(&served.config(""), &SharedLimits::default(), before.revision + 1);

    let Event::Snapshot(after) = next(&mut stream).await else { panic!("no snapshot") };
    assert_eq!((after.revision, after.providers.len()), (before.revision + 1, 0));
}

#[tokio::test]
async fn a_change_of_a_key_is_told_and_then_resolves_to_no_older_state() {
    let served = Served::start().await;
    let key = served.key().await;
    let (mut policy, _) = served.connect().await;
    let (mut stream, _) = served.watch().await;

    served.service.block_key(&key.hash, true, &actor()).await.unwrap();

    let Event::KeyChanged(change) = next(&mut stream).await else { panic!("no change") };
    let request = ResolveKeyRequest { key_hash: change.key_hash.clone() };
    let resolved = policy.resolve_key(request).await.unwrap().into_inner();
    assert_eq!(change.key_hash, key.hash.as_bytes());
    assert!(resolved.policy.unwrap().blocked);
    assert!(resolved.revision >= change.revision);
}

#[tokio::test]
async fn a_key_that_does_not_exist_has_no_policy() {
    let served = Served::start().await;
    let (mut policy, _) = served.connect().await;

    let request = ResolveKeyRequest { key_hash: KeyHash::of(b"sk-x").as_bytes().to_vec() };
    let resolved = policy.resolve_key(request).await.unwrap().into_inner();
    let error = policy.resolve_key(ResolveKeyRequest { key_hash: vec![1] }).await.unwrap_err();

    assert_eq!(resolved.policy, None);
    assert_eq!(error.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn what_one_filter_learns_of_an_account_all_hear_and_new_ones_begin_with() {
    let served = Served::start().await;
    let (mut policy, _) = served.connect().await;
    let (mut stream, before) = served.watch().await;
    let mark = |model: &str, state: HealthState| HealthMark {
        provider: "openai".to_owned(),
        model: model.to_owned(),
        state: state.into(),
        until_us: served.service.now().plus_micros(60_000_000).as_micros(),
        level: 2,
        reason: "rate_limited".to_owned(),
        ..HealthMark::default()
    };
    let cooling = mark("gpt-4o", HealthState::Cooling);

    let told = HealthMark { reason: "You said: hush".to_owned(), ..cooling.clone() };
    let nobody = HealthMark { provider: String::new(), ..cooling.clone() };
    let report = |marks| ReportHealthRequest { marks };
    policy.report_health(report(vec![told, nobody])).await.unwrap();
    let Event::HealthChanged(heard) = next(&mut stream).await else { panic!("no news") };
    let (_, after) = served.watch().await;
    policy.report_health(report(vec![mark("gpt-4o", HealthState::Unspecified)])).await.unwrap();
    let Event::HealthChanged(back) = next(&mut stream).await else { panic!("no news") };
    let (_, last) = served.watch().await;

    let expected = HealthMark { reason: "unknown".to_owned(), ..cooling };
    assert_eq!(before.health, []);
    assert_eq!((&heard.marks, &after.health), (&vec![expected.clone()], &vec![expected]));
    assert_eq!(back.marks[0].state(), HealthState::Unspecified);
    assert_eq!(last.health, []);
}

#[tokio::test]
async fn changes_of_keys_do_not_wait_for_an_envoy_that_hangs() {
    let served = Served::start().await;
    let _hangs = served.publisher.envoys().join();
    let (mut policy, _) = served.connect().await;
    let mut stream = policy.watch(WatchRequest::default()).await.unwrap().into_inner();

    let Event::Welcome(_) = next(&mut stream).await else { panic!("no welcome") };
    served.newsroom.tell(&[News::KeyChanged { hash: KeyHash::of(b"sk-1"), revision: 7 }]);

    let Event::KeyChanged(_) = next(&mut stream).await else { panic!("not at once") };
    let Event::Snapshot(_) = next(&mut stream).await else { panic!("never") };
}

#[tokio::test]
async fn a_filter_that_falls_behind_has_to_start_over() {
    let served = Served::start().await;
    let (mut stream, _) = served.watch().await;

    for revision in 0..100_000 {
        served.newsroom.tell(&[News::KeyChanged { hash: KeyHash::of(b"sk-1"), revision }]);
    }

    assert_eq!(end(&mut stream).await.code(), Code::DataLoss);
}

#[tokio::test]
async fn movements_of_meters_are_told_together_and_after_revocations() {
    let served = Served::start().await;
    let (mut stream, _) = served.watch().await;
    let moved = |recalled: u64, returned: u64| News::MetersMoved {
        recalled: vec![recalled],
        returned: vec![returned],
    };
    let change = News::KeyChanged { hash: KeyHash::of(b"sk-1"), revision: 7 };

    served.newsroom.tell(&[moved(3, 1), moved(2, 1), moved(3, 4), change]);

    let Event::KeyChanged(_) = next(&mut stream).await else { panic!("not first") };
    let Event::MeterNews(news) = next(&mut stream).await else { panic!("no news") };
    assert_eq!((news.recalled, news.returned), (vec![2, 3], vec![1, 4]));
}

#[tokio::test]
async fn a_control_plane_that_missed_news_makes_its_filters_start_over() {
    let served = Served::start().await;
    let (mut stream, _) = served.watch().await;

    served.newsroom.missed();

    assert_eq!(end(&mut stream).await.code(), Code::DataLoss);
    served.watch().await;
}

/// Reads a stream to its end.
async fn end(stream: &mut Streaming<Update>) -> Status {
    loop {
        match tokio::time::timeout(PATIENCE, stream.message()).await.unwrap() {
            Ok(update) => assert!(update.is_some(), "ended without a word"),
            Err(error) => return error,
        }
    }
}
