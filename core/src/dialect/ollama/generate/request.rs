//! A request to `/api/generate`.

use crate::dialect::Dialect;
use crate::dialect::chat::{Conversation, Message, Part, Role};
use crate::dialect::checked::{self, invalid};
use crate::dialect::ollama::image;
use crate::dialect::ollama::options;
use crate::dialect::ollama::request::begin;
use crate::refusal::Refusal;

/// Reads a client's request. It is streamed unless it says otherwise.
///
/// # Errors
/// When it is not JSON, or a field is missing or of the wrong kind.
pub fn read(body: &[u8]) -> Result<Conversation<'_>, Refusal> {
    let mut conversation = begin(Dialect::OllamaGenerate);
    let (mut system, mut prompt, mut images) = (None, None, None);
    for (name, value) in checked::body(body)?.members().filter(|(_, value)| !value.is_null()) {
        match &*name {
            "system" => system = Some(value.text().ok_or(invalid("system", "a string"))?),
            "prompt" => prompt = Some(value.text().ok_or(invalid("prompt", "a string"))?),
            "images" => images = Some(value),
            // Nothing to be kept of them.
            "suffix" | "template" if value.raw() == b"\"\"" => {}
            "context" if value.raw() == b"[]" => {}
            "raw" if value.raw() == b"false" => {}
            _ if options::take(&mut conversation, &name, value)? => {}
            _ => conversation.extras.push((name, value)),
        }
    }
    if conversation.model.is_empty() {
        return Err(Refusal::MissingField("model"));
    }
    let mut parts: Vec<_> =
        prompt.filter(|text| !text.is_empty()).map(Part::text).into_iter().collect();
    for image in images.into_iter().flat_map(crate::json::node::Node::items) {
        let wrong = || invalid("images", "an array of base64 strings");
        parts.push(image::read(image).ok_or_else(wrong)?);
    }
    // Instructions without a prompt are as good as nothing said.
    if !parts.is_empty() {
        let system = system.filter(|text| !text.is_empty()).map(|text| vec![Part::text(text)]);
        let system = system.map(|parts| Message::new(Role::System, parts));
        conversation.messages.extend(system);
        conversation.messages.push(Message::new(Role::User, parts));
    }
    Ok(conversation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::chat::PartKind;
    use crate::dialect::ollama::request::only_loads;

    #[test]
    fn a_prompt_is_a_conversation_of_one_turn() {
        let body = br#"{"model":"m","system":"Be short.","prompt":"hi","images":["/9j/4AAQ"],
            "options":{"num_predict":5,"num_ctx":4096},"suffix":"","raw":false,"template":"t"}"#;

        let conversation = read(body).unwrap();

        let roles: Vec<_> = conversation.messages.iter().map(|message| message.role).collect();
        assert_eq!(roles, [Role::System, Role::User]);
        assert!(matches!(conversation.messages[1].parts[1].kind, PartKind::Media(_)));
        assert!(conversation.stream);
        assert_eq!(conversation.max_tokens, Some(5));
        let names: Vec<_> = conversation.extras.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["options.num_ctx", "template"]);
        assert!(!only_loads(&conversation));
    }

    #[test]
    fn without_a_prompt_the_model_is_only_loaded() {
        assert!(only_loads(&read(br#"{"model":"m","prompt":"","system":"s"}"#).unwrap()));
        assert_eq!(read(br#"{"prompt":"hi"}"#), Err(Refusal::MissingField("model")));
        assert!(read(br#"{"model":"m","prompt":7}"#).is_err());
    }
}
