//! Rewrites the committed protobuf code; the same test that checks it also writes it.

use anyhow::Result;

use crate::command::{cargo, run};
use crate::repo::Repo;

/// Regenerates `proto/src/gen`.
pub(crate) fn task(repo: &Repo) -> Result<()> {
    let mut test = cargo(repo);
    test.env("UPDATE_GEN", "1").args(["test", "-p", "tollgate-proto", "--test", "codegen"]);
    run(&mut test)
}
