//! What the name of a Claude model says of what it accepts.
//!
//! Newer models refuse what older ones need: since 4.6 they choose themselves how much they think,
//! since 4.7 they know no budget and no sampling parameters
//! (<https://platform.claude.com/docs/en/about-claude/models/migration-guide>). Names that are not
//! Claude's, of servers that speak the same dialect, are taken at their word for everything.

/// Major and minor version of a Claude model. `None`: not a Claude, or nobody can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dialect) struct Generation(Option<(u32, u32)>);

impl Generation {
    /// Reads a model's name such as `claude-opus-4-6`, `claude-3-7-sonnet-20250219` or
    /// `anthropic.claude-sonnet-4-5-20250929-v1:0`.
    pub(in crate::dialect) fn of(model: &str) -> Self {
        let Some((_, name)) = model.split_once("claude-") else { return Self(None) };
        let words = name.split(['-', '.', '@', ':']);
        let mut numbers = words.skip_while(|word| version(word).is_none()).map_while(version);
        Self(numbers.next().map(|major| (major, numbers.next().unwrap_or(0))))
    }

    /// It is a Claude whose version can be told.
    pub(in crate::dialect) fn is_known(self) -> bool {
        self.0.is_some()
    }

    /// It thinks when it is told to.
    pub(in crate::dialect) fn thinks(self) -> bool {
        self.since(3, 7)
    }

    /// It can choose how much it thinks (`thinking.type: adaptive`).
    pub(in crate::dialect) fn adapts(self) -> bool {
        self.since(4, 6)
    }

    /// It refuses budgets for thinking, and thinking that is switched off in so many words.
    pub(in crate::dialect) fn refuses_budgets(self) -> bool {
        self.since(4, 7)
    }

    /// It refuses `temperature`, `top_p` and `top_k`.
    pub(in crate::dialect) fn refuses_sampling(self) -> bool {
        self.since(4, 7)
    }

    /// It refuses `temperature` and `top_p` together.
    pub(in crate::dialect) fn takes_one_of_temperature_and_top_p(self) -> bool {
        self.since(4, 1)
    }

    fn since(self, major: u32, minor: u32) -> bool {
        self.0.is_some_and(|version| version >= (major, minor))
    }
}

/// Reads a part of a version; dates are none.
fn version(word: &str) -> Option<u32> {
    (word.len() <= 2).then(|| word.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(model: &str, expected: Option<(u32, u32)>) {
        assert_eq!(Generation::of(model).0, expected, "{model}");
    }

    #[test]
    fn reads_the_version_from_every_form_of_name() {
        check("claude-opus-4-6", Some((4, 6)));
        check("claude-sonnet-4-20250514", Some((4, 0)));
        check("claude-3-7-sonnet-20250219", Some((3, 7)));
        check("claude-3-opus-latest", Some((3, 0)));
        check("anthropic.claude-sonnet-4-5-20250929-v1:0", Some((4, 5)));
        check("anthropic/claude-4.7-opus", Some((4, 7)));
        check("claude-fable-5", Some((5, 0)));
        check("claude-instant", None);
        check("kimi-k2", None);
    }

    #[test]
    fn knows_what_came_when() {
        assert!(!Generation::of("claude-3-5-sonnet-latest").thinks());
        assert!(Generation::of("claude-3-7-sonnet-latest").thinks());
        assert!(!Generation::of("claude-sonnet-4-5").adapts());
        assert!(Generation::of("claude-sonnet-4-6").adapts());
        assert!(!Generation::of("claude-opus-4-6").refuses_budgets());
        assert!(Generation::of("claude-opus-4-7").refuses_sampling());
        assert!(!Generation::of("claude-opus-4-0").takes_one_of_temperature_and_top_p());
        assert!(!Generation::of("deepseek-chat").adapts());
    }
}
