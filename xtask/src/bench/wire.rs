//! What the upstream says, in the dialect of the path at which it is asked.

/// The dialect of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    OpenAi,
    Anthropic,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    dialect: Dialect,
    pub(super) stream: bool,
    /// Under a path at which everything fails.
    pub(super) fails: bool,
}

/// Prefix of paths at which every request gets a 503.
pub(super) const FAILING: &str = "/failing";

impl Asked {
    /// Reads a request: its path says the dialect.
    pub(super) fn of(request: &str) -> Self {
        let path = request.split(' ').nth(1).unwrap_or_default();
        let anthropic = path.ends_with("/messages");
        let dialect = if anthropic { Dialect::Anthropic } else { Dialect::OpenAi };
        // Whoever writes the body leaves no spaces in it.
        let stream = request.contains("\"stream\":true");
        Self { dialect, stream, fails: path.starts_with(FAILING) }
    }

    /// Returns a whole answer.
    pub(super) fn whole(self) -> &'static str {
        match self.dialect {
            Dialect::OpenAi => {
                "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\
                 \"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\
                 \"Paris, with about two million people.\"},\"finish_reason\":\"stop\"}],\
                 \"usage\":{\"prompt_tokens\":9,\"completion_tokens\":8,\"total_tokens\":17}}"
            }
            Dialect::Anthropic => {
                "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\
                 \"content\":[{\"type\":\"text\",\"text\":\
                 \"Paris, with about two million people.\"}],\"stop_reason\":\"end_turn\",\
                 \"stop_sequence\":null,\"usage\":{\"input_tokens\":9,\"output_tokens\":8}}"
            }
        }
    }

    /// Returns what comes before the first frame, where the dialect has something.
    pub(super) fn opening(self) -> Option<&'static str> {
        (self.dialect == Dialect::Anthropic).then_some(
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\
             \"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\
             \"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":9,\
             \"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\
             \"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\
             \"text\":\"\"}}\n\n",
        )
    }

    /// Returns a frame with the moment at which it is sent.
    pub(super) fn frame(self, number: u32, micros: u128) -> String {
        match self.dialect {
            Dialect::OpenAi => format!(
                "data: {{\"id\":\"chatcmpl-b9Zl3W1X\",\"object\":\"chat.completion.chunk\",\
                 \"created\":1700000000,\"model\":\"paced\",\"system_fingerprint\":\
                 \"fp_44709d6fcb\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\
                 \" word{number} @{micros}@\"}},\"logprobs\":null,\"finish_reason\":null}}]}}\n\n"
            ),
            Dialect::Anthropic => format!(
                "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\
                 \"delta\":{{\"type\":\"text_delta\",\"text\":\" word{number} @{micros}@\"}}}}\n\n"
            ),
        }
    }

    /// Returns what comes after the last of so many frames.
    pub(super) fn closing(self, frames: u32) -> String {
        match self.dialect {
            Dialect::OpenAi => format!(
                "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\
                 \"model\":\"paced\",\"choices\":[],\"usage\":{{\"prompt_tokens\":9,\
                 \"completion_tokens\":{frames},\"total_tokens\":{}}}}}\n\ndata: [DONE]\n\n",
                frames + 9
            ),
            Dialect::Anthropic => format!(
                "event: content_block_stop\ndata: {{\"type\":\"content_block_stop\",\"index\":0}}\
                 \n\nevent: message_delta\ndata: {{\"type\":\"message_delta\",\"delta\":\
                 {{\"stop_reason\":\"end_turn\",\"stop_sequence\":null}},\"usage\":\
                 {{\"output_tokens\":{frames}}}}}\n\nevent: message_stop\ndata: \
                 {{\"type\":\"message_stop\"}}\n\n"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_json_in_the_dialect_of_the_path() {
        for (path, kind) in [("/v1/messages", "type"), ("/v1/chat/completions", "object")] {
            let asked = Asked::of(&format!("POST {path} HTTP/1.1\r\n\r\n{{\"stream\":true}}"));
            assert!(asked.stream && !asked.fails);
            let opening = asked.opening().unwrap_or_default();
            let stream = format!("{opening}{}{}", asked.frame(1, 2), asked.closing(1));
            let events = stream.lines().filter_map(|line| line.strip_prefix("data: "));
            for event in events.filter(|event| *event != "[DONE]") {
                let event: serde_json::Value = serde_json::from_str(event).unwrap();
                assert!(event[kind].is_string(), "{event}");
            }
            let whole: serde_json::Value = serde_json::from_str(asked.whole()).unwrap();
            assert!(whole[kind].is_string(), "{whole}");
        }
        assert!(Asked::of("POST /failing/v1/chat/completions HTTP/1.1").fails);
    }
}
