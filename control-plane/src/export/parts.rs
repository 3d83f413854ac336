//! The parts that manifests are put together from.

use serde_json::{Map, Value, json};

use super::{ExportError, Printer, Role, Source};
use crate::config::BaseUrl;
use crate::xds::filter::{self, CODE_CLUSTER, FilterCode};
use crate::xds::{self, CONTROL_CLUSTER, MANAGEMENT_CLUSTER, ResourceSet, route};

/// The parts, as JSON.
#[derive(Debug)]
pub(super) struct Parts {
    /// The listener that Tollgate would have on its own.
    pub(super) listener: Value,
    /// The filter for a listener.
    pub(super) filter: Value,
    /// The only virtual host, with all routes.
    pub(super) host: Value,
    /// Clusters of providers.
    pub(super) providers: Vec<Value>,
    /// Clusters of the control plane and of what else is Tollgate's own.
    pub(super) own_clusters: Vec<Value>,
    /// What Envoy itself must be told when it starts.
    pub(super) frame: Value,
}

impl Parts {
    /// Renders and prints them.
    pub(super) fn new(source: &Source<'_>) -> Result<Self, ExportError> {
        let printer = Printer::new()?;
        let gateway = &source.config.server.gateway;
        let resources = xds::render_with(source.config, &source.code);
        let (role, routes, clusters) = match source.role {
            Role::Gateway => (
                filter::Role::Gateway(gateway.into()),
                first(&resources.routes)?,
                resources.clusters,
            ),
            Role::Standalone => {
                let routes = xds::any(&route::standalone(gateway));
                (filter::Role::Standalone(gateway.into()), routes, without_filters(source))
            }
        };
        let mut frame = frame()?;
        let providers = clusters.items.iter().map(|cluster| printer.print(&cluster.body));
        let routes = printer.print(&routes)?;
        Ok(Self {
            listener: printer.print(&first(&resources.listeners)?)?,
            filter: printer.print(&xds::any(&filter::render(&role, &source.code)))?,
            host: at(&routes, "/virtual_hosts/0")?.clone(),
            providers: providers.collect::<Result<_, _>>()?,
            own_clusters: own_clusters(source, &printer, &mut frame)?,
            frame,
        })
    }

    /// Returns the settings of the HTTP connection manager that Tollgate depends on, whoever made
    /// the listener.
    pub(super) fn manager_settings(&self) -> Result<Map<String, Value>, ExportError> {
        let manager = at(&self.listener, MANAGER)?;
        let mut settings = Map::new();
        for name in MANAGER_SETTINGS {
            settings.extend(manager.get(name).map(|value| (name.to_owned(), value.clone())));
        }
        Ok(settings)
    }
}

/// Returns what a pointer leads to.
pub(super) fn at<'a>(value: &'a Value, pointer: &'static str) -> Result<&'a Value, ExportError> {
    value.pointer(pointer).ok_or(ExportError::Missing(pointer))
}

/// The same, to change it.
pub(super) fn at_mut<'a>(
    value: &'a mut Value,
    pointer: &'static str,
) -> Result<&'a mut Value, ExportError> {
    value.pointer_mut(pointer).ok_or(ExportError::Missing(pointer))
}

fn first(set: &ResourceSet) -> Result<envoy_types::pb::google::protobuf::Any, ExportError> {
    Ok(set.items.first().ok_or(ExportError::Missing("resource"))?.body.clone())
}

/// Clusters of providers for an Envoy that takes no filters there.
fn without_filters(source: &Source<'_>) -> ResourceSet {
    let providers = source.config.providers.iter();
    ResourceSet::new(
        providers
            .flat_map(xds::cluster::render_bare)
            .map(|it| xds::Resource::new(&it.name, &it))
            .collect(),
    )
}

/// Clusters of the control plane, of the management API where it is served, and of where the code
/// of the filter is.
fn own_clusters(
    source: &Source<'_>,
    printer: &Printer,
    frame: &mut Value,
) -> Result<Vec<Value>, ExportError> {
    let known = at_mut(frame, "/static_resources/clusters")?.take();
    let known: Vec<Value> = known.as_array().cloned().unwrap_or_default();
    let named = |name: &str| {
        known
            .iter()
            .find(|it| it.get("name") == Some(&json!(name)))
            .cloned()
            .ok_or(ExportError::Missing("cluster of the control plane"))
    };
    let mut control = named(CONTROL_CLUSTER)?;
    source.control.put_into(&mut control);
    let mut clusters = vec![control];
    if source.config.server.gateway.management {
        let mut management = named(MANAGEMENT_CLUSTER)?;
        source.management.put_into(&mut management);
        clusters.push(management);
    }
    if let FilterCode::Url { url, .. } = &source.code {
        let url =
            BaseUrl::parse(url).map_err(|_| ExportError::Missing("host in the filter's URL"))?;
        let cluster = xds::cluster::to(CODE_CLUSTER, &url, Vec::new());
        clusters.push(printer.print(&xds::any(&cluster))?);
    }
    Ok(clusters)
}

/// The bootstrap that is fed over ADS, without ADS.
fn frame() -> Result<Value, ExportError> {
    let text = FRAME.replace("${ADMIN_PORT}", "0").replace("${MANAGEMENT_PORT}", "0");
    let mut frame: Value = serde_yaml_ng::from_str(&text).map_err(ExportError::Unwritable)?;
    if let Some(frame) = frame.as_object_mut() {
        frame.remove("dynamic_resources");
    }
    Ok(frame)
}

const FRAME: &str = include_str!("../../../envoy/envoy.xds.yaml");

/// Where the HTTP connection manager is in the listener.
pub(super) const MANAGER: &str = "/filter_chains/0/filters/0/typed_config";

/// Who a client is, how requests are logged and traced stays as the mesh has it.
const MANAGER_SETTINGS: [&str; 7] = [
    "common_http_protocol_options",
    "http2_protocol_options",
    "local_reply_config",
    "normalize_path",
    "path_with_escaped_slashes_action",
    "request_timeout",
    "stream_idle_timeout",
];

/// Where a virtual host says how large bodies may be.
pub(super) const BODY_LIMIT: &str = "/request_body_buffer_limit";

pub(super) const MANAGER_FILTER: &str = "envoy.filters.network.http_connection_manager";
pub(super) const ROUTER_FILTER: &str = "envoy.filters.http.router";
