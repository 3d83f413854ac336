//! What marks are kept by.

use crate::snapshot::Target;

/// An account, or one model of it: a hash of their names. The names come from the configuration,
/// so nobody can choose them to collide, and 64 bits keep chance out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::routing) struct Key(u64);

impl Key {
    /// The whole account of a target.
    pub(super) fn account(target: &Target) -> Self {
        Self::of(&target.provider.id, &target.provider.account, "")
    }

    /// A target's model at its account.
    pub(super) fn model(target: &Target) -> Self {
        Self::of(&target.provider.id, &target.provider.account, &target.model)
    }

    /// The key of these names. No model: the whole account.
    pub(super) fn of(provider: &str, account: &str, model: &str) -> Self {
        Self(hash([provider, account, model]))
    }
}

/// Hashes texts so that their order and their borders count, eight bytes at a time.
pub(in crate::routing) fn hash<const N: usize>(texts: [&str; N]) -> u64 {
    texts.iter().fold(0, |sum, text| {
        let (words, rest) = text.as_bytes().as_chunks::<8>();
        let mut last = [0; 8];
        for (byte, from) in last.iter_mut().zip(rest) {
            *byte = *from;
        }
        let sum = words.iter().fold(sum, |sum, word| mix(sum, u64::from_le_bytes(*word)));
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        mix(mix(sum, u64::from_le_bytes(last)), length)
    })
}

/// Multiplies to 128 bits and folds, so that each bit of either side reaches all of the result; and
/// where one factor happens to be zero, the other is not lost.
pub(in crate::routing) fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ SEED) * u128::from(b ^ PRIME);
    let [low, high] = [product, product >> 64].map(|half| half & u128::from(u64::MAX));
    u64::try_from(low ^ high).unwrap_or_default() ^ a.rotate_left(29) ^ b.rotate_left(47)
}

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const PRIME: u64 = 0xd6e8_feb8_6659_fd93;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn borders_between_names_count() {
        let names = [
            ["a", "", ""],
            ["", "a", ""],
            ["", "", "a"],
            ["ab", "c", ""],
            ["a", "bc", ""],
            ["abc", "", ""],
            ["a\0", "", ""],
            ["12345678", "", ""],
            ["1234567", "8", ""],
            ["12345678", "\0", ""],
            ["b", "", ""],
            ["c", "", ""],
            ["b", "", "m"],
            ["c", "", "m"],
        ];
        let keys: BTreeSet<_> = names.iter().map(|[a, b, c]| Key::of(a, b, c)).collect();

        assert_eq!(keys.len(), names.len());
    }

    #[test]
    fn names_that_differ_in_a_digit_do_not_collide() {
        let keys: BTreeSet<_> =
            (0..50_000).map(|n| Key::of("openai", &format!("account-{n}"), "gpt-4o")).collect();

        assert_eq!(keys.len(), 50_000);
    }
}
