//! Seals credentials that are kept in the database: AES-256-GCM, bound to what they belong to.

mod key_file;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::domain::Secret;
use crate::entropy::Entropy;

/// Seals and opens credentials. Several keys may be there while one takes the place of another:
/// the first seals, all open.
#[derive(Clone)]
pub struct Vault {
    keys: Arc<RwLock<Vec<LessSafeKey>>>,
    /// Where the keys are, unless they are in the environment: what is written there holds at
    /// once.
    file: Option<PathBuf>,
}

/// Why a credential cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The variable holds no key.
    #[error(
        "{VARIABLE} must hold 32 bytes, as 64 hexadecimal digits or in base64; of several keys, with commas between, the first seals"
    )]
    Key,
    /// The file of the key cannot be read or made.
    #[error("cannot use the file {0} of the key for credentials")]
    File(String, #[source] std::io::Error),
    /// It was sealed with another key, or for something else.
    #[error("it was sealed with another key; {VARIABLE} must be the one it was sealed with")]
    Sealed,
}

impl Vault {
    /// Takes the keys from the environment, else from a file in `folder` that is made when it is
    /// not there, and that nobody else may read.
    pub fn open(
        written: Option<&str>,
        folder: &Path,
        entropy: &dyn Entropy,
    ) -> Result<Self, VaultError> {
        if let Some(text) = written {
            let keys = keys_of(text).ok_or(VaultError::Key)?;
            return Ok(Self { keys: Arc::new(RwLock::new(keys)), file: None });
        }
        let file = folder.join(FILE);
        let text = match key_file::read(&file)? {
            Some(text) => text,
            None => key_file::make(&file, &new_key(entropy))?,
        };
        let keys = keys_of(&text).ok_or_else(|| key_file::unusable(&file))?;
        Ok(Self { keys: Arc::new(RwLock::new(keys)), file: Some(file) })
    }

    /// Takes a key.
    pub fn with_key(key: &[u8; 32]) -> Result<Self, VaultError> {
        let key = sealing(key).ok_or(VaultError::Key)?;
        Ok(Self { keys: Arc::new(RwLock::new(vec![key])), file: None })
    }

    /// Seals a credential for the thing that `owner` names.
    pub fn seal(
        &self,
        secret: &Secret,
        owner: &str,
        entropy: &dyn Entropy,
    ) -> Result<String, VaultError> {
        // What is sealed while a key is replaced must not need the old one.
        self.look_again();
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce);
        let mut sealed = secret.expose().as_bytes().to_vec();
        let aad = Aad::from(owner.as_bytes());
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let key = keys.first().ok_or(VaultError::Key)?;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .map_err(|_| VaultError::Sealed)?;
        Ok(STANDARD.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens what was sealed for the thing that `owner` names.
    pub fn unseal(&self, sealed: &str, owner: &str) -> Result<Secret, VaultError> {
        let known = self.opened(sealed, owner);
        let (secret, _) = known.or_else(|error| {
            if self.look_again() { self.opened(sealed, owner) } else { Err(error) }
        })?;
        Ok(secret)
    }

    /// Seals anew what another key than the first has sealed. `None`: the first one has.
    pub fn reseal(
        &self,
        sealed: &str,
        owner: &str,
        entropy: &dyn Entropy,
    ) -> Result<Option<String>, VaultError> {
        let (secret, by) = self.opened(sealed, owner)?;
        (by > 0).then(|| self.seal(&secret, owner, entropy)).transpose()
    }

    /// Tells whether there is more than one key.
    pub fn is_changing(&self) -> bool {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).len() > 1
    }

    /// Puts a new key before the others, unless that was begun already. `false`: the keys are in
    /// the environment, where nobody else can put one.
    pub fn begin_change(&self, entropy: &dyn Entropy) -> Result<bool, VaultError> {
        let Some(file) = &self.file else { return Ok(false) };
        if !self.is_changing() {
            let old = key_file::read(file)?.ok_or_else(|| key_file::unusable(file))?;
            key_file::replace(file, &format!("{}\n{}", new_key(entropy), old.trim()))?;
            self.look_again();
        }
        Ok(true)
    }

