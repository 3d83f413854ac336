//! Providers: who answers.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::catalogue::{Catalogue, KnownProvider};
use crate::config::parse::Reader;
use crate::config::raw::{RawAccount, RawProvider};
use crate::config::{BaseUrl, ProxyUrl};
use crate::domain::{Limits, Secret};

/// What a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProviderDialect {
    /// OpenAI's chat completions, or what is compatible with them.
    #[default]
    OpenAi,
    /// OpenAI's Responses.
    Responses,
    /// OpenAI's chat completions in Azure's URL form.
    Azure,
    /// Anthropic's Messages.
    Anthropic,
    /// Gemini's `generateContent`.
    Gemini,
    /// Ollama's own API.
    Ollama,
    /// Deepgram's transcripts.
    Deepgram,
    /// `AssemblyAI`'s transcripts.
    AssemblyAi,
}

impl ProviderDialect {
    /// Every dialect with the name that it has in the file.
    pub const NAMES: [(&str, Self); 8] = [
        ("openai", Self::OpenAi),
        ("openai-responses", Self::Responses),
        ("azure", Self::Azure),
        ("anthropic", Self::Anthropic),
        ("gemini", Self::Gemini),
        ("ollama", Self::Ollama),
        ("deepgram", Self::Deepgram),
        ("assemblyai", Self::AssemblyAi),
    ];

    /// Finds a dialect by its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, dialect)| *dialect)
    }

    /// Returns its name.
    pub fn name(self) -> &'static str {
        let found = Self::NAMES.iter().find(|(_, dialect)| *dialect == self);
        found.map_or("openai", |(name, _)| name)
    }
}

/// Somebody who answers requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderConfig {
    /// Unique, `[a-z0-9_-]+`.
    pub id: String,
    /// Its name in the catalogue. `None`: it is not from there.
    pub kind: Option<String>,
    /// Where it is.
    pub base_url: BaseUrl,
    /// Requests may go to it.
    pub enabled: bool,
    /// Whom it knows us as; at least one.
    pub accounts: Vec<AccountConfig>,
    /// Header that carries the credential as it is. `None`: the dialect's own.
    pub credential_header: Option<String>,
    /// Query parameter that carries the credential, instead of a header.
    pub credential_query: Option<String>,
    /// How long it may take to its first content. `None`: as its models say.
    pub first_byte_timeout_ms: Option<u32>,
    /// How often it is asked whether it is there. `None`: never.
    pub check_every: Option<Duration>,
    /// The proxy through which it is reached.
    pub proxy: Option<ProxyUrl>,
    /// It accepts `stream_options.include_usage`.
    pub stream_usage: bool,
    /// It knows `max_completion_tokens`.
    pub completion_tokens_cap: bool,
    /// What it speaks.
    pub dialect: ProviderDialect,
    /// It serves Responses besides chat completions.
    pub responses: bool,
    /// It serves WebSocket sessions at `/realtime`.
    pub realtime: bool,
    /// It makes images at a path for each model, as Fireworks does.
    pub image_workflows: bool,
    /// Azure's `api-version`. `None`: its `v1` API, which has none.
    pub api_version: Option<String>,
    /// What may be sent to it.
    pub limits: Limits,
}

/// Whom a provider knows us as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountConfig {
    /// Unique within its provider, `[a-z0-9_-]+`. Empty: the only one.
    pub id: String,
    /// Sent as the provider wants it. `None`: it wants none.
    pub credential: Option<Secret>,
    /// Requests may use it.
    pub enabled: bool,
    /// Its share where weights count. 0: only after all others.
    pub weight: u32,
    /// What may be sent with it.
    pub limits: Limits,
}

impl AccountConfig {
    /// Makes the only account of a provider.
    pub fn only(credential: Option<Secret>) -> Self {
        let limits = Limits::default();
        Self { id: String::new(), credential, enabled: true, weight: 1, limits }
    }
}

impl ProviderConfig {
    /// Makes a provider that speaks a dialect, with what is known of its host, and no account.
    pub fn new(id: String, base_url: BaseUrl, dialect: ProviderDialect) -> Self {
        let openai = is_openai(&base_url);
        Self {
            id,
            kind: None,
            enabled: true,
            accounts: Vec::new(),
            credential_header: None,
            credential_query: None,
            first_byte_timeout_ms: None,
            check_every: None,
            proxy: None,
            stream_usage: true,
            completion_tokens_cap: openai || dialect == ProviderDialect::Azure,
            responses: openai,
            realtime: openai,
            image_workflows: base_url.host == FIREWORKS,
            base_url,
            dialect,
            api_version: None,
            limits: Limits::default(),
        }
    }

