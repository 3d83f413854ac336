//! `tollgate export`: manifests that make an Envoy that runs already the gateway.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};

use super::{Files, with_config};
use crate::config::Config;
use crate::export::{self, Address, Bootstrap, EnvoyGateway, Istio, Role, Source, Workload};
use crate::xds::filter::FilterCode;

#[derive(Debug, Subcommand)]
pub(super) enum ExportCommand {
    /// Prints a bootstrap for an Envoy that nobody else configures.
    Static(StaticOptions),
    /// Prints an `EnvoyFilter` for a gateway of Istio.
    Istio(IstioOptions),
    /// Prints an `EnvoyPatchPolicy` for a Gateway of Envoy Gateway.
    EnvoyGateway(EnvoyGatewayOptions),
}

#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    files: Files,
    /// What the filter does: two roles and fallback, or one filter alone.
    #[arg(long, value_enum, default_value = "gateway")]
    role: Role,
    /// The filter's file as Envoy finds it; the configuration's, unless told otherwise.
    #[arg(long, value_name = "PATH", conflicts_with = "wasm_url")]
    wasm_file: Option<PathBuf>,
    /// Where Envoy downloads the filter instead; for role standalone.
    #[arg(long, value_name = "URL", requires = "wasm_sha256")]
    wasm_url: Option<String>,
    /// What the download must hash to, in hex.
    #[arg(long, value_name = "HEX", requires = "wasm_url")]
    wasm_sha256: Option<String>,
    /// Where Envoy reaches the control listener: `unix:/path`, or `host:port` on loopback.
    #[arg(long, value_name = "ADDRESS")]
    control_plane: Option<Address>,
    /// Where Envoy reaches the management API: `host:port`.
    #[arg(long, value_name = "ADDRESS")]
    management: Option<Address>,
}

#[derive(Debug, Args)]
pub(super) struct StaticOptions {
    #[command(flatten)]
    common: Common,
    /// Tells this Envoy from others in logs.
    #[arg(long, value_name = "ID", default_value = "tollgate")]
    node_id: String,
    /// Port of Envoy's own admin interface, on loopback; 0 lets the system choose.
    #[arg(long, value_name = "PORT", default_value_t = 9901)]
    envoy_admin_port: u16,
}

#[derive(Debug, Args)]
pub(super) struct IstioOptions {
    #[command(flatten)]
    common: Common,
    /// Namespace of the gateway.
    #[arg(long, default_value = "istio-system")]
    namespace: String,
    /// Labels of the gateway's pods.
    #[arg(
        long,
        value_name = "NAME=VALUE",
        value_delimiter = ',',
        default_value = "istio=ingressgateway"
    )]
    workload_selector: Vec<String>,
    /// A Gateway of the Kubernetes Gateway API, instead of labels.
    #[arg(long, value_name = "NAME")]
    gateway: Option<String>,
    /// Port of the listener in the pod, which can differ from that of the service.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Name of the listener's routes; `http.<port>` unless told otherwise.
    #[arg(long, value_name = "NAME")]
    routes: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct EnvoyGatewayOptions {
    #[command(flatten)]
    common: Common,
    /// Namespace of the Gateway.
    #[arg(long, default_value = "default")]
    namespace: String,
    /// Name of the Gateway.
    #[arg(long, value_name = "NAME", default_value = "tollgate")]
    gateway: String,
    /// Name of the listener in the Gateway.
    #[arg(long, value_name = "NAME", default_value = "http")]
    listener: String,
    /// What Envoy calls the listener; `<namespace>/<gateway>/<listener>` unless told otherwise.
    #[arg(long, value_name = "NAME")]
    xds_listener: Option<String>,
    /// What Envoy calls its routes; the same unless told otherwise.
    #[arg(long, value_name = "NAME")]
    xds_routes: Option<String>,
}

