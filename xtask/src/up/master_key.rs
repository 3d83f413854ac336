//! The master key: from the environment, else made once and kept in the data folder.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// A secret and the environment variable that hands it to the control plane.
pub(crate) struct MasterKey {
    variable: String,
    value: String,
}

impl MasterKey {
    /// Returns the secret.
    pub(crate) fn value(&self) -> &str {
        &self.value
    }

    /// Returns the name of the variable that holds it.
    pub(crate) fn variable(&self) -> &str {
        &self.variable
    }
}

/// Takes the key from the variable, else from the data folder, else makes one there.
pub(crate) fn obtain(variable: &str, data: &Path) -> Result<MasterKey> {
    let value = match std::env::var(variable) {
        Ok(value) => value,
        Err(_) => kept(&data.join("master.key"))?,
    };
    ensure!(value.starts_with("sk-"), "{variable} must start with sk-");
    Ok(MasterKey { variable: variable.to_owned(), value })
}

/// Reads a secret from a file, making both when there is none.
pub(crate) fn kept(file: &Path) -> Result<String> {
    if let Ok(found) = std::fs::read_to_string(file) {
        return Ok(found.trim().to_owned());
    }
    let value = random_secret()?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut file| writeln!(file, "{value}"))
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(value)
}

fn random_secret() -> Result<String> {
    let mut bytes = [0; 24];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .context("cannot read /dev/urandom")?;
    Ok(bytes.iter().fold("sk-".to_owned(), |secret, byte| format!("{secret}{byte:02x}")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn keeps_the_secret_it_made_readable_to_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("master.key");

        let first = kept(&file).unwrap();

        assert!(first.starts_with("sk-") && first.len() == 51, "{first}");
        assert_eq!(kept(&file).unwrap(), first);
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
