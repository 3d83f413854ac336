//! Whole chat answers: read from providers, written for clients.

use std::borrow::Cow;

use super::call::{self, Form};
use super::{finish, media, part, thought, usage};
use crate::dialect::Dialect;
use crate::dialect::chat::answer::{Answer, Choice, ReplyTo};
use crate::dialect::chat::message::ToolCall;
use crate::dialect::chat::{Media, MediaKind, Part, PartKind, Source, WRITTEN, tool, written};
use crate::json::node::{Node, Text};
use crate::json::scan::Malformed;
use crate::json::write::Writer;

/// Reads an answer.
///
/// # Errors
/// When it is no JSON object, or has no `choices`: some providers answer 200 and an error.
pub fn read(body: &[u8]) -> Result<Answer<'_>, Malformed> {
    std::str::from_utf8(body)
        .map_err(|error| Malformed { at: error.valid_up_to(), what: "not UTF-8" })?;
    let body = Node::object(body)?;
    let mut answer = Answer::of(Dialect::OpenAi);
    let (mut choices, mut groq) = (None, None);
    for (name, value) in body.members() {
        match &*name {
            "id" => answer.id = value.text().filter(|id| !id.is_empty()),
            "object" => {}
            "created" => answer.created = value.u64(),
            "model" => answer.model = value.text(),
            "choices" if value.is_array() => choices = Some(value),
            "usage" => answer.usage = usage::read(value).or(answer.usage),
            "service_tier" => answer.service_tier = value.text(),
            _ => {
                if name == "x_groq" {
                    groq = value.get("usage");
                }
                answer.extras.push((name, value));
            }
        }
    }
    answer.usage = answer.usage.or_else(|| groq.and_then(usage::read));
    let choices = choices.ok_or(Malformed { at: 0, what: "expected choices" })?;
    answer.choices = choices.items().map(read_choice).collect();
    Ok(answer)
}

fn read_choice(node: Node<'_>) -> Choice<'_> {
    let mut choice = Choice { parts: Vec::new(), finish: None, logprobs: None };
    let mut has_more = false;
    for (name, value) in node.members() {
        match &*name {
            _ if value.is_null() => {}
            "index" => {}
            "message" => has_more |= read_message(value, &mut choice.parts),
            "finish_reason" => choice.finish = finish::read(value),
            "logprobs" => choice.logprobs = Some(Cow::Borrowed(value.raw())),
            _ => has_more = true,
        }
    }
    if has_more {
        choice.parts.push(Part::new(PartKind::Other(Dialect::OpenAi, node)));
    }
    choice
}

/// Members of a choice and of its message that parts are made of.
const READ: [&str; 15] = [
    "index",
    "message",
    "finish_reason",
    "logprobs",
    "role",
    "content",
    "refusal",
    "tool_calls",
    "function_call",
    "audio",
    "images",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "object",
];

/// Reads a message, and tells whether it has members that no part is made of.
fn read_message<'a>(message: Node<'a>, parts: &mut Vec<Part<'a>>) -> bool {
    let (mut content, mut refusal, mut calls, mut function) = (None, None, None, None);
    let (mut audio, mut images, mut thoughts) = (None, None, thought::Fields::default());
    let mut has_more = false;
    for (name, value) in message.members() {
        match &*name {
            _ if value.is_null() => {}
            "content" => content = Some(value),
            "refusal" => refusal = value.text(),
            "tool_calls" => calls = Some(value),
            "function_call" => function = Some(value),
            "audio" => audio = read_audio(value),
            "images" => images = Some(value),
            other if thoughts.take(other, value) => {}
            other => has_more |= !READ.contains(&other) && !is_empty(value),
        }
    }
    parts.extend(thoughts.parts());
    if let Some(content) = content {
        read_content(content, parts);
    }
    parts.extend(refusal.map(|refusal| Part::new(PartKind::Refusal(refusal))));
    parts.extend(images.iter().flat_map(|images| images.items()).filter_map(read_image));
    parts.extend(audio.into_iter().flatten());
    parts.extend(calls.iter().flat_map(|calls| calls.items()).filter_map(call::read));
    parts.extend(function.and_then(call::read_legacy));
    has_more
}

fn is_empty(value: Node<'_>) -> bool {
    matches!(value.raw(), b"[]" | b"{}")
}

