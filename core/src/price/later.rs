//! What work costs that a provider does after it has answered.

use super::{ATTOS_PER_NANO, Price, PriceTier};
use crate::money::{AttoDollars, NanoDollars};

/// List prices of work that a provider does after it has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LaterPrices {
    /// A token of input of a batch; as without a batch when unset.
    pub batch_input: Option<AttoDollars>,
    /// A token of output of a batch; as without a batch when unset.
    pub batch_output: Option<AttoDollars>,
    /// A token that a model is trained with. `None`: not known.
    pub training: Option<AttoDollars>,
}

impl Price {
    /// Returns what requests of a batch cost.
    ///
    /// Where only the prices of plain tokens are known, the other classes and those of long input
    /// are lower by as much: providers give one discount on all of them.
    #[must_use]
    pub fn of_batch(&self) -> Self {
        let input = |price: AttoDollars| in_proportion(price, self.later.batch_input, self.input);
        let output =
            |price: AttoDollars| in_proportion(price, self.later.batch_output, self.output);
        let tier = |tier: &PriceTier| PriceTier {
            above: tier.above,
            input: tier.input.map(input),
            output: tier.output.map(output),
            cached_input: tier.cached_input.map(input),
            cache_write: tier.cache_write.map(input),
        };
        Self {
            input: input(self.input),
            output: output(self.output),
            cached_input: self.cached_input.map(input),
            cache_write: self.cache_write.map(input),
            reasoning: self.reasoning.map(output),
            audio_input: self.audio_input.map(input),
            audio_output: self.audio_output.map(output),
            tiers: self.tiers.iter().map(tier).collect(),
            ..self.clone()
        }
    }

    /// Returns what training with so many tokens costs, rounded half up once. `None`: not known.
    pub fn of_training(&self, tokens: u64) -> Option<NanoDollars> {
        let attos = u128::from(tokens) * u128::from(self.later.training?.0);
        let nanos = attos.saturating_add(ATTOS_PER_NANO / 2) / ATTOS_PER_NANO;
        Some(NanoDollars(i64::try_from(nanos).unwrap_or(i64::MAX)))
    }
}

/// Changes a price as another one changes, rounded up. What stays as it is, is exact.
fn in_proportion(price: AttoDollars, to: Option<AttoDollars>, from: AttoDollars) -> AttoDollars {
    let Some(to) = to.filter(|to| *to != from) else { return price };
    if from.0 == 0 {
        return price.max(to);
    }
    let scaled = (u128::from(price.0) * u128::from(to.0)).div_ceil(u128::from(from.0));
    AttoDollars(u64::try_from(scaled).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> AttoDollars {
        AttoDollars::from_usd(text).unwrap()
    }

    #[test]
    fn a_batch_costs_its_own_prices_and_other_classes_in_proportion() {
        let price = Price {
            input: usd("0.0000025"),
            output: usd("0.00001"),
            cached_input: Some(usd("0.00000125")),
            reasoning: Some(usd("0.00002")),
            tiers: vec![PriceTier {
                above: 9,
                input: Some(usd("0.000005")),
                ..PriceTier::default()
            }],
            later: LaterPrices {
                batch_input: Some(usd("0.00000125")),
                batch_output: Some(usd("0.000004")),
                training: None,
            },
            ..Price::default()
        };

        let batch = price.of_batch();

        assert_eq!((batch.input, batch.output), (usd("0.00000125"), usd("0.000004")));
        assert_eq!(batch.cached_input, Some(usd("0.000000625")));
        assert_eq!(batch.reasoning, Some(usd("0.000008")));
        assert_eq!(batch.tiers[0].input, Some(usd("0.0000025")));
        assert_eq!(price.of_training(5), None);
    }

    #[test]
    fn without_prices_of_its_own_a_batch_costs_what_requests_cost() {
        let price = Price { input: usd("0.000001"), output: usd("0.000002"), ..Price::default() };

        assert_eq!(price.of_batch(), price);
    }

    #[test]
    fn training_costs_by_the_token() {
        let later = LaterPrices { training: Some(usd("0.000003")), ..LaterPrices::default() };
        let price = Price { later, ..Price::default() };

        assert_eq!(price.of_training(1_000), Some(NanoDollars(3_000_000)));
    }
}
