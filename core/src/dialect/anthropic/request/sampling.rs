//! Writes how tokens are chosen, within what a model accepts.

use crate::dialect::anthropic::generation::Generation;
use crate::dialect::chat::{Conversation, Dropped, Field, Towards};
use crate::json::node::Number;
use crate::json::write::Writer;

/// Writes `temperature`, `top_p` and `top_k`. While it thinks, a model takes no temperature but 1,
/// no `top_k`, and a `top_p` of at least 0.95
/// (<https://docs.claude.com/en/docs/build-with-claude/extended-thinking>).
pub(super) fn write(
    conversation: &Conversation<'_>,
    towards: Towards<'_>,
    thinks: bool,
    writer: &mut Writer,
    dropped: &mut Dropped,
) {
    let (origin, sampling) = (conversation.origin, &conversation.sampling);
    let generation = Generation::of(towards.model);
    let fixed = thinks || generation.refuses_sampling();
    let mut has_temperature = false;
    if let Some(temperature) = sampling.temperature {
        match Temperature::of(temperature) {
            // The default, which may not stand beside a `top_p`.
            Temperature::One if sampling.top_p.is_some() || generation.refuses_sampling() => {}
            Temperature::One => writer.key("temperature").digits(temperature),
            _ if fixed => dropped.note_field(true, Field::Temperature, origin),
            Temperature::Within => {
                has_temperature = true;
                writer.key("temperature").digits(temperature);
            }
            Temperature::Above | Temperature::Below => {
                has_temperature = true;
                dropped.note_field(true, Field::Temperature, origin);
                let nearest = i32::from(Temperature::of(temperature) == Temperature::Above);
                writer.key("temperature").number(nearest);
            }
        }
    }
    if let Some(top_p) = sampling.top_p {
        let alone = !has_temperature || !generation.takes_one_of_temperature_and_top_p();
        let high = top_p.f64().is_some_and(|value| value >= 0.95);
        let everything = top_p.f64().is_some_and(|value| value >= 1.0);
        if alone && !generation.refuses_sampling() && (!thinks || high) {
            writer.key("top_p").digits(top_p);
        } else {
            dropped.note_field(!everything, Field::TopP, origin);
        }
    }
    // Some dialects say 0 or -1 for no limit.
    if let Some(top_k) = sampling.top_k.filter(|top_k| top_k.u64().is_some_and(|k| k > 0)) {
        if fixed {
            dropped.note_field(true, Field::TopK, origin);
        } else {
            writer.key("top_k").digits(top_k);
        }
    }
}

/// Where a temperature lies: this dialect's ends at 1, which is its default too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Temperature {
    Below,
    Within,
    One,
    Above,
}

impl Temperature {
    fn of(number: Number<'_>) -> Self {
        match number.f64() {
            Some(value) if value < 0.0 => Self::Below,
            Some(value) if value > 1.0 => Self::Above,
            Some(value) if value < 1.0 => Self::Within,
            _ => Self::One,
        }
    }
}
