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

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use serde_json::{Value, json};

    use super::*;

    fn snapshot() -> Snapshot {
        let model = |name: &str| {
            let (name, owned_by) = (name.to_owned(), "anthropic".to_owned());
            let (created, targets, meters) = (1_739_923_200, Vec::new(), Vec::new());
            (
                name.clone(),
                Rc::new(Model {
                    name,
                    targets,
                    created,
                    owned_by,
                    strict: false,
                    settings: None,
                    meters,
                }),
            )
        };
        let models = [model("a"), model("b"), model("c/d")].into();
        Snapshot { models, ..Snapshot::default() }
    }

    #[test]
    fn lists_what_the_key_may_use_on_one_page() {
        let policy = KeyPolicy { models: vec!["b".into(), "c/*".into()], ..KeyPolicy::default() };

        let page: Value = serde_json::from_slice(&list(&snapshot(), &policy)).unwrap();

        let model = |id| {
            let created = "2025-02-19T00:00:00Z";
            json!({"type": "model", "id": id, "display_name": id, "created_at": created})
        };
        let expected = json!({
            "data": [model("b"), model("c/d")],
            "has_more": false, "first_id": "b", "last_id": "c/d",
        });
        assert_eq!(page, expected);
        let one: Value =
            serde_json::from_slice(&retrieve(&snapshot(), &policy, "b").unwrap()).unwrap();
        assert_eq!(one, model("b"));
    }

    #[test]
    fn a_model_of_others_is_not_there() {
        let policy = KeyPolicy { models: vec!["b".into()], ..KeyPolicy::default() };

        let refusal = Refusal::ModelNotFound("a".into());
        assert_eq!(retrieve(&snapshot(), &policy, "a"), Err(refusal));
        let none: Value = serde_json::from_slice(&list(&Snapshot::default(), &policy)).unwrap();
        assert_eq!(none["first_id"], Value::Null);
    }
}
