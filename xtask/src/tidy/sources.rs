//! What every source file looks like.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::repo::Repo;

const SOFT_LIMIT: usize = 400;
const HARD_LIMIT: usize = 800;

/// Kinds of files in which a space at a line's end is an oversight.
const TEXT: &[&str] = &["md", "mjs", "proto", "py", "rs", "sh", "sql", "toml", "yaml", "yml"];

/// Checks each file on its own.
pub(super) fn check(repo: &Repo, files: &[PathBuf]) -> Vec<String> {
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| is_text(file) && !is_generated(file)) {
        let Ok(text) = std::fs::read_to_string(repo.path(file)) else {
            problems.push(format!("{} is not UTF-8", file.display()));
            continue;
        };
        let found = text_problems(&text).into_iter().chain(rust_problems(file, &text));
        problems.extend(found.map(|problem| format!("{}: {problem}", file.display())));
    }
    problems
}

/// Checks that both databases have the same migrations.
pub(super) fn migrations(files: &[PathBuf]) -> Vec<String> {
    let names = |database: &str| -> BTreeSet<&OsStr> {
        let dir = Path::new("control-plane/migrations").join(database);
        files.iter().filter_map(|file| file.strip_prefix(&dir).ok()?.file_name()).collect()
    };
    let (sqlite, postgres) = (names("sqlite"), names("postgres"));
    let differ = sqlite.symmetric_difference(&postgres);
    differ
        .map(|name| format!("migration {} exists for one database only", name.display()))
        .collect()
}

fn is_text(file: &Path) -> bool {
    file.extension().and_then(OsStr::to_str).is_some_and(|kind| TEXT.contains(&kind))
}

fn is_generated(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "gen")
}

fn text_problems(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.ends_with([' ', '\t']) {
            problems.push(format!("line {number} ends with a space"));
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        problems.push("the last line has no line end".to_owned());
    }
    problems
}

fn rust_problems(file: &Path, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if file.extension() != Some(OsStr::new("rs")) {
        return problems;
    }
    let lines = text.lines().count();
    if lines > HARD_LIMIT {
        problems.push(format!("{lines} lines are more than {HARD_LIMIT}: split it"));
    } else if lines > SOFT_LIMIT {
        eprintln!("tidy: note: {} has {lines} lines, more than {SOFT_LIMIT}", file.display());
    }
    if file.file_name() == Some(OsStr::new("mod.rs")) {
        problems.push("a module is x.rs beside x/, never mod.rs".to_owned());
    }
    let inner_tests = file.file_name() == Some(OsStr::new("tests.rs"));
    if !inner_tests && !text.trim_start().starts_with("//!") {
        problems.push("does not begin with a `//!` that says what it is for".to_owned());
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_spaces_at_the_end_and_a_missing_line_end() {
        assert_eq!(
            text_problems("a\nb \nc"),
            ["line 2 ends with a space", "the last line has no line end"]
        );
        assert!(text_problems("a\n").is_empty());
    }

    #[test]
    fn wants_a_sentence_at_the_top_and_no_mod_rs() {
        assert_eq!(rust_problems(Path::new("a/mod.rs"), "fn x() {}\n").len(), 2);
        assert!(rust_problems(Path::new("a.rs"), "//! Adds.\n").is_empty());
        assert!(rust_problems(Path::new("a.sql"), "select 1;\n").is_empty());
    }

    #[test]
    fn refuses_files_that_are_too_long() {
        let text = format!("//! Long.\n{}", "\n".repeat(HARD_LIMIT));

        assert_eq!(rust_problems(Path::new("a.rs"), &text).len(), 1);
    }

    #[test]
    fn compares_the_migrations_of_both_databases() {
        let files = ["sqlite/1.sql", "sqlite/2.sql", "postgres/1.sql"];
        let files = files.map(|name| Path::new("control-plane/migrations").join(name));

        assert_eq!(migrations(&files), ["migration 2.sql exists for one database only"]);
    }
}
