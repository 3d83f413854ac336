//! The programs a gateway consists of, and how each is started and found.
//!
//! `up` starts them for a user, `bench` for a measurement; neither knows their command lines.

mod admin;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

pub(crate) use self::admin::EnvoyAdmin;
use crate::child::Process;
use crate::command::{cargo, run, which};
use crate::repo::Repo;
use crate::{envoy, wasm};

const PATIENCE: Duration = Duration::from_secs(30);

/// Unix sockets have room for a little more than this in their address.
const LONGEST_SOCKET_PATH: usize = 100;

/// Where the built and fetched programs are.
pub(crate) struct Programs {
    pub(crate) filter: PathBuf,
    pub(crate) envoy: PathBuf,
    pub(crate) control_plane: PathBuf,
    pub(crate) simulator: PathBuf,
}

impl Programs {
    /// Builds and fetches what is missing.
    pub(crate) fn build(repo: &Repo, release: bool) -> Result<Self> {
        eprintln!("building the filter");
        let filter = wasm::build(repo)?;
        eprintln!("building the control plane and the demo provider");
        let mut build = cargo(repo);
        build.args(["build", "-p", "tollgate-control-plane", "-p", "tollgate-simulator", "--bins"]);
        if release {
            build.arg("--release");
        }
        run(&mut build)?;
        let built = repo.target(if release { "release" } else { "debug" });
        Ok(Self {
            filter,
            envoy: envoy::obtain(repo)?,
            control_plane: built.join("tollgate"),
            simulator: built.join("tollgate-simulator"),
        })
    }
}

/// How to start programs: where their output goes, and on which CPUs they stay.
pub(crate) struct Place<'a> {
    pub(crate) logs: &'a Path,
    /// As `taskset` names them; without `taskset` they stay nowhere.
    pub(crate) cpus: Option<&'a str>,
}

impl Place<'_> {
    fn command(&self, program: &Path) -> Command {
        match self.cpus {
            Some(cpus) if which("taskset").is_some() => {
                let mut command = Command::new("taskset");
                command.arg("-c").arg(cpus).arg(program);
                command
            }
            _ => Command::new(program),
        }
    }
}

/// The stand-in for a provider.
pub(crate) struct Simulator {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl Simulator {
    /// Starts it on a port of the system's choice.
    pub(crate) fn start(programs: &Programs, key: Option<&str>, place: &Place<'_>) -> Result<Self> {
        let mut command = place.command(&programs.simulator);
        command.args(["--listen", "127.0.0.1:0"]);
        if let Some(key) = key {
            // Not as an argument: those are for everyone to see.
            command.env("TOLLGATE_SIMULATOR_KEY", key);
        }
        let mut process = Process::start("simulator", &mut command, place.logs)?;
        let line = process.first_line(PATIENCE)?;
        let address = line.strip_prefix("listening ").context("the simulator said no address")?;
        Ok(Self { process, address: socket_address(address)? })
    }

    /// Returns what a provider's `base_url` is for it.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

/// The control plane and its two faces.
pub(crate) struct ControlPlane {
    pub(crate) process: Process,
    pub(crate) admin: SocketAddr,
    control: String,
}

impl ControlPlane {
    /// Starts it with a configuration; `settings` are environment overrides and secrets.
    pub(crate) fn start(
        programs: &Programs,
        config: &Path,
        data: &Path,
        settings: &[(String, String)],
        place: &Place<'_>,
    ) -> Result<Self> {
        let mut command = place.command(&programs.control_plane);
        command.arg("serve").arg("--config").arg(config).arg("--data").arg(data);
        if data.join("control.sock").as_os_str().len() > LONGEST_SOCKET_PATH {
            bail!("{} is too long a path for a socket in it; use another folder", data.display());
        }
        command.envs(settings.iter().map(|(name, value)| (name, value)));
        let mut process = Process::start("tollgate", &mut command, place.logs)?;
        let line = process.first_line(PATIENCE)?;
        let said: serde_json::Value = serde_json::from_str(&line)
            .with_context(|| format!("the control plane said {line}"))?;
        let text = |name: &str| {
            let value = said.get(name).and_then(serde_json::Value::as_str);
            value.map(str::to_owned).with_context(|| format!("no {name} in {line}"))
        };
        Ok(Self { process, admin: socket_address(&text("admin")?)?, control: text("control")? })
    }
}

/// Envoy and its admin port.
pub(crate) struct Envoy {
    pub(crate) process: Process,
    pub(crate) admin: EnvoyAdmin,
}

impl Envoy {
    /// Starts Envoy with a complete configuration and waits until its admin port answers.
    pub(crate) fn start(
        programs: &Programs,
        config: &Path,
        workers: Option<u32>,
        place: &Place<'_>,
    ) -> Result<Self> {
        let announced = config.with_extension("admin");
        std::fs::remove_file(&announced).ok();
        let mut command = place.command(&programs.envoy);
        command.arg("-c").arg(config).arg("--admin-address-path").arg(&announced);
        command.args(["--disable-hot-restart", "--log-level", "warning"]);
        if let Some(workers) = workers {
            command.args(["--concurrency", &workers.to_string()]);
        }
        let mut process = Process::start("envoy", &mut command, place.logs)?;
        let address = process.wait_for(PATIENCE, "Envoy's admin port", || {
            std::fs::read_to_string(&announced).ok()?.trim().parse().ok()
        })?;
        Ok(Self { process, admin: EnvoyAdmin { address } })
    }

