//! From what was written to what we need.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_yaml_ng::Value;
use tollgate_core::address::Network;

use crate::config::aliases::Names;
use crate::config::error::{ConfigError, Problem};
use crate::config::foreign::{Surroundings, System};
use crate::config::raw::{RawBasePath, RawConfig, RawGateway, RawListen, RawServer, RawTls};
use crate::config::{
    BasePath, Config, ControlListen, ErrorProfile, GatewayConfig, Known, Loaded, ProviderConfig,
    ServerConfig, Source, TlsFiles, overrides,
};
use crate::domain::{AddressLists, Secret};
use crate::prices::PriceList;

impl Source {
    /// Reads `text` as the content of the file, without looking at other files.
    pub fn read(&self, text: &str, prices: &PriceList) -> Result<Config, ConfigError> {
        self.read_any(text, prices).map(|loaded| loaded.config)
    }

    /// Reads `text`, which may be another gateway's configuration.
    pub(super) fn read_any(&self, text: &str, prices: &PriceList) -> Result<Loaded, ConfigError> {
        // Twice: the text for errors with line and column, the tree for the overrides.
        let syntax = |error: serde_yaml_ng::Error| {
            ConfigError(vec![Problem::new(self.file.display().to_string(), error.to_string())])
        };
        let tree: Value = serde_yaml_ng::from_str(text).map_err(syntax)?;
        if let Some(system) = System::recognise(&tree) {
            return self.read_foreign(system, &tree, prices);
        }
        if !tree.is_null() {
            serde_yaml_ng::from_str::<RawConfig>(text).map_err(syntax)?;
        }
        let config = self.read_tree(tree, prices)?;
        Ok(Loaded { config, notes: Vec::new() })
    }

    fn read_foreign(
        &self,
        system: System,
        tree: &Value,
        prices: &PriceList,
    ) -> Result<Loaded, ConfigError> {
        let around = Surroundings { env: &self.env, serving: true, prices };
        let translated = system
            .translate(tree, around)
            .map_err(|why| ConfigError(vec![Problem::new(self.file.display().to_string(), why)]))?;
        let made = translated.variables.into_iter();
        let made = made.map(|(name, secret)| (name, secret.expose().to_owned()));
        let env = self.env.clone().into_iter().chain(made).collect();
        let source = Self { env, ..self.clone() };
        let config = source.read_tree(translated.tree, prices)?;
        Ok(Loaded { config, notes: translated.notes })
    }

    fn read_tree(&self, tree: Value, prices: &PriceList) -> Result<Config, ConfigError> {
        let raw = overrides::apply(tree, &self.env)?;
        let mut reader = Reader { source: self, prices, problems: Vec::new() };
        let config = reader.config(raw);
        match config {
            Some(config) if reader.problems.is_empty() => Ok(config),
            _ => Err(ConfigError(reader.problems)),
        }
    }
}

