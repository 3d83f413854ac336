//! Keys over the management API, as an administrator makes and revokes them.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Value, json};

use super::load::connect;
use crate::http::{self, Response};

/// Administrators at work at the same time when many keys are made.
const HANDS: usize = 4;

/// The management API and the key that opens it.
pub(super) struct Management {
    address: SocketAddr,
    authorization: String,
}

impl Management {
    /// Takes the address of the admin port and the master key.
    pub(super) fn new(address: SocketAddr, master_key: &str) -> Self {
        Self { address, authorization: format!("Bearer {master_key}") }
    }

    /// Makes a key.
    pub(super) fn generate(&self) -> Result<String> {
        self.generate_on(&mut connect(self.address)?)
    }

    /// Makes many keys and returns the first `wanted` of them.
    pub(super) fn generate_many(&self, count: usize, wanted: usize) -> Result<Vec<String>> {
        let hand = || -> Result<Vec<String>> {
            let mut stream = connect(self.address)?;
            let mut keys = Vec::new();
            for _ in 0..count / HANDS {
                let key = self.generate_on(&mut stream)?;
                if keys.len() < wanted / HANDS {
                    keys.push(key);
                }
            }
            Ok(keys)
        };
        std::thread::scope(|scope| {
            let hands: Vec<_> = (0..HANDS).map(|_| scope.spawn(hand)).collect();
            let made =
                hands.into_iter().map(|hand| hand.join().map_err(|_| anyhow!("panicked"))?);
            Ok(made.collect::<Result<Vec<_>>>()?.concat())
        })
    }

    /// Blocks a key; whoever uses it must be refused from then on.
    pub(super) fn block(&self, key: &str) -> Result<()> {
        let mut stream = connect(self.address)?;
        self.post(&mut stream, "/key/block", &json!({ "key": key }))?;
        Ok(())
    }

    /// Returns what the ledger says a key has spent, in dollars.
    pub(super) fn spend(&self, key: &str) -> Result<f64> {
        let path = format!("/key/info?key={key}");
        let headers = [("authorization", self.authorization.as_str()), ("connection", "close")];
        let info = http::request(self.address, "GET", &path, &headers, b"")?.json()?;
        let spend = info.get("info").and_then(|info| info.get("spend")).and_then(Value::as_f64);
        spend.with_context(|| format!("no spend in {info}"))
    }

    fn generate_on(&self, stream: &mut TcpStream) -> Result<String> {
        let answer = self.post(stream, "/key/generate", &governed())?;
        let key = answer.json()?.get("key").and_then(Value::as_str).map(str::to_owned);
        key.context("no key was generated")
    }

    fn post(&self, stream: &mut TcpStream, path: &str, body: &Value) -> Result<Response> {
        let headers =
            [("authorization", self.authorization.as_str()), ("content-type", "application/json")];
        let request = http::render("POST", path, &headers, body.to_string().as_bytes());
        stream.write_all(&request)?;
        let answer = http::receive(stream)?;
        ensure!(answer.status == 200, "{path} answered {}: {}", answer.status, answer.text());
        Ok(answer)
    }
}

/// A key with every kind of limit, none of which is reached: what is measured is keeping them.
fn governed() -> Value {
    json!({
        "models": [],
        "max_budget": 1_000_000,
        "budget_duration": "30d",
        "rpm_limit": 1_000_000_000,
        "tpm_limit": 1_000_000_000_000_u64,
        "max_parallel_requests": 1_000_000,
    })
}
