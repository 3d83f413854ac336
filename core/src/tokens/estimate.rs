//! Prompts of models whose tokenizers are not public, estimated from what `o200k_base` counts.
//!
//! Each family has a factor for text and what its chat template adds, fitted to recorded usage;
//! `docs/tokens.md` publishes the errors.

use super::Family;
use super::tally::Tally;

/// What a family's text and template come to.
#[derive(Debug, Clone, Copy)]
struct Template {
    /// Tokens of text for a hundred of `o200k_base`.
    percent: u64,
    /// What every request has, and every message.
    request: u64,
    message: u64,
    /// What the first tool adds, the declarations for a hundred tokens, and each call.
    tools: u64,
    tool_percent: u64,
    call: u64,
    /// What a schema for the answer adds, a tool that must be called, and a budget of thoughts.
    schema: u64,
    forced: u64,
    thinking: u64,
}

const PLAIN: Template = Template {
    percent: 100,
    request: 2,
    message: 4,
    tools: 150,
    tool_percent: 120,
    call: 20,
    schema: 20,
    forced: 0,
    thinking: 0,
};

/// Returns the tokens that a prompt will have for a family without a public tokenizer.
pub(crate) fn prompt(family: Family, tally: &Tally) -> u64 {
    let template = template(family);
    let text = tally.text + tally.call_text + tally.schema;
    let mut tokens = text_tokens(family, text) + tally.media;
    if tally.messages > 0 {
        tokens += template.request + template.message * tally.messages;
    }
    tokens += template.call * tally.calls;
    if tally.tools > 0 {
        tokens += template.tools + scaled(tally.tool_json, template.tool_percent);
        tokens += template.forced * u64::from(tally.forced);
    }
    if tally.schema > 0 {
        tokens += template.schema;
    }
    tokens + template.thinking * u64::from(tally.thinking)
}

/// Returns the tokens of a text of which `o200k_base` makes `counted`.
pub(crate) fn text_tokens(family: Family, counted: u64) -> u64 {
    scaled(counted, template(family).percent)
}

fn scaled(tokens: u64, percent: u64) -> u64 {
    tokens.saturating_mul(percent).div_ceil(100)
}

fn template(family: Family) -> Template {
    match family {
        Family::Claude => Template {
            percent: 107,
            request: 0,
            message: 5,
            tools: 503,
            tool_percent: 123,
            call: 37,
            schema: 140,
            forced: 94,
            thinking: 30,
        },
        Family::Gemini => Template {
            request: 0,
            message: 0,
            tools: 0,
            tool_percent: 112,
            call: 29,
            schema: 0,
            forced: 60,
            ..PLAIN
        },
        Family::GptOss => {
            Template { request: 63, tools: 16, tool_percent: 50, schema: 60, ..PLAIN }
        }
        Family::Llama => {
            Template { request: 30, message: 5, tools: 650, tool_percent: 100, ..PLAIN }
        }
        Family::Qwen => Template { message: 5, tools: 230, ..PLAIN },
        Family::DeepSeek => {
            Template { request: 0, message: 3, tools: 150, tool_percent: 140, call: 45, ..PLAIN }
        }
        Family::Glm => Template { request: 0, message: 6, ..PLAIN },
        Family::Mistral => {
            Template { request: 4, message: 3, tools: 12, tool_percent: 132, ..PLAIN }
        }
        Family::Gpt4o
        | Family::Gpt4oMini
        | Family::Reasoning
        | Family::Cl100k
        | Family::Routed
        | Family::Cohere
        | Family::Other => PLAIN,
    }
}
