//! Requests that are no conversations: what they can cost at most, and what they did.

use tollgate_proto::v1::{Endpoint, UsageSource};

use super::Forwarded;
use super::limits::Candidate;
use crate::dialect::media;
use crate::dialect::media::answer::Found;
use crate::dialect::media::ask::Ask;
use crate::dialect::openai::answer::BYTES_PER_TOKEN;
use crate::price::{TokenUsage, Units};
use crate::snapshot::Target;

/// What was used, and who says so.
pub(super) type Used = (TokenUsage, Units, UsageSource);

impl Candidate {
    /// Output tokens at worst.
    pub(super) fn media_output(&self) -> u64 {
        let Some(ask) = &self.request.media else { return 0 };
        let of_model = self.target.max_output_tokens;
        // A transcript is as long as its model can make it.
        match of_model {
            Some(most) if !Ask::bounds_output(self.request.endpoint) => most,
            Some(_) | None => ask.output_tokens,
        }
    }
}

impl Forwarded {
    /// What a request used that came to an answer, or may have: the provider's figures, else what
    /// passed, else what was asked for: `asked`, where that was not known before.
    pub(super) fn media_used(&self, body: Option<&[u8]>, asked: Option<&Ask>) -> Used {
        let found = self.attempt.found();
        let endpoint = self.request.endpoint;
        let Some(ask) = asked.or(self.request.media.as_deref()) else {
            let input = self.input_tokens(body);
            let tokens =
                TokenUsage { input: input.tokens, total: input.tokens, ..TokenUsage::default() };
            return (tokens, Units::default(), source(input.exact));
        };
        if media::makes_images(endpoint) {
            self.images(ask, &found)
        } else if endpoint == Endpoint::Speech {
            self.speech(ask, &found)
        } else {
            heard(ask, &found)
        }
    }

    fn images(&self, ask: &Ask, found: &Found) -> Used {
        let mut units = found.units;
        if let Some(tokens) = found.tokens {
            return (tokens, units, UsageSource::Provider);
        }
        if units.images > 0 && self.attempt.is_complete() && !is_by_token(&self.target) {
            return (TokenUsage::default(), units, UsageSource::Counted);
        }
        // It broke off: what was asked for is what the provider has made, as far as we know.
        units.images = units.images.max(ask.units.images);
        let mut tokens = TokenUsage::default();
        if is_by_token(&self.target) {
            tokens.input = ask.text_bytes.div_ceil(BYTES_PER_TOKEN);
            tokens.output = ask.output_tokens;
            tokens.total = tokens.input.saturating_add(tokens.output);
            units.image_output_tokens = tokens.output;
        }
        (tokens, units, UsageSource::Estimated)
    }

    fn speech(&self, ask: &Ask, found: &Found) -> Used {
        let characters = ask.units.characters;
        let mut units = Units { characters, ..found.units };
        if let Some(tokens) = found.tokens {
            return (tokens, units, UsageSource::Provider);
        }
        if !is_by_token(&self.target) {
            if !found.is_exact {
                // Nobody is charged for it, and a guess is no count.
                units.audio_output_ms = 0;
            }
            return (TokenUsage::default(), units, UsageSource::Counted);
        }
        if !found.is_exact || !self.attempt.is_complete() {
            units.audio_output_ms = ask.likely_ms;
        }
        let input = ask.text_bytes.div_ceil(BYTES_PER_TOKEN);
        let tokens = TokenUsage { input, total: input, ..TokenUsage::default() };
        (tokens, units, UsageSource::Estimated)
    }
}

/// Sound that was given: the provider says how long it was, or the file does, or the subtitles.
fn heard(ask: &Ask, found: &Found) -> Used {
    let mut units = found.units;
    if found.tokens.is_some() || units.audio_input_ms > 0 {
        if units.audio_input_ms == 0 {
            units.audio_input_ms = ask.likely_ms;
        }
        return (found.tokens.unwrap_or_default(), units, UsageSource::Provider);
    }
    let (ms, exact) = match found.last_cue_ms {
        _ if ask.is_exact => (ask.units.audio_input_ms, true),
        Some(ms) => (ms, true),
        None => (ask.likely_ms, false),
    };
    units.audio_input_ms = ms;
    (TokenUsage::default(), units, source(exact))
}

fn source(exact: bool) -> UsageSource {
    if exact { UsageSource::Counted } else { UsageSource::Estimated }
}

/// Tells whether tokens are what is paid for.
fn is_by_token(target: &Target) -> bool {
    target.price.as_ref().is_some_and(|price| {
        let free = crate::money::AttoDollars::default();
        price.input != free || price.output != free
    })
}
