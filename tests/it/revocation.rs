//! How fast a revoked key is refused.

use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::stacks::GATEWAY;

/// The time is printed and not asserted: a busy machine must not fail the tests. What is asserted
/// is that each key is refused, by every worker, without anything but the push.
#[test]
fn a_revoked_key_is_refused_by_every_worker() {
    GATEWAY.story(async |stack| {
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

            assert_eq!(stack.admin().post(path, &body).send().await.status(), 200);
            let revoked = Instant::now();
            let mut last_served = None;
            let mut refusals = 0;
            while refusals < WORKERS_BY_CHANCE {
                match client.get("/v1/models").send().await.status() {
                    401 | 403 => refusals += 1,
                    status => {
                        assert_eq!(status, 200);
                        (refusals, last_served) = (0, Some(revoked.elapsed()));
                        assert!(revoked.elapsed() < tollgate_e2e::patience(), "still served");
                    }
                }
            }
            times.push(last_served.unwrap_or(Duration::ZERO));
        }
        report(times);
    });
}

fn report(mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    let line = format!(
        "revocation over {KEYS} keys: last request served after the answer to the revocation: \
         p50 {:?}, p99 {:?}, at most {:?}",
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
