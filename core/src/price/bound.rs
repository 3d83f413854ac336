//! The most that a request can cost, for what is reserved before it is sent.

use super::{Price, PriceTier, TokenUsage};
use crate::money::{AttoDollars, NanoDollars};

impl Price {
    /// Returns what no request with so many tokens in and out costs more than, whatever classes
    /// the provider sorts them into.
    pub fn bound(&self, input: u64, output: u64) -> NanoDollars {
        let dearest = Self {
            input: self.dearest_input(input),
            output: self.dearest_output(input),
            request: self.request,
            ..Self::default()
        };
        dearest.cost(&TokenUsage { input, output, ..TokenUsage::default() })
    }

    /// Returns how many tokens of output `money` pays for after so many tokens of input.
    pub fn affordable_output(&self, money: NanoDollars, input: u64) -> u64 {
        let left = money.0.saturating_sub(self.bound(input, 0).0);
        let price = u128::from(self.dearest_output(input).0);
        let attos = u128::try_from(left).unwrap_or(0) * ATTOS_PER_NANO;
        attos
            .checked_div(price)
            .map_or(u64::MAX, |tokens| u64::try_from(tokens).unwrap_or(u64::MAX))
    }

    pub(super) fn dearest_input(&self, input: u64) -> AttoDollars {
        let classes = [Some(self.input), self.cached_input, self.cache_write, self.audio_input];
        let of_tiers =
            self.reached(input).flat_map(|tier| [tier.input, tier.cached_input, tier.cache_write]);
        classes.into_iter().chain(of_tiers).flatten().max().unwrap_or_default()
    }

    pub(super) fn dearest_output(&self, input: u64) -> AttoDollars {
        let classes = [Some(self.output), self.reasoning, self.audio_output];
        let of_tiers = self.reached(input).map(|tier| tier.output);
        classes.into_iter().chain(of_tiers).flatten().max().unwrap_or_default()
    }

    /// The tiers that a request with at most so much input can reach.
    fn reached(&self, input: u64) -> impl Iterator<Item = &PriceTier> {
        self.tiers.iter().filter(move |tier| input > tier.above)
    }
}

const ATTOS_PER_NANO: u128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn price() -> Price {
        Price {
            input: AttoDollars(150_000_000_000),
            output: AttoDollars(600_000_000_000),
            cache_write: Some(AttoDollars(190_000_000_000)),
            reasoning: Some(AttoDollars(700_000_000_000)),
            request: Some(AttoDollars(5_000_000_000_000)),
            tiers: vec![PriceTier {
                above: 200_000,
                input: Some(AttoDollars(300_000_000_000)),
                output: Some(AttoDollars(650_000_000_000)),
                ..PriceTier::default()
            }],
            ..Price::default()
        }
    }

    proptest! {
        #[test]
        fn nothing_costs_more_than_the_bound(
            input in 0..1_000_000_u64, output in 0..1_000_000_u64,
            cached in 0..1_000_000_u64, written in 0..1_000_000_u64, reasoning in 0..1_000_000_u64,
        ) {
            let cached = cached.min(input);
            let tokens = TokenUsage {
                input,
                output,
                cached_input: cached,
                cache_write: written.min(input - cached),
                reasoning: reasoning.min(output),
                ..TokenUsage::default()
            };

            prop_assert!(price().cost(&tokens) <= price().bound(input, output));
        }

        #[test]
        fn what_is_affordable_stays_within_the_money(
            money in 0..1_000_000_000_i64, input in 0..10_000_u64,
        ) {
            let output = price().affordable_output(NanoDollars(money), input);

            // Rounding is half up: half a nano-dollar at most.
            let bound = price().bound(input, output).0;
            prop_assert!(output == 0 || bound <= money, "{bound} > {money}");
        }
    }

    #[test]
    fn what_is_free_is_affordable_without_end() {
        assert_eq!(Price::default().affordable_output(NanoDollars(0), 5), u64::MAX);
    }
}
