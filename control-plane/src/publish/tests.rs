use super::*;
use crate::xds::tests::{base_url, config, provider};

fn providers(ids: &[&str]) -> Config {
    let provider = |id: &&str| provider(id, base_url(false, "127.0.0.1", 1));
    config(ids.iter().map(provider).collect())
}

fn clusters(publisher: &Publisher) -> Vec<String> {
    let items = publisher.current().resources.clusters.items.clone();
    items.into_iter().map(|item| item.name).collect()
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_gone_keeps_its_cluster_for_a_while() {
    let publisher =
        Publisher::new(&providers(&["a", "b"]), &SharedLimits::default(), 1, Newsroom::default());

    publisher.publish(&providers(&["b"]), &SharedLimits::default(), 2);

    assert_eq!(publisher.current().snapshot.providers.len(), 1);
    assert_eq!(clusters(&publisher), ["tollgate/a", "tollgate/b"]);
    tokio::time::sleep(LEAVERS_STAY + Duration::from_secs(1)).await;
    assert_eq!(clusters(&publisher), ["tollgate/b"]);
    assert_eq!(publisher.current().snapshot.revision, 2);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_comes_back_keeps_its_cluster() {
    let publisher =
        Publisher::new(&providers(&["a"]), &SharedLimits::default(), 1, Newsroom::default());
    publisher.publish(&providers(&[]), &SharedLimits::default(), 2);
    publisher.publish(&providers(&["a"]), &SharedLimits::default(), 3);

    tokio::time::sleep(LEAVERS_STAY + Duration::from_secs(1)).await;

    assert_eq!(clusters(&publisher), ["tollgate/a"]);
}

fn settled(resources: &Resources) -> Settled {
    Settled {
        clusters: Some(resources.clusters.version.clone()),
        routes: Some(resources.routes.version.clone()),
    }
}

#[tokio::test(start_paused = true)]
async fn routes_that_are_ours_are_settled_too() {
    let publisher =
        Publisher::new(&providers(&["a"]), &SharedLimits::default(), 1, Newsroom::default());
    let resources = publisher.current().resources;
    let seat = publisher.envoys().join();
    let begun = tokio::time::Instant::now();

    seat.settle(Settled { routes: None, ..settled(&resources) });
    publisher.envoys().settled(&resources).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    seat.settle(Settled { routes: Some("older".to_owned()), ..settled(&resources) });
    publisher.envoys().settled(&resources).await;

    assert_eq!(begun.elapsed(), ENVOYS_MAY_TAKE);
}

#[tokio::test(start_paused = true)]
async fn clusters_are_settled_when_every_envoy_has_answered() {
    let publisher =
        Publisher::new(&providers(&["a"]), &SharedLimits::default(), 1, Newsroom::default());
    let resources = publisher.current().resources;
    let (one, other) = (publisher.envoys().join(), publisher.envoys().join());
    let begun = tokio::time::Instant::now();

    one.settle(settled(&resources));
    let waiting = tokio::spawn({
        let (publisher, resources) = (publisher.clone(), resources.clone());
        async move { publisher.envoys().settled(&resources).await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    other.settle(settled(&resources));
    waiting.await.unwrap();

    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_envoy_that_hangs_delays_for_a_second_and_one_that_leaves_does_not() {
    let publisher =
        Publisher::new(&providers(&["a"]), &SharedLimits::default(), 1, Newsroom::default());
    let resources = publisher.current().resources;
    let seat = publisher.envoys().join();
    let begun = tokio::time::Instant::now();

    publisher.envoys().settled(&resources).await;
    assert_eq!(begun.elapsed(), ENVOYS_MAY_TAKE);
    drop(seat);
    publisher.envoys().settled(&resources).await;

    assert_eq!(begun.elapsed(), ENVOYS_MAY_TAKE);
}

#[tokio::test(start_paused = true)]
async fn a_new_host_name_gets_the_time_to_be_looked_up() {
    let named = config(vec![provider("a", base_url(true, "example.com", 443))]);
    let publisher = Publisher::new(&named, &SharedLimits::default(), 1, Newsroom::default());
    let begun = tokio::time::Instant::now();
    publisher.reachable(&publisher.current(), Instant::now()).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);

    publisher.publish(&named, &SharedLimits::default(), 2);
    publisher.reachable(&publisher.current(), Instant::now()).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);

    publisher.publish(
        &config(vec![provider("b", base_url(true, "example.com", 443))]),
        &SharedLimits::default(),
        3,
    );
    publisher.reachable(&publisher.current(), Instant::now()).await;
    assert_eq!(begun.elapsed(), LOOKUP);
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_comes_back_is_told_news_after_its_envoy() {
    let publisher =
        Publisher::new(&providers(&["a"]), &SharedLimits::default(), 2, Newsroom::default());
    let state = publisher.current();
    let begun = Instant::now();

    for known in [0, 2] {
        publisher.reachable(&state, publisher.due(known)).await;
        assert_eq!(begun.elapsed(), Duration::ZERO, "{known}");
    }
    let waiting = tokio::spawn({
        let (publisher, state) = (publisher.clone(), state.clone());
        async move { publisher.reachable(&state, publisher.due(1)).await }
    });
    let late = publisher.envoys().join();
    tokio::time::sleep(ENVOYS_ARE_BACK + ENVOYS_MAY_TAKE / 2).await;
    assert!(!waiting.is_finished());
    late.settle(settled(&state.resources));
    waiting.await.unwrap();
}
