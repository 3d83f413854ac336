//! How fast a change of a key arrives.

use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::json;
use tollgate_e2e::{eventually, on_every_role};

use crate::stacks::EVERY_ROLE;

/// The time is printed and not asserted: a busy machine must not fail the tests. What is asserted
/// is that each key is refused, by every worker, without anything but the push.
#[test]
fn a_revoked_key_is_refused_by_every_worker() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let mut times = Vec::new();
        for number in 0..KEYS {
            let (key, client) = stack.key(&json!({})).await;
            for _ in 0..WORKERS_BY_CHANCE {
                assert_eq!(client.get("/v1/models").send().await.status(), 200);
            }
            let (path, body) = if number % 2 == 0 {
                ("/key/delete", json!({ "keys": [key.secret] }))
            } else {
                ("/key/block", json!({ "key": key.secret }))
            };

            let revoked = Instant::now();
            assert_eq!(stack.admin().post(path, &body).send().await.status(), 200);
            let mut refused = None;
            let mut refusals = 0;
            while refusals < WORKERS_BY_CHANCE {
                match client.get("/v1/models").send().await.status() {
                    401 | 403 => {
                        refused.get_or_insert(revoked.elapsed());
                        refusals += 1;
                    }
                    status => {
                        assert_eq!(status, 200);
                        (refusals, refused) = (0, None);
                        assert!(revoked.elapsed() < tollgate_e2e::patience(), "still served");
                    }
                }
            }
            times.extend(refused);
        }
        report(times);
    });
}

#[test]
fn a_change_of_models_arrives() {
    on_every_role(&EVERY_ROLE, &async |stack| {
        let (key, client) = stack.key(&json!({ "models": ["gpt-4o"] })).await;
        let status = async |model| client.chat(model, &json!({})).send().await.status();
        assert_eq!((status("gpt-4o").await, status("gpt-4o-mini").await), (200, 403));

        let change = json!({ "key": key.secret, "models": ["gpt-4o-mini"] });
        assert_eq!(stack.admin().post("/key/update", &change).send().await.status(), 200);

        eventually("the change arrives", async || {
            let now = (status("gpt-4o").await, status("gpt-4o-mini").await);
            (now == (403, 200)).then_some(())
        })
        .await;
    });
}

fn report(mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    let line = format!(
        "revocation over {KEYS} keys, from sending it to being refused for good: p50 {:?}, \
         p99 {:?}, at most {:?}",
        at(50),
        at(99),
        at(100)
    );
    // Past the capturing of test output: the figure is to be seen when all is well.
    let _ = writeln!(std::io::stderr(), "{line}");
}

const KEYS: usize = 100;
/// Connections after which each of two workers has very likely had one.
const WORKERS_BY_CHANCE: u32 = 6;
