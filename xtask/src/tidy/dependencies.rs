//! Who may depend on whom, directly or not.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::command::{cargo, output};
use crate::repo::Repo;

/// A package, what must not stand anywhere below it, and why.
struct Rule {
    package: &'static str,
    forbidden: &'static [&'static str],
    why: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        package: "tollgate-core",
        forbidden: &["tokio", "tonic", "sqlx", "axum", "hyper", "reqwest", "proxy-wasm", "rand"],
        why: "the core does no IO and knows no host",
    },
    Rule {
        package: "tollgate-filter",
        forbidden: &["tokio", "tonic", "sqlx", "axum", "hyper", "reqwest"],
        why: "the filter runs inside Envoy",
    },
    Rule {
        package: "tollgate-proto",
        forbidden: &["tonic", "tokio", "tollgate-core"],
        why: "the contract is plain messages unless feature grpc is on",
    },
    Rule {
        package: "tollgate-control-plane",
        forbidden: &["proxy-wasm", "tollgate-filter"],
        why: "the control plane does not know how Envoy calls the filter",
    },
    Rule {
        package: "tollgate-simulator",
        forbidden: &["tollgate-core", "tollgate-proto", "tollgate-filter"],
        why: "the simulator counts on its own",
    },
    Rule {
        package: "tollgate-e2e",
        forbidden: &["tollgate-core", "tollgate-filter", "tollgate-control-plane"],
        why: "the whole is tested from outside",
    },
];

/// Checks the rules against what cargo resolves.
pub(super) fn check(repo: &Repo) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for rule in RULES {
        let below = below(repo, rule.package)?;
        let found = rule.forbidden.iter().filter(|name| below.contains(**name));
        problems.extend(
            found.map(|name| format!("{} depends on {name}, but {}", rule.package, rule.why)),
        );
    }
    Ok(problems)
}

/// Lists the packages a package is built with, itself excluded.
fn below(repo: &Repo, package: &str) -> Result<BTreeSet<String>> {
    let mut tree = cargo(repo);
    tree.args(["tree", "--package", package, "--edges", "normal", "--prefix", "none"]);
    let listed = output(tree.args(["--format", "{p}"]))?;
    let names = listed.lines().filter_map(|line| line.split_whitespace().next());
    Ok(names.filter(|name| *name != package).map(str::to_owned).collect())
}
