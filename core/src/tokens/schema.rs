//! Tools as models are shown them: their schemas become TypeScript.
//!
//! OpenAI does not document it; the form is known from models that were asked for it, and gives
//! the recorded counts to about a token. What is written goes straight into a counter.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::tally::{elements, members};
use super::{Encoding, StreamCounter};
use crate::json::text;

/// Deeper schemas are shown as `any`: each level reads what is in it once more.
const DEPTH: u32 = 8;

/// Counts the declaration of one function, as one among others in its namespace.
pub(crate) fn function_tokens(encoding: Encoding, function: &[u8]) -> u64 {
    let mut page = Page { counter: StreamCounter::new(encoding) };
    page.function(function);
    page.counter.total()
}

struct Page {
    counter: StreamCounter,
}

impl Page {
    fn write(&mut self, text: &str) {
        self.counter.push(text);
    }

    fn function(&mut self, function: &[u8]) {
        let (mut name, mut parameters) = (None, None);
        for (key, value) in members(function) {
            match &*key {
                "name" | "type" if name.is_none() || key == "name" => {
                    name = text::string_value(value);
                }
                "description" => self.comment(value),
                "parameters" | "input_schema" | "inputSchema" | "parametersJsonSchema" => {
                    parameters = Some(value);
                }
                _ => {}
            }
        }
        self.write("type ");
        self.write(&name.unwrap_or_default());
        let properties = parameters.and_then(|schema| member(schema, "properties"));
        match properties.filter(|list| members(list).next().is_some()) {
            Some(_) => {
                self.write(" = (_: ");
                self.object(parameters.unwrap_or_default(), DEPTH);
                self.write(") => any;\n\n");
            }
            None => self.write(" = () => any;\n\n"),
        }
    }

    fn comment(&mut self, value: &[u8]) {
        let Some(text) = text::string_value(value) else { return };
        for line in text.trim().lines() {
            self.write(if line.trim().is_empty() { "//" } else { "// " });
            self.write(line.trim());
            self.write("\n");
        }
    }

    fn object(&mut self, schema: &[u8], depth: u32) {
        let Some(properties) = member(schema, "properties").filter(|_| depth > 0) else {
            return self.write("object");
        };
        let required: BTreeSet<Cow<'_, str>> = member(schema, "required")
            .into_iter()
            .flat_map(elements)
            .filter_map(text::string_value)
            .collect();
        self.write("{\n");
        for (name, property) in members(properties) {
            if let Some(description) = member(property, "description") {
                self.comment(description);
            }
            self.write(&name);
            self.write(if required.contains(&name) { ": " } else { "?: " });
            self.kind(property, depth - 1);
            self.write(",");
            if let Some(value) = member(property, "default") {
                self.write(" // default: ");
                self.write(&String::from_utf8_lossy(value));
            }
            self.write("\n");
        }
        self.write("}");
    }

    fn kind(&mut self, schema: &[u8], depth: u32) {
        if let Some(values) = member(schema, "enum") {
            return self.alternatives(elements(values).map(String::from_utf8_lossy));
        }
        if let Some(list) = member(schema, "anyOf").filter(|_| depth > 0) {
            for (number, alternative) in elements(list).enumerate() {
                self.write(if number == 0 { "" } else { " | " });
                self.kind(alternative, depth - 1);
            }
            return;
        }
        let Some(kind) = member(schema, "type") else { return self.write("any") };
        if kind.starts_with(b"[") {
            return self.alternatives(elements(kind).filter_map(text::string_value));
        }
        match &*text::string_value(kind).unwrap_or_default().to_ascii_lowercase() {
            "integer" | "number" => self.write("number"),
            "object" => self.object(schema, depth),
            "array" => {
                match member(schema, "items").filter(|_| depth > 0) {
                    Some(items) => self.kind(items, depth - 1),
                    None => self.write("any"),
                }
                self.write("[]");
            }
            other => self.write(other),
        }
    }

    fn alternatives<'a>(&mut self, names: impl Iterator<Item = Cow<'a, str>>) {
        for (number, name) in names.enumerate() {
            self.write(if number == 0 { "" } else { " | " });
            self.write(&name);
        }
    }
}

/// Returns the first member of that name.
fn member<'a>(object: &'a [u8], name: &str) -> Option<&'a [u8]> {
    members(object).find(|(key, _)| key == name).map(|(_, value)| value)
}
