//! The file of the keys, which nobody else may read.

use std::fs::OpenOptions;
use std::io::{Error, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::vault::VaultError;

/// Reads the file. `None`: it is not there.
pub(super) fn read(file: &Path) -> Result<Option<String>, VaultError> {
    let mut text = String::new();
    match std::fs::File::open(file).and_then(|mut opened| opened.read_to_string(&mut text)) {
        Ok(_) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(file, error)),
    }
}

/// Makes the file, which must not be there, and returns what it holds.
pub(super) fn make(file: &Path, text: &str) -> Result<String, VaultError> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|error| failed(file, error))?;
    write(file, text).map_err(|error| failed(file, error))?;
    Ok(text.to_owned())
}

/// Replaces the file in one step.
pub(super) fn replace(file: &Path, text: &str) -> Result<(), VaultError> {
    let next = file.with_extension("next");
    // One that a crash has left behind.
    let _ = std::fs::remove_file(&next);
    let replaced = write(&next, text).and_then(|()| std::fs::rename(&next, file));
    replaced.map_err(|error| failed(file, error))
}

/// Says that the file holds no key.
pub(super) fn unusable(file: &Path) -> VaultError {
    failed(file, Error::new(ErrorKind::InvalidData, "it holds no key"))
}

fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    let mut made = options.write(true).create_new(true).mode(0o600).open(file)?;
    made.write_all(text.as_bytes())?;
    made.sync_all()
}

fn failed(file: &Path, error: Error) -> VaultError {
    VaultError::File(file.display().to_string(), error)
}
