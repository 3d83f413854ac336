//! Chat requests: read from clients, written for providers.

use crate::dialect::Dialect;
use crate::dialect::chat::{Conversation, Dropped, Sampling, Towards};
use crate::dialect::checked::{self, array, boolean, count, invalid, number, object, text, texts};
use crate::json::node::Node;
use crate::refusal::Refusal;

mod history;
mod message;
mod names;
pub(in crate::dialect) mod reasoning;
mod tools;
mod write;

/// Reads the body of a chat request.
///
/// # Errors
/// When it is no JSON object, or what OpenAI answers with 400.
pub fn read(body: &[u8]) -> Result<Conversation<'_>, Refusal> {
    let body = checked::body(body)?;
    let mut draft = Draft::new(body);
    for (name, value) in body.members() {
        if !value.is_null() {
            draft.take(&name, value)?;
        }
    }
    draft.finish()
}

/// Writes a conversation as the body of a chat request, and notes what it cannot say.
pub fn write(
    conversation: &Conversation<'_>,
    towards: Towards<'_>,
    dropped: &mut Dropped,
) -> Vec<u8> {
    write::body(conversation, towards, dropped)
}

/// A conversation of which some members are known.
struct Draft<'a> {
    body: Node<'a>,
    conversation: Conversation<'a>,
    messages: Option<Node<'a>>,
    tools: Option<Node<'a>>,
    functions: Option<Node<'a>>,
    tool_choice: Option<Node<'a>>,
    function_call: Option<Node<'a>>,
    completion_tokens: Option<u64>,
}

impl<'a> Draft<'a> {
    fn new(body: Node<'a>) -> Self {
        Self {
            body,
            conversation: Conversation::of(Dialect::OpenAi),
            messages: None,
            tools: None,
            functions: None,
            tool_choice: None,
            function_call: None,
            completion_tokens: None,
        }
    }

    fn take(&mut self, name: &str, value: Node<'a>) -> Result<(), Refusal> {
        let known = sampling(&mut self.conversation.sampling, name, value)?
            || common(&mut self.conversation, name, value)?
            || self.take_own(name, value)?
            || reasoning::take(&mut self.conversation, name, value, self.body)?;
        if !known {
            self.conversation.extras.push((name.to_owned().into(), value));
        }
        Ok(())
    }

    fn take_own(&mut self, name: &str, value: Node<'a>) -> Result<bool, Refusal> {
        let conversation = &mut self.conversation;
        match name {
            "messages" => self.messages = Some(array(value, "messages")?),
            "tools" => self.tools = Some(array(value, "tools")?),
            "functions" => self.functions = Some(array(value, "functions")?),
            "tool_choice" => self.tool_choice = Some(value),
            "function_call" => self.function_call = Some(value),
            "parallel_tool_calls" => {
                conversation.parallel_tool_calls = Some(boolean(value, "parallel_tool_calls")?);
            }
            "response_format" => {
                let whole;
                (conversation.format, whole) = tools::read_format(value)?;
                return Ok(whole);
            }
            "max_completion_tokens" => {
                self.completion_tokens = Some(count(value, "max_completion_tokens")?);
            }
            "logprobs" => conversation.sampling.logprobs = Some(boolean(value, "logprobs")?),
            "top_logprobs" => {
                conversation.sampling.top_logprobs = Some(count(value, "top_logprobs")?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn finish(mut self) -> Result<Conversation<'a>, Refusal> {
        if self.conversation.model.is_empty() {
            return Err(Refusal::MissingField("model"));
        }
        let messages = self.messages.ok_or(Refusal::MissingField("messages"))?;
        self.conversation.messages = message::read_all(messages)?;
        self.conversation.max_tokens = self.completion_tokens.or(self.conversation.max_tokens);
        for tool in self.tools.iter().flat_map(|tools| tools.items()) {
            self.conversation.tools.push(tools::read(tool)?);
        }
        for function in self.functions.iter().flat_map(|functions| functions.items()) {
            self.conversation.tools.push(tools::read_function(function)?);
        }
        if let Some(choice) = self.tool_choice.or(self.function_call) {
            self.conversation.tool_choice = Some(tools::read_choice(choice)?);
        }
        Ok(self.conversation)
    }
}

/// Takes a member that says how tokens are chosen. False: it is another one.
pub(in crate::dialect::openai) fn sampling<'a>(
    sampling: &mut Sampling<'a>,
    name: &str,
    value: Node<'a>,
) -> Result<bool, Refusal> {
    match name {
        "temperature" => sampling.temperature = Some(number(value, "temperature")?),
        "top_p" => sampling.top_p = Some(number(value, "top_p")?),
        "top_k" => sampling.top_k = Some(number(value, "top_k")?),
        "frequency_penalty" => {
            sampling.frequency_penalty = Some(number(value, "frequency_penalty")?);
        }
        "presence_penalty" => sampling.presence_penalty = Some(number(value, "presence_penalty")?),
        "seed" => sampling.seed = Some(number(value, "seed")?),
        "stop" => sampling.stop = texts(value, "stop")?,
        "n" => {
            let n = value.u64().filter(|n| *n > 0);
            sampling.n = Some(n.ok_or_else(|| invalid("n", "a whole number above zero"))?);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Takes a member that chat and legacy completions share. False: it is another one.
pub(in crate::dialect::openai) fn common<'a>(
    conversation: &mut Conversation<'a>,
    name: &str,
    value: Node<'a>,
) -> Result<bool, Refusal> {
    match name {
        "model" => {
            let model = value.string().filter(|model| !model.is_empty());
            conversation.model = model.ok_or_else(|| invalid("model", "a model's name"))?;
        }
        "stream" => conversation.stream = boolean(value, "stream")?,
        "stream_options" => {
            let mut others = false;
            for (name, value) in object(value, "stream_options")?.members() {
                if name == "include_usage" {
                    conversation.stream_usage = value.bool().unwrap_or(false);
                } else {
                    others = true;
                }
            }
            return Ok(!others);
        }
        "max_tokens" => conversation.max_tokens = Some(count(value, "max_tokens")?),
        "user" => conversation.user = Some(text(value, "user")?),
        "metadata" => conversation.metadata = Some(object(value, "metadata")?),
        "service_tier" => conversation.service_tier = Some(text(value, "service_tier")?),
        _ => return Ok(false),
    }
    Ok(true)
}
