//! What a request says about a user, a team, an organisation, a customer or a tag.

use serde_json::{Map, Value};

use crate::domain::{Edit, EntityChange};
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::key_fields;
use crate::http::limit_fields::{self, ModelLimits};

/// What the fields are called that differ by kind.
pub(crate) struct Names {
    /// What people call it.
    pub(crate) alias: &'static str,
    /// Fields that are shown and do nothing.
    pub(crate) details: &'static [&'static str],
    /// Settings of LiteLLM that we do not enforce for this kind.
    pub(crate) unsupported: &'static [&'static str],
}

/// Reads everything that may be said, for making and changing alike.
pub(crate) fn read(fields: &mut Fields, names: &Names) -> Result<EntityChange, ApiError> {
    key_fields::refuse(fields, names.unsupported)?;
    key_fields::refuse(fields, &["tags", "allowed_routes"])?;
    let metadata = fields.object("metadata").value();
    let (metadata, in_metadata) = match metadata {
        None => (None, None),
        Some(mut metadata) => {
            key_fields::refuse_in_metadata(&metadata)?;
            key_fields::refuse_among(&metadata, names.unsupported)?;
            check_tags(&metadata)?;
            let limits = ModelLimits::take(&mut metadata)?;
            (Some(metadata), Some(limits))
        }
    };
    let mut details = Map::new();
    for name in names.details {
        match fields.text(name) {
            Edit::Keep => {}
            Edit::Clear => {
                details.insert((*name).to_owned(), Value::Null);
            }
            Edit::Set(text) => {
                details.insert((*name).to_owned(), text.into());
            }
        }
    }
    Ok(EntityChange {
        alias: fields.text(names.alias),
        email: fields.text("user_email"),
        organization_id: Edit::Keep,
        budget_id: fields.text("budget_id"),
        models: fields.texts("models").value(),
        metadata,
        details,
        limits: limit_fields::read(fields, in_metadata)?,
        spend: fields.dollars("spend")?.value(),
        blocked: fields.flag("blocked").value(),
    })
}

/// Tags of a team or user go with the requests of their keys.
fn check_tags(metadata: &Map<String, Value>) -> Result<(), ApiError> {
    let sound = match metadata.get("tags") {
        None | Some(Value::Null) => true,
        Some(tags) => tags.as_array().is_some_and(|tags| tags.iter().all(Value::is_string)),
    };
    if sound {
        return Ok(());
    }
    Err(ApiError::bad_request("metadata", "metadata.tags must be a list of strings"))
}

/// Refuses a soft budget that is no lower than the budget, as LiteLLM does for teams.
pub(crate) fn check_soft_budget(change: &EntityChange) -> Result<(), ApiError> {
    let limits = &change.limits;
    match (limits.soft_budget.as_value(), limits.max_budget.as_value()) {
        (Some(soft), Some(max)) if soft >= max => {
            Err(ApiError::bad_request("soft_budget", "soft_budget must be lower than max_budget"))
        }
        _ => Ok(()),
    }
}
