use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::google::rpc::Status;

use super::*;
use crate::xds::certificate::CERTIFICATE;
use crate::xds::render;
use crate::xds::tests::{base_url, config, provider, tls};

fn resources(providers: &[&str]) -> Resources {
    let provider = |id: &&str| provider(id, base_url(false, "127.0.0.1", 1));
    render(&config(providers.iter().map(provider).collect()))
}

fn subscribe(kind: ResourceKind, names: &[&str]) -> DiscoveryRequest {
    DiscoveryRequest {
        node: Some(Node { id: "envoy-1".to_owned(), ..Node::default() }),
        type_url: kind.type_url().to_owned(),
        resource_names: names.iter().map(|name| (*name).to_owned()).collect(),
        ..DiscoveryRequest::default()
    }
}

fn ack(response: &DiscoveryResponse) -> DiscoveryRequest {
    DiscoveryRequest {
        version_info: response.version_info.clone(),
        type_url: response.type_url.clone(),
        response_nonce: response.nonce.clone(),
        ..DiscoveryRequest::default()
    }
}

fn nack(response: &DiscoveryResponse) -> DiscoveryRequest {
    let error = Status { code: 13, message: "no such thing".to_owned(), ..Status::default() };
    DiscoveryRequest { error_detail: Some(error), version_info: String::new(), ..ack(response) }
}

#[test]
fn answers_the_first_request_and_stays_silent_after_its_ack() {
    let (resources, mut talk) = (resources(&["a", "b"]), Conversation::default());

    let response = talk.request(subscribe(ResourceKind::Cluster, &[]), &resources).unwrap();

    assert_eq!(response.resources.len(), 2);
    assert_eq!(talk.clusters_settled(), None);
    assert_eq!(talk.request(ack(&response), &resources), None);
    assert_eq!(talk.clusters_settled(), Some(resources.clusters.version.as_str()));
    assert_eq!(talk.change(&resources), []);
    assert_eq!(talk.node(), "envoy-1");
}

#[test]
fn tells_only_what_changed() {
    let (before, after) = (resources(&["a"]), resources(&["a", "b"]));
    let mut talk = Conversation::default();
    talk.request(subscribe(ResourceKind::Cluster, &[]), &before);
    talk.request(subscribe(ResourceKind::Listener, &["*"]), &before);
    talk.request(subscribe(ResourceKind::Route, &["tollgate_routes"]), &before);

    let responses = talk.change(&after);

    let urls: Vec<_> = responses.iter().map(|response| response.type_url.as_str()).collect();
    assert_eq!(urls, [ResourceKind::Cluster, ResourceKind::Route].map(ResourceKind::type_url));
}

#[test]
fn tells_clusters_and_certificate_before_listeners_before_routes() {
    let (before, mut changed) = (resources(&["a"]), config(Vec::new()));
    changed.server.gateway.max_body_bytes = 1;
    changed.server.gateway.tls = Some(tls("chain"));
    let after = render(&changed);
    let mut talk = Conversation::default();
    for kind in ResourceKind::ALL.into_iter().rev() {
        talk.request(subscribe(kind, &["*", "tollgate_routes", CERTIFICATE]), &before);
    }

    let responses = talk.change(&after);

    let urls: Vec<_> = responses.iter().map(|response| response.type_url.as_str()).collect();
    assert_eq!(urls, ResourceKind::ALL.map(ResourceKind::type_url));
}

#[test]
fn a_refusal_is_not_answered_until_the_content_changes() {
    let (bad, good) = (resources(&["a"]), resources(&["b"]));
    let mut talk = Conversation::default();
    let response = talk.request(subscribe(ResourceKind::Cluster, &[]), &bad).unwrap();

    assert_eq!(talk.request(nack(&response), &bad), None);
    assert_eq!(talk.change(&bad), []);
    assert_eq!(talk.clusters_settled(), Some(bad.clusters.version.as_str()));
    assert_eq!(talk.change(&good).len(), 1);
}

#[test]
fn an_answer_to_an_older_response_settles_nothing() {
    let (before, after) = (resources(&["a"]), resources(&["b"]));
    let mut talk = Conversation::default();
    let first = talk.request(subscribe(ResourceKind::Cluster, &[]), &before).unwrap();
    talk.change(&after);

    assert_eq!(talk.request(ack(&first), &after), None);

    assert_eq!(talk.clusters_settled(), None);
}

#[test]
fn routes_are_sent_by_name() {
    let (resources, mut talk) = (resources(&[]), Conversation::default());

    let other = talk.request(subscribe(ResourceKind::Route, &["other"]), &resources).unwrap();
    assert_eq!(other.resources, []);

    let more =
        DiscoveryRequest { resource_names: vec!["tollgate_routes".to_owned()], ..ack(&other) };
    let response = talk.request(more, &resources).unwrap();
    assert_eq!(response.resources.len(), 1);

    let nothing = DiscoveryRequest { resource_names: Vec::new(), ..ack(&response) };
    assert_eq!(talk.request(nothing, &resources), None);
}

#[test]
fn a_type_that_is_not_served_is_not_answered() {
    let request =
        DiscoveryRequest { type_url: "type.googleapis.com/x".into(), ..ack(&<_>::default()) };

    assert_eq!(Conversation::default().request(request, &resources(&[])), None);
}
