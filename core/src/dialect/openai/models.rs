//! `/v1/models`, as OpenAI's clients know it.

use crate::dialect::models::Entry;
use crate::json::write::Writer;
use crate::snapshot::ModelKind;

/// Renders the list of models.
pub fn list(entries: &[Entry]) -> Vec<u8> {
    listed(entries, view)
}

/// Renders a list in OpenAI's form of entries that `view` writes.
pub(super) fn listed(entries: &[Entry], view: impl Fn(&Entry, &mut Writer)) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.object(|it| {
        it.key("object").string("list");
        it.key("data").array(|it| {
            for entry in entries {
                view(entry, it);
            }
        });
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
        it.key("id").string(&entry.name);
        it.key("object").string("model");
        it.key("created").number(entry.model.created);
        it.key("owned_by").string(&entry.model.owned_by);
        if let Some(root) = entry.root() {
            it.key("root").string(root);
            it.key("parent").string(root);
        }
        match entry.model.kind {
            ModelKind::Unspecified => {}
            ModelKind::Embeddings => it.key("type").string("embedding"),
            ModelKind::Images => it.key("type").string("image"),
            ModelKind::Speech | ModelKind::Transcriptions => it.key("type").string("audio"),
            ModelKind::Moderations => it.key("type").string("moderation"),
        }
    });
}
