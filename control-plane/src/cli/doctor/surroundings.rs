//! The filter's file, the master key, ports and providers.

use std::net::SocketAddr;
use std::path::Path;

use tokio::net::TcpListener;

use super::Finding;
use crate::config::{AccountConfig, Config, ProviderConfig, ServerConfig};
use crate::domain::Secret;
use crate::outbound::{self, OutboundError, Reach, Reply, question};

/// Looks at the file that Envoy is told to load.
pub(super) fn filter(file: &Path) -> Finding {
    match std::fs::read(file) {
        Ok(content) if content.starts_with(b"\0asm") => {
            Finding::ok("filter", format!("{}, {} bytes", file.display(), content.len()))
        }
        Ok(_) => Finding::fail(
            "filter",
            format!("{} is no wasm module; build it with `cargo xtask wasm`", file.display()),
        ),
        Err(error) => Finding::fail("filter", format!("{}: {error}", file.display())),
    }
}

pub(super) fn master_key(key: Option<&Secret>) -> Finding {
    match key {
        Some(_) => Finding::ok("master key", "is set"),
        None => Finding::warn("master key", MADE),
    }
}

/// Looks whether the addresses can be listened on.
pub(super) async fn ports(server: &ServerConfig) -> Vec<Finding> {
    let gateway = port("gateway", server.gateway.listen).await;
    vec![gateway, port("management", server.admin_listen).await]
}

async fn port(what: &str, address: SocketAddr) -> Finding {
    match TcpListener::bind(address).await {
        Ok(_) => Finding::ok(format!("{what} port"), format!("{address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            let found = format!("{address} is in use; that is well if Tollgate runs already");
            Finding::warn(format!("{what} port"), found)
        }
        Err(error) => Finding::fail(format!("{what} port"), format!("{address}: {error}")),
    }
}

/// Asks every account of every provider for its list of models, which costs nothing.
pub(super) async fn providers(config: &Config) -> Vec<Finding> {
    let accounts = config
        .providers
        .iter()
        .flat_map(|provider| provider.accounts.iter().map(move |account| (provider, account)));
    futures_util::future::join_all(accounts.map(|(provider, account)| one(provider, account))).await
}

async fn one(provider: &ProviderConfig, account: &AccountConfig) -> Finding {
    let name = match account.id.as_str() {
        "" => format!("provider {}", provider.id),
        id => format!("provider {}/{id}", provider.id),
    };
    if !provider.enabled || !account.enabled {
        return Finding::ok(name, "is not enabled");
    }
    if provider.proxy.is_some() {
        return Finding::warn(name, "is behind a proxy, and not asked from here");
    }
    let call = question::models(provider, account.credential.as_ref());
    judged(name, &outbound::send(&provider.base_url, call, Reach::Private).await)
}

fn judged(name: String, answer: &Result<Reply, OutboundError>) -> Finding {
    match answer {
        Ok(Reply { status: 200..300, .. }) => Finding::ok(name, "answers"),
        Ok(Reply { status: status @ (401 | 403), .. }) => {
            let found = format!("refuses the credential ({status}); set its variable anew");
            Finding::fail(name, found)
        }
        Ok(Reply { status: status @ 500.., .. }) => {
            Finding::warn(name, format!("is there, and has trouble of its own ({status})"))
        }
        Ok(Reply { status, .. }) => {
            let found =
                format!("is there, and has no list of models ({status}); is base_url right?");
            Finding::warn(name, found)
        }
        Err(error) => Finding::fail(name, format!("{error}; is base_url right?")),
    }
}

/// Where the configuration names no master key.
const MADE: &str = "none in the configuration; the first start on an empty database makes one, \
                    `tollgate master-key rotate` another one";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::State;

    #[test]
    fn answers_of_providers_are_told_apart() {
        let status = |status| Ok(Reply { status, body: Vec::new().into() });
        for (answer, state) in [
            (status(200), State::Ok),
            (status(404), State::Warn),
            (status(401), State::Fail),
            (status(503), State::Warn),
            (Err(OutboundError::TimedOut), State::Fail),
        ] {
            assert_eq!(judged(String::new(), &answer).state, state, "{answer:?}");
        }
    }
}
