//! Rules that no compiler knows; the tests of this crate check them as well.

mod dependencies;
mod documents;
mod layers;
mod sources;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::command::output;
use crate::repo::Repo;

/// Checks every rule and reports all that is wrong.
pub(crate) fn task(repo: &Repo) -> Result<()> {
    let problems = problems(repo)?;
    for problem in &problems {
        eprintln!("tidy: {problem}");
    }
    if !problems.is_empty() {
        bail!("{} rules of the house are broken", problems.len());
    }
    eprintln!("tidy: all rules hold");
    Ok(())
}

fn problems(repo: &Repo) -> Result<Vec<String>> {
    let files = tracked(repo)?;
    let mut problems = sources::check(repo, &files);
    problems.extend(sources::migrations(&files));
    problems.extend(layers::check(repo, &files));
    problems.extend(documents::check(repo, &files));
    problems.extend(dependencies::check(repo)?);
    Ok(problems)
}

/// Lists the files under version control that exist, relative to the root.
fn tracked(repo: &Repo) -> Result<Vec<PathBuf>> {
    let listed = output(Command::new("git").current_dir(repo.root()).args(["ls-files", "-z"]))?;
    let files = listed.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
    Ok(files.filter(|file| repo.path(file).is_file()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_repository_keeps_its_rules() {
        let problems = problems(&Repo::here()).unwrap();

        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
}
