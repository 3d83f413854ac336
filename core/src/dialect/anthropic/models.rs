//! `/v1/models` for clients that send `anthropic-version`.

use crate::dialect::models::Entry;
use crate::json::write::Writer;

/// Renders the list of models, on one page.
pub fn list(entries: &[Entry]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.object(|it| {
        it.key("data").array(|it| {
            for entry in entries {
                view(entry, it);
            }
        });
        it.key("has_more").bool(false);
        for (name, entry) in [("first_id", entries.first()), ("last_id", entries.last())] {
            match entry {
                Some(entry) => it.key(name).string(&entry.name),
                None => it.key(name).null(),
            }
        }
    });
    writer.into_bytes()
}

/// Renders one model.
pub fn retrieve(entry: &Entry) -> Vec<u8> {
    let mut writer = Writer::default();
    view(entry, &mut writer);
    writer.into_bytes()
}

fn view(entry: &Entry, writer: &mut Writer) {
    writer.object(|it| {
        it.key("type").string("model");
        it.key("id").string(&entry.name);
        it.key("display_name").string(&entry.name);
        it.key("created_at").string(&crate::dialect::instant::rfc3339(entry.model.created));
    });
}
