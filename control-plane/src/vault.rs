//! Seals credentials that are kept in the database: AES-256-GCM, bound to what they belong to.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::domain::Secret;
use crate::entropy::Entropy;

/// Seals and opens credentials.
#[derive(Clone)]
pub struct Vault {
    key: Arc<LessSafeKey>,
}

/// Why a credential cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The variable holds no key.
    #[error("{VARIABLE} must hold 32 bytes, as 64 hexadecimal digits or in base64")]
    Key,
    /// The file of the key cannot be read or made.
    #[error("cannot use the file {0} of the key for credentials")]
    File(String, #[source] std::io::Error),
    /// It was sealed with another key, or for something else.
    #[error("it was sealed with another key; {VARIABLE} must be the one it was sealed with")]
    Sealed,
}

impl Vault {
    /// Takes the key from the environment, else from a file in `folder` that is made when it is
    /// not there, and that nobody else may read.
    pub fn open(
        written: Option<&str>,
        folder: &Path,
        entropy: &dyn Entropy,
    ) -> Result<Self, VaultError> {
        if let Some(text) = written {
            return Self::with_key(&key_of(text).ok_or(VaultError::Key)?);
        }
        let file = folder.join(FILE);
        let unusable = |error| VaultError::File(file.display().to_string(), error);
        let text = match std::fs::File::open(&file) {
            Ok(mut opened) => {
                let mut text = String::new();
                opened.read_to_string(&mut text).map_err(unusable)?;
                text
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let mut key = [0; 32];
                entropy.fill(&mut key);
                let text = STANDARD.encode(key);
                std::fs::create_dir_all(folder).map_err(unusable)?;
                let mut options = OpenOptions::new();
                options.write(true).create_new(true).mode(0o600);
                let mut made = options.open(&file).map_err(unusable)?;
                made.write_all(text.as_bytes()).map_err(unusable)?;
                made.sync_all().map_err(unusable)?;
                text
            }
            Err(error) => return Err(unusable(error)),
        };
        let key = key_of(&text).ok_or_else(|| {
            unusable(std::io::Error::new(ErrorKind::InvalidData, "it holds no key"))
        })?;
        Self::with_key(&key)
    }

    /// Takes a key.
    pub fn with_key(key: &[u8; 32]) -> Result<Self, VaultError> {
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| VaultError::Key)?;
        Ok(Self { key: Arc::new(LessSafeKey::new(key)) })
    }

    /// Seals a credential for the thing that `owner` names.
    pub fn seal(
        &self,
        secret: &Secret,
        owner: &str,
        entropy: &dyn Entropy,
    ) -> Result<String, VaultError> {
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce);
        let mut sealed = secret.expose().as_bytes().to_vec();
        let aad = Aad::from(owner.as_bytes());
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .map_err(|_| VaultError::Sealed)?;
        Ok(STANDARD.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens what was sealed for the thing that `owner` names.
    pub fn unseal(&self, sealed: &str, owner: &str) -> Result<Secret, VaultError> {
        let bytes = STANDARD.decode(sealed).map_err(|_| VaultError::Sealed)?;
        let (nonce, rest) = bytes.split_at_checked(NONCE_LEN).ok_or(VaultError::Sealed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::Sealed)?;
        let mut rest = rest.to_vec();
        let aad = Aad::from(owner.as_bytes());
        let opened =
            self.key.open_in_place(nonce, aad, &mut rest).map_err(|_| VaultError::Sealed)?;
        let text = std::str::from_utf8(opened).map_err(|_| VaultError::Sealed)?;
        Ok(Secret::new(text))
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(…)")
    }
}

/// Reads 32 bytes, as hexadecimal digits or in base64.
fn key_of(text: &str) -> Option<[u8; 32]> {
    let text = text.trim();
    if text.len() == 64 && text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        let mut key = [0; 32];
        for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        return Some(key);
    }
    STANDARD.decode(text).ok()?.try_into().ok()
}

/// The environment variable of the key.
pub const VARIABLE: &str = "TOLLGATE_ENCRYPTION_KEY";
const FILE: &str = "encryption.key";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::entropy::SystemEntropy;

    #[test]
    fn what_is_sealed_opens_with_the_same_key_and_owner_alone() {
        let (vault, other) =
            (Vault::with_key(&[1; 32]).unwrap(), Vault::with_key(&[2; 32]).unwrap());

        let sealed = vault.seal(&Secret::new("sk-hush"), "connection:a", &SystemEntropy).unwrap();
        let again = vault.seal(&Secret::new("sk-hush"), "connection:a", &SystemEntropy).unwrap();

        assert_ne!(sealed, again);
        assert_eq!(vault.unseal(&sealed, "connection:a").unwrap().expose(), "sk-hush");
        assert!(vault.unseal(&sealed, "connection:b").is_err());
        assert!(other.unseal(&sealed, "connection:a").is_err());
        assert!(vault.unseal("", "connection:a").is_err());
    }

    #[test]
    fn the_key_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let open = |written| Vault::open(written, &data, &SystemEntropy);

        let sealed = open(None).unwrap().seal(&Secret::new("s"), "o", &SystemEntropy).unwrap();

        assert_eq!(open(None).unwrap().unseal(&sealed, "o").unwrap().expose(), "s");
        let mode = std::fs::metadata(data.join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let hex = "ab".repeat(32);
        assert!(open(Some(&hex)).unwrap().unseal(&sealed, "o").is_err());
        assert!(matches!(open(Some("short")), Err(VaultError::Key)));
        std::fs::write(data.join(FILE), "broken").unwrap();
        assert!(matches!(open(None), Err(VaultError::File(..))));
    }
}
