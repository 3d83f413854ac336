//! `options`, `format` and the members that chat and generate have in common.

use super::thinking;
use crate::dialect::Dialect;
use crate::dialect::chat::{Conversation, Dropped, Field, Format, Towards};
use crate::dialect::checked::invalid;
use crate::dialect::members::Members;
use crate::json::node::{Node, Number, Text};
use crate::json::write::Writer;
use crate::refusal::Refusal;

/// Takes a member. Tells whether it has a meaning in other dialects.
pub(super) fn take<'a>(
    to: &mut Conversation<'a>,
    name: &str,
    value: Node<'a>,
) -> Result<bool, Refusal> {
    match name {
        "model" => to.model = value.string().ok_or(invalid("model", "a string"))?,
        "stream" => to.stream = value.bool().ok_or(invalid("stream", "a boolean"))?,
        "options" => take_options(to, value)?,
        "format" => to.format = format(value)?,
        "think" => thinking::read(value, &mut to.reasoning)?,
        "logprobs" => to.sampling.logprobs = value.bool(),
        "top_logprobs" => to.sampling.top_logprobs = value.u64(),
        _ => return Ok(false),
    }
    Ok(true)
}

fn take_options<'a>(to: &mut Conversation<'a>, node: Node<'a>) -> Result<(), Refusal> {
    if !node.is_object() {
        return Err(invalid("options", "an object"));
    }
    let mut options = Members::of(node);
    let mut number = |name: &str, field| {
        let value: Option<Node<'a>> = options.take(name);
        value.map(|value| value.number().ok_or(invalid(field, "a number"))).transpose()
    };
    let sampling = &mut to.sampling;
    sampling.temperature = number("temperature", "options.temperature")?;
    sampling.top_p = number("top_p", "options.top_p")?;
    sampling.top_k = number("top_k", "options.top_k")?;
    sampling.seed = number("seed", "options.seed")?;
    sampling.presence_penalty = number("presence_penalty", "options.presence_penalty")?;
    sampling.frequency_penalty = number("frequency_penalty", "options.frequency_penalty")?;
    // Negative: as long as it takes.
    let cap = number("num_predict", "options.num_predict")?.and_then(Number::u64);
    to.max_tokens = cap.filter(|cap| *cap > 0);
    if let Some(stop) = options.take("stop") {
        let wrong = || invalid("options.stop", "a string or an array of strings");
        let texts: Option<Vec<Text<'a>>> = match stop.text() {
            Some(text) => Some(vec![text]),
            None if stop.is_array() => stop.items().map(Node::text).collect(),
            None => None,
        };
        to.sampling.stop = texts.ok_or_else(wrong)?;
    }
    options.rest_below("options.", &mut to.extras);
    Ok(())
}

fn format(node: Node<'_>) -> Result<Option<Format<'_>>, Refusal> {
    if node.is_object() {
        let schema = node;
        return Ok(Some(Format::Schema { name: None, description: None, schema, strict: None }));
    }
    match node.string().as_deref() {
        Some("") => Ok(None),
        Some("json") => Ok(Some(Format::Json)),
        _ => Err(invalid("format", "'json' or a JSON schema")),
    }
}

/// Writes what chat and generate have in common, and notes what they have no words for.
pub(super) fn write(
    conversation: &Conversation<'_>,
    towards: Towards<'_>,
    writer: &mut Writer,
    dropped: &mut Dropped,
) {
    match &conversation.format {
        Some(Format::Json) => writer.key("format").string("json"),
        Some(Format::Schema { schema, .. }) => writer.key("format").node(*schema),
        None => {}
    }
    thinking::write(conversation, towards, writer, dropped);
    if conversation.sampling.logprobs == Some(true) {
        writer.key("logprobs").bool(true);
    }
    if let Some(count) = conversation.sampling.top_logprobs {
        writer.key("top_logprobs").number(count);
    }
    write_options(conversation, writer);
    for (name, value) in own_extras(conversation) {
        if !name.contains('.') && !name.is_empty() {
            writer.key(name).node(value);
        }
    }
    note_others(conversation, dropped);
}

fn write_options(conversation: &Conversation<'_>, writer: &mut Writer) {
    let sampling = &conversation.sampling;
    let numbers = [
        ("temperature", sampling.temperature),
        ("top_p", sampling.top_p),
        ("top_k", sampling.top_k),
        ("seed", sampling.seed),
        ("presence_penalty", sampling.presence_penalty),
        ("frequency_penalty", sampling.frequency_penalty),
    ];
    let others = || {
        let extras = own_extras(conversation);
        extras.filter_map(|(name, value)| Some((name.strip_prefix("options.")?, value)))
    };
    let has_any = numbers.iter().any(|(_, number)| number.is_some())
        || conversation.max_tokens.is_some()
        || !sampling.stop.is_empty()
        || others().next().is_some();
    if !has_any {
        return;
    }
    writer.key("options").object(|it| {
        if let Some(cap) = conversation.max_tokens {
            it.key("num_predict").number(cap);
        }
        for (name, number) in numbers {
            if let Some(number) = number {
                it.key(name).digits(number);
            }
        }
        if !sampling.stop.is_empty() {
            it.key("stop").array(|it| {
                for stop in &sampling.stop {
                    it.text(stop);
                }
            });
        }
        for (name, value) in others() {
            it.key(name).node(value);
        }
    });
}

fn note_others(conversation: &Conversation<'_>, dropped: &mut Dropped) {
    let origin = conversation.origin;
    let is_wished = |tier: &Text<'_>| !matches!(&*tier.decoded(), "auto" | "default");
    let tier = conversation.service_tier.as_ref();
    dropped.note_field(conversation.sampling.n.is_some_and(|n| n > 1), Field::Choices, origin);
    dropped.note_field(conversation.user.is_some(), Field::User, origin);
    dropped.note_field(conversation.metadata.is_some(), Field::Metadata, origin);
    dropped.note_field(tier.is_some_and(is_wished), Field::ServiceTier, origin);
    if origin == Dialect::OllamaGenerate {
        for (name, _) in &conversation.extras {
            let of_prompts = OF_PROMPTS.iter().find(|of_prompts| *of_prompts == name);
            dropped.note_if(of_prompts.is_some(), of_prompts.copied().unwrap_or_default());
        }
    } else {
        dropped.note_extras(conversation, Dialect::Ollama, "", &conversation.extras);
    }
}

/// Members of generate that a chat has no use for.
const OF_PROMPTS: &[&str] = &["context", "raw", "suffix", "template"];

/// Returns the members that only this API knows, both of whose halves share most of them.
fn own_extras<'c, 'a>(
    conversation: &'c Conversation<'a>,
) -> impl Iterator<Item = (&'c str, Node<'a>)> {
    let all = conversation.origin == Dialect::Ollama;
    let most = conversation.origin == Dialect::OllamaGenerate;
    let extras = conversation.extras.iter().map(|(name, value)| (&**name, *value));
    extras.filter(move |(name, _)| all || (most && !OF_PROMPTS.contains(name)))
}
