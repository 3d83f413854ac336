//! Which models several lists allow together.

/// Returns the models that both lists allow: a key's and that of whom it belongs to. An empty
/// list allows all; a list that allows none says so.
pub fn both(own: &[String], other: &[String]) -> Vec<String> {
    if allows_all(other) {
        return own.iter().filter(|entry| *entry != OWNERS).cloned().collect();
    }
    if allows_all(own) || own.iter().any(|entry| entry == OWNERS) {
        return other.to_vec();
    }
    let mut allowed = Vec::new();
    for entry in own {
        for its in other {
            let narrower = if covers(its, entry) {
                entry
            } else if covers(entry, its) {
                its
            } else {
                continue;
            };
            if !allowed.contains(narrower) {
                allowed.push(narrower.clone());
            }
        }
    }
    if allowed.is_empty() { vec![NONE.to_owned()] } else { allowed }
}

fn allows_all(list: &[String]) -> bool {
    list.is_empty() || list.iter().any(|entry| entry == "*" || entry == "all-proxy-models")
}

/// Tells whether a pattern allows whatever an entry allows. `*` stands for any text.
fn covers(pattern: &str, entry: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = entry.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

/// Allows nothing.
const NONE: &str = "no-default-models";
/// Allows what the team allows.
const OWNERS: &str = "all-team-models";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_allowed_when_both_lists_allow_it() {
        for (own, other, together) in [
            ("", "", ""),
            ("a b", "", "a b"),
            ("", "a b", "a b"),
            ("a b", "b c", "b"),
            ("openai/*", "openai/gpt anthropic/x", "openai/gpt"),
            ("openai/gpt x", "openai/*", "openai/gpt"),
            ("*", "a", "a"),
            ("a", "all-proxy-models", "a"),
            ("all-team-models", "a b", "a b"),
            ("all-team-models", "", ""),
            ("a", "b", "no-default-models"),
            ("no-default-models", "a", "no-default-models"),
        ] {
            let list =
                |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<String>>();
            assert_eq!(both(&list(own), &list(other)), list(together), "{own} & {other}");
        }
    }
}
