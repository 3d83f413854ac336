//! What the provider has served, as it counted itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Tokens of one answer, or a sum of them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tokens {
    /// Answers that were summed up.
    pub answers: u64,
    /// Tokens of the prompts.
    pub prompt: u64,
    /// Tokens of the answers.
    pub completion: u64,
}

impl Tokens {
    /// Returns prompt and completion together.
    pub fn total(&self) -> u64 {
        self.prompt + self.completion
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.answers += other.answers;
        self.prompt += other.prompt;
        self.completion += other.completion;
    }
}

/// The provider's own totals.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Requests that arrived whole, refused ones included.
    pub requests: u64,
    /// Connections on which the peer left before its answer was complete.
    pub abandoned: u64,
    /// By model: answers that were sent to the end.
    pub completed: BTreeMap<String, Tokens>,
    /// By model: answers of which at least the head was sent. The completion counts what was
    /// handed to the socket, so it is an upper bound of what the peer saw.
    pub started: BTreeMap<String, Tokens>,
}

impl Counts {
    /// Sums the completed answers of all models.
    pub fn completed_total(&self) -> Tokens {
        sum(&self.completed)
    }

    /// Sums the started answers of all models.
    pub fn started_total(&self) -> Tokens {
        sum(&self.started)
    }

    /// Renders the counts as the JSON that `GET /_sim/counts` answers.
    pub fn to_json(&self) -> String {
        let mut json = format!(
            "{{\"requests\":{},\"abandoned\":{},\"completed\":",
            self.requests, self.abandoned
        );
        models_json(&mut json, &self.completed);
        json.push_str(",\"started\":");
        models_json(&mut json, &self.started);
        json.push('}');
        json
    }

    pub(crate) fn complete(&mut self, model: &str, tokens: &Tokens) {
        entry(&mut self.completed, model).add(tokens);
    }

    pub(crate) fn start(&mut self, model: &str, tokens: &Tokens) {
        entry(&mut self.started, model).add(tokens);
    }
}

fn entry<'a>(models: &'a mut BTreeMap<String, Tokens>, model: &str) -> &'a mut Tokens {
    models.entry(model.to_owned()).or_default()
}

fn sum(models: &BTreeMap<String, Tokens>) -> Tokens {
    let mut total = Tokens::default();
    for tokens in models.values() {
        total.add(tokens);
    }
    total
}

fn models_json(json: &mut String, models: &BTreeMap<String, Tokens>) {
    json.push('{');
    for (place, (model, tokens)) in models.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        let name = serde_json::Value::from(model.as_str());
        let Tokens { answers, prompt, completion } = tokens;
        let total = tokens.total();
        let _ = write!(
            json,
            "{comma}{name}:{{\"answers\":{answers},\"prompt_tokens\":{prompt},\
             \"completion_tokens\":{completion},\"total_tokens\":{total}}}"
        );
    }
    json.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_totals_by_model() {
        let mut counts = Counts { requests: 2, ..Counts::default() };
        counts.complete("a", &Tokens { answers: 1, prompt: 2, completion: 3 });
        counts.complete("a", &Tokens { answers: 1, prompt: 1, completion: 1 });

        let json: serde_json::Value = serde_json::from_str(&counts.to_json()).unwrap();

        assert_eq!(json["completed"]["a"]["total_tokens"], 7);
        assert_eq!(json["requests"], 2);
        assert_eq!(counts.completed_total().total(), 7);
    }
}
