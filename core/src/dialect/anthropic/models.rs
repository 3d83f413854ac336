//! `/v1/models` for clients that send `anthropic-version`.

use crate::json::write::Writer;
use crate::snapshot::Model;

/// Renders the list of models, on one page.
pub fn list(models: &[&Model]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.object(|it| {
        it.key("data").array(|it| {
            for model in models {
                view(model, it);
            }
        });
        it.key("has_more").bool(false);
        for (name, model) in [("first_id", models.first()), ("last_id", models.last())] {
            match model {
                Some(model) => it.key(name).string(&model.name),
                None => it.key(name).null(),
            }
        }
    });
    writer.into_bytes()
}

/// Renders one model.
pub fn retrieve(model: &Model) -> Vec<u8> {
    let mut writer = Writer::default();
    view(model, &mut writer);
    writer.into_bytes()
}

fn view(model: &Model, writer: &mut Writer) {
    writer.object(|it| {
        it.key("type").string("model");
        it.key("id").string(&model.name);
        it.key("display_name").string(&model.name);
        it.key("created_at").string(&crate::dialect::instant::rfc3339(model.created));
    });
}
