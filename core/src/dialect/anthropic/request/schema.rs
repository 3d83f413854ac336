//! Schemas of structured outputs. The API wants every object in one to say
//! `additionalProperties: false`, and refuses what else stands for it
//! (<https://docs.claude.com/en/docs/build-with-claude/structured-outputs>).

use crate::dialect::Dialect;
use crate::json::node::Node;
use crate::json::write::Writer;

/// Writes a schema. One of another dialect is closed where it leaves objects open.
pub(super) fn write(schema: Node<'_>, origin: Dialect, writer: &mut Writer) {
    if origin == Dialect::Anthropic { writer.node(schema) } else { close(schema, 0, writer) }
}

/// How deep a schema is looked into; what is deeper is written as it is.
const DEEPEST: u32 = 64;

fn close(schema: Node<'_>, depth: u32, writer: &mut Writer) {
    if !schema.is_object() || depth > DEEPEST {
        return writer.node(schema);
    }
    let mut is_object = false;
    writer.object(|it| {
        for (name, value) in schema.members() {
            match &*name {
                "additionalProperties" => continue,
                "type" => is_object |= names_object(value),
                "properties" => is_object = true,
                _ => {}
            }
            it.key(&name);
            match &*name {
                "properties" | "$defs" | "definitions" if value.is_object() => it.object(|it| {
                    for (name, schema) in value.members() {
                        close(schema, depth + 1, it.key(&name));
                    }
                }),
                "anyOf" | "allOf" | "oneOf" if value.is_array() => {
                    it.array(|it| value.items().for_each(|schema| close(schema, depth + 1, it)));
                }
                "items" => close(value, depth + 1, it),
                _ => it.node(value),
            }
        }
        if is_object {
            it.key("additionalProperties").bool(false);
        }
    });
}

fn names_object(kind: Node<'_>) -> bool {
    let is_object = |node: Node<'_>| node.text().is_some_and(|kind| kind == "object");
    is_object(kind) || kind.items().any(is_object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(schema: &str, origin: Dialect) -> String {
        let mut writer = Writer::default();
        write(Node::trusted(schema.as_bytes()), origin, &mut writer);
        String::from_utf8(writer.into_bytes()).unwrap()
    }

    #[test]
    fn closes_objects_at_every_depth() {
        let open = r#"{"type":"object","properties":{"a":{"type":"array","items":{"type":["object","null"],"properties":{"type":{"type":"string"}}}}},"required":["a"]}"#;
        let closed = r#"{"type":"object","properties":{"a":{"type":"array","items":{"type":["object","null"],"properties":{"type":{"type":"string"}},"additionalProperties":false}}},"required":["a"],"additionalProperties":false}"#;

        assert_eq!(written(open, Dialect::Gemini), closed);
        assert_eq!(written(closed, Dialect::OpenAi), closed);
        assert_eq!(written(open, Dialect::Anthropic), open);
    }

    #[test]
    fn looks_no_deeper_than_it_may() {
        let deep = format!("{}1{}", "{\"items\":".repeat(200), "}".repeat(200));

        assert_eq!(written(&deep, Dialect::OpenAi), deep);
        assert_eq!(written("true", Dialect::OpenAi), "true");
    }
}