    /// Starts Envoy as a client of this control plane.
    pub(crate) fn of_control_plane(
        repo: &Repo,
        programs: &Programs,
        control_plane: &ControlPlane,
        workers: Option<u32>,
        place: &Place<'_>,
    ) -> Result<Self> {
        let template = std::fs::read_to_string(repo.path("envoy/envoy.xds.yaml"))
            .context("cannot read envoy/envoy.xds.yaml")?;
        let config = place.logs.join("envoy.yaml");
        let text = bootstrap(&template, control_plane)?;
        std::fs::write(&config, text)
            .with_context(|| format!("cannot write {}", config.display()))?;
        Self::start(programs, &config, workers, place)
    }

    /// Waits until a listener is bound and returns where.
    pub(crate) fn listener(&mut self, name: &str) -> Result<SocketAddr> {
        let admin = self.admin;
        self.process.wait_for(PATIENCE, &format!("Envoy to open the listener {name}"), || {
            admin.listener(name).ok().flatten()
        })
    }
}

/// Renders the bootstrap for this control plane.
fn bootstrap(template: &str, control_plane: &ControlPlane) -> Result<String> {
    let control = &control_plane.control;
    let endpoint = if control.starts_with("unix:") {
        format!("pipe: {{ path: \"{}\" }}", control.trim_start_matches("unix:"))
    } else {
        let address = socket_address(control)?;
        let (ip, port) = (address.ip(), address.port());
        format!("socket_address: {{ address: \"{ip}\", port_value: {port} }}")
    };
    let template = template.replace("pipe: { path: \"${CONTROL_SOCKET}\" }", &endpoint);
    fill(
        &template,
        &[
            ("NODE_ID", format!("local-{}", std::process::id())),
            ("ADMIN_PORT", "0".to_owned()),
            ("MANAGEMENT_HOST", control_plane.admin.ip().to_string()),
            ("MANAGEMENT_PORT", control_plane.admin.port().to_string()),
        ],
    )
}

/// Puts values in the place of `${NAME}`.
pub(crate) fn fill(template: &str, values: &[(&str, String)]) -> Result<String> {
    // What stands in comments explains the placeholders.
    let code = template.lines().filter(|line| !line.trim_start().starts_with('#'));
    let template = code.collect::<Vec<_>>().join("\n");
    let filled = values
        .iter()
        .fold(template, |text, (name, value)| text.replace(&format!("${{{name}}}"), value));
    if let Some((_, rest)) = filled.split_once("${") {
        let name = rest.split('}').next().unwrap_or_default();
        bail!("nothing to put in the place of ${{{name}}}");
    }
    Ok(filled)
}

/// Reads `http://127.0.0.1:4000` or `127.0.0.1:4000`.
fn socket_address(url: &str) -> Result<SocketAddr> {
    let address = url.rsplit("//").next().unwrap_or(url).trim().trim_end_matches('/');
    address.parse().with_context(|| format!("not an address: {url}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_every_placeholder_or_says_which_is_left() {
        let values = [("A", "1".to_owned())];

        assert_eq!(fill("# ${X}\na: ${A}, ${A}", &values).unwrap(), "a: 1, 1");
        assert!(fill("a: ${B}", &values).unwrap_err().to_string().contains("${B}"));
    }

    #[test]
    fn reads_addresses_with_and_without_scheme() {
        let address: SocketAddr = "127.0.0.1:4000".parse().unwrap();

        assert_eq!(socket_address("http://127.0.0.1:4000").unwrap(), address);
        assert_eq!(socket_address("127.0.0.1:4000").unwrap(), address);
        assert!(socket_address("unix:/x").is_err());
    }
}