/// Reads a text, or the array of parts that Mistral answers. What is no known part stays.
fn read_content<'a>(content: Node<'a>, parts: &mut Vec<Part<'a>>) {
    if let Some(text) = content.text().filter(|text| !text.is_empty()) {
        parts.push(Part::text(text));
    }
    for item in content.items() {
        let other = || Part::new(PartKind::Other(Dialect::OpenAi, item));
        parts.push(part::read(item).unwrap_or_else(|_| other()));
    }
}

/// Reads an image that the model made, as `OpenRouter` gives it.
fn read_image(node: Node<'_>) -> Option<Part<'_>> {
    let media = part::linked(MediaKind::Image, node.get("image_url")?)?;
    let mut part = Part::new(PartKind::Media(media));
    part.extras.push((WRITTEN.into(), node));
    Some(part)
}

/// Reads what the model says, and the text of it.
fn read_audio(node: Node<'_>) -> Option<[Part<'_>; 2]> {
    let (mut data, mut transcript) = (None, Text::default());
    for (name, value) in node.members() {
        match &*name {
            "data" => data = value.text(),
            "transcript" => transcript = value.text().unwrap_or_default(),
            _ => {}
        }
    }
    let data = data?;
    let source = Source::Base64 { mime: media::audio_mime(&data), data };
    let media = Media { kind: MediaKind::Audio, source, name: None, detail: None };
    let mut sound = Part::new(PartKind::Media(media));
    let mut words = Part::text(transcript);
    sound.extras.push((WRITTEN.into(), node));
    words.extras.push((WRITTEN.into(), node));
    Some([sound, words])
}

/// Writes an answer.
pub fn write(answer: &Answer<'_>, to: &ReplyTo) -> Vec<u8> {
    let own = answer.origin == Dialect::OpenAi;
    let mut writer = Writer::default();
    writer.object(|it| {
        match &answer.id {
            Some(id) => it.key("id").text(id),
            None => it.key("id").string(&format!("chatcmpl-{}", to.id)),
        }
        it.key("object").string("chat.completion");
        it.key("created").number(answer.created.unwrap_or(to.created));
        it.key("model").string(&to.model);
        it.key("choices").array(|it| {
            for (index, choice) in answer.choices.iter().enumerate() {
                write_choice(it, index, choice, own, to);
            }
        });
        if let Some(usage) = &answer.usage {
            usage::write(it.key("usage"), usage);
        }
        if let Some(tier) = &answer.service_tier {
            it.key("service_tier").text(tier);
        }
        for (name, value) in answer.extras.iter().filter(|(name, _)| own && !name.is_empty()) {
            it.key(name).node(*value);
        }
    });
    writer.into_bytes()
}

fn write_choice(it: &mut Writer, index: usize, choice: &Choice<'_>, own: bool, to: &ReplyTo) {
    let whole = choice.parts.iter().find_map(|part| {
        let PartKind::Other(Dialect::OpenAi, node) = &part.kind else { return None };
        node.get("message").map(|_| *node)
    });
    let more = |it: &mut Writer, node: Option<Node<'_>>| {
        for (name, value) in node.into_iter().filter(|_| own).flat_map(Node::members) {
            if !READ.contains(&&*name) && !value.is_null() {
                it.key(&name).node(value);
            }
        }
    };
    it.object(|it| {
        it.key("index").number(u64::try_from(index).unwrap_or(u64::MAX));
        it.key("message").object(|it| {
            write_message(it, &choice.parts, own, to);
            more(it, whole.and_then(|whole| whole.get("message")));
        });
        match &choice.logprobs {
            Some(logprobs) => it.key("logprobs").raw(logprobs),
            None => it.key("logprobs").null(),
        }
        match &choice.finish {
            Some(finish) => it.key("finish_reason").string(finish::word(finish.reason)),
            None => it.key("finish_reason").null(),
        }
        more(it, whole);
    });
}

