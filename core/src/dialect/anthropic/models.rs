//! `/v1/models` for clients that send `anthropic-version`.

use crate::json::write::Writer;
use crate::policy::access::KeyPolicy;
use crate::refusal::Refusal;
use crate::snapshot::{Model, Snapshot};

/// Renders the list of models that the key may use, on one page.
pub fn list(snapshot: &Snapshot, policy: &KeyPolicy) -> Vec<u8> {
    let usable = || snapshot.models.values().filter(|model| policy.may_use(&model.name));
    let mut writer = Writer::default();
    writer.object(|it| {
        it.key("data").array(|it| usable().for_each(|model| view(model, it)));
        it.key("has_more").bool(false);
        for (name, model) in [("first_id", usable().next()), ("last_id", usable().next_back())] {
            match model {
                Some(model) => it.key(name).string(&model.name),
                None => it.key(name).null(),
            }
        }
    });
    writer.into_bytes()
}

/// Renders one model.
///
/// # Errors
/// When there is no such model, or the key may not use it: it is not told which.
pub fn retrieve(snapshot: &Snapshot, policy: &KeyPolicy, asked: &str) -> Result<Vec<u8>, Refusal> {
    let name = policy.resolve_alias(asked);
    let Some(model) = snapshot.models.get(name).filter(|model| policy.may_use(&model.name)) else {
        return Err(Refusal::ModelNotFound(asked.to_owned()));
    };
    let mut writer = Writer::default();
    view(model, &mut writer);
    Ok(writer.into_bytes())
}

fn view(model: &Model, writer: &mut Writer) {
    writer.object(|it| {
        it.key("type").string("model");
        it.key("id").string(&model.name);
        it.key("display_name").string(&model.name);
        it.key("created_at").string(&crate::dialect::instant::rfc3339(model.created));
    });
}
