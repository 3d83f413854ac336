//! `/engines`: models as OpenAI's first API lists them.

use super::models;
use crate::dialect::models::Entry;
use crate::json::write::Writer;

/// Renders the list of engines.
pub fn list(entries: &[Entry]) -> Vec<u8> {
    models::listed(entries, view)
}

/// Renders one engine.
pub fn retrieve(entry: &Entry) -> Vec<u8> {
    let mut writer = Writer::default();
    view(entry, &mut writer);
    writer.into_bytes()
}

fn view(entry: &Entry, writer: &mut Writer) {
    writer.object(|it| {
        it.key("id").string(&entry.name);
        it.key("object").string("engine");
        it.key("owner").string(&entry.model.owned_by);
        it.key("ready").bool(true);
    });
}
