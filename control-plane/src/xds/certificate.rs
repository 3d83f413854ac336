//! The certificate of the listener that clients use.
//!
//! A resource of its own: when it is renewed, new connections see the new one, and the listener
//! with its open connections stays as it is. It carries the content and not the names of files, so
//! that it does not matter how a file is replaced, or whether Envoy may read it. Envoy's config
//! dump leaves the key out.

use envoy_types::pb::envoy::config::core::v3::{
    DataSource, TransportSocket, data_source::Specifier as Source, transport_socket,
};
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    CommonTlsContext, DownstreamTlsContext, SdsSecretConfig, Secret, TlsCertificate, secret,
};

use super::{any, over_ads};
use crate::config::CertificatePair;

/// Name of the certificate.
pub const CERTIFICATE: &str = "tollgate_gateway_certificate";

/// Renders the certificate.
pub fn render(pair: &CertificatePair) -> Secret {
    let certificate = TlsCertificate {
        certificate_chain: Some(inline(&pair.chain)),
        private_key: Some(inline(pair.private_key.expose())),
        ..TlsCertificate::default()
    };
    Secret { name: CERTIFICATE.to_owned(), r#type: Some(secret::Type::TlsCertificate(certificate)) }
}

/// Renders how the listener uses it.
pub(super) fn socket() -> TransportSocket {
    let certificate =
        SdsSecretConfig { name: CERTIFICATE.to_owned(), sds_config: Some(over_ads()) };
    let context = DownstreamTlsContext {
        common_tls_context: Some(CommonTlsContext {
            tls_certificate_sds_secret_configs: vec![certificate],
            alpn_protocols: vec!["h2".to_owned(), "http/1.1".to_owned()],
            ..CommonTlsContext::default()
        }),
        ..DownstreamTlsContext::default()
    };
    TransportSocket {
        name: "envoy.transport_sockets.tls".to_owned(),
        config_type: Some(transport_socket::ConfigType::TypedConfig(any(&context))),
    }
}

fn inline(text: &str) -> DataSource {
    DataSource { specifier: Some(Source::InlineString(text.to_owned())), ..DataSource::default() }
}
