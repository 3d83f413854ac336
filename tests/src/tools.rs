//! The programs under test and the ones that the tests need, as `cargo xtask test` found them.

use std::path::PathBuf;

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct Tools {
    /// The control plane.
    pub tollgate: PathBuf,
    /// The filter, as wasm.
    pub wasm: PathBuf,
    /// Envoy.
    pub envoy: PathBuf,
}

impl Tools {
    /// Reads the environment.
    pub fn from_environment() -> Self {
        Self {
            tollgate: required("TOLLGATE_BIN"),
            wasm: required("TOLLGATE_WASM"),
            envoy: required("TOLLGATE_ENVOY"),
        }
    }

    /// Returns the folder of the PostgreSQL server's programs.
    pub fn postgres() -> PathBuf {
        required("TOLLGATE_PG_BIN")
    }

    /// Returns a Python that has the official packages.
    pub fn python() -> PathBuf {
        required("TOLLGATE_PYTHON")
    }

    /// Returns a Python that has `LiteLLM`'s package.
    pub fn litellm() -> PathBuf {
        required("TOLLGATE_LITELLM")
    }

    /// Returns a Python that has Schemathesis.
    pub fn schemathesis() -> PathBuf {
        required("TOLLGATE_SCHEMATHESIS")
    }

    /// Returns a folder `node_modules` that has the official packages.
    pub fn node_modules() -> PathBuf {
        let given = required("TOLLGATE_NODE_MODULES");
        let inside = given.join("node_modules");
        if inside.is_dir() { inside } else { given }
    }

    /// Returns the folder of recorded provider traffic. `None`: there is none on this machine.
    pub fn recordings() -> Option<PathBuf> {
        std::env::var_os("TOLLGATE_RECORDINGS").filter(|path| !path.is_empty()).map(PathBuf::from)
    }
}

fn required(variable: &str) -> PathBuf {
    match std::env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => {
            panic!("{variable} is not set: run `cargo xtask test`, which builds what is needed")
        }
    }
}
