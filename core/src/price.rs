//! What a request costs: token classes times list prices, rounded once.

use crate::money::{AttoDollars, NanoDollars};

mod bound;
mod later;
mod units;

pub use later::LaterPrices;
pub use units::{UnitPrices, Units};

/// Tokens of one request by class, in OpenAI's convention: `input` includes `cached_input`,
/// `cache_write` and `audio_input`; `output` includes `reasoning` and `audio_output`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenUsage {
    /// All tokens that went in.
    pub input: u64,
    /// All tokens that came out.
    pub output: u64,
    /// The provider's total; not always the sum.
    pub total: u64,
    /// Input read from the provider's prompt cache.
    pub cached_input: u64,
    /// Input written to the provider's prompt cache.
    pub cache_write: u64,
    /// Output spent on reasoning.
    pub reasoning: u64,
    /// Audio in the input.
    pub audio_input: u64,
    /// Audio in the output.
    pub audio_output: u64,
}

/// List price of a target, per class.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Price {
    /// A token of input.
    pub input: AttoDollars,
    /// A token of output.
    pub output: AttoDollars,
    /// A cached token of input; `input` when unset.
    pub cached_input: Option<AttoDollars>,
    /// A token written to the cache; `input` when unset.
    pub cache_write: Option<AttoDollars>,
    /// A token of reasoning; `output` when unset.
    pub reasoning: Option<AttoDollars>,
    /// A token of audio in; `input` when unset.
    pub audio_input: Option<AttoDollars>,
    /// A token of audio out; `output` when unset.
    pub audio_output: Option<AttoDollars>,
    /// Each request, on top of its tokens.
    pub request: Option<AttoDollars>,
    /// Other prices for long input, in rising order.
    pub tiers: Vec<PriceTier>,
    /// What is not a token.
    pub units: UnitPrices,
    /// What is done later.
    pub later: LaterPrices,
}

/// Prices that replace others for the whole request when its input is long. A class that is unset
/// costs what it costs without tiers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PriceTier {
    /// For requests with more input tokens than this.
    pub above: u64,
    /// A token of input.
    pub input: Option<AttoDollars>,
    /// A token of output.
    pub output: Option<AttoDollars>,
    /// A cached token of input.
    pub cached_input: Option<AttoDollars>,
    /// A token written to the cache.
    pub cache_write: Option<AttoDollars>,
}

impl Price {
    /// Returns what `tokens` cost, rounded half up to a nano-dollar once, at the end.
    ///
    /// Classes that exceed the total they belong to (providers have sent such) never make the
    /// rest negative.
    pub fn cost(&self, tokens: &TokenUsage) -> NanoDollars {
        let half_up = self.attos(tokens).saturating_add(ATTOS_PER_NANO / 2);
        // Below 18 dollars, where nearly all requests are, a division of 64 bits will do.
        let nanos = match u64::try_from(half_up) {
            Ok(attos) => u128::from(attos / 1_000_000_000),
            Err(_) => half_up / ATTOS_PER_NANO,
        };
        NanoDollars(i64::try_from(nanos).unwrap_or(i64::MAX))
    }

    /// What `tokens` cost, not rounded.
    fn attos(&self, tokens: &TokenUsage) -> u128 {
        let special_in = tokens
            .cached_input
            .saturating_add(tokens.cache_write)
            .saturating_add(tokens.audio_input);
        let special_out = tokens.reasoning.saturating_add(tokens.audio_output);
        let tier = self.tiers.iter().rfind(|tier| tokens.input > tier.above);
        let of = |class: fn(&PriceTier) -> Option<AttoDollars>| tier.and_then(class);
        let input = of(|tier| tier.input).unwrap_or(self.input);
        let output = of(|tier| tier.output).unwrap_or(self.output);
        let cached_input = of(|tier| tier.cached_input).or(self.cached_input);
        let cache_write = of(|tier| tier.cache_write).or(self.cache_write);
        let lines = [
            (tokens.input.saturating_sub(special_in), input),
            (tokens.cached_input, cached_input.unwrap_or(input)),
            (tokens.cache_write, cache_write.unwrap_or(input)),
            (tokens.audio_input, self.audio_input.unwrap_or(input)),
            (tokens.output.saturating_sub(special_out), output),
            (tokens.reasoning, self.reasoning.unwrap_or(output)),
            (tokens.audio_output, self.audio_output.unwrap_or(output)),
            (1, self.request.unwrap_or_default()),
        ];
        lines.iter().fold(0_u128, |sum, (count, price)| {
            sum.saturating_add(u128::from(*count) * u128::from(price.0))
        })
    }
}

