//! What each dialect calls the wishes that all of them have, for telling which were left out.

use crate::dialect::Dialect;

/// A wish that a request may have and a provider's dialect may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// How tokens are chosen.
    Temperature,
    /// Nucleus sampling.
    TopP,
    /// Only the k likeliest tokens.
    TopK,
    /// Against tokens that are frequent already.
    FrequencyPenalty,
    /// Against tokens that were there already.
    PresencePenalty,
    /// For answers that can be repeated.
    Seed,
    /// Texts that end the answer.
    Stop,
    /// How many answers.
    Choices,
    /// How likely the tokens were.
    Logprobs,
    /// Of how many other tokens too.
    TopLogprobs,
    /// What the answer must look like.
    Format,
    /// How much the model thinks.
    Reasoning,
    /// Whether it must call a tool.
    ToolChoice,
    /// Whether it may call several at once.
    ParallelToolCalls,
    /// The end user.
    User,
    /// `metadata`.
    Metadata,
    /// `service_tier`.
    ServiceTier,
}

impl Field {
    /// Returns the name that the field has in a dialect; OpenAI's where the dialect has none.
    pub fn name(self, dialect: Dialect) -> &'static str {
        let [openai, responses, anthropic, gemini, ollama] = self.names();
        let own = match dialect {
            Dialect::OpenAi | Dialect::Completions => openai,
            Dialect::Responses => responses,
            Dialect::Anthropic => anthropic,
            Dialect::Gemini => gemini,
            Dialect::Ollama | Dialect::OllamaGenerate => ollama,
        };
        if own.is_empty() { openai } else { own }
    }

    /// Returns the names in OpenAI's chat, Responses, Anthropic, Gemini and Ollama; empty where
    /// it is OpenAI's, or where the dialect has no such field.
    fn names(self) -> [&'static str; 5] {
        match self {
            Self::Temperature => {
                ["temperature", "", "", "generationConfig.temperature", "options.temperature"]
            }
            Self::TopP => ["top_p", "", "", "generationConfig.topP", "options.top_p"],
            Self::TopK => ["top_k", "", "", "generationConfig.topK", "options.top_k"],
            Self::FrequencyPenalty => [
                "frequency_penalty",
                "",
                "",
                "generationConfig.frequencyPenalty",
                "options.frequency_penalty",
            ],
            Self::PresencePenalty => [
                "presence_penalty",
                "",
                "",
                "generationConfig.presencePenalty",
                "options.presence_penalty",
            ],
            Self::Seed => ["seed", "", "", "generationConfig.seed", "options.seed"],
            Self::Stop => {
                ["stop", "", "stop_sequences", "generationConfig.stopSequences", "options.stop"]
            }
            Self::Choices => ["n", "", "", "generationConfig.candidateCount", ""],
            Self::Logprobs => ["logprobs", "", "", "generationConfig.responseLogprobs", ""],
            Self::TopLogprobs => ["top_logprobs", "", "", "generationConfig.logprobs", ""],
            Self::Format => [
                "response_format",
                "text.format",
                "output_config.format",
                "generationConfig.responseMimeType",
                "format",
            ],
            Self::Reasoning => [
                "reasoning_effort",
                "reasoning",
                "thinking",
                "generationConfig.thinkingConfig",
                "think",
            ],
            Self::ToolChoice => ["tool_choice", "", "", "toolConfig.functionCallingConfig", ""],
            Self::ParallelToolCalls => {
                ["parallel_tool_calls", "", "tool_choice.disable_parallel_tool_use", "", ""]
            }
            Self::User => ["user", "", "metadata.user_id", "", ""],
            Self::Metadata => ["metadata", "", "", "labels", ""],
            Self::ServiceTier => ["service_tier", "", "", "serviceTier", ""],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_a_field_as_the_client_does() {
        assert_eq!(Field::Stop.name(Dialect::Anthropic), "stop_sequences");
        assert_eq!(Field::TopK.name(Dialect::Gemini), "generationConfig.topK");
        assert_eq!(Field::Seed.name(Dialect::OllamaGenerate), "options.seed");
        assert_eq!(Field::Choices.name(Dialect::Responses), "n");
    }
}