pub(super) fn run(command: ExportCommand, env: BTreeMap<String, String>) -> ExitCode {
    match command {
        ExportCommand::Static(StaticOptions { common, node_id, envoy_admin_port }) => {
            let bootstrap = Bootstrap { node_id, envoy_admin_port };
            print(common, env, "tollgate export static", |source| Ok(bootstrap.render(source)?))
        }
        ExportCommand::Istio(options) => {
            let IstioOptions { common, namespace, workload_selector, gateway, port, routes } =
                options;
            print(common, env, "tollgate export istio", |source| {
                let workload = match gateway {
                    Some(name) => Workload::Gateway(name),
                    None => Workload::Labels(labels(&workload_selector)?),
                };
                let routes = routes.unwrap_or_else(|| format!("http.{port}"));
                Ok(Istio { namespace, workload, port, routes }.render(source)?)
            })
        }
        ExportCommand::EnvoyGateway(options) => {
            let EnvoyGatewayOptions { common, namespace, gateway, listener, .. } = options;
            let name = format!("{namespace}/{gateway}/{listener}");
            let listener = options.xds_listener.unwrap_or_else(|| name.clone());
            let routes = options.xds_routes.unwrap_or(name);
            let gateway = EnvoyGateway { namespace, gateway, listener, routes };
            print(
                common,
                env,
                "tollgate export envoy-gateway",
                |source| Ok(gateway.render(source)?),
            )
        }
    }
}

/// Reads the configuration, and writes what is rendered from it to standard output.
fn print(
    common: Common,
    env: BTreeMap<String, String>,
    command: &str,
    render: impl FnOnce(&Source<'_>) -> anyhow::Result<serde_json::Value>,
) -> ExitCode {
    let Common { files, role, wasm_file, wasm_url, wasm_sha256, control_plane, management } =
        common;
    with_config(files, env, |_, config, _| async move {
        let code = match (wasm_url, wasm_sha256) {
            (Some(url), Some(sha256)) => download(role, url, sha256)?,
            _ => FilterCode::in_file(wasm_file.as_ref().unwrap_or(&config.filter_file)),
        };
        let source = Source {
            config: &config,
            role,
            code,
            control: control_plane.unwrap_or_else(|| control_of(&config)),
            management: management.unwrap_or_else(|| config.server.admin_listen.into()),
        };
        ensure!(source.control.is_local(), NOT_LOCAL);
        let text = export::write(&render(&source)?, command)?;
        std::io::stdout().write_all(text.as_bytes()).context("cannot write to standard output")
    })
}

fn control_of(config: &Config) -> Address {
    Address::from(&config.server.control_listen)
}

fn download(role: Role, url: String, sha256: String) -> anyhow::Result<FilterCode> {
    ensure!(role == Role::Standalone, DOWNLOADED_ONCE);
    let hex = sha256.len() == 64 && sha256.chars().all(|it| it.is_ascii_hexdigit());
    ensure!(hex, "--wasm-sha256 is not the 64 hex digits of a SHA-256");
    crate::config::BaseUrl::parse(&url)
        .map_err(|problem| anyhow::anyhow!("--wasm-url: {problem}"))?;
    Ok(FilterCode::Url { url, sha256 })
}

fn labels(pairs: &[String]) -> anyhow::Result<BTreeMap<String, String>> {
    pairs
        .iter()
        .map(|pair| {
            let (name, value) = pair
                .split_once('=')
                .with_context(|| format!("--workload-selector: {pair:?} is not name=value"))?;
            Ok((name.to_owned(), value.to_owned()))
        })
        .collect()
}

/// Seen with 1.40: the first place starts the download, and the others fail meanwhile, for good.
const DOWNLOADED_ONCE: &str = "--wasm-url needs --role standalone: Envoy can download a filter for \
     one place only, and two roles are in many; put the file where Envoy finds it (--wasm-file)";

const NOT_LOCAL: &str = "--control-plane names another machine: the control listener hands out \
     credentials and is reached on loopback or a socket only; run the control plane in the same \
     pod, see docs/mesh.md";
