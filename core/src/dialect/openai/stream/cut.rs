//! The end that we give to a stream that outruns what was reserved for it.

use crate::json::scan::{Array, Object};
use crate::json::text;

/// How the chunks of this stream look, so that the last ones look alike.
#[derive(Debug, Default)]
pub(super) struct Shape {
    id: Vec<u8>,
    object: Vec<u8>,
    created: Vec<u8>,
    /// Choices seen so far.
    choices: u64,
}

impl Shape {
    /// Takes a member of a chunk.
    pub(super) fn take(&mut self, key: &str, value: &[u8]) {
        let kept = match key {
            "id" => &mut self.id,
            "object" => &mut self.object,
            "created" => &mut self.created,
            "choices" => return self.take_choices(value),
            _ => return,
        };
        if kept.is_empty() && value.len() <= 200 {
            kept.extend_from_slice(value);
        }
    }

    fn take_choices(&mut self, choices: &[u8]) {
        for at in Array::open(choices) {
            let choice = choices.get(at).unwrap_or_default();
            let Ok(mut object) = Object::open(choice) else { continue };
            while let Ok(Some(member)) = object.next_member() {
                let value = choice.get(member.value).unwrap_or_default();
                let number = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                if choice.get(member.key) == Some(b"index") {
                    self.choices = self.choices.max(number.map_or(0, |index: u64| index + 1));
                }
            }
        }
    }

    /// Writes the last events: every choice ends for its length, and the extension says why.
    /// `usage` is what the client asked to be told.
    pub(super) fn end(&self, model: &[u8], usage: Option<(u64, u64)>, out: &mut Vec<u8>) {
        let legacy = self.object == b"\"text_completion\"";
        let rest = if legacy { r#""text":"","logprobs":null"# } else { r#""delta":{}"# };
        let ended: Vec<String> = (0..self.choices.clamp(1, 128))
            .map(|index| format!(r#"{{"index":{index},{rest},"finish_reason":"length"}}"#))
            .collect();
        let why = r#","tollgate":{"code":"budget_exceeded","message":"The answer reached what was left of a limit."}"#;
        self.chunk(model, &ended.join(","), why, out);
        if let Some((input, output)) = usage {
            let usage = format!(
                r#","usage":{{"prompt_tokens":{input},"completion_tokens":{output},"total_tokens":{}}}"#,
                input.saturating_add(output)
            );
            self.chunk(model, "", &usage, out);
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn chunk(&self, model: &[u8], choices: &str, more: &str, out: &mut Vec<u8>) {
        let or = |value: &[u8], otherwise: &str| {
            if value.is_empty() { otherwise.as_bytes().to_vec() } else { value.to_vec() }
        };
        out.extend_from_slice(b"data: {\"id\":");
        out.extend(or(&self.id, &String::from_utf8_lossy(&text::encode("chatcmpl-cut"))));
        out.extend_from_slice(b",\"object\":");
        out.extend(or(&self.object, "\"chat.completion.chunk\""));
        out.extend_from_slice(b",\"created\":");
        out.extend(or(&self.created, "0"));
        out.extend_from_slice(b",\"model\":");
        out.extend_from_slice(model);
        out.extend_from_slice(b",\"choices\":[");
        out.extend_from_slice(choices.as_bytes());
        out.push(b']');
        out.extend_from_slice(more.as_bytes());
        out.extend_from_slice(b"}\n\n");
    }
}
