//! Which routes a key may call: paths, what paths begin with, and groups that have a name.

/// Groups of routes that lists may name, as LiteLLM has them.
pub const GROUPS: [&str; 6] = [
    "llm_api_routes",
    "openai_routes",
    "anthropic_routes",
    "google_routes",
    "info_routes",
    "management_routes",
];

/// Tells whether a list admits a path. An empty list admits every one. `is_in` tells of a group
/// whether the path belongs to it.
pub fn admits(entries: &[String], path: &str, is_in: impl Fn(&str) -> bool) -> bool {
    entries.is_empty()
        || entries.iter().any(|entry| {
            if let Some(start) = entry.strip_suffix('*') {
                path.starts_with(start)
            } else if entry.starts_with('/') {
                begins_with(path, entry)
            } else {
                is_in(entry)
            }
        })
}

/// Tells whether a list can hold this: anything else would admit nothing, which nobody means.
pub fn is_sound(entry: &str) -> bool {
    entry.starts_with('/') || entry == "*" || GROUPS.contains(&entry)
}

/// Tells whether a path is `start`, or goes on below it.
fn begins_with(path: &str, start: &str) -> bool {
    let rest = path.strip_prefix(start.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(entries: &[&str], path: &str) -> bool {
        let entries: Vec<String> = entries.iter().map(|&entry| entry.into()).collect();
        admits(&entries, path, |group| group == "llm_api_routes")
    }

    #[test]
    fn an_empty_list_admits_every_path() {
        assert!(admitted(&[], "/v1/chat/completions"));
    }

    #[test]
    fn an_entry_is_a_path_what_it_begins_with_a_pattern_or_a_group() {
        for (entry, path, expected) in [
            ("/v1/chat/completions", "/v1/chat/completions", true),
            ("/v1/chat/completions", "/v1/chat/completions/x", true),
            ("/v1/chat/completions", "/v1/chat/completionsx", false),
            ("/v1/chat/completions", "/chat/completions", false),
            ("/v1/chat/completions", "/v1/embeddings", false),
            ("/v1/", "/v1/embeddings", true),
            ("/", "/v1/embeddings", true),
            ("/v1/mod*", "/v1/models", true),
            ("/v1/mod*", "/v1/files", false),
            ("*", "/anything", true),
            ("llm_api_routes", "/v1/files", true),
            ("management_routes", "/v1/files", false),
            ("unknown", "unknown", false),
        ] {
            assert_eq!(admitted(&[entry], path), expected, "{entry} {path}");
        }
        assert!(admitted(&["/v1/files", "/v1/models"], "/v1/models"), "one of them is enough");
    }

    #[test]
    fn what_could_admit_nothing_is_not_sound() {
        for entry in ["/v1/files", "/v1/*", "*", "info_routes"] {
            assert!(is_sound(entry), "{entry}");
        }
        for entry in ["", "v1/files", "mcp_routes", "chat*"] {
            assert!(!is_sound(entry), "{entry}");
        }
    }
}
