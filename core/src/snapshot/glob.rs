//! Patterns of names: `*` stands for any text, `?` for any character. They match whole names,
//! without regard to case.

/// Tells whether a name is a pattern.
pub(super) fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?'])
}

/// Tells whether a pattern matches a name. Takes time in proportion to both lengths at most.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let (mut wanted, mut rest) = (pattern.chars(), name.chars());
    // After the last `*`: what follows it, and the text that it has not taken yet.
    let mut again = None;
    loop {
        let (mut next, mut text) = (wanted.clone(), rest.clone());
        match (next.next(), text.next()) {
            (Some('*'), _) => {
                wanted = next.clone();
                again = Some((next, rest.clone()));
                continue;
            }
            (None, None) => return true,
            (Some(want), Some(found)) if want == '?' || same(want, found) => {
                (wanted, rest) = (next, text);
                continue;
            }
            _ => {}
        }
        let Some((after, taken)) = &mut again else { return false };
        if taken.next().is_none() {
            return false;
        }
        (wanted, rest) = (after.clone(), taken.clone());
    }
}

/// Says how specific a pattern is: literal characters count for it, above all others, and `*`
/// more against it than `?`.
pub(super) fn score(pattern: &str) -> i64 {
    pattern.chars().fold(0, |score, character| {
        let of_character = match character {
            '*' => -50,
            '?' => -5,
            '/' => 0,
            _ => 10,
        };
        // The length counts too.
        score + of_character + 1
    })
}

fn same(one: char, other: char) -> bool {
    one == other || one.to_lowercase().eq(other.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names_without_regard_to_case() {
        let cases = [
            ("gpt-4*", "gpt-4o", true),
            ("gpt-4*", "gpt-4", true),
            ("GPT-4*", "gpt-4o", true),
            ("gpt-4*", "GPT-4O", true),
            ("gpt-4*", "my-gpt-4o", false),
            ("*-mini", "gpt-4o-mini", true),
            ("*-mini", "gpt-4o-mini-2024", false),
            ("*", "", true),
            ("*", "any/thing", true),
            ("?", "", false),
            ("?", "é", true),
            ("É", "é", true),
            ("claude-?-*", "claude-3-opus", true),
            ("claude-?-*", "claude-35-opus", false),
            ("a*b*c", "abc", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("ab*ba", "aba", false),
            ("**a", "bca", true),
            ("*?", "", false),
            ("*?", "x", true),
            ("a.c", "abc", false),
            ("[ab]", "a", false),
            ("", "", true),
            ("", "a", false),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_made_to_be_slow_is_not() {
        let name = "a".repeat(512);

        assert!(!matches(&format!("{}b", "a*".repeat(100)), &name));
    }

    #[test]
    fn specific_patterns_score_higher() {
        let rising = ["**", "?*", "*", "a*", "gpt-*", "gpt-4*", "openai/*", "gpt-4?", "gpt-4o"];
        for pair in rising.windows(2) {
            assert!(score(pair[0]) < score(pair[1]), "{pair:?}");
        }
        assert_eq!(score("gpt-4*"), 6);
        assert_eq!(score("a/?"), 10 - 5 + 3);
    }
}
