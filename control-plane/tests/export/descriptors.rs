//! The descriptors of Envoy's types, `src/export/envoy.bin`: written from those that the crate of
//! the types carries, and complete.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use envoy_types::pb::google::protobuf::Any;
use prost_reflect::prost::Message;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet};
use tollgate_control_plane::export::{ExportError, Printer};

/// Where the types are that may stand in a resource, packed or not.
const ROOTS: [&str; 14] = [
    "envoy/config/cluster/v3/cluster.proto",
    "envoy/config/listener/v3/listener.proto",
    "envoy/config/route/v3/route.proto",
    "envoy/extensions/access_loggers/file/v3/file.proto",
    "envoy/extensions/clusters/dns/v3/dns_cluster.proto",
    "envoy/extensions/filters/http/router/v3/router.proto",
    "envoy/extensions/filters/http/upstream_codec/v3/upstream_codec.proto",
    "envoy/extensions/filters/http/wasm/v3/wasm.proto",
    "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto",
    "envoy/extensions/matching/common_inputs/network/v3/network_inputs.proto",
    "envoy/extensions/router/cluster_specifiers/matcher/v3/matcher.proto",
    "envoy/extensions/transport_sockets/http_11_proxy/v3/upstream_http_11_connect.proto",
    "envoy/extensions/transport_sockets/tls/v3/tls.proto",
    "envoy/extensions/upstreams/http/v3/http_protocol_options.proto",
];

#[test]
fn descriptors_are_up_to_date() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/export/envoy.bin");
    let fresh = needed(&std::fs::read(of_the_crate()).unwrap()).encode_to_vec();
    if std::env::var_os("UPDATE_GEN").is_some() {
        std::fs::write(&committed, &fresh).unwrap();
    }

    let have = std::fs::read(&committed).unwrap();

    assert!(have == fresh, "envoy.bin is stale: run `cargo xtask codegen` and commit the result");
}

#[test]
fn what_the_descriptors_do_not_know_is_an_error() {
    let printer = Printer::new().unwrap();
    let print = |of: &str, value: &[u8]| {
        let type_url = format!("type.googleapis.com/{of}");
        printer.print(&Any { type_url, value: value.to_vec() })
    };
    let cluster = "envoy.config.cluster.v3.Cluster";

    // A name, and field 1000.
    assert!(print(cluster, b"\x0a\x01a").is_ok());
    let unknown = print(cluster, b"\x0a\x01a\xc0\x3e\x01");
    assert!(matches!(unknown, Err(ExportError::UnknownField(_))), "{unknown:?}");
    // A cluster type (field 38) that is configured (field 2) by a type that nobody knows.
    let nested = print(cluster, b"\xb2\x02\x05\x12\x03\x0a\x01x");
    assert!(matches!(nested, Err(ExportError::UnknownType(_))), "{nested:?}");
    assert!(matches!(print("x.Y", b""), Err(ExportError::UnknownType(_))));
    assert!(matches!(print(cluster, b"\xff"), Err(ExportError::Malformed(..))));
}

/// Asks cargo where the crate of the types is; its descriptors stand beside its code.
fn of_the_crate() -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let package = metadata["packages"]
        .as_array()
        .and_then(|packages| packages.iter().find(|it| it["name"] == "envoy-types"))
        .expect("the crate of the types is a dependency");
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    manifest.with_file_name("src/generated/types.bin")
}

/// Keeps the files that the roots need, and of them what names and numbers fields.
fn needed(all: &[u8]) -> FileDescriptorSet {
    let all = FileDescriptorSet::decode(all).unwrap();
    let by_name: BTreeMap<&str, &FileDescriptorProto> =
        all.file.iter().map(|file| (file.name(), file)).collect();
    let mut open = ROOTS.to_vec();
    let mut kept = BTreeSet::new();
    while let Some(name) = open.pop() {
        if kept.insert(name) {
            let file = by_name.get(name).unwrap_or_else(|| panic!("the crate has no {name}"));
            open.extend(file.dependency.iter().map(String::as_str));
        }
    }
    let files = all.file.iter().filter(|file| kept.contains(file.name()));
    FileDescriptorSet { file: files.cloned().map(bare_file).collect() }
}

fn bare_file(mut file: FileDescriptorProto) -> FileDescriptorProto {
    file.source_code_info = None;
    file.options = None;
    file.service.clear();
    file.message_type.iter_mut().for_each(bare_message);
    file.enum_type.iter_mut().for_each(bare_enum);
    file
}

fn bare_message(message: &mut DescriptorProto) {
    // What makes an entry of a map one.
    message.options = message
        .options
        .take()
        .filter(prost_types::MessageOptions::map_entry)
        .map(|_| prost_types::MessageOptions { map_entry: Some(true), ..Default::default() });
    message.field.iter_mut().for_each(|field| field.options = None);
    message.oneof_decl.iter_mut().for_each(|oneof| oneof.options = None);
    message.nested_type.iter_mut().for_each(bare_message);
    message.enum_type.iter_mut().for_each(bare_enum);
}

fn bare_enum(of: &mut EnumDescriptorProto) {
    of.options = None;
    of.value.iter_mut().for_each(|value| value.options = None);
}