const ATTOS_PER_NANO: u128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> AttoDollars {
        AttoDollars::from_usd(text).unwrap()
    }

    fn gpt_4o_mini() -> Price {
        Price {
            input: usd("0.00000015"),
            output: usd("0.0000006"),
            cached_input: Some(usd("0.000000075")),
            ..Price::default()
        }
    }

    #[test]
    fn prices_cached_tokens_apart() {
        let tokens =
            TokenUsage { input: 100, cached_input: 40, output: 20, ..TokenUsage::default() };

        assert_eq!(gpt_4o_mini().cost(&tokens), NanoDollars(24_000));
    }

    #[test]
    fn cached_tokens_without_a_price_cost_as_input() {
        let price = Price { cached_input: None, ..gpt_4o_mini() };
        let tokens = TokenUsage { input: 100, cached_input: 40, ..TokenUsage::default() };

        assert_eq!(price.cost(&tokens), NanoDollars(15_000));
    }

    #[test]
    fn long_input_changes_the_price_of_the_whole_request() {
        let tier = |above, input, output| PriceTier {
            above,
            input: Some(AttoDollars(input)),
            output,
            ..PriceTier::default()
        };
        let price = Price {
            input: AttoDollars(1_000_000_000),
            output: AttoDollars(10_000_000_000),
            cached_input: Some(AttoDollars(0)),
            tiers: vec![tier(100, 2_000_000_000, None), tier(200, 4, Some(AttoDollars(0)))],
            ..Price::default()
        };
        let cost = |input, cached_input| {
            price.cost(&TokenUsage { input, cached_input, output: 1, ..TokenUsage::default() }).0
        };

        assert_eq!((cost(100, 0), cost(101, 0), cost(101, 100)), (110, 212, 12));
        assert_eq!(cost(200, 0), 410);
        assert_eq!(cost(201, 0), 0);
    }

    // proves: config.models[].targets[].price.{request,reasoning_token,cached_input_token,cache_write_token}
    // proves: config.models[].targets[].price.{audio_input_token,audio_output_token}
    // proves: config.models[].targets[].price.tiers[].{above_input_tokens,input_token,output_token}
    // proves: config.models[].targets[].price.tiers[].{cached_input_token,cache_write_token}
    #[test]
    fn every_class_has_a_price_of_its_own() {
        let each = |nanos: u64| AttoDollars(nanos * 1_000_000_000);
        let price = Price {
            input: each(1),
            output: each(2),
            cached_input: Some(each(3)),
            cache_write: Some(each(5)),
            reasoning: Some(each(7)),
            audio_input: Some(each(11)),
            audio_output: Some(each(13)),
            request: Some(each(1000)),
            tiers: vec![PriceTier {
                above: 100,
                input: Some(each(17)),
                output: Some(each(19)),
                cached_input: Some(each(23)),
                cache_write: Some(each(29)),
            }],
            ..Price::default()
        };
        let none = TokenUsage::default();
        let long = TokenUsage { input: 101, ..none };

        for (tokens, nanos) in [
            (none, 0),
            (TokenUsage { input: 1, ..none }, 1),
            (TokenUsage { output: 1, ..none }, 2),
            (TokenUsage { input: 1, cached_input: 1, ..none }, 3),
            (TokenUsage { input: 1, cache_write: 1, ..none }, 5),
            (TokenUsage { output: 1, reasoning: 1, ..none }, 7),
            (TokenUsage { input: 1, audio_input: 1, ..none }, 11),
            (TokenUsage { output: 1, audio_output: 1, ..none }, 13),
            (long, 101 * 17),
            (TokenUsage { output: 1, ..long }, 101 * 17 + 19),
            (TokenUsage { cached_input: 101, ..long }, 101 * 23),
            (TokenUsage { cache_write: 101, ..long }, 101 * 29),
        ] {
            assert_eq!(price.cost(&tokens), NanoDollars(1000 + nanos), "{tokens:?}");
        }
    }

    #[test]
    fn rounds_half_up_once() {
        let price = Price { input: AttoDollars(500_000_000), ..Price::default() };

        let one = price.cost(&TokenUsage { input: 1, ..TokenUsage::default() });
        let three = price.cost(&TokenUsage { input: 3, ..TokenUsage::default() });

        assert_eq!((one, three), (NanoDollars(1), NanoDollars(2)));
    }

    #[test]
    fn classes_above_their_total_never_go_negative() {
        let tokens = TokenUsage { output: 5, reasoning: 9, ..TokenUsage::default() };

        assert_eq!(gpt_4o_mini().cost(&tokens), NanoDollars(5_400));
    }
}
