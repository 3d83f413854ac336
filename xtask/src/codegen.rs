//! Rewrites what is generated and committed; the same tests that check it also write it.

use anyhow::Result;

use crate::command::{cargo, run};
use crate::repo::Repo;

/// Package, test target and filter of each test that writes when it is told to.
const GENERATORS: &[[&str; 3]] = &[
    ["tollgate-proto", "codegen", ""],
    ["tollgate-core", "tokens", "vocabulary::"],
    ["tollgate-control-plane", "export", "descriptors::"],
    ["tollgate-control-plane", "it", "published_schema"],
    ["tollgate-control-plane", "it", "list_of_settings"],
];

/// Regenerates `proto/src/gen`, the tables of `core/src/tokens`, the descriptors of Envoy's types,
/// the schema of the configuration file and the list of settings with their tests.
pub(crate) fn task(repo: &Repo) -> Result<()> {
    for [package, target, filter] in GENERATORS {
        let mut test = cargo(repo);
        test.env("UPDATE_GEN", "1").args(["test", "-p", package, "--test", target, "--", filter]);
        run(&mut test)?;
    }
    Ok(())
}
