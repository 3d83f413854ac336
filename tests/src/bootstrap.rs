//! Envoy's bootstrap: a file of the folder `envoy/` with its placeholders filled. Without xDS it is
//! also changed as an operator would who wants what the configuration says.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Map, Value};

use crate::control_plane::ControlPlane;
use crate::envoy::Role;
use crate::tls::Certificate;

/// What a bootstrap is filled with.
pub(crate) struct Filling<'a> {
    pub(crate) control_plane: &'a ControlPlane,
    pub(crate) wasm: &'a Path,
    /// Ids and addresses of the providers.
    pub(crate) providers: Vec<(&'a str, SocketAddr)>,
    /// Section `server.gateway` of the configuration.
    pub(crate) gateway: &'a Map<String, Value>,
    pub(crate) certificate: Option<&'a Certificate>,
}

/// Renders the bootstrap of a role.
pub(crate) fn render(role: Role, filling: &Filling<'_>) -> String {
    let mut text = read(file_of(role));
    if role != Role::Xds {
        text = with_providers(&text, &filling.providers);
        text = filling.gateway.iter().fold(text, |text, (field, value)| set(&text, field, value));
        text = filling.certificate.map(|certificate| with_tls(&text, certificate)).unwrap_or(text);
    }
    let control = &filling.control_plane.control;
    let socket = control.strip_prefix("unix:").unwrap_or(control);
    let admin = filling.control_plane.admin;
    let values = [
        ("NODE_ID", "e2e".to_owned()),
        ("ADMIN_PORT", "0".to_owned()),
        ("GATEWAY_PORT", "0".to_owned()),
        ("CONTROL_SOCKET", socket.to_owned()),
        ("MANAGEMENT_HOST", admin.ip().to_string()),
        ("MANAGEMENT_PORT", admin.port().to_string()),
        ("WASM_FILE", filling.wasm.display().to_string()),
    ];
    text = fill(&text, &values);
    let left = text.lines().find(|line| line.contains("${") && !line.trim().starts_with('#'));
    assert_eq!(left, None, "a placeholder that the harness does not know");
    text
}

/// Repeats what is there for one provider, its cluster and the way there, for each of them.
fn with_providers(text: &str, providers: &[(&str, SocketAddr)]) -> String {
    let (way, after_way) =
        ("                                tollgate/${PROVIDER_ID}:\n", "                request_h");
    let (cluster, after_cluster) =
        ("  - name: tollgate/${PROVIDER_ID}\n", "  - name: tollgate_control\n");
    // One filter alone has no second route.
    let text = if text.contains(way) {
        repeated(text, (way, after_way), providers)
    } else {
        text.to_owned()
    };
    repeated(&text, (cluster, after_cluster), providers)
}

fn repeated(text: &str, (start, end): (&str, &str), providers: &[(&str, SocketAddr)]) -> String {
    let (head, rest) = text.split_once(start).expect("no part for a provider");
    let (part, tail) = rest.split_once(end).expect("nothing after the part for a provider");
    let parts = providers.iter().map(|(id, address)| {
        let values = [
            ("PROVIDER_ID", (*id).to_owned()),
            ("PROVIDER_HOST", address.ip().to_string()),
            ("PROVIDER_PORT", address.port().to_string()),
        ];
        fill(&format!("{start}{part}"), &values)
    });
    format!("{head}{}{end}{tail}", parts.collect::<String>())
}

/// Does what the control plane does with a field of `server.gateway` when it renders a listener.
fn set(text: &str, field: &str, value: &Value) -> String {
    match field {
        "max_body_bytes" => {
            let buffer = value.as_u64().unwrap() + 65_536;
            let text = replace(
                text,
                "\"max_body_bytes\": 33554432",
                &format!("\"max_body_bytes\": {value}"),
            );
            replace(&text, "buffer_limit: 33619968", &format!("buffer_limit: {buffer}"))
        }
        "request_timeout_seconds" => {
            replace(text, "request_timeout: 60s", &format!("request_timeout: {value}s"))
        }
        "management" => {
            assert_eq!(*value, false, "the bootstraps serve it as they are");
            replace(text, "\"management_cluster\": \"tollgate_admin\",\n", "\n")
        }
        "base_paths" => replace(text, "\"base_paths\": []", &format!("\"base_paths\": {value}")),
        "error_profile" => {
            replace(text, "\"error_profile\": \"openai\"", &format!("\"error_profile\": {value}"))
        }
        // Done by `with_tls`, or told by the control plane.
        "tls" | "allowed_ips" | "denied_ips" => text.to_owned(),
        _ => panic!("no bootstrap says {field}"),
    }
}

/// Makes the commented part for TLS count.
fn with_tls(text: &str, certificate: &Certificate) -> String {
    let values = [
        ("CERTIFICATE_FILE", certificate.certificate_file.display().to_string()),
        ("PRIVATE_KEY_FILE", certificate.private_key_file.display().to_string()),
    ];
    let secret = certificate.certificate_file.with_file_name("certificate.yaml");
    std::fs::write(&secret, fill(&read("certificate.yaml"), &values)).unwrap();
    let (head, rest) = text.split_once("      # Clients over TLS:\n").expect("no part for TLS");
    let (part, tail) = rest.split_once("\n\n").unwrap();
    let text = format!("{head}{}\n\n{tail}", part.replace("      # ", "      "));
    fill(&text, &[("CERTIFICATE_SECRET", secret.display().to_string())])
}

/// Reads a file of the folder.
fn read(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../envoy").join(name);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn fill(text: &str, values: &[(&str, String)]) -> String {
    values
        .iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value))
}

fn replace(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "no {from} in the bootstrap");
    text.replace(from, to)
}

fn file_of(role: Role) -> &'static str {
    match role {
        Role::Xds => "envoy.xds.yaml",
        Role::Static => "envoy.yaml",
        Role::Standalone => "envoy.standalone.yaml",
        Role::Exported(_) => unreachable!("no file of the folder"),
    }
}
