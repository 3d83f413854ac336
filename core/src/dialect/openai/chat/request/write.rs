//! The body of a chat request, as it is written for a provider.

use super::history;
use super::names::{self, Thing};
use super::{reasoning, tools};
use crate::dialect::Dialect;
use crate::dialect::chat::{Conversation, Dropped, Field, Sampling, Towards};
use crate::json::write::Writer;

/// Members that other dialects of OpenAI's have by the same name and with the same meaning.
const SHARED: [&str; 7] = [
    "logit_bias",
    "moderation",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "store",
];

/// Writes the body.
pub(super) fn body(
    conversation: &Conversation<'_>,
    towards: Towards<'_>,
    dropped: &mut Dropped,
) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.object(|it| {
        it.key("model").string(towards.model);
        it.key("messages").array(|it| history::write(it, conversation, towards, dropped));
        it.key("stream").bool(conversation.stream);
        write_stream_options(it, conversation, towards, dropped);
        tools::write(it, conversation, towards, dropped);
        if let Some(format) =
            conversation.format.as_ref().filter(|_| !keeps(conversation, "response_format"))
        {
            tools::write_format(it, format);
        }
        write_sampling(it, conversation, dropped);
        if let Some(most) = conversation.max_tokens {
            let modern = towards.completion_tokens_cap;
            it.key(if modern { "max_completion_tokens" } else { "max_tokens" }).number(most);
        }
        reasoning::write(it, conversation, dropped);
        write_rest(it, conversation, dropped);
    });
    writer.into_bytes()
}

/// Tells whether a member of this dialect is kept as it was written.
fn keeps(conversation: &Conversation<'_>, name: &str) -> bool {
    conversation.origin == Dialect::OpenAi
        && conversation.extras.iter().any(|(other, _)| other == name)
}

fn write_stream_options(
    it: &mut Writer,
    conversation: &Conversation<'_>,
    towards: Towards<'_>,
    dropped: &mut Dropped,
) {
    if !conversation.stream {
        return;
    }
    let own = conversation.origin == Dialect::OpenAi;
    let kept = conversation.extras.iter().rfind(|(name, _)| own && name == "stream_options");
    if towards.stream_usage || kept.is_some() {
        it.key("stream_options").object(|it| {
            if towards.stream_usage {
                it.key("include_usage").bool(true);
            }
            for (name, value) in kept.iter().flat_map(|(_, options)| options.members()) {
                if name != "include_usage" {
                    it.key(&name).node(value);
                }
            }
        });
    }
    let unheard = own && conversation.stream_usage && !towards.stream_usage;
    dropped.note_if(unheard, names::of(conversation.origin, Thing::UsageInStream));
}

fn write_sampling(it: &mut Writer, conversation: &Conversation<'_>, dropped: &mut Dropped) {
    let Sampling {
        temperature,
        top_p,
        top_k,
        frequency_penalty,
        presence_penalty,
        seed,
        stop,
        n,
        logprobs,
        top_logprobs,
    } = &conversation.sampling;
    let numbers = [
        ("temperature", temperature),
        ("top_p", top_p),
        ("frequency_penalty", frequency_penalty),
        ("presence_penalty", presence_penalty),
        ("seed", seed),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            it.key(name).digits(*number);
        }
    }
    match top_k {
        // OpenAI refuses it; who asks for it in this dialect knows a provider that does not.
        Some(top_k) if conversation.origin == Dialect::OpenAi => it.key("top_k").digits(*top_k),
        Some(_) => dropped.note_field(true, Field::TopK, conversation.origin),
        None => {}
    }
    if !stop.is_empty() {
        it.key("stop").array(|it| stop.iter().for_each(|text| it.text(text)));
    }
    for (name, number) in [("n", n), ("top_logprobs", top_logprobs)] {
        if let Some(number) = number {
            it.key(name).number(*number);
        }
    }
    if let Some(logprobs) = logprobs {
        it.key("logprobs").bool(*logprobs);
    }
}

fn write_rest(it: &mut Writer, conversation: &Conversation<'_>, dropped: &mut Dropped) {
    if let Some(user) = &conversation.user {
        it.key("user").text(user);
    }
    if let Some(metadata) = conversation.metadata {
        it.key("metadata").node(metadata);
    }
    match &conversation.service_tier {
        // Anthropic's word for what is not `priority`.
        Some(tier) if *tier == "standard_only" => it.key("service_tier").string("default"),
        Some(tier) => it.key("service_tier").text(tier),
        None => {}
    }
    let mut foreign = Vec::new();
    for (name, value) in &conversation.extras {
        if is_written_here(conversation, name) {
            it.key(name).node(*value);
        } else if conversation.origin != Dialect::OpenAi {
            foreign.push((name.clone(), *value));
        }
    }
    dropped.note_extras(conversation, Dialect::OpenAi, "", &foreign);
}

fn is_written_here(conversation: &Conversation<'_>, name: &str) -> bool {
    match conversation.origin {
        Dialect::OpenAi => {
            let is_thinking = reasoning::MEMBERS.contains(&name);
            let thinks = is_thinking && conversation.reasoning.written.is_some();
            !(thinks || name == "stream_options" || name.is_empty())
        }
        Dialect::Responses | Dialect::Completions => SHARED.contains(&name),
        Dialect::Anthropic | Dialect::Gemini | Dialect::Ollama | Dialect::OllamaGenerate => false,
    }
}
