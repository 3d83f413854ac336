//! The configuration file and the files it names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::foreign::Note;
use crate::config::{CertificatePair, Config, ConfigError, Problem};
use crate::prices::PriceList;

/// Where a configuration comes from.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file; relative paths in it start at its folder.
    pub file: PathBuf,
    /// Folder of the database and the control socket, unless the file says otherwise.
    pub data_dir: PathBuf,
    /// The environment: overrides, and what `env:NAME` refers to.
    pub env: BTreeMap<String, String>,
}

/// A configuration that can be used.
#[derive(Debug)]
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// What is to be said of it, where it is another gateway's.
    pub notes: Vec<Note>,
}

impl Loaded {
    /// Logs what is to be said of it.
    pub fn log_notes(&self) {
        for note in &self.notes {
            tracing::warn!("{note}");
        }
    }
}

impl Source {
    /// Reads the file and everything it refers to.
    pub fn load(&self, prices: &PriceList) -> Result<Loaded, ConfigError> {
        let text = std::fs::read_to_string(&self.file).map_err(|error| {
            ConfigError(vec![Problem::new(self.file.display().to_string(), error.to_string())])
        })?;
        let Loaded { mut config, notes } = self.read_any(&text, prices)?;
        let mut problems = Vec::new();
        problems.extend(unreadable("filter.file", &config.filter_file));
        if let Some(tls) = &mut config.server.gateway.tls {
            match CertificatePair::read(&tls.certificate, &tls.private_key) {
                Ok(pair) => tls.pair = Some(pair),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(Loaded { config, notes }) } else { Err(ConfigError(problems)) }
    }

    /// Returns the files whose content [`Self::load`] takes in, those included that are not there
    /// yet.
    pub fn files(&self, prices: &PriceList) -> Vec<PathBuf> {
        let mut files = vec![self.file.clone()];
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        let tls = self.read(&text, prices).ok().and_then(|config| config.server.gateway.tls);
        files.extend(tls.into_iter().flat_map(|tls| [tls.certificate, tls.private_key]));
        files
    }
}

fn unreadable(place: &str, path: &Path) -> Option<Problem> {
    let error = std::fs::File::open(path).err()?;
    Some(Problem::new(place, format!("{}: {error}", path.display())))
}
