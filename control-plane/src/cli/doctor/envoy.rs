//! Envoy's version, and the flag without which the filter serves nothing.

use std::path::Path;

use bytes::Bytes;
use hyper::{HeaderMap, Method};
use serde_json::Value;

use super::Finding;
use crate::config::BaseUrl;
use crate::outbound::{self, Call, Reach};

/// Looks at the program and at the running Envoy that are named.
pub(super) async fn look(program: Option<&Path>, admin: Option<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(program) = program {
        let said = tokio::process::Command::new(program).arg("--version").output().await;
        findings.push(match said {
            Ok(output) => judged(&String::from_utf8_lossy(&output.stdout)),
            Err(error) => Finding::fail("envoy", format!("{}: {error}", program.display())),
        });
    }
    if let Some(admin) = admin {
        findings.push(match ask(admin, "/server_info").await {
            Ok(info) => judged(info.get("version").and_then(Value::as_str).unwrap_or_default()),
            Err(why) => Finding::fail("envoy", why),
        });
        findings.push(match ask(admin, "/config_dump").await {
            Ok(dump) => flag(&dump),
            Err(why) => Finding::fail("envoy's flag", why),
        });
    }
    if findings.is_empty() {
        let found = "not looked at; name it with --envoy PATH or --envoy-admin URL";
        findings.push(Finding::warn("envoy", found));
    }
    findings
}

/// Judges the version in a text such as `…/1.40.0/Clean/RELEASE/BoringSSL`.
fn judged(said: &str) -> Finding {
    let found = said.split(['/', ' ', '-']).find_map(version);
    match found {
        None => Finding::fail("envoy", "it does not say its version; is it Envoy?"),
        Some((major, minor)) if (major, minor) < FLOOR => {
            let (least_major, least_minor) = FLOOR;
            let wanted = format!("the filter needs {least_major}.{least_minor} or later");
            Finding::fail("envoy", format!("version {major}.{minor}; {wanted}"))
        }
        Some((major, minor)) => Finding::ok("envoy", format!("version {major}.{minor}")),
    }
}

/// Reads a version with three parts.
fn version(word: &str) -> Option<(u32, u32)> {
    let mut parts = word.split('.');
    let (major, minor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next()?.parse::<u32>().ok()?;
    Some((major, minor))
}

/// Looks whether every filter of ours may hold headers.
fn flag(dump: &Value) -> Finding {
    let mut plugins = (0, 0);
    count(dump, &mut plugins);
    match plugins {
        (0, _) => Finding::warn("envoy's flag", "it runs no wasm plugin yet"),
        (all, with) if all == with => Finding::ok("envoy's flag", format!("on all {all} plugins")),
        (all, with) => Finding::fail(
            "envoy's flag",
            format!("{FLAG} is true in {with} of {all} plugins; without it nothing is served"),
        ),
    }
}

/// Counts plugins, and those with the flag.
fn count(value: &Value, plugins: &mut (usize, usize)) {
    match value {
        Value::Object(fields) => {
            if fields.contains_key("vm_config") {
                plugins.0 += 1;
                plugins.1 += usize::from(fields.get(FLAG) == Some(&Value::Bool(true)));
            }
            fields.values().for_each(|value| count(value, plugins));
        }
        Value::Array(list) => list.iter().for_each(|value| count(value, plugins)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

async fn ask(admin: &str, path: &str) -> Result<Value, String> {
    let url = BaseUrl::parse(admin).map_err(|why| format!("--envoy-admin: {why}"))?;
    let call = Call {
        method: Method::GET,
        path: format!("{}{path}", url.path),
        headers: HeaderMap::new(),
        body: Bytes::new(),
    };
    let reply = outbound::send(&url, call, Reach::Private).await;
    let reply = reply.map_err(|error| format!("{admin}{path}: {error}; does Envoy run?"))?;
    serde_json::from_slice(&reply.body).map_err(|_| format!("{admin}{path} is not Envoy's admin"))
}

/// As `.envoy-version` has it.
const FLOOR: (u32, u32) = (1, 40);
const FLAG: &str = "allow_on_headers_stop_iteration";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::doctor::State;

    #[test]
    fn versions_are_read_as_envoy_writes_them() {
        for (said, state) in [
            ("envoy  version: 0123abcdef/1.40.1/Clean/RELEASE/BoringSSL", State::Ok),
            ("0123abcdef/2.0.0-dev/Clean/RELEASE/BoringSSL", State::Ok),
            ("x/1.39.2/Clean/RELEASE/BoringSSL", State::Fail),
            ("bash, version 5", State::Fail),
            ("", State::Fail),
        ] {
            assert_eq!(judged(said).state, state, "{said}");
        }
        assert!(include_str!("../../../../.envoy-version").starts_with("1.40"));
    }

    #[test]
    fn every_plugin_needs_the_flag() {
        let plugin = |flag: bool| json!({"config": {"vm_config": {}, FLAG: flag}});
        for (dump, state) in [
            (json!({}), State::Warn),
            (json!([plugin(true), {"deep": [plugin(true)]}]), State::Ok),
            (json!([plugin(true), plugin(false)]), State::Fail),
            (json!([{"vm_config": {}}]), State::Fail),
        ] {
            assert_eq!(flag(&dump).state, state, "{dump}");
        }
    }
}