    /// Makes a provider of the catalogue, with another base URL when one is given.
    pub fn known(id: String, known: &KnownProvider, base_url: Option<BaseUrl>) -> Option<Self> {
        let base_url = base_url.or_else(|| known.base_url.clone())?;
        let provider = Self::new(id, base_url, known.dialect);
        Some(Self {
            kind: Some(known.id.clone()),
            credential_header: known.credential_header.clone(),
            credential_query: known.credential_query.clone(),
            stream_usage: known.stream_usage,
            ..provider
        })
    }

    /// Returns the name under which price lists have it.
    pub fn listed_as(&self) -> &str {
        self.kind.as_deref().unwrap_or(&self.id)
    }

    /// Returns the accounts that requests may use.
    pub fn usable(&self) -> impl Iterator<Item = &AccountConfig> {
        self.accounts.iter().filter(|account| self.enabled && account.enabled)
    }
}

impl Reader<'_> {
    pub(super) fn providers(&mut self, raw: Vec<RawProvider>) -> Vec<ProviderConfig> {
        let mut seen = BTreeSet::new();
        let mut providers = Vec::new();
        for (at, raw) in raw.into_iter().enumerate() {
            let place = format!("providers[{at}]");
            let id = self.id(&format!("{place}.id"), raw.id.clone());
            if let Some(id) = &id
                && !seen.insert(id.clone())
            {
                self.problem(format!("{place}.id"), format!("{id:?} is taken by another provider"));
            }
            providers.extend(self.provider(&place, id, raw));
        }
        providers
    }

    fn id(&mut self, place: &str, id: Option<String>) -> Option<String> {
        let id = self.required(place, id, "unique name, [a-z0-9_-]+")?;
        if !is_id(&id) {
            self.problem(place, format!("{id:?} may hold lower-case letters, digits, - and _"));
        }
        Some(id)
    }

    fn provider(
        &mut self,
        place: &str,
        id: Option<String>,
        raw: RawProvider,
    ) -> Option<ProviderConfig> {
        let at = |field: &str| format!("{place}.{field}");
        let known = raw.kind.as_deref().and_then(|kind| self.kind(at("kind"), kind));
        let wants_url = known.map_or(raw.kind.is_none(), |known| known.base_url.is_none());
        let url = if wants_url {
            self.required(&at("base_url"), raw.base_url, "such as https://host/v1")
        } else {
            raw.base_url
        };
        let base_url = url.map(|text| BaseUrl::parse(&text)).transpose();
        let base_url = base_url.unwrap_or_else(|message| {
            self.problem(at("base_url"), message);
            None
        });
        let accounts = self.accounts(place, raw.credential, raw.accounts);
        let limits = self.limits(&at("limits"), raw.limits);
        let dialect = self.dialect(at("dialect"), raw.dialect.as_deref());
        let header = self.token(&at("credential_header"), raw.credential_header);
        let query = self.token(&at("credential_query"), raw.credential_query);
        if header.is_some() && query.is_some() {
            self.problem(at("credential_query"), "there is a `credential_header` already");
        }
        let first_byte_timeout_ms = self.millis(&at("timeout_seconds"), raw.timeout_seconds);
        let check_ms = self.millis(&at("check_seconds"), raw.check_seconds);
        let check_every = check_ms.map(|ms| Duration::from_millis(u64::from(ms)));
        let spoken = dialect.or(known.map(|known| known.dialect)).unwrap_or_default();
        let api_version = self.api_version(at("api_version"), spoken, raw.api_version);
        let mut provider = match known {
            Some(known) => ProviderConfig::known(id?, known, base_url)?,
            None => ProviderConfig::new(id?, base_url?, spoken),
        };
        if header.is_some() || query.is_some() {
            (provider.credential_header, provider.credential_query) = (header, query);
        }
        provider.dialect = spoken;
        provider.stream_usage = raw.stream_usage.unwrap_or(provider.stream_usage);
        provider.responses = raw.responses.unwrap_or(provider.responses);
        provider.realtime = raw.realtime.unwrap_or(provider.realtime);
        provider.image_workflows = raw.image_workflows.unwrap_or(provider.image_workflows);
        let cap = raw.completion_tokens_cap;
        provider.completion_tokens_cap = cap.unwrap_or(provider.completion_tokens_cap);
        let proxy = self.proxy(at("proxy"), raw.proxy.as_deref(), &provider.base_url);
        if proxy.is_some() && check_every.is_some() {
            self.problem(at("check_seconds"), "a provider behind a `proxy` is not checked");
        }
        let enabled = raw.enabled.unwrap_or(true);
        let own = ProviderConfig { enabled, accounts, first_byte_timeout_ms, ..provider };
        Some(ProviderConfig { check_every, proxy, api_version, limits, ..own })
    }

    fn kind(&mut self, place: String, kind: &str) -> Option<&'static KnownProvider> {
        let known = Catalogue::built_in().find(kind);
        if known.is_none() {
            let message =
                format!("{kind:?} is not in the catalogue; write `base_url` and `dialect`");
            self.problem(place, message);
        }
        known
    }

    /// Reads the accounts of a provider; the one of `credential` has no name.
    fn accounts(
        &mut self,
        place: &str,
        credential: Option<String>,
        raw: Vec<RawAccount>,
    ) -> Vec<AccountConfig> {
        let mut accounts = Vec::new();
        let mut seen = BTreeSet::new();
        let alone = raw.is_empty();
        if credential.is_some() || alone {
            let credential = self.secret(&format!("{place}.credential"), credential);
            accounts.push(AccountConfig::only(credential));
        }
        for (at, raw) in raw.into_iter().enumerate() {
            let place = format!("{place}.accounts[{at}]");
            let id = self.id(&format!("{place}.id"), raw.id);
            if let Some(id) = &id
                && !seen.insert(id.clone())
            {
                self.problem(format!("{place}.id"), format!("{id:?} is taken by another account"));
            }
            let credential = self.secret(&format!("{place}.credential"), raw.credential);
            let limits = self.limits(&format!("{place}.limits"), raw.limits);
            let weight = self.weight(&format!("{place}.weight"), raw.weight);
            let enabled = raw.enabled.unwrap_or(true);
            accounts.extend(id.map(|id| AccountConfig { id, credential, enabled, weight, limits }));
        }
        accounts
    }

    fn dialect(&mut self, place: String, name: Option<&str>) -> Option<ProviderDialect> {
        let name = name?;
        let found = ProviderDialect::named(name);
        if found.is_none() {
            let names = ProviderDialect::NAMES.map(|(name, _)| name).join(", ");
            self.problem(place, format!("{name:?} is no dialect; write one of {names}"));
        }
        found
    }

    /// Reads the name of a header or of a query parameter.
    fn token(&mut self, place: &str, name: Option<String>) -> Option<String> {
        let name = name?.to_ascii_lowercase();
        if !is_token(&name) {
            self.problem(place, format!("{name:?} may hold letters, digits, - and _"));
        } else if RESERVED.iter().any(|reserved| name.starts_with(reserved)) {
            self.problem(place, format!("{name:?} belongs to HTTP or to the gateway"));
        }
        Some(name)
    }

    fn proxy(&mut self, place: String, url: Option<&str>, provider: &BaseUrl) -> Option<ProxyUrl> {
        ProxyUrl::tunnel(url?, provider).map_err(|message| self.problem(place, message)).ok()
    }

    fn api_version(
        &mut self,
        place: String,
        dialect: ProviderDialect,
        version: Option<String>,
    ) -> Option<String> {
        let version = version?;
        if dialect != ProviderDialect::Azure {
            self.problem(place, "only providers with `dialect: azure` have one");
        } else if !version
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        {
            self.problem(place, format!("{version:?} is not like 2024-10-21 or preview"));
        }
        Some(version)
    }
}

/// Tells whether a text can name a provider or an account.
pub fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    !text.is_empty() && text.bytes().all(|byte| plain(byte) || byte == b'-' || byte == b'_')
}

fn is_token(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !text.is_empty() && text.len() <= 64 && text.bytes().all(plain)
}

/// Tells whether it is `OpenAI` or Azure's, which have renamed `max_tokens`; others' newest
/// models still take the old name alone.
fn is_openai(url: &BaseUrl) -> bool {
    let host = url.authority.split(':').next().unwrap_or_default();
    host == "api.openai.com" || host.ends_with(".azure.com")
}

/// Its images have paths of their own.
const FIREWORKS: &str = "api.fireworks.ai";
/// Headers that say where a message goes or ends, and the gateway's own.
const RESERVED: [&str; 9] = [
    "host",
    "content-",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "x-tollgate-",
    "x-envoy-",
    "accept",
];