fn write_message(it: &mut Writer, parts: &[Part<'_>], own: bool, to: &ReplyTo) {
    it.key("role").string("assistant");
    write_content(it, parts, own);
    let refusal = parts.iter().find_map(|part| {
        let PartKind::Refusal(text) = &part.kind else { return None };
        Some(text)
    });
    match refusal {
        Some(text) => it.key("refusal").text(text),
        None => it.key("refusal").null(),
    }
    if own {
        thought::write_as_read(it, parts);
    } else {
        thought::write_for_client(it, parts);
    }
    write_media(it, parts, own, to);
    let calls = || {
        parts.iter().filter_map(|part| {
            let PartKind::ToolCall(tool_call) = &part.kind else { return None };
            Some((part, tool_call))
        })
    };
    if calls().next().is_some() {
        it.key("tool_calls").array(|it| {
            for (index, (part, tool_call)) in calls().enumerate() {
                write_call(it, part, tool_call, index, own, to);
            }
        });
    }
}

fn write_call(
    it: &mut Writer,
    part: &Part<'_>,
    tool_call: &ToolCall<'_>,
    index: usize,
    own: bool,
    to: &ReplyTo,
) {
    let made;
    let id = if tool_call.id.is_empty() {
        made = Text::of(&format!("call_{}{index}", to.id));
        &made
    } else {
        &tool_call.id
    };
    let is_text = !tool_call.custom && to.custom_tools.iter().any(|name| tool_call.name == **name);
    if is_text {
        let arguments = tool::free_text(&tool_call.arguments.to_text());
        let mut freed = tool_call.clone();
        freed.arguments = crate::dialect::chat::message::Arguments::Text(arguments);
        freed.custom = true;
        return call::write(it, part, &freed, id, Form { as_read: false, custom: true });
    }
    // What came without an id, or without the type that clients want, is written anew.
    let is_whole = !tool_call.id.is_empty()
        && written(&part.extras).is_some_and(|node| node.get("type").is_some());
    call::write(it, part, tool_call, id, Form { as_read: own && is_whole, custom: true });
}

/// Writes the text. A client that is used to Mistral's arrays gets them from Mistral.
fn write_content(it: &mut Writer, parts: &[Part<'_>], own: bool) {
    let in_content = |part: &&Part<'_>| {
        let PartKind::Other(Dialect::OpenAi, node) = &part.kind else {
            return matches!(part.kind, PartKind::Reasoning(_)) && thought::is_in_content(part);
        };
        node.get("message").is_none()
    };
    if own && parts.iter().any(|part| in_content(&part)) {
        return it.key("content").array(|it| {
            for part in parts {
                match (&part.kind, written(&part.extras)) {
                    (PartKind::Text(_) | PartKind::Reasoning(_), Some(node)) => it.node(node),
                    (PartKind::Other(_, node), _) if in_content(&part) => it.node(*node),
                    _ => {}
                }
            }
        });
    }
    // What was said aloud is told with the sound.
    let is_spoken = |part: &Part<'_>| {
        own && written(&part.extras).is_some_and(|node| node.get("data").is_some())
    };
    let texts: Vec<_> = parts
        .iter()
        .filter(|part| !is_spoken(part))
        .filter_map(|part| {
            let PartKind::Text(text) = &part.kind else { return None };
            Some(text)
        })
        .collect();
    let says_else = parts.iter().any(|part| {
        matches!(part.kind, PartKind::ToolCall(_) | PartKind::Refusal(_) | PartKind::Media(_))
    });
    if texts.is_empty() && says_else {
        it.key("content").null();
    } else {
        it.key("content").texts(texts);
    }
}

/// Writes sounds as OpenAI does and images as `OpenRouter` does.
fn write_media(it: &mut Writer, parts: &[Part<'_>], own: bool, to: &ReplyTo) {
    let of_kind = |kind: MediaKind| {
        parts.iter().filter_map(move |part| {
            let PartKind::Media(media) = &part.kind else { return None };
            (media.kind == kind).then_some((part, media))
        })
    };
    if let Some((part, media)) = of_kind(MediaKind::Audio).next() {
        match (written(&part.extras).filter(|_| own), &media.source) {
            (Some(node), _) => it.key("audio").node(node),
            (None, Source::Base64 { data, .. }) => write_audio(it.key("audio"), data, to),
            (None, Source::Url { .. } | Source::File(_) | Source::Text(_)) => {}
        }
    }
    if of_kind(MediaKind::Image).next().is_some() {
        it.key("images").array(|it| {
            for (part, media) in of_kind(MediaKind::Image) {
                match written(&part.extras).filter(|_| own) {
                    Some(node) => it.node(node),
                    None => media::write(it, media),
                }
            }
        });
    }
}

/// Writes a sound; its time of expiry is now, since nothing is kept here.
pub(super) fn write_audio(it: &mut Writer, data: &Text<'_>, to: &ReplyTo) {
    it.object(|it| {
        it.key("id").string(&format!("audio_{}", to.id));
        it.key("data").text(data);
        it.key("expires_at").number(to.created);
        it.key("transcript").string("");
    });
}
