//! What the prompt of a request body is in tokens: counted, estimated, or bounded.

use super::media::{Media, is_media};
use super::tally::{NESTED, Tally, elements, members};
use super::{Family, count, estimate};

/// A number of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// How many.
    pub tokens: u64,
    /// That many, and not about that many.
    pub exact: bool,
}

/// Counts the prompt of a request: chat, completions or embeddings of OpenAI, messages of
/// Anthropic, contents of Gemini.
///
/// Exact for texts and the messages that hold them, where the family's vocabulary is known.
/// Tools, schemas, images, sound and files are estimated, and everything is for other families.
///
/// ```
/// use tollgate_core::tokens::{Family, request_tokens};
///
/// let body = br#"{"model":"gpt-4o","messages":[{"role":"user","content":"Hi"}]}"#;
/// let counted = request_tokens(Family::for_model("gpt-4o"), body);
/// assert_eq!((counted.tokens, counted.exact), (8, true));
/// ```
pub fn request_tokens(family: Family, body: &[u8]) -> Counted {
    let tally = Tally::of(family, body);
    let plain = tally.calls + tally.tools + tally.schema + tally.media == 0 && !tally.unknown;
    let tokens = match family {
        Family::Reasoning => openai(&tally, 2, 96),
        Family::Gpt4o | Family::Gpt4oMini | Family::Cl100k | Family::Routed => openai(&tally, 3, 9),
        Family::GptOss
        | Family::Claude
        | Family::Gemini
        | Family::Llama
        | Family::Qwen
        | Family::Mistral
        | Family::DeepSeek
        | Family::Glm
        | Family::Cohere
        | Family::Other => estimate::prompt(family, &tally),
    };
    let exact = plain && family.is_exact() && family != Family::GptOss;
    // An estimate may not exceed what cannot be exceeded.
    Counted { tokens: if exact { tokens } else { tokens.min(upper_bound(family, body)) }, exact }
}

/// Counts a text that a model of the family reads or writes.
pub fn text_tokens(family: Family, text: &str) -> Counted {
    scaled(family, count(family.encoding(), text))
}

/// Returns what a family makes of a text of which its encoding makes `counted`.
pub(crate) fn scaled(family: Family, counted: u64) -> Counted {
    let exact = family.is_exact();
    let tokens = if exact { counted } else { estimate::text_tokens(family, counted) };
    Counted { tokens, exact }
}

/// Applies OpenAI's framing, as documented in the cookbook's `How to count tokens`: three tokens
/// for each message, one for a name, and those that begin the answer.
fn openai(tally: &Tally, priming: u64, namespace: u64) -> u64 {
    let mut tokens = tally.text + tally.roles + tally.call_text + tally.schema + tally.media;
    if tally.messages > 0 {
        tokens += 3 * tally.messages + tally.names + priming;
    }
    // What follows is not documented; it is what the recorded counts show.
    tokens += 5 * tally.calls + 18 * tally.parallel;
    if tally.schema > 0 {
        tokens += 20;
    }
    if tally.tools > 0 {
        tokens += tally.tool_text + 7 + namespace;
        // The declarations join the system message that is there.
        tokens -= if tally.systems > 0 { 4 } else { 0 };
    }
    tokens
}

/// Returns a number of tokens that the prompt of a body does not exceed, without counting.
///
/// No token of text has less than a byte, whatever the vocabulary, and what stands in the body
/// has no fewer bytes than the text it means: an escape of six bytes means at most three.
/// A message costs three tokens above its text, and a name one; `{},` and `"name":"",` have as
/// many bytes at least. So the body's length bounds the prompt, with three exceptions that are
/// added: what a provider puts before a prompt, the declarations of tools, which are shown in
/// another form (their length counts twice, with a constant for each, and with what announces
/// them), and media, whose length says nothing and whose own bound replaces it.
///
/// What is only referred to (`file_id`, `previous_response_id`, results of a provider's own
/// tools) cannot be bounded by anything but what fits into the model: cap the bound by that.
pub fn upper_bound(family: Family, body: &[u8]) -> u64 {
    let mut bound = Bound { family, tokens: body.len() as u64 + PREFACE };
    for (key, value) in members(body) {
        match &*key {
            "messages" | "contents" | "input" | "prompt" => {
                elements(value).for_each(|message| bound.message(message));
            }
            "system" | "systemInstruction" | "system_instruction" => bound.message(value),
            "tools" | "functions" => bound.tools(value),
            _ => {}
        }
    }
    bound.tokens
}

struct Bound {
    family: Family,
    tokens: u64,
}

impl Bound {
    fn message(&mut self, message: &[u8]) {
        for (key, value) in members(message) {
            match &*key {
                "content" | "parts" | "output" => {
                    elements(value).for_each(|part| self.part(part, NESTED));
                }
                key if is_media(key) => self.media(key, value),
                _ => {}
            }
        }
    }

    fn part(&mut self, part: &[u8], depth: u32) {
        for (key, value) in members(part) {
            match &*key {
                key if is_media(key) => self.media(key, value),
                "content" | "parts" if depth > 0 => {
                    elements(value).for_each(|part| self.part(part, depth - 1));
                }
                _ => {}
            }
        }
    }

    fn media(&mut self, key: &str, value: &[u8]) {
        let media = Media::read(key, value);
        self.tokens = self.tokens.saturating_sub(media.encoded()) + media.at_most(self.family);
    }

    fn tools(&mut self, list: &[u8]) {
        let number = elements(list).count() as u64;
        if number > 0 {
            self.tokens += TOOLS + TOOL * number + list.len() as u64;
        }
    }
}

/// What a provider puts before a prompt: the system message of gpt-oss has about 70 tokens.
const PREFACE: u64 = 160;
/// What announces tools: Anthropic documents up to 530 tokens, and recordings show some 600.
const TOOLS: u64 = 1_000;
/// The frame of one declaration.
const TOOL: u64 = 32;
