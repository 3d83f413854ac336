//! Schemas: Gemini's own are a subset of `OpenAPI`'s, with types in upper case and `nullable`
//! (<https://ai.google.dev/api/caching#Schema>). Other dialects want JSON schemas.

use std::borrow::Cow;
use std::ops::Range;

use super::member::{camel, each, find, set};
use crate::json::edit::Edits;
use crate::json::node::Node;
use crate::json::write::Writer;

/// Tells whether a schema is written in Gemini's own way, which is no JSON schema: its type is in
/// upper case.
pub(super) fn is_gemini(schema: Node<'_>) -> bool {
    let kind = schema.get("type").and_then(Node::string);
    kind.is_some_and(|kind| kind.starts_with(|first: char| first.is_ascii_uppercase()))
}

/// Makes JSON schemas of all of Gemini's own schemas in a request. For requests that go to
/// another dialect; to be called before [`super::request::read`], which borrows what it reads.
/// What is no such request is returned as it is.
pub fn plain(body: &[u8]) -> Cow<'_, [u8]> {
    let Ok(request) = Node::object(body) else { return Cow::Borrowed(body) };
    let mut edits = Edits::default();
    let mut is_changed = false;
    for schema in schemas(request) {
        let mut out = Writer::default();
        convert(schema, &mut out);
        let (converted, place) = (out.into_bytes(), place(body, schema.raw()));
        if converted != schema.raw() {
            edits.replace(place, converted);
            is_changed = true;
        }
    }
    if is_changed { Cow::Owned(edits.apply(body)) } else { Cow::Borrowed(body) }
}

/// Returns the schemas of a request that are Gemini's own, in the order in which they stand.
fn schemas(request: Node<'_>) -> Vec<Node<'_>> {
    let mut found = Vec::new();
    for (key, value) in set(request) {
        match &*camel(&key) {
            "generationConfig" => found.extend(find(value, "responseSchema")),
            "tools" => {
                let declarations =
                    each(value).filter_map(|tool| find(tool, "functionDeclarations"));
                let functions = declarations.flat_map(each);
                found.extend(functions.filter_map(|function| find(function, "parameters")));
            }
            _ => {}
        }
    }
    found.sort_by_key(|schema| schema.raw().as_ptr());
    found.dedup();
    found
}

fn place(body: &[u8], part: &[u8]) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(body.as_ptr() as usize);
    start..start + part.len()
}

/// Writes a schema; nesting is bounded by who reads it.
fn convert(schema: Node<'_>, out: &mut Writer) {
    if !schema.is_object() {
        out.node(schema);
        return;
    }
    let nullable = find(schema, "nullable").and_then(Node::bool) == Some(true);
    out.object(|out| {
        for (key, value) in set(schema) {
            let name = camel(&key);
            match &*name {
                "type" => {
                    out.key("type");
                    kind(value, nullable, out);
                }
                // Said by the type, and by the order of the properties.
                "nullable" | "propertyOrdering" => {}
                "properties" | "$defs" | "defs" => {
                    out.key(&name).object(|out| {
                        for (property, schema) in set(value) {
                            out.key(&property);
                            convert(schema, out);
                        }
                    });
                }
                "items" | "additionalProperties" => {
                    out.key(&name);
                    convert(value, out);
                }
                "anyOf" | "oneOf" | "allOf" | "prefixItems" => {
                    out.key(&name).array(|out| value.items().for_each(|one| convert(one, out)));
                }
                "minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties"
                | "maxProperties" => {
                    let raw = value.raw();
                    let digits = raw.strip_prefix(b"\"").and_then(|raw| raw.strip_suffix(b"\""));
                    out.key(&name).raw(digits.unwrap_or(raw));
                }
                _ => out.key(&key).node(value),
            }
        }
    });
}

fn kind(value: Node<'_>, nullable: bool, out: &mut Writer) {
    let Some(kind) = value.string() else {
        out.node(value);
        return;
    };
    let kind = kind.to_ascii_lowercase();
    if nullable {
        out.array(|out| {
            out.string(&kind);
            out.string("null");
        });
    } else {
        out.string(&kind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_a_json_schema_of_geminis_own() {
        let body = br#"{"contents":[],"tools":{"function_declarations":[{"name":"f","parameters":
            {"type":"OBJECT","properties":{"type":{"type":"STRING","nullable":true},"list":
            {"type":"ARRAY","items":{"type":"INTEGER"},"min_items":"1"}},
            "propertyOrdering":["type"]}}]},
            "generationConfig":{"responseSchema":{"type":"NUMBER"}}}"#;

        let plain = plain(body);

        let text = std::str::from_utf8(&plain).unwrap();
        let schema = concat!(
            r#"{"type":"object","properties":{"type":{"type":["string","null"]},"#,
            r#""list":{"type":"array","items":{"type":"integer"},"minItems":1}}}"#
        );
        assert!(text.contains(schema), "{text}");
        assert!(text.contains(r#""responseSchema":{"type":"number"}"#), "{text}");
    }

    #[test]
    fn keeps_what_is_no_schema_of_geminis() {
        for body in [
            &br#"{"contents":[{"parts":{"text":"parameters: OBJECT"}}],"tools":[{"functionDeclarations":
                [{"name":"f","parametersJsonSchema":{"type":"OBJECT"}}]}]}"#[..],
            b"{}", b"no json", b"[]",
        ] {
            assert_eq!(plain(body), body);
        }
    }
}
