//! A bootstrap for an Envoy that nobody else configures.

use serde_json::{Value, json};

use super::parts::{MANAGER, Parts, at, at_mut};
use super::{ExportError, Source};
use crate::config::TlsFiles;
use crate::xds::route::ROUTES;

/// What the bootstrap says beside what all manifests say.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    /// Tells this Envoy from others in logs.
    pub node_id: String,
    /// Port of Envoy's own admin interface, on loopback; 0 lets the system choose.
    pub envoy_admin_port: u16,
}

impl Bootstrap {
    /// Renders it.
    pub fn render(&self, source: &Source<'_>) -> Result<Value, ExportError> {
        let Parts { mut listener, filter, host, mut providers, own_clusters, mut frame } =
            Parts::new(source)?;
        providers.extend(own_clusters);
        let manager = at_mut(&mut listener, MANAGER)?;
        *at_mut(manager, "/http_filters/0")? = filter;
        if let Some(manager) = manager.as_object_mut() {
            manager.remove("rds");
            let routes = json!({ "name": ROUTES, "virtual_hosts": [host] });
            manager.insert("route_config".to_owned(), routes);
        }
        if let Some(tls) = &source.config.server.gateway.tls {
            let tls_context = at_mut(&mut listener, TLS_CONTEXT)?;
            *tls_context = json!({
                "alpn_protocols": at(tls_context, "/alpn_protocols")?,
                "tls_certificates": [certificate(tls)],
            });
        }
        *at_mut(&mut frame, "/node/id")? = json!(self.node_id);
        *at_mut(&mut frame, "/admin/address/socket_address/port_value")? =
            json!(self.envoy_admin_port);
        *at_mut(&mut frame, "/static_resources")? =
            json!({ "listeners": [listener], "clusters": providers });
        Ok(frame)
    }
}

/// Names the files, so that no key stands in the bootstrap.
fn certificate(tls: &TlsFiles) -> Value {
    json!({
        "certificate_chain": { "filename": tls.certificate },
        "private_key": { "filename": tls.private_key },
    })
}

const TLS_CONTEXT: &str = "/filter_chains/0/transport_socket/typed_config/common_tls_context";
