//! Where things are: the repository, its target folder and what gets built there.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The checked-out repository this program was built from.
pub(crate) struct Repo {
    root: PathBuf,
    target: PathBuf,
}

impl Repo {
    /// Finds the repository and honours `CARGO_TARGET_DIR`.
    pub(crate) fn here() -> Self {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest.parent().unwrap_or(manifest).to_path_buf();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => std::path::absolute(&dir).unwrap_or_else(|_| PathBuf::from(dir)),
            None => root.join("target"),
        };
        Self { root, target }
    }

    /// Returns a path below the root of the repository.
    pub(crate) fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.root.join(below)
    }

    /// Returns a path below the target folder.
    pub(crate) fn target(&self, below: impl AsRef<Path>) -> PathBuf {
        self.target.join(below)
    }

    /// Returns the root of the repository.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Reads the oldest Envoy version we support, which is also the one we fetch.
    pub(crate) fn envoy_version(&self) -> Result<String> {
        let file = self.path(".envoy-version");
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        Ok(text.trim().to_owned())
    }
}
