//! Which way of counting a model's provider has.

use super::Encoding;

/// Models whose tokens are counted alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// OpenAI's models with `o200k_base` before they reasoned: GPT-4o, GPT-4.1, GPT-4.5.
    Gpt4o,
    /// The same but for images, which are many more tokens of a smaller price each.
    Gpt4oMini,
    /// OpenAI's reasoning models: o1, o3, o4, GPT-5 and what follows.
    Reasoning,
    /// OpenAI's open models, which any provider may serve: `o200k_harmony`.
    GptOss,
    /// OpenAI's models with `cl100k_base`: GPT-4, GPT-3.5, embeddings.
    Cl100k,
    /// Any of these but the open ones through somebody's router, which may add to prompts.
    Routed,
    /// Anthropic's Claude.
    Claude,
    /// Google's Gemini and Gemma.
    Gemini,
    /// Meta's Llama.
    Llama,
    /// Alibaba's Qwen.
    Qwen,
    /// Mistral's models.
    Mistral,
    /// The models of `DeepSeek`.
    DeepSeek,
    /// Z.ai's GLM.
    Glm,
    /// Cohere's Command and Embed.
    Cohere,
    /// Whatever has another name.
    Other,
}

impl Family {
    /// Finds the family by the name that a provider has for a model, in whatever path it stands:
    /// `gpt-4o-mini`, `openai/gpt-oss-120b`, `eu.anthropic.claude-haiku-4-5`.
    pub fn for_model(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let found = NAMES.iter().find_map(|(part, family)| {
            let begins = |at: &usize| {
                let before = name.get(..*at).and_then(|before| before.chars().next_back());
                !before.is_some_and(|letter| letter.is_ascii_alphanumeric())
            };
            let at = name.match_indices(part).map(|(at, _)| at).find(begins)?;
            Some((*family, name.get(..at).is_some_and(|before| before.contains('/'))))
        });
        match found {
            Some((Self::Gpt4o | Self::Gpt4oMini | Self::Reasoning | Self::Cl100k, true)) => {
                Self::Routed
            }
            Some((family, _)) => family,
            None => Self::Other,
        }
    }

    /// Returns the vocabulary that the family's tokens are counted by, or estimated from.
    pub fn encoding(self) -> Encoding {
        if self == Self::Cl100k { Encoding::Cl100k } else { Encoding::O200k }
    }

    /// Tells whether the vocabulary is the family's own, so that counts of text are exact.
    pub fn is_exact(self) -> bool {
        matches!(
            self,
            Self::Gpt4o | Self::Gpt4oMini | Self::Reasoning | Self::GptOss | Self::Cl100k
        )
    }
}

/// Parts of names, which must not follow a letter or digit; the first that matches decides.
const NAMES: &[(&str, Family)] = &[
    ("gpt-oss", Family::GptOss),
    // They put what they find into their prompts.
    ("gpt-4o-search", Family::Other),
    ("gpt-4o-mini-search", Family::Other),
    ("gpt-5-search", Family::Other),
    ("gpt-4o-mini", Family::Gpt4oMini),
    ("gpt-4o", Family::Gpt4o),
    ("chatgpt-4o", Family::Gpt4o),
    ("gpt-4.1", Family::Gpt4o),
    ("gpt-4.5", Family::Gpt4o),
    ("gpt-image", Family::Gpt4o),
    ("computer-use", Family::Gpt4o),
    ("gpt-4", Family::Cl100k),
    ("gpt-3.5", Family::Cl100k),
    ("gpt-35", Family::Cl100k),
    ("text-embedding-3", Family::Cl100k),
    ("text-embedding-ada", Family::Cl100k),
    ("babbage-002", Family::Cl100k),
    ("davinci-002", Family::Cl100k),
    ("gpt-", Family::Reasoning),
    ("codex", Family::Reasoning),
    ("o1", Family::Reasoning),
    ("o3", Family::Reasoning),
    ("o4", Family::Reasoning),
    ("claude", Family::Claude),
    ("gemini", Family::Gemini),
    ("gemma", Family::Gemini),
    ("deepseek", Family::DeepSeek),
    ("llama", Family::Llama),
    ("qwen", Family::Qwen),
    ("qwq", Family::Qwen),
    ("mistral", Family::Mistral),
    ("ministral", Family::Mistral),
    ("mixtral", Family::Mistral),
    ("magistral", Family::Mistral),
    ("codestral", Family::Mistral),
    ("devstral", Family::Mistral),
    ("pixtral", Family::Mistral),
    ("glm", Family::Glm),
    ("command", Family::Cohere),
    ("embed-", Family::Cohere),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(family: Family, names: &[&str]) {
        for name in names {
            assert_eq!(Family::for_model(name), family, "{name}");
        }
    }

    #[test]
    fn knows_the_models_of_openai() {
        check(Family::Gpt4o, &["gpt-4o", "chatgpt-4o-latest", "gpt-4.1-nano"]);
        check(Family::Gpt4oMini, &["gpt-4o-mini", "gpt-4o-mini-2024-07-18"]);
        check(Family::Reasoning, &["gpt-5", "gpt-5.4-mini", "o3-mini", "o1", "gpt-6"]);
        check(Family::Cl100k, &["gpt-4", "gpt-4-turbo", "gpt-3.5-turbo", "text-embedding-3-small"]);
        check(Family::Routed, &["openai/gpt-4.1-nano", "openai/o1", "openrouter/openai/gpt-4"]);
        check(Family::GptOss, &["openai/gpt-oss-120b", "openai.gpt-oss-safeguard-20b"]);
    }

    #[test]
    fn knows_others_by_a_part_of_the_name() {
        check(
            Family::Claude,
            &["claude-sonnet-4-5", "eu.anthropic.claude-haiku-4-5-20251001-v1:0"],
        );
        check(Family::Gemini, &["gemini-2.5-flash", "google/gemma-3-27b"]);
        check(Family::DeepSeek, &["deepseek-r1-distill-llama-70b", "deepseek-ai/DeepSeek-R1"]);
        check(Family::Llama, &["meta-llama/llama-4-scout-17b", "llama3-8b-8192"]);
        check(Family::Other, &["", "minimax-m2", "foo1", "mygpt-4o"]);
    }
}
