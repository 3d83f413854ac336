//! Envoy's bootstrap: a file of the folder `envoy/` with its placeholders filled.

use std::net::SocketAddr;
use std::path::Path;

use crate::control_plane::ControlPlane;
use crate::envoy::Role;

/// What a bootstrap is filled with.
pub(crate) struct Filling<'a> {
    pub(crate) control_plane: &'a ControlPlane,
    pub(crate) wasm: &'a Path,
    /// Id and address of the provider that a bootstrap without xDS knows.
    pub(crate) provider: Option<(&'a str, SocketAddr)>,
}

/// Renders the bootstrap of a role.
pub(crate) fn render(role: Role, filling: &Filling<'_>) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../envoy").join(file_of(role));
    let mut text = std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let control = &filling.control_plane.control;
    let socket = control.strip_prefix("unix:").unwrap_or(control);
    let admin = filling.control_plane.admin;
    let mut values = vec![
        ("NODE_ID", "e2e".to_owned()),
        ("ADMIN_PORT", "0".to_owned()),
        ("GATEWAY_PORT", "0".to_owned()),
        ("CONTROL_SOCKET", socket.to_owned()),
        ("MANAGEMENT_HOST", admin.ip().to_string()),
        ("MANAGEMENT_PORT", admin.port().to_string()),
        ("WASM_FILE", filling.wasm.display().to_string()),
    ];
    if let Some((id, address)) = filling.provider {
        values.push(("PROVIDER_ID", id.to_owned()));
        values.push(("PROVIDER_HOST", address.ip().to_string()));
        values.push(("PROVIDER_PORT", address.port().to_string()));
    }
    for (name, value) in values {
        text = text.replace(&format!("${{{name}}}"), &value);
    }
    let left = text.lines().find(|line| line.contains("${") && !line.trim().starts_with('#'));
    assert_eq!(left, None, "a placeholder that the harness does not know");
    text
}

fn file_of(role: Role) -> &'static str {
    match role {
        Role::Xds => "envoy.xds.yaml",
        Role::Static => "envoy.yaml",
        Role::Standalone => "envoy.standalone.yaml",
    }
}
