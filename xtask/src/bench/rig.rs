//! The two Envoys side by side and what stands behind both.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use super::long;
use super::management::Management;
use super::paced::Upstream;
use crate::command::{output, which};
use crate::gateway::{ControlPlane, Envoy, Place, Programs, Simulator, fill};
use crate::http;
use crate::repo::Repo;

const BARE: &str = include_str!("bare.yaml");
const BARE_LISTENER: &str = include_str!("bare_listener.yaml");
const ROUTER: &str = "{ name: envoy.filters.http.router, typed_config: { \
    \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router, \
    suppress_envoy_headers: true } }";
const BUFFER: &str = "{ name: envoy.filters.http.buffer, typed_config: { \
    \"@type\": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer, \
    max_request_bytes: 33554432 } }";

/// Dollars for an input token; output costs nothing here, since answers vary in length.
pub(super) const INPUT_PRICE: &str = "0.000001";

/// One Envoy and the requests that it understands.
pub(super) struct Side {
    pub(super) envoy: Envoy,
    pub(super) small: Target,
    pub(super) large: Target,
    pub(super) paced: Target,
    /// A form whose file follows.
    pub(super) upload: Target,
    /// What the filter keeps in memory; bare Envoy asks the provider.
    pub(super) kept: Target,
    /// Asked in OpenAI's dialect of a provider that speaks Anthropic's; bare Envoy passes it on.
    pub(super) translated: Target,
    pub(super) translated_stream: Target,
    /// Where the first provider of the model fails, and where it does not.
    pub(super) fallback: [Target; 2],
}

/// Where a request goes, and its bytes.
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) request: Vec<u8>,
}

/// Everything that runs.
pub(super) struct Rig {
    pub(super) bare: Side,
    pub(super) tollgate: Side,
    pub(super) control_plane: ControlPlane,
    pub(super) simulator: Simulator,
    pub(super) upstream: Upstream,
    pub(super) management: Management,
    /// The key that the small requests carry, and nothing else.
    pub(super) key: String,
}

/// Which CPUs Envoy gets, and which everything else.
struct Cpus {
    envoy: Option<String>,
    others: Option<String>,
}

impl Rig {
    /// Starts everything in a fresh folder.
    pub(super) fn start(repo: &Repo, programs: &Programs) -> Result<Self> {
        let dir = repo.target("bench/run");
        if dir.exists() {
            std::fs::remove_dir_all(&dir)?;
        }
        let logs = dir.join("logs");
        std::fs::create_dir_all(&logs)?;
        let cpus = Cpus::divide();
        let others = Place { logs: &logs, cpus: cpus.others.as_deref() };
        let alone = Place { logs: &logs, cpus: cpus.envoy.as_deref() };

        let upstream = Upstream::start()?;
        let simulator = Simulator::start(programs, None, &others)?;
        let bare = start_bare(programs, &dir, &simulator, &upstream, &alone)?;
        let master_key = "sk-bench-master";
        let config = write_config(&dir, programs, &simulator, &upstream)?;
        let settings = [("TOLLGATE_MASTER_KEY".to_owned(), master_key.to_owned())];
        let control_plane = ControlPlane::start(programs, &config, &dir, &settings, &others)?;
        let mut envoy = Envoy::of_control_plane(repo, programs, &control_plane, Some(1), &alone)?;
        let address = envoy.listener("tollgate_gateway")?;
        let management = Management::new(control_plane.admin, master_key);
        let (key, other) = (management.generate()?, management.generate()?);
        let tollgate = side(envoy, [address; 3], [&key, &other], "small");
        let mut rig = Self { bare, tollgate, control_plane, simulator, upstream, management, key };
        rig.wait_until_it_answers()?;
        Ok(rig)
    }

    fn wait_until_it_answers(&mut self) -> Result<()> {
        for side in [&mut self.bare, &mut self.tollgate] {
            // Not the small one: what that key spends is checked to the last token.
            let target = &side.large;
            side.envoy.process.wait_for(Duration::from_secs(20), "the first answer", || {
                let mut stream = super::load::connect(target.address).ok()?;
                std::io::Write::write_all(&mut stream, &target.request).ok()?;
                (http::receive(&mut stream).ok()?.status == 200).then_some(())
            })?;
        }
        Ok(())
    }
}

impl Cpus {
    /// Gives Envoy the first CPU for itself and everything else, us included, the rest.
    fn divide() -> Self {
        let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        if count < 2 || which("taskset").is_none() {
            eprintln!("no CPU to spare for Envoy alone: expect noise");
            return Self { envoy: None, others: None };
        }
        let others = format!("1-{}", count - 1);
        let own = std::process::id().to_string();
        if let Err(error) = output(Command::new("taskset").args(["-a", "-c", "-p", &others, &own]))
        {
            eprintln!("cannot leave Envoy's CPU: {error:#}");
        }
        Self { envoy: Some("0".to_owned()), others: Some(others) }
    }
}

