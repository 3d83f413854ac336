//! Which routes a key may call.

use tollgate_core::exchange::Flow;
use tollgate_proto::v1 as proto;

use crate::driver::{GATEWAY, Host};
use crate::scripts::{CHAT, refused};

const PATH: &str = "/v1/chat/completions";

fn of_key(routes: &[&str]) -> proto::KeyPolicy {
    let allowed_routes = routes.iter().map(|&route| route.to_owned()).collect();
    proto::KeyPolicy { allowed_routes, ..proto::KeyPolicy::default() }
}

#[test]
fn a_key_calls_the_routes_of_its_list_alone() {
    for (routes, path, served) in [
        (&[][..], PATH, true),
        (&["llm_api_routes"], PATH, true),
        (&["openai_routes"], PATH, true),
        (&[PATH], "/v1/chat/completions?api-version=1", true),
        (&["/v1/*"], PATH, true),
        (&["anthropic_routes"], PATH, false),
        (&["management_routes"], PATH, false),
        (&["info_routes"], PATH, false),
        (&["/v1/embeddings"], PATH, false),
    ] {
        let mut host = Host::knowing(GATEWAY, of_key(routes));
        let mut run = host.begin();

        let flow = run.client_sends(path, &[], CHAT);

        assert_eq!(flow == Flow::Continue, served, "{routes:?} {path}");
        if !served {
            refused(&run, 403, "permission_error", "route_not_allowed");
        }
    }
}

#[test]
fn a_key_that_is_not_known_yet_is_judged_when_it_is() {
    let resolved = |routes| proto::ResolveKeyResponse { policy: Some(of_key(routes)), revision: 1 };
    let mut host = Host::new(GATEWAY);
    let mut run = host.begin();
    let _ = run.client_sends(PATH, &[], CHAT);
    let _ = run.key_resolves(Ok(resolved(&["/v1/embeddings"])));
    refused(&run, 403, "permission_error", "route_not_allowed");
}
