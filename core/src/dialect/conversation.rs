//! What a body of any dialect says about its conversation, as far as choosing a target needs it.

use memchr::memmem;

use crate::json::node::Node;
use crate::key::KeyHash;

/// Where a dialect keeps the conversation, and where what was said before it.
const MESSAGES: [&str; 4] = ["messages", "contents", "input", "prompt"];
const SYSTEM: [&str; 4] = ["system", "system_instruction", "systemInstruction", "instructions"];

/// How a body begins an image, in every dialect. Seen in a text it is a false alarm, which costs
/// nothing but a target that cannot see.
const IMAGES: [&[u8]; 7] = [
    br#""image_url""#,
    br#""input_image""#,
    br#""image""#,
    br#""images""#,
    br#""inlineData""#,
    br#""inline_data""#,
    br#""fileData""#,
];

/// Tells whether a request brings tools.
pub fn brings_tools(body: &[u8]) -> bool {
    let object = Node::trusted(body);
    ["tools", "functions"].iter().any(|name| {
        object.get(name).is_some_and(|tools| tools.is_array() && tools.items().next().is_some())
    })
}

/// Tells whether a request may bring images.
pub fn brings_images(body: &[u8]) -> bool {
    IMAGES.iter().any(|mark| memmem::find(body, mark).is_some())
}

/// Returns what stays the same in all requests of a conversation: whose it is, its system prompt
/// and all up to the first message of the user.
pub fn identity(key: Option<&KeyHash>, body: &[u8]) -> u64 {
    let object = Node::trusted(body);
    let mut text = Vec::new();
    text.extend(key.into_iter().flat_map(KeyHash::as_bytes));
    for system in SYSTEM.iter().filter_map(|name| object.get(name)) {
        text.extend_from_slice(system.raw());
    }
    if let Some(messages) = MESSAGES.iter().find_map(|name| object.get(name)) {
        if messages.is_array() {
            for message in messages.items() {
                text.extend_from_slice(message.raw());
                let role = message.get("role").and_then(Node::string);
                if role.is_none_or(|role| role == "user") {
                    break;
                }
            }
        } else {
            text.extend_from_slice(messages.raw());
        }
    }
    let hash = KeyHash::of(&text);
    hash.as_bytes().first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_keeps_its_identity_while_it_grows() {
        let begins = br#"{"model":"m","messages":[{"role":"system","content":"be kind"},
            {"role":"user","content":"hello"}]}"#;
        let grows = br#"{"messages":[{"role":"system","content":"be kind"},{"role":"user","content":"hello"},
            {"role":"assistant","content":"hi"},{"role":"user","content":"more"}],"model":"m","stream":true}"#;
        let other = br#"{"messages":[{"role":"system","content":"be kind"},
            {"role":"user","content":"good day"}]}"#;

        assert_eq!(identity(None, begins), identity(None, grows));
        assert_ne!(identity(None, begins), identity(None, other));
        let key = KeyHash::of(b"sk-a");
        assert_ne!(identity(Some(&key), begins), identity(None, begins));
    }

    #[test]
    fn conversations_are_found_in_every_dialect() {
        let bodies: [&[u8]; 4] = [
            br#"{"system":"a","messages":[{"role":"user","content":"x"}]}"#,
            br#"{"contents":[{"role":"user","parts":[{"text":"x"}]}]}"#,
            br#"{"instructions":"a","input":"x"}"#,
            br#"{"prompt":"x"}"#,
        ];
        let nothing = identity(None, b"{}");
        for body in bodies {
            assert_ne!(identity(None, body), nothing, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn tools_and_images_are_seen() {
        assert!(brings_tools(br#"{"tools":[{"type":"function"}]}"#));
        assert!(!brings_tools(br#"{"tools":[],"messages":[{"content":"\"tools\":[1]"}]}"#));
        assert!(brings_images(br#"{"messages":[{"content":[{"type":"image_url"}]}]}"#));
        assert!(!brings_images(br#"{"messages":[{"content":"an image"}]}"#));
    }
}
