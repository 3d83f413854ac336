//! Where clients may call from.

use tollgate_core::exchange::{Flow, Input};
use tollgate_core::key::KeyHash;
use tollgate_proto::v1 as proto;
use tollgate_proto::v1::update::Event;

use crate::configured::snapshot;
use crate::driver::{GATEWAY, Host, KEY};
use crate::scripts::{CHAT, refused};

const PATH: &str = "/v1/chat/completions";

fn lists(allowed: &[&str], denied: &[&str]) -> proto::AddressLists {
    let own = |list: &[&str]| list.iter().map(|&entry| entry.to_owned()).collect();
    proto::AddressLists { allowed: own(allowed), denied: own(denied) }
}

fn of_all(lists: proto::AddressLists) -> Host {
    let mut host = Host::knowing(GATEWAY, proto::KeyPolicy::default());
    let mut snapshot = snapshot();
    snapshot.addresses = Some(lists);
    host.update(Event::Snapshot(snapshot));
    host
}

fn of_key(addresses: Vec<proto::AddressLists>) -> proto::KeyPolicy {
    proto::KeyPolicy { addresses, ..proto::KeyPolicy::default() }
}

#[test]
fn a_denied_address_gets_nothing_not_even_management() {
    for path in [PATH, "/v1/models", "/key/list", "/nowhere"] {
        let mut host = of_all(lists(&[], &["192.0.2.0/24"]));
        let mut run = host.begin();

        let _ = run.client_sends(path, &[("authorization", "Bearer sk-unknown")], CHAT);

        refused(&run, 403, "permission_error", "ip_not_allowed");
        assert!(run.asked.is_empty(), "{path}: a key was looked up for a stranger");
    }
}

#[test]
fn an_allowed_address_is_served_whatever_it_claims() {
    let mut host = of_all(lists(&["192.0.2.7"], &[]));
    let mut run = host.begin();
    let claim = [("x-forwarded-for", "10.0.0.1")];
    assert_eq!(run.client_sends(PATH, &claim, CHAT), Flow::Continue);

    let mut host = of_all(lists(&["10.0.0.1"], &[]));
    let mut run = host.begin();
    let _ = run.client_sends(PATH, &claim, CHAT);
    refused(&run, 403, "permission_error", "ip_not_allowed");
}

#[test]
fn an_address_that_nobody_knows_is_not_admitted() {
    let mut host = of_all(lists(&[], &["10.0.0.1"]));
    let mut run = host.begin();
    let _ = run.hand(Input::ClientAddress(None));
    let headers = [(":method", &b"GET"[..]), (":path", b"/v1/models")];
    let headers = tollgate_core::headers::Headers(&headers);

    let _ = run.hand(Input::RequestHeaders { headers, end: true });

    refused(&run, 403, "permission_error", "ip_not_allowed");
}

#[test]
fn without_lists_nobody_asks_for_the_address() {
    let mut host = Host::knowing(GATEWAY, proto::KeyPolicy::default());
    assert!(!host.gateway.judges_addresses());
    let mut run = host.begin();

    assert_eq!(run.client_sends(PATH, &[], CHAT), Flow::Continue);
}

#[test]
fn every_list_of_a_key_must_admit_the_client() {
    let here = lists(&["192.0.2.0/24"], &[]);
    let cases = [
        (vec![here.clone()], true),
        (vec![here.clone(), lists(&[], &["10.0.0.0/8"])], true),
        (vec![here.clone(), lists(&["10.0.0.0/8"], &[])], false),
        (vec![lists(&[], &["::ffff:192.0.2.7"])], false),
        (vec![lists(&["what?"], &[])], false),
    ];
    for (addresses, served) in cases {
        let mut host = Host::knowing(GATEWAY, of_key(addresses));
        let mut run = host.begin();

        let flow = run.client_sends(PATH, &[], CHAT);

        assert_eq!(run.reply.is_none(), served);
        if served {
            assert_eq!((flow, run.resumed), (Flow::Continue, 0));
        } else {
            refused(&run, 403, "permission_error", "ip_not_allowed");
        }
    }
}

#[test]
fn a_key_that_had_to_be_asked_for_is_judged_and_resumed() {
    for (allowed, served) in [("192.0.2.7", true), ("192.0.2.8", false)] {
        let mut host = Host::new(GATEWAY);
        let mut run = host.begin();
        assert_eq!(run.client_sends(PATH, &[], CHAT), Flow::Pause);
        assert_eq!(run.asked, [KeyHash::of(KEY.as_bytes())]);

        let policy = Some(of_key(vec![lists(&[allowed], &[])]));
        let _ = run.key_resolves(Ok(proto::ResolveKeyResponse { policy, revision: 1 }));

        assert_eq!(run.resumed, u32::from(served));
        assert_eq!(run.reply.is_none(), served);
    }
}