fn start_bare(
    programs: &Programs,
    dir: &Path,
    simulator: &Simulator,
    upstream: &Upstream,
    place: &Place<'_>,
) -> Result<Side> {
    let buffer = format!("{BUFFER}, {ROUTER}");
    let listeners = [
        ("forward", ROUTER, "provider"),
        ("buffer", buffer.as_str(), "provider"),
        ("paced", ROUTER, "paced"),
    ]
    .map(|(name, filters, cluster)| {
        let values = [("NAME", name), ("FILTERS", filters), ("CLUSTER", cluster)];
        fill(BARE_LISTENER, &values.map(|(name, value)| (name, value.to_owned())))
    });
    let listeners = listeners.into_iter().collect::<Result<Vec<_>>>()?.join("\n");
    let text = fill(
        BARE,
        &[
            ("LISTENERS", listeners),
            ("PROVIDER_PORT", simulator.address.port().to_string()),
            ("PACED_PORT", upstream.address.port().to_string()),
        ],
    )?;
    let config = dir.join("bare.yaml");
    std::fs::write(&config, text)?;
    let mut envoy = Envoy::start(programs, &config, Some(1), place)?;
    let mut addresses = [simulator.address; 3];
    for (address, name) in addresses.iter_mut().zip(["forward", "buffer", "paced"]) {
        *address = envoy.listener(name)?;
    }
    Ok(side(envoy, addresses, ["sk-nobody-looks-at-this-key"; 2], "gpt-4o-mini"))
}

fn side(
    envoy: Envoy,
    [small, large, paced]: [SocketAddr; 3],
    [key, other]: [&str; 2],
    model: &str,
) -> Side {
    let question = "What is the capital of France, and how many people live there today?";
    let long = "All work and no play makes Jack a dull boy. ".repeat(1_048_576 / 44);
    Side {
        envoy,
        small: Target { address: small, request: chat(key, model, question, false) },
        large: Target { address: large, request: chat(other, model, &long, false) },
        upload: Target {
            address: paced,
            request: long::form(other, if model == "small" { "heard" } else { "whisper-1" }),
        },
        kept: Target {
            address: small,
            request: chat(other, if model == "small" { "kept" } else { model }, question, false),
        },
        paced: Target { address: paced, request: chat(other, "paced", question, true) },
        translated: Target { address: paced, request: chat(other, "translated", question, false) },
        translated_stream: Target {
            address: paced,
            request: chat(other, "translated", question, true),
        },
        fallback: ["falls", "paced"]
            .map(|model| Target { address: paced, request: chat(other, model, question, false) }),
    }
}

/// Renders a chat request as the official SDK sends it, give or take.
pub(super) fn chat(key: &str, model: &str, question: &str, stream: bool) -> Vec<u8> {
    let mut body = json!({
        "model": model,
        "messages": [{ "role": "user", "content": question }],
        "temperature": 0.2,
        // A stream that outruns its cap is ended, and the paced ones are long.
        "max_tokens": if stream { 16_384 } else { 16 },
    });
    if stream && let Some(body) = body.as_object_mut() {
        body.insert("stream".to_owned(), json!(true));
    }
    let authorization = format!("Bearer {key}");
    let headers = [
        ("authorization", authorization.as_str()),
        ("accept", "application/json"),
        ("content-type", "application/json"),
        ("user-agent", "OpenAI/Python 3.54.0"),
        ("x-stainless-lang", "python"),
    ];
    http::render("POST", "/v1/chat/completions", &headers, body.to_string().as_bytes())
}

fn write_config(
    dir: &Path,
    programs: &Programs,
    simulator: &Simulator,
    upstream: &Upstream,
) -> Result<PathBuf> {
    let price = json!({ "input_token": INPUT_PRICE, "output_token": "0" });
    // Names that differ on both sides: the filter has to replace them, as it does in real life.
    let model = |name: &str, provider: &str, real: &str| {
        let target = json!({ "provider": provider, "model": real, "price": price });
        json!({ "name": name, "targets": [target] })
    };
    let target = |provider: &str| json!({ "provider": provider, "model": "m", "price": price });
    let falls = json!({ "name": "falls", "targets": [target("failing"), target("paced")] });
    let config = json!({
        // Whoever fails is to be tried again every time.
        "resilience": { "failures": 1_000 },
        "server": {
            "gateway": { "listen": "127.0.0.1:0" },
            "admin": { "listen": "127.0.0.1:0", "requests_per_minute": 0 },
        },
        // Of one model, whose figures are its own; the others pay for a look at its name.
        "cache": { "enabled": true, "models": ["kept"], "eligibility": "all" },
        "filter": { "file": programs.filter },
        "master_key": "env:TOLLGATE_MASTER_KEY",
        "providers": [
            { "id": "provider", "base_url": simulator.base_url() },
            { "id": "paced", "base_url": format!("http://{}/v1", upstream.address) },
            { "id": "translated", "dialect": "anthropic",
              "base_url": format!("http://{}/v1", upstream.address) },
            { "id": "failing",
              "base_url": format!("http://{}{}/v1", upstream.address, super::wire::FAILING) },
        ],
        "models": [
            model("small", "provider", "gpt-4o-mini"),
            model("kept", "provider", "gpt-4o-mini"),
            model("paced", "paced", "paced-model"),
            model("heard", "paced", "whisper-1"),
            model("translated", "translated", "translated-model"),
            falls,
        ],
    });
    let file = dir.join("tollgate.yaml");
    std::fs::write(&file, serde_yaml_ng::to_string(&config)?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}
