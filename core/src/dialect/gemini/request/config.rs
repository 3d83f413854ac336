//! `generationConfig`, both ways.

use super::thinking;
use crate::dialect::Dialect;
use crate::dialect::chat::{Conversation, Dropped, Format, Towards};
use crate::dialect::gemini::member::{camel, each, number, set, whole};
use crate::dialect::gemini::schema;
use crate::json::node::{Node, Number, Text};
use crate::json::write::Writer;
use crate::refusal::Refusal;

/// Reads the object.
pub(super) fn read<'a>(config: Node<'a>, it: &mut Conversation<'a>) -> Result<(), Refusal> {
    if !config.is_object() {
        let expected = "an object";
        return Err(Refusal::InvalidField { field: "generationConfig", expected });
    }
    let mut shape = Shape::default();
    for (key, value) in set(config) {
        let sampling = &mut it.sampling;
        match &*camel(&key) {
            "temperature" => {
                sampling.temperature = number(value, "generationConfig.temperature")?;
            }
            "topP" => sampling.top_p = number(value, "generationConfig.topP")?,
            "topK" => sampling.top_k = number(value, "generationConfig.topK")?,
            "presencePenalty" => {
                sampling.presence_penalty = number(value, "generationConfig.presencePenalty")?;
            }
            "frequencyPenalty" => {
                sampling.frequency_penalty = number(value, "generationConfig.frequencyPenalty")?;
            }
            "seed" => sampling.seed = number(value, "generationConfig.seed")?,
            "candidateCount" => sampling.n = whole(value, "generationConfig.candidateCount")?,
            "maxOutputTokens" => it.max_tokens = whole(value, "generationConfig.maxOutputTokens")?,
            "stopSequences" => sampling.stop = stop(value)?,
            "responseLogprobs" => sampling.logprobs = value.bool(),
            "logprobs" => sampling.top_logprobs = whole(value, "generationConfig.logprobs")?,
            "thinkingConfig" => thinking::read(value, &mut it.reasoning),
            "responseMimeType" => shape.mime = Some((key.into_owned(), value)),
            "responseSchema" => shape.schema = Some((key.into_owned(), value)),
            "responseJsonSchema" | "_responseJsonSchema" => shape.json_schema = Some(value),
            _ => it.extras.push((format!("{PLACE}{key}").into(), value)),
        }
    }
    shape.read(it);
    Ok(())
}

/// Returns a tier by the name that other dialects have for it.
pub(super) fn tier(name: Text<'_>) -> Text<'_> {
    if name == "standard" { Text::of("default") } else { name }
}

/// Writes the object, if anything stands in it.
pub(super) fn write(
    out: &mut Writer,
    it: &Conversation<'_>,
    towards: Towards<'_>,
    dropped: &mut Dropped,
) {
    let mut config = Writer::default();
    config.object(|config| {
        let sampling = &it.sampling;
        digits(config, "temperature", sampling.temperature);
        digits(config, "topP", sampling.top_p);
        digits(config, "topK", sampling.top_k);
        count(config, "candidateCount", sampling.n);
        count(config, "maxOutputTokens", it.max_tokens);
        if !sampling.stop.is_empty() {
            config.key("stopSequences").array(|all| sampling.stop.iter().for_each(|s| all.text(s)));
        }
        format(config, it, dropped);
        digits(config, "presencePenalty", sampling.presence_penalty);
        digits(config, "frequencyPenalty", sampling.frequency_penalty);
        digits(config, "seed", sampling.seed);
        if let Some(logprobs) = sampling.logprobs {
            config.key("responseLogprobs").bool(logprobs);
        }
        count(config, "logprobs", sampling.top_logprobs);
        thinking::write(config, it, towards, dropped);
        if it.origin == Dialect::Gemini {
            for (name, value) in &it.extras {
                if let Some(name) = name.strip_prefix(PLACE) {
                    config.key(name).node(*value);
                }
            }
        }
    });
    let config = config.into_bytes();
    if config != b"{}" {
        out.key("generationConfig").raw(&config);
    }
}

/// Extras of the configuration stand among those of the request, below this name.
pub(super) const PLACE: &str = "generationConfig.";

/// What the answer must look like, out of three members.
#[derive(Default)]
struct Shape<'a> {
    mime: Option<(String, Node<'a>)>,
    schema: Option<(String, Node<'a>)>,
    json_schema: Option<Node<'a>>,
}

impl<'a> Shape<'a> {
    fn read(self, it: &mut Conversation<'a>) {
        let mime = self.mime.as_ref().and_then(|(_, mime)| mime.string());
        let is_json = mime.as_deref().is_none_or(|mime| mime == "application/json");
        let schema = self.json_schema.or(self.schema.as_ref().map(|(_, schema)| *schema));
        match schema {
            Some(schema) if is_json => {
                let strict = None;
                it.format = Some(Format::Schema { name: None, description: None, schema, strict });
            }
            None if is_json && mime.is_some() => it.format = Some(Format::Json),
            // One word out of several (`text/x.enum`), or text.
            _ => {
                for (name, value) in self.mime.into_iter().chain(self.schema) {
                    it.extras.push((format!("{PLACE}{name}").into(), value));
                }
            }
        }
    }
}

fn stop(node: Node<'_>) -> Result<Vec<Text<'_>>, Refusal> {
    let field = "generationConfig.stopSequences";
    let wrong = Refusal::InvalidField { field, expected: "strings" };
    each(node).map(|text| text.text().ok_or_else(|| wrong.clone())).collect()
}

fn format(out: &mut Writer, it: &Conversation<'_>, dropped: &mut Dropped) {
    let Some(format) = &it.format else { return };
    out.key("responseMimeType").string("application/json");
    if let Format::Schema { description, schema, .. } = format {
        dropped.note_if(description.is_some(), "response_format.json_schema.description");
        let name = if schema::is_gemini(*schema) { "responseSchema" } else { "responseJsonSchema" };
        out.key(name).node(*schema);
    }
}

fn digits(out: &mut Writer, name: &str, number: Option<Number<'_>>) {
    if let Some(number) = number {
        out.key(name).digits(number);
    }
}

fn count(out: &mut Writer, name: &str, number: Option<u64>) {
    if let Some(number) = number {
        out.key(name).number(number);
    }
}
