//! The order of the core's modules: a module knows those before it and none after.

use std::path::{Path, PathBuf};

use crate::repo::Repo;

/// From the bottom up; modules in one row may know each other.
const LAYERS: &[&[&str]] = &[
    &[
        "address",
        "headers",
        "inflate",
        "json",
        "key",
        "money",
        "multipart",
        "outbox",
        "path",
        "progress",
        "settings",
        "sse",
        "tally",
        "tokens",
        "websocket",
    ],
    &["meter", "price"],
    &["cache"],
    &["snapshot", "usage"],
    &["policy"],
    &["refusal"],
    &["dialect"],
    &["routing"],
    &["gateway"],
    &["exchange"],
];

/// Checks the imports of every file of the core.
pub(super) fn check(repo: &Repo, files: &[PathBuf]) -> Vec<String> {
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| file.starts_with("core/src")) {
        let Some(module) = module_of(file) else { continue };
        let Ok(text) = std::fs::read_to_string(repo.path(file)) else { continue };
        let found = upward(&module, &text);
        problems.extend(found.into_iter().map(|problem| format!("{}: {problem}", file.display())));
    }
    problems
}

/// Returns the top module a file belongs to, none for the crate's root.
fn module_of(file: &Path) -> Option<String> {
    let first = file.strip_prefix("core/src").ok()?.components().next()?;
    let name = Path::new(first.as_os_str()).file_stem()?.to_str()?.to_owned();
    (name != "lib").then_some(name)
}

fn upward(module: &str, text: &str) -> Vec<String> {
    let Some(own) = layer(module) else {
        return vec![format!("module {module} has no place in the order of xtask's layers")];
    };
    let mut problems = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let code = line.split("//").next().unwrap_or_default();
        for other in code.split("crate::").skip(1).flat_map(modules) {
            if layer(other).is_some_and(|layer| layer > own) {
                problems.push(format!("line {number}: {module} must not know {other}"));
            }
        }
    }
    problems
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// Returns the modules that follow `crate::`, alone or in braces.
fn modules(rest: &str) -> Vec<&str> {
    let list = rest.strip_prefix('{').map(|list| list.split(", "));
    let paths = list.map_or_else(|| vec![rest], Iterator::collect);
    let word = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    paths.into_iter().filter_map(|path| path.split(word).next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_imports_that_point_upward() {
        let found = upward("dialect", "use crate::json;\nuse crate::exchange::Input;\n");

        assert_eq!(found, ["line 2: dialect must not know exchange"]);
        assert!(upward("exchange", "use crate::{policy, sse};\n").is_empty());
        assert_eq!(upward("sse", "use crate::{json, policy};\n").len(), 1);
    }

    #[test]
    fn wants_every_module_to_have_a_place() {
        assert_eq!(upward("misc", "").len(), 1);
    }

    #[test]
    fn knows_the_module_of_a_file() {
        assert_eq!(module_of(Path::new("core/src/sse/parser.rs")).as_deref(), Some("sse"));
        assert_eq!(module_of(Path::new("core/src/sse.rs")).as_deref(), Some("sse"));
        assert_eq!(module_of(Path::new("core/src/lib.rs")), None);
    }
}
