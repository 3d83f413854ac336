//! The certificate that clients see.

use std::path::Path;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

use crate::config::Problem;
use crate::domain::Secret;

/// A certificate chain and its key, PEM, as Envoy is told them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificatePair {
    /// The chain.
    pub chain: String,
    /// The key.
    pub private_key: Secret,
}

impl CertificatePair {
    /// Reads both files. What is half renewed is refused: a chain and a key of another.
    pub(super) fn read(chain: &Path, private_key: &Path) -> Result<Self, Problem> {
        let (chain_place, key_place) =
            ("server.gateway.tls.certificate_file", "server.gateway.tls.private_key_file");
        let (chain_text, key_text) = (text(chain_place, chain)?, text(key_place, private_key)?);
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(chain_text.as_bytes()).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| Problem::new(chain_place, "holds no PEM certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(key_text.as_bytes())
            .map_err(|_| Problem::new(key_place, "holds no PEM private key without passphrase"))?;
        // Kinds of keys that are not known here are Envoy's to judge.
        let matched = CertifiedKey::from_der(chain, key, &default_provider());
        if let Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) = matched {
            return Err(Problem::new(key_place, "is not the key of the certificate"));
        }
        Ok(Self { chain: chain_text, private_key: Secret::new(key_text) })
    }
}

fn text(place: &str, file: &Path) -> Result<String, Problem> {
    std::fs::read_to_string(file)
        .map_err(|error| Problem::new(place, format!("{}: {error}", file.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_a_pair_and_refuses_what_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let make = || rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (one, other) = (make(), make());
        let file = |name: &str, text: String| {
            std::fs::write(folder.path().join(name), text).unwrap();
            folder.path().join(name)
        };
        let chain = file("chain", one.cert.pem());
        let key = file("key", one.signing_key.serialize_pem());
        let foreign = file("foreign", other.signing_key.serialize_pem());
        let why = |chain, key| CertificatePair::read(chain, key).unwrap_err().message;

        let pair = CertificatePair::read(&chain, &key).unwrap();

        assert_eq!(pair.chain, one.cert.pem());
        assert!(!format!("{pair:?}").contains("PRIVATE"));
        assert_eq!(why(&chain, &foreign), "is not the key of the certificate");
        assert!(why(&key, &key).contains("no PEM certificate"));
        assert!(why(&chain, &chain).contains("no PEM private key"));
        assert!(why(&folder.path().join("none"), &key).contains("No such file"));
    }
}