    /// Forgets all keys but the first, where they are in a file.
    pub fn end_change(&self) -> Result<(), VaultError> {
        let Some(file) = &self.file else { return Ok(()) };
        let text = key_file::read(file)?.ok_or_else(|| key_file::unusable(file))?;
        // This process still opens what somebody sealed with the old key a moment ago.
        key_file::replace(file, text.split_whitespace().next().unwrap_or_default())
    }

    /// Opens with whichever key it was sealed with, and says which.
    fn opened(&self, sealed: &str, owner: &str) -> Result<(Secret, usize), VaultError> {
        let bytes = STANDARD.decode(sealed).map_err(|_| VaultError::Sealed)?;
        let (nonce, rest) = bytes.split_at_checked(NONCE_LEN).ok_or(VaultError::Sealed)?;
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        for (at, key) in keys.iter().enumerate() {
            let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::Sealed)?;
            let mut rest = rest.to_vec();
            if let Ok(opened) = key.open_in_place(nonce, Aad::from(owner.as_bytes()), &mut rest) {
                let text = std::str::from_utf8(opened).map_err(|_| VaultError::Sealed)?;
                return Ok((Secret::new(text), at));
            }
        }
        Err(VaultError::Sealed)
    }

    /// Reads the file again; tells whether that could help. A file that cannot be used changes
    /// nothing.
    fn look_again(&self) -> bool {
        let text = self.file.as_deref().and_then(|file| key_file::read(file).ok().flatten());
        let Some(keys) = text.as_deref().and_then(keys_of) else { return false };
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        true
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(…)")
    }
}

/// Reads keys with spaces, commas or line breaks between.
fn keys_of(text: &str) -> Option<Vec<LessSafeKey>> {
    let written = text.split([',', ' ', '\n', '\r', '\t']).filter(|key| !key.is_empty());
    let keys: Option<Vec<_>> = written.map(|key| sealing(&key_of(key)?)).collect();
    keys.filter(|keys| !keys.is_empty())
}

fn sealing(key: &[u8; 32]) -> Option<LessSafeKey> {
    Some(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?))
}

fn new_key(entropy: &dyn Entropy) -> String {
    let mut key = [0; 32];
    entropy.fill(&mut key);
    STANDARD.encode(key)
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
    fn all_keys_open_and_the_first_seals() {
        let (old, new) = ("ab".repeat(32), "cd".repeat(32));
        let open = |written: &str| Vault::open(Some(written), Path::new("/"), &SystemEntropy);
        let sealed = open(&old).unwrap().seal(&Secret::new("s"), "o", &SystemEntropy).unwrap();
        let both = open(&format!("{new},{old}")).unwrap();

        let again = both.reseal(&sealed, "o", &SystemEntropy).unwrap().unwrap();

        assert_eq!(both.unseal(&sealed, "o").unwrap().expose(), "s");
        assert_eq!(open(&new).unwrap().unseal(&again, "o").unwrap().expose(), "s");
        assert_eq!(both.reseal(&again, "o", &SystemEntropy).unwrap(), None);
        assert!(both.is_changing() && !both.begin_change(&SystemEntropy).unwrap());
        assert!(open(&format!("{new},nonsense")).is_err() && open(",").is_err());
    }

    #[test]
    fn who_runs_while_the_file_changes_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Vault::open(None, folder.path(), &SystemEntropy).unwrap();
        let (running, command) = (open(), open());
        let before = running.seal(&Secret::new("s"), "o", &SystemEntropy).unwrap();

        assert!(command.begin_change(&SystemEntropy).unwrap());
        // As after a crash of the command: no further key is made.
        let command = open();
        assert!(command.is_changing() && command.begin_change(&SystemEntropy).unwrap());
        let between = running.seal(&Secret::new("t"), "o", &SystemEntropy).unwrap();
        let after = command.reseal(&before, "o", &SystemEntropy).unwrap().unwrap();
        assert_eq!(command.reseal(&between, "o", &SystemEntropy).unwrap(), None);
        command.end_change().unwrap();

        assert_eq!(running.unseal(&after, "o").unwrap().expose(), "s");
        let fresh = open();
        assert!(!fresh.is_changing());
        assert_eq!(fresh.unseal(&after, "o").unwrap().expose(), "s");
        assert!(fresh.unseal(&before, "o").is_err());
        let mode = std::fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
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
