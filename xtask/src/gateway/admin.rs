//! Questions to Envoy's admin port.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::http;

/// Envoy's admin port.
#[derive(Clone, Copy)]
pub(crate) struct EnvoyAdmin {
    pub(crate) address: SocketAddr,
}

impl EnvoyAdmin {
    /// Returns where a listener is bound, once it is active.
    pub(crate) fn listener(self, name: &str) -> Result<Option<SocketAddr>> {
        let listeners = self.get("/listeners?format=json")?.json()?;
        let statuses = listeners.get("listener_statuses").and_then(Value::as_array);
        let named = |status: &&Value| status.get("name").and_then(Value::as_str) == Some(name);
        Ok(statuses.and_then(|all| all.iter().find(named)).and_then(bound))
    }

    /// Returns the sum of all counters and gauges whose names match the regular expression.
    pub(crate) fn sum(self, pattern: &str) -> Result<u64> {
        let stats = self.get(&format!("/stats?format=json&filter={pattern}"))?.json()?;
        let stats = stats.get("stats").and_then(Value::as_array).context("no stats")?;
        Ok(stats.iter().filter_map(|stat| stat.get("value")?.as_u64()).sum())
    }

    /// Stops taking connections; clients are told to close those they have.
    pub(crate) fn drain(self) -> Result<()> {
        for path in ["/healthcheck/fail", "/drain_listeners"] {
            let answer = http::request(self.address, "POST", path, &[], b"")?;
            ensure!(answer.status == 200, "{path} answered {}", answer.status);
        }
        Ok(())
    }

    /// Waits until the matching stats sum up to nothing and says whether they did in time.
    pub(crate) fn wait_for_zero(self, pattern: &str, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        while Instant::now() < end {
            match self.sum(pattern) {
                Ok(0) => return true,
                Ok(_) => std::thread::sleep(Duration::from_millis(50)),
                Err(_) => return false,
            }
        }
        false
    }

    fn get(self, path: &str) -> Result<http::Response> {
        http::request(self.address, "GET", path, &[], b"")
    }
}

fn bound(status: &Value) -> Option<SocketAddr> {
    let address = status.get("local_address")?.get("socket_address")?;
    let ip: IpAddr = address.get("address")?.as_str()?.parse().ok()?;
    let port = address.get("port_value")?.as_u64()?;
    Some(SocketAddr::new(ip, u16::try_from(port).ok()?))
}
