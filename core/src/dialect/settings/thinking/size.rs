//! How much there is to think about.

use std::borrow::Cow;

use tollgate_proto::v1::Endpoint;

use crate::json::node::Node;
use crate::json::patch::Patch;

/// What the scale of budgets looks at.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    messages: usize,
    tools: usize,
    /// Characters of the last text of the user.
    last_text: usize,
}

impl Size {
    /// Makes a budget larger by half for more than 10 messages, by half for more than 3 tools, and
    /// by three tenths for a last text of more than 2000 characters.
    pub(super) fn scale(&self, base: u64) -> u64 {
        let more = |is_more: bool, tenths: u64| if is_more { tenths } else { 0 };
        let tenths = 10
            + more(self.messages > 10, 5)
            + more(self.tools > 3, 5)
            + more(self.last_text > 2_000, 3);
        base.saturating_mul(tenths) / 10
    }
}

/// Measures the conversation of a body.
pub(super) fn of(endpoint: Endpoint, patch: &Patch<'_>) -> Size {
    let lists = ["messages", "input", "contents"];
    let tools = patch.get("tools").map_or(0, count_tools);
    let Some(list) = patch.find(|name| lists.contains(&name)) else {
        return Size { tools, ..Size::default() };
    };
    if let Some(text) = list.string() {
        return Size { messages: 1, tools, last_text: text.chars().count() };
    }
    let is_users = |message: &Node<'_>| match message.get("role").and_then(Node::string) {
        Some(role) => role == "user",
        None => endpoint == Endpoint::GenerateContent,
    };
    let texts = list.items().filter(is_users).map(length).filter(|length| *length > 0);
    Size { messages: list.items().count(), tools, last_text: texts.last().unwrap_or(0) }
}

/// Gemini groups what can be called.
fn count_tools(tools: Node<'_>) -> usize {
    let functions = |tool: Node<'_>| {
        let found = tool
            .members()
            .find(|(name, _)| matches!(&**name, "functionDeclarations" | "function_declarations"));
        found.map_or(1, |(_, functions)| functions.items().count())
    };
    tools.items().map(functions).sum()
}

/// Returns how many characters a message has, in texts.
fn length(message: Node<'_>) -> usize {
    let characters = |text: Cow<'_, str>| text.chars().count();
    let Some(content) = message.get("content").or_else(|| message.get("parts")) else { return 0 };
    match content.string() {
        Some(text) => characters(text),
        None => content
            .items()
            .filter_map(|part| part.get("text").and_then(Node::string))
            .map(characters)
            .sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_grow_with_what_there_is_to_do() {
        let small = Size { messages: 10, tools: 3, last_text: 2_000 };
        let large = Size { messages: 11, tools: 4, last_text: 2_001 };

        assert_eq!((small.scale(1_024), large.scale(1_024)), (1_024, 2_355));
        assert_eq!(large.scale(0), 0, "none is none");
    }

    #[test]
    fn every_dialect_is_measured_alike() {
        let cases = [
            (
                Endpoint::Messages,
                r#"{"tools":[{},{}],"messages":[{"role":"user","content":"aé"},{"role":"assistant",
                "content":"abc"},{"role":"user","content":[{"type":"tool_result"}]}]}"#,
            ),
            (
                Endpoint::GenerateContent,
                r#"{"tools":[{"functionDeclarations":[{},{}]}],"contents":[
                {"parts":[{"text":"a"},{"text":"b"}]},{"role":"model","parts":[{"text":"abc"}]},
                {"role":"user","parts":[{"functionResponse":{}}]}]}"#,
            ),
            (
                Endpoint::Responses,
                r#"{"tools":[{},{}],"input":[{"role":"user","content":[{"type":"input_text",
                "text":"ab"}]},{"type":"function_call"},{"type":"function_call_output"}]}"#,
            ),
        ];
        for (endpoint, body) in cases {
            let size = of(endpoint, &Patch::of(body.as_bytes()));
            assert_eq!(size, Size { messages: 3, tools: 2, last_text: 2 }, "{body}");
        }
        let text = of(Endpoint::Responses, &Patch::of(br#"{"input":"abc"}"#));
        assert_eq!(text, Size { messages: 1, tools: 0, last_text: 3 });
    }
}
