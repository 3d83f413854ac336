//! The files of the folder `envoy/`.

use crate::envoy::{binary, validate};
use crate::fixture::bootstrap;

#[test]
fn envoy_accepts_the_bootstrap_that_is_fed_over_xds() {
    check("envoy.xds.yaml");
}

#[test]
fn envoy_accepts_the_bootstrap_without_xds() {
    check("envoy.yaml");
}

#[test]
fn envoy_accepts_the_bootstrap_with_a_single_filter() {
    check("envoy.standalone.yaml");
}

#[test]
fn the_readme_explains_every_placeholder() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../envoy");
    let read = |name: &str| std::fs::read_to_string(format!("{folder}/{name}")).unwrap();
    let readme = read("README.md");

    for name in ["envoy.xds.yaml", "envoy.yaml", "envoy.standalone.yaml", "certificate.yaml"] {
        assert!(readme.contains(name), "{name}");
        for placeholder in read(name).split("${").skip(1).filter_map(|rest| rest.split('}').next())
        {
            let explained = placeholder == "NAME" || readme.contains(&format!("`{placeholder}`"));
            assert!(explained, "{placeholder} of {name}");
        }
    }
}

#[track_caller]
fn check(name: &str) {
    let Some(binary) = binary() else { return };
    let folder = tempfile::tempdir().unwrap();

    validate(&binary, &bootstrap(folder.path(), name));
}
