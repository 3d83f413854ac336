//! What the documents name must exist.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::repo::Repo;

const ARCHITECTURE_LIMIT: usize = 250;

/// Checks every Markdown file under version control.
pub(super) fn check(repo: &Repo, files: &[PathBuf]) -> Vec<String> {
    let known = everything(files);
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| file.extension() == Some(OsStr::new("md"))) {
        let Ok(text) = std::fs::read_to_string(repo.path(file)) else { continue };
        if file == Path::new("ARCHITECTURE.md") && text.lines().count() > ARCHITECTURE_LIMIT {
            problems.push(format!("ARCHITECTURE.md has more than {ARCHITECTURE_LIMIT} lines"));
        }
        let missing = missing(file, &text, &known);
        problems.extend(
            missing.map(|path| format!("{} names {path}, which does not exist", file.display())),
        );
    }
    problems
}

/// Lists every tracked file and every folder above one.
fn everything(files: &[PathBuf]) -> BTreeSet<PathBuf> {
    files.iter().flat_map(|file| file.ancestors()).map(Path::to_path_buf).collect()
}

fn missing<'a>(
    file: &'a Path,
    text: &'a str,
    known: &'a BTreeSet<PathBuf>,
) -> impl Iterator<Item = String> {
    let beside = file.parent().unwrap_or(file);
    let spelled = code_spans(text).into_iter().flat_map(|span| expand(&span));
    let named = spelled
        .filter(|path| is_path(path, known))
        .filter(|path| !known.contains(&tidied(Path::new(path))));
    let linked = links(text)
        .into_iter()
        .filter(move |target| !known.contains(&tidied(&beside.join(target))));
    named.chain(linked)
}

/// Returns what stands between backticks, outside fenced blocks.
fn code_spans(text: &str) -> Vec<String> {
    let mut spans = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            spans.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    spans
}

/// Returns the targets of relative links.
fn links(text: &str) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let relative = targets.filter(|target| !target.contains(':') && !target.starts_with('#'));
    let files = relative.filter_map(|target| target.split('#').next());
    files.filter(|file| !file.is_empty()).map(str::to_owned).collect()
}

/// Says whether a code span means a path of this repository: it begins with one.
fn is_path(span: &str, known: &BTreeSet<PathBuf>) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let first = Path::new(span).components().next();
    let top = first.is_some_and(|first| known.contains(Path::new(first.as_os_str())));
    span.contains('/') && span.chars().all(plain) && top
}

/// Expands one pair of braces: `a/{b,c}.rs` is `a/b.rs` and `a/c.rs`.
fn expand(span: &str) -> Vec<String> {
    let Some((before, rest)) = span.split_once('{') else { return vec![span.to_owned()] };
    let Some((inside, after)) = rest.split_once('}') else { return vec![span.to_owned()] };
    inside.split(',').map(|part| format!("{before}{}{after}", part.trim())).collect()
}

/// Removes `.` and resolves `..` without looking at the disk.
fn tidied(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut tidied = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                tidied.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => tidied.push(part),
        }
    }
    tidied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let files = ["core/src/sse.rs", "core/src/json.rs", "docs/adr/0001-x.md"];
        let known = everything(&files.map(PathBuf::from));

        let missing: Vec<_> = missing(Path::new("docs/page.md"), text, &known).collect();

        assert_eq!(missing, expected);
    }

    #[test]
    fn finds_paths_that_do_not_exist() {
        check("`core/src/sse.rs`, `core/src/`, `core/gone.rs`", &["core/gone.rs"]);
        check("`core/src/{sse,json,old}.rs`", &["core/src/old.rs"]);
    }

    #[test]
    fn finds_links_that_lead_nowhere() {
        check("[a](adr/0001-x.md#part) [b](../core) [c](gone.md) [d](https://x.y)", &["gone.md"]);
    }

    #[test]
    fn leaves_other_code_alone() {
        check("`/v1/models`, `cargo xtask up`, `a/b`, `core/*.rs`", &[]);
        check("```\ncore/`x`/gone.rs `core/gone.rs`\n```\n", &[]);
    }
}