/// Collects problems while it converts, so that all of them are told at once.
pub(super) struct Reader<'a> {
    source: &'a Source,
    pub(super) prices: &'a PriceList,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn config(&mut self, raw: RawConfig) -> Option<Config> {
        let server = self.server(raw.server);
        let filter_file = self.required("filter.file", raw.filter.file, "path of the wasm filter");
        let database_url = self.database_url(raw.database.url);
        let master_key = self.secret("master_key", raw.master_key);
        if master_key.as_ref().is_some_and(|key| !key.expose().starts_with("sk-")) {
            self.problem("master_key", "must start with sk-");
        }
        let sign_in = self.sign_in(raw.sign_in);
        let providers = self.providers(raw.providers);
        let mut models = self.models(raw.models, &providers);
        let combos = self.combos(raw.combos, &models);
        let known =
            Known { providers: &providers, models: &models, combos: &combos, prices: self.prices };
        let flattened = self.flattened(known);
        models.extend(flattened);
        let aliases = self.aliases(raw.aliases, &models, &providers);
        let names = Names { models: &models, providers: &providers, aliases: &aliases };
        let default_model = raw.default_model;
        self.default_models(default_model.as_deref(), server.as_ref(), &names);
        self.resources_provider(server.as_ref(), &providers);
        let resilience = self.resilience(&raw.resilience);
        let tags = self.tags(raw.tags);
        let limits = self.enforcement(&raw.limits);
        let idempotency = self.idempotency(&raw.idempotency);
        let cache = self.cache(raw.cache, &models, &providers);
        Some(Config {
            server: server?,
            filter_file: self.path(&filter_file?),
            database_url: database_url?,
            master_key,
            sign_in: sign_in?,
            providers,
            models,
            combos,
            aliases,
            default_model,
            resilience,
            tags,
            limits: limits?,
            idempotency,
            cache,
            media_fetch: self.media_fetch(raw.media_fetch),
        })
    }

    fn server(&mut self, raw: RawServer) -> Option<ServerConfig> {
        let gateway = self.gateway(raw.gateway);
        let listen = raw.admin.listen.clone();
        let listen = self.address("server.admin.listen", listen, "127.0.0.1:4000");
        let admin = self.admin(raw.admin);
        let control = self.control(raw.control);
        Some(ServerConfig {
            gateway: gateway?,
            admin_listen: listen?,
            admin: admin?,
            control_listen: control?,
        })
    }

    fn gateway(&mut self, raw: RawGateway) -> Option<GatewayConfig> {
        let listen = self.address("server.gateway.listen", raw.listen, "127.0.0.1:8080");
        let tls = raw.tls.and_then(|tls| self.tls(tls));
        let max_body_bytes = self.within(
            "server.gateway.max_body_bytes",
            raw.max_body_bytes.unwrap_or(DEFAULT_BODY_BYTES),
            1024..=MAX_BODY_BYTES,
        );
        let seconds = self.within(
            "server.gateway.request_timeout_seconds",
            raw.request_timeout_seconds.unwrap_or(60),
            1..=86_400,
        );
        let error_profile = self.error_profile(raw.error_profile.as_deref());
        let addresses = AddressLists {
            allowed: self.networks("server.gateway.allowed_ips", raw.allowed_ips),
            denied: self.networks("server.gateway.denied_ips", raw.denied_ips),
        };
        let hops = raw.trusted_hops.unwrap_or(0);
        let trusted_hops = self.within("server.gateway.trusted_hops", hops, 0..=100);
        let base_paths = raw.base_paths.into_iter().enumerate();
        let base_paths = base_paths.filter_map(|(at, raw)| self.base_path(at, raw)).collect();
        Some(GatewayConfig {
            listen: listen?,
            tls,
            debug_headers: raw.debug_headers,
            error_profile,
            management: raw.management.unwrap_or(true),
            max_body_bytes: u32::try_from(max_body_bytes?).ok()?,
            request_timeout: Duration::from_secs(seconds?),
            base_paths,
            access_log: raw.access_log.map(|file| self.path(&file)),
            addresses,
            trusted_hops: u32::try_from(trusted_hops?).ok()?,
            resources_provider: raw.resources_provider,
        })
    }

    fn resources_provider(&mut self, server: Option<&ServerConfig>, known: &[ProviderConfig]) {
        let named = server.and_then(|server| server.gateway.resources_provider.as_ref());
        let Some(named) = named else { return };
        if !known.iter().any(|provider| provider.id == *named) {
            let message = format!("{named:?} is no provider's id");
            self.problem("server.gateway.resources_provider", message);
        }
    }

    fn error_profile(&mut self, name: Option<&str>) -> ErrorProfile {
        let Some(name) = name else { return ErrorProfile::default() };
        ErrorProfile::named(name).unwrap_or_else(|| {
            let message =
                format!("{name:?} is no profile; write one of openai, litellm, litellm-1.83");
            self.problem("server.gateway.error_profile", message);
            ErrorProfile::default()
        })
    }

    pub(super) fn networks(&mut self, place: &str, written: Vec<String>) -> Vec<String> {
        for (at, network) in written.iter().enumerate() {
            if Network::parse(network).is_none() {
                let message = format!("{network:?} is neither an address nor a network (CIDR)");
                self.problem(format!("{place}[{at}]"), message);
            }
        }
        written
    }

    fn base_path(&mut self, at: usize, raw: RawBasePath) -> Option<BasePath> {
        let (path, default_model) = match raw {
            RawBasePath::Path(path) => (path, None),
            RawBasePath::Whole(raw) => (raw.path, Some(raw.default_model)),
        };
        let trimmed = path.trim_end_matches('/');
        let plain =
            trimmed.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte));
        if trimmed.starts_with('/') && plain && !trimmed.contains("//") {
            return Some(BasePath { path: trimmed.to_owned(), default_model });
        }
        let message = format!("{path:?} is not a path prefix; write something like /telkom/v1");
        self.problem(format!("server.gateway.base_paths[{at}]"), message);
        None
    }

    fn tls(&mut self, raw: RawTls) -> Option<TlsFiles> {
        let place = "server.gateway.tls.certificate_file";
        let certificate = self.required(place, raw.certificate_file, "PEM file of the certificate");
        let place = "server.gateway.tls.private_key_file";
        let private_key = self.required(place, raw.private_key_file, "PEM file of its key");
        Some(TlsFiles {
            certificate: self.path(&certificate?),
            private_key: self.path(&private_key?),
            pair: None,
        })
    }

    fn control(&mut self, raw: RawListen) -> Option<ControlListen> {
        let place = "server.control.listen";
        let Some(text) = raw.listen else {
            let socket = absolute(&self.source.data_dir).join("control.sock");
            return self.socket(place, socket);
        };
        if let Some(path) = text.strip_prefix("unix:") {
            return self.socket(place, self.path(path));
        }
        let address = self.address(place, Some(text), "")?;
        if !address.ip().is_loopback() {
            self.problem(
                place,
                "hands out provider credentials, so it must be unix:PATH or a loopback address",
            );
            return None;
        }
        Some(ControlListen::Tcp(address))
    }

    fn socket(&mut self, place: &str, path: PathBuf) -> Option<ControlListen> {
        if path.as_os_str().len() > MAX_SOCKET_PATH {
            let message = format!(
                "{} is longer than the {MAX_SOCKET_PATH} bytes a socket may have; \
                 write a shorter path or a loopback address",
                path.display()
            );
            self.problem(place, message);
            return None;
        }
        Some(ControlListen::Unix(path))
    }

    fn database_url(&mut self, written: Option<String>) -> Option<Secret> {
        let place = "database.url";
        let Some(text) = written else {
            let file = absolute(&self.source.data_dir).join("tollgate.db");
            return Some(Secret::new(format!("sqlite:{}", file.display())));
        };
        let by_reference = text.starts_with("env:");
        let url = if by_reference { self.secret(place, Some(text))? } else { Secret::new(text) };
        if let Some(path) = url.expose().strip_prefix("sqlite:") {
            if path.is_empty() || path.contains(":memory:") {
                self.problem(place, "needs a file: write sqlite:PATH");
                return None;
            }
            let file = self.path(path.trim_start_matches("//"));
            let file = if path.starts_with("///") { PathBuf::from(&path[2..]) } else { file };
            return Some(Secret::new(format!("sqlite:{}", file.display())));
        }
        match url::Url::parse(url.expose()) {
            Ok(parsed) if matches!(parsed.scheme(), "postgres" | "postgresql") => {
                if parsed.password().is_some() && !by_reference {
                    self.problem(place, "holds a password; write env:NAME and put the URL there");
                    return None;
                }
                Some(url)
            }
            Ok(_) | Err(_) => {
                self.problem(place, "must be sqlite:PATH or postgres://…");
                None
            }
        }
    }

    /// Follows an `env:NAME` reference.
    pub(super) fn secret(&mut self, place: &str, written: Option<String>) -> Option<Secret> {
        let written = written?;
        let Some(name) = written.strip_prefix("env:") else {
            self.problem(
                place,
                "secrets do not stand in the file: write env:NAME and set that variable",
            );
            return None;
        };
        match self.source.env.get(name).map(|value| value.trim()) {
            Some(value) if !value.is_empty() && value.chars().all(|c| !c.is_control()) => {
                Some(Secret::new(value))
            }
            Some("") => {
                self.problem(place, format!("environment variable {name} is empty"));
                None
            }
            Some(_) => {
                self.problem(
                    place,
                    format!("environment variable {name} holds control characters"),
                );
                None
            }
            None => {
                self.problem(place, format!("environment variable {name} is not set"));
                None
            }
        }
    }

    pub(super) fn required(
        &mut self,
        place: &str,
        value: Option<String>,
        what: &str,
    ) -> Option<String> {
        let value = value.filter(|value| !value.trim().is_empty());
        if value.is_none() {
            self.problem(place, format!("missing: {what}"));
        }
        value
    }

    fn address(&mut self, place: &str, text: Option<String>, default: &str) -> Option<SocketAddr> {
        let text = text.unwrap_or_else(|| default.to_owned());
        let address = text.parse().ok();
        if address.is_none() {
            let message = format!("{text:?} is not ADDRESS:PORT, such as 127.0.0.1:8080");
            self.problem(place, message);
        }
        address
    }

    pub(super) fn within(
        &mut self,
        place: &str,
        value: u64,
        range: std::ops::RangeInclusive<u64>,
    ) -> Option<u64> {
        if range.contains(&value) {
            return Some(value);
        }
        let message = format!("{value} is not within {}..{}", range.start(), range.end());
        self.problem(place, message);
        None
    }

    fn path(&self, text: &str) -> PathBuf {
        let folder = self.source.file.parent().unwrap_or(Path::new(""));
        absolute(&folder.join(text))
    }

    pub(super) fn problem(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem::new(place, message));
    }
}

/// Makes a path absolute; one that cannot be made so stays as it is and fails where it is used.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

const DEFAULT_BODY_BYTES: u64 = 32 * 1024 * 1024;
/// Envoy buffers the body in memory, twice while it is edited.
const MAX_BODY_BYTES: u64 = 1024 * 1024 * 1024;
/// `sun_path` of Linux and macOS, without its final zero.
const MAX_SOCKET_PATH: usize = 103;
