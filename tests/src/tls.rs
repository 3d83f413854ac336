//! A certificate for the gateway's listener, and a client that trusts it alone.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// A self-signed certificate for `localhost`.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The certificate, PEM.
    pub certificate_file: PathBuf,
    /// Its key, PEM.
    pub private_key_file: PathBuf,
    der: CertificateDer<'static>,
}

impl Certificate {
    /// Makes one and writes its files into a folder.
    pub(crate) fn make(folder: &Path) -> Self {
        let certificate_file = folder.join("gateway.crt");
        let private_key_file = folder.join("gateway.key");
        Self { certificate_file, private_key_file, der: Vec::new().into() }.renewed()
    }

    /// Makes another one in the same files, each replaced by a rename.
    pub(crate) fn renewed(&self) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let files = [
            (&self.certificate_file, made.cert.pem()),
            (&self.private_key_file, made.signing_key.serialize_pem()),
        ];
        for (file, text) in files {
            let next = file.with_extension("next");
            std::fs::write(&next, text).unwrap();
            std::fs::rename(next, file).unwrap();
        }
        Self { der: made.cert.der().to_vec().into(), ..self.clone() }
    }

    pub(crate) fn connector(&self, http2: bool) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let protocol: &[u8] = if http2 { b"h2" } else { b"http/1.1" };
        config.alpn_protocols = vec![protocol.to_vec()];
        TlsConnector::from(Arc::new(config))
    }
}
