//! What a client's dialect calls a thing that chat completions cannot say.

use std::borrow::Cow;

use crate::dialect::Dialect;
use crate::dialect::chat::{Tool, ToolKind};
use crate::json::node::Node;

/// A thing that may have to be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thing {
    Messages,
    Parts,
    Cache,
    IsError,
    Media,
    OtherPart,
    Shown,
    Thought,
    ToolCache,
    Tools,
    UsageInStream,
}

/// Returns the client's name of a thing.
pub(super) fn of(origin: Dialect, thing: Thing) -> &'static str {
    let [openai, responses, anthropic, gemini, ollama] = names(thing);
    let own = match origin {
        Dialect::OpenAi | Dialect::Completions => openai,
        Dialect::Responses => responses,
        Dialect::Anthropic => anthropic,
        Dialect::Gemini => gemini,
        Dialect::Ollama | Dialect::OllamaGenerate => ollama,
    };
    if own.is_empty() { openai } else { own }
}

/// Returns the names in OpenAI's chat, Responses, Anthropic, Gemini and Ollama; empty where it is
/// OpenAI's.
fn names(thing: Thing) -> [&'static str; 5] {
    match thing {
        Thing::Messages => ["messages[]", "input[]", "", "contents[]", ""],
        Thing::Parts => ["messages[].content[]", "input[].content[]", "", "contents[].parts[]", ""],
        Thing::Cache => ["messages[].content[].cache_control", "", "", "", ""],
        Thing::IsError => [
            "messages[].is_error",
            "input[].status",
            "messages[].content[].is_error",
            "contents[].parts[].functionResponse.response",
            "",
        ],
        Thing::Media => [
            "messages[].content[]",
            "input[].content[]",
            "messages[].content[].source",
            "contents[].parts[].fileData",
            "messages[].images",
        ],
        Thing::OtherPart => ["messages[].content[]", "input[]", "", "contents[].parts[]", ""],
        Thing::Shown => [
            "reasoning.exclude",
            "reasoning.summary",
            "thinking.display",
            "generationConfig.thinkingConfig.includeThoughts",
            "think",
        ],
        Thing::Thought => [
            "messages[].reasoning_content",
            "input[].reasoning",
            "messages[].content[].thinking",
            "contents[].parts[].thought",
            "messages[].thinking",
        ],
        Thing::ToolCache => ["tools[].cache_control", "", "", "", ""],
        Thing::Tools => ["tools[]", "", "", "", ""],
        Thing::UsageInStream => ["stream_options.include_usage", "", "", "", ""],
    }
}

/// Names a tool that only the client's dialect has, by its type where it says one.
pub(super) fn tool(origin: Dialect, tool: &Tool<'_>) -> Cow<'static, str> {
    let ToolKind::Other(_, node) = &tool.kind else { return of(origin, Thing::Tools).into() };
    let kind = match node.get("type").and_then(Node::string) {
        Some(kind) => Some(kind),
        // Gemini's are objects with one member.
        None => node.members().next().map(|(name, _)| name),
    };
    let plain = |kind: Cow<'_, str>| -> String {
        let known = |c: &char| c.is_ascii_alphanumeric() || "_-.:".contains(*c);
        kind.chars().filter(known).take(64).collect()
    };
    match kind {
        Some(kind) => format!("tools[].{}", plain(kind)).into(),
        None => of(origin, Thing::Tools).into(),
    }
}
