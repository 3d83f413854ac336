//! Writing requests.

use super::{LOGPROBS, items, tools};
use crate::dialect::Dialect;
use crate::dialect::chat::{
    Conversation, Dropped, Extras, Field, Format, Towards, reasoning::Effort,
};
use crate::json::node::{Node, Text};
use crate::json::write::Writer;

/// Writes the request for a provider, and notes what it cannot be told.
pub fn write(
    conversation: &Conversation<'_>,
    towards: Towards<'_>,
    dropped: &mut Dropped,
) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.object(|it| {
        it.key("model").string(towards.model);
        items::write(conversation, it, dropped);
        tools::write(conversation, it, dropped);
        if let Some(parallel) = conversation.parallel_tool_calls {
            it.key("parallel_tool_calls").bool(parallel);
        }
        sampling(conversation, it, dropped);
        reasoning(conversation, it);
        text(conversation, it);
        about_the_request(conversation, it, dropped);
        extras(conversation, it, dropped);
        if conversation.stream {
            it.key("stream").bool(true);
        }
    });
    writer.into_bytes()
}

/// The API refuses smaller limits.
const LEAST_OUTPUT: u64 = 16;

fn sampling(conversation: &Conversation<'_>, it: &mut Writer, dropped: &mut Dropped) {
    let sampling = &conversation.sampling;
    let mut lacks = |is_set, field| dropped.note_field(is_set, field, conversation.origin);
    lacks(sampling.top_k.is_some(), Field::TopK);
    lacks(sampling.frequency_penalty.is_some(), Field::FrequencyPenalty);
    lacks(sampling.presence_penalty.is_some(), Field::PresencePenalty);
    lacks(sampling.seed.is_some(), Field::Seed);
    lacks(!sampling.stop.is_empty(), Field::Stop);
    lacks(sampling.n.is_some_and(|n| n > 1), Field::Choices);
    if let Some(most) = conversation.max_tokens {
        it.key("max_output_tokens").number(most.max(LEAST_OUTPUT));
    }
    if let Some(temperature) = sampling.temperature {
        it.key("temperature").digits(temperature);
    }
    if let Some(top_p) = sampling.top_p {
        it.key("top_p").digits(top_p);
    }
    if let Some(count) = sampling.top_logprobs {
        it.key("top_logprobs").number(count);
    }
}

fn reasoning(conversation: &Conversation<'_>, it: &mut Writer) {
    let wish = &conversation.reasoning;
    if let Some(node) = wish.written.filter(|_| is_own(conversation)) {
        return it.key("reasoning").node(node);
    }
    let effort = wish.as_effort();
    // Whoever switches thinking on without more sees it in the dialects that have a switch.
    let wished = wish.shown.unwrap_or(wish.enabled == Some(true));
    let shown = wished && effort != Some(Effort::None);
    if effort.is_none() && !shown {
        return;
    }
    it.key("reasoning").object(|it| {
        if let Some(effort) = effort {
            it.key("effort").string(effort.name());
        }
        if shown {
            let usual = Text::of("auto");
            it.key("summary").text(wish.summary.as_ref().unwrap_or(&usual));
        }
    });
}

/// Writes the format, and what belongs to `text` besides.
fn text(conversation: &Conversation<'_>, it: &mut Writer) {
    let prefix = if is_own(conversation) { "text." } else { "" };
    let others: Vec<_> = conversation
        .extras
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(prefix)?, *value)))
        .filter(|(name, _)| is_own(conversation) || is_verbosity(conversation, name))
        .collect();
    if conversation.format.is_none() && others.is_empty() && !is_own(conversation) {
        return;
    }
    it.key("text").object(|it| {
        it.key("format").object(|it| format(conversation.format.as_ref(), it));
        for (name, value) in others {
            it.key(name).node(value);
        }
    });
}

fn is_verbosity(conversation: &Conversation<'_>, name: &str) -> bool {
    conversation.origin == Dialect::OpenAi && name == "verbosity"
}

fn format(format: Option<&Format<'_>>, it: &mut Writer) {
    match format {
        None => it.key("type").string("text"),
        Some(Format::Json) => it.key("type").string("json_object"),
        Some(Format::Schema { name, description, schema, strict }) => {
            it.key("type").string("json_schema");
            match name {
                Some(name) => it.key("name").text(name),
                None => it.key("name").string("answer"),
            }
            if let Some(description) = description {
                it.key("description").text(description);
            }
            it.key("schema").node(*schema);
            if let Some(strict) = strict {
                it.key("strict").bool(*strict);
            }
        }
    }
}

/// Writes who asks and how the request is to be served.
fn about_the_request(conversation: &Conversation<'_>, it: &mut Writer, dropped: &mut Dropped) {
    if let Some(user) = &conversation.user {
        it.key("user").text(user);
    }
    if let Some(metadata) = conversation.metadata {
        it.key("metadata").node(metadata);
    }
    if let Some(tier) = &conversation.service_tier {
        let named = tier.decoded();
        match &*named {
            _ if is_own(conversation) => it.key("service_tier").text(tier),
            "auto" | "default" | "flex" | "scale" | "priority" => {
                it.key("service_tier").text(tier);
            }
            "standard_only" | "standard" => it.key("service_tier").string("default"),
            _ => dropped.note_field(true, Field::ServiceTier, conversation.origin),
        }
    }
}

/// Members that OpenAI's two dialects have in common.
const SHARED: [&str; 6] = [
    "store",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "moderation",
    "prompt_cache_options",
];

fn extras(conversation: &Conversation<'_>, it: &mut Writer, dropped: &mut Dropped) {
    if is_own(conversation) {
        let others = conversation.extras.iter().filter(|(name, _)| !name.starts_with("text."));
        others.for_each(|(name, value)| it.key(name).node(*value));
        return;
    }
    let (mut stored, mut foreign) = (false, Extras::new());
    for (name, value) in &conversation.extras {
        if conversation.origin == Dialect::OpenAi && SHARED.contains(&&**name) {
            stored |= name == "store";
            it.key(name).node(*value);
        } else if !is_verbosity(conversation, name) {
            foreign.push((name.clone(), *value));
        }
    }
    dropped.note_extras(conversation, Dialect::Responses, "", &foreign);
    // Others keep nothing unless they are asked to.
    if !stored {
        it.key("store").bool(false);
    }
    include(conversation, it);
}

/// Asks for what clients of other dialects need to go on: they hold the whole conversation.
fn include(conversation: &Conversation<'_>, it: &mut Writer) {
    // Models that do not reason refuse to be asked.
    let reasons = conversation.reasoning.as_effort().is_some_and(|effort| effort != Effort::None)
        || conversation.reasoning.shown == Some(true);
    let likely = conversation.sampling.logprobs == Some(true);
    if !reasons && !likely {
        return;
    }
    it.key("include").array(|it| {
        if reasons {
            it.string("reasoning.encrypted_content");
        }
        if likely {
            it.string(LOGPROBS);
        }
    });
}

fn is_own(conversation: &Conversation<'_>) -> bool {
    conversation.origin == Dialect::Responses
}

/// Tells whether a node is an empty text, which stands for no part.
pub(super) fn is_continued(written: Node<'_>) -> bool {
    written.raw().is_empty()
}
