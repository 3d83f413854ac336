//! What is paid for besides tokens: images, characters, seconds of sound.

use super::{ATTOS_PER_NANO, Price, TokenUsage};
use crate::money::{AttoDollars, NanoDollars};

/// What was made or heard in one request, besides tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Units {
    /// Images that were made.
    pub images: u64,
    /// Characters that were spoken: Unicode scalar values.
    pub characters: u64,
    /// Sound that was heard, in milliseconds.
    pub audio_input_ms: u64,
    /// Sound that was made, in milliseconds.
    pub audio_output_ms: u64,
    /// Input tokens that were images.
    pub image_input_tokens: u64,
    /// Output tokens that were images.
    pub image_output_tokens: u64,
}

/// List prices of units. Unset ones cost nothing, tokens of images what other tokens do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UnitPrices {
    /// An image that was made.
    pub image: Option<AttoDollars>,
    /// A character that is spoken.
    pub character: Option<AttoDollars>,
    /// A second of sound that is heard; counts where no input tokens are counted.
    pub audio_input_second: Option<AttoDollars>,
    /// A second of sound that is made; counts where no output tokens are counted.
    pub audio_output_second: Option<AttoDollars>,
    /// A token of an image in the input.
    pub image_input_token: Option<AttoDollars>,
    /// A token of an image that was made.
    pub image_output_token: Option<AttoDollars>,
}

impl Price {
    /// Returns what tokens and units cost together, rounded half up once.
    pub fn cost_with(&self, tokens: &TokenUsage, units: &Units) -> NanoDollars {
        let others = TokenUsage {
            input: tokens.input.saturating_sub(units.image_input_tokens),
            output: tokens.output.saturating_sub(units.image_output_tokens),
            ..*tokens
        };
        let prices = &self.units;
        let heard = if tokens.input == 0 { units.audio_input_ms } else { 0 };
        let made = if tokens.output == 0 { units.audio_output_ms } else { 0 };
        let images_in = prices.image_input_token.unwrap_or(self.input);
        let images_out = prices.image_output_token.unwrap_or(self.output);
        let sum = self
            .attos(&others)
            .saturating_add(times(units.image_input_tokens, Some(images_in)))
            .saturating_add(times(units.image_output_tokens, Some(images_out)))
            .saturating_add(times(units.images, prices.image))
            .saturating_add(times(units.characters, prices.character))
            .saturating_add(times(heard, prices.audio_input_second) / MS_PER_SECOND)
            .saturating_add(times(made, prices.audio_output_second) / MS_PER_SECOND);
        nanos(sum)
    }

    /// Returns what no request with so many tokens and units costs more than.
    pub fn bound_with(&self, input: u64, output: u64, units: &Units) -> NanoDollars {
        let prices = &self.units;
        let dearer = |own: AttoDollars, other: Option<AttoDollars>| own.max(other.unwrap_or(own));
        let dearest_in = dearer(self.dearest_input(input), prices.image_input_token);
        let dearest_out = dearer(self.dearest_output(input), prices.image_output_token);
        let sum = times(input, Some(dearest_in))
            .saturating_add(times(output, Some(dearest_out)))
            .saturating_add(times(1, self.request))
            .saturating_add(times(units.images, prices.image))
            .saturating_add(times(units.characters, prices.character))
            .saturating_add(times(units.audio_input_ms, prices.audio_input_second) / MS_PER_SECOND)
            .saturating_add(
                times(units.audio_output_ms, prices.audio_output_second) / MS_PER_SECOND,
            );
        // Sums of what is rounded down here are never below what is rounded once.
        NanoDollars(nanos(sum).0.saturating_add(1))
    }
}

fn times(count: u64, price: Option<AttoDollars>) -> u128 {
    u128::from(count) * u128::from(price.unwrap_or_default().0)
}

fn nanos(attos: u128) -> NanoDollars {
    let nanos = attos.saturating_add(ATTOS_PER_NANO / 2) / ATTOS_PER_NANO;
    NanoDollars(i64::try_from(nanos).unwrap_or(i64::MAX))
}

const MS_PER_SECOND: u128 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> AttoDollars {
        AttoDollars::from_usd(text).unwrap()
    }

    fn of(units: UnitPrices) -> Price {
        Price { units, ..Price::default() }
    }

    // proves: config.models[].targets[].price.{audio_input_second,audio_output_second}
    #[test]
    fn sound_costs_by_the_second_unless_tokens_of_it_are_counted() {
        let whisper =
            of(UnitPrices { audio_input_second: Some(usd("0.0001")), ..UnitPrices::default() });
        let units = Units { audio_input_ms: 12_500, ..Units::default() };
        let counted = TokenUsage { input: 125, total: 125, ..TokenUsage::default() };

        assert_eq!(whisper.cost_with(&TokenUsage::default(), &units), NanoDollars(1_250_000));
        assert_eq!(whisper.cost_with(&counted, &units), NanoDollars(0));
    }

    // proves: config.models[].targets[].price.{image_input_token,image_output_token}
    #[test]
    fn tokens_of_images_have_prices_of_their_own() {
        let units = UnitPrices {
            image_input_token: Some(usd("0.00001")),
            image_output_token: Some(usd("0.00004")),
            ..UnitPrices::default()
        };
        let price = Price { input: usd("0.000005"), ..of(units) };
        let tokens = TokenUsage { input: 50, output: 1_056, total: 1_106, ..TokenUsage::default() };
        let units =
            Units { image_input_tokens: 40, image_output_tokens: 1_056, ..Units::default() };

        assert_eq!(price.cost_with(&tokens, &units), NanoDollars(42_690_000));
        assert!(price.bound_with(50, 1_056, &units) >= price.cost_with(&tokens, &units));
    }

    // proves: config.models[].targets[].price.{image,character}
    #[test]
    fn images_and_characters_cost_apiece() {
        let price = of(UnitPrices {
            image: Some(usd("0.02")),
            character: Some(usd("0.000015")),
            ..UnitPrices::default()
        });
        let units = Units { images: 3, characters: 2, ..Units::default() };

        assert_eq!(price.cost_with(&TokenUsage::default(), &units), NanoDollars(60_030_000));
    }
}
