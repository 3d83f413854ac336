//! What handlers share that add to the configuration: nothing is stored that could not be used,
//! and whoever made a change finds it done.

use axum::http::StatusCode;
use serde_json::{Map, Value};

use crate::domain::{Edit, Item, ItemKind, Secret};
use crate::effective::LeftOut;
use crate::http::App;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::service::{Actor, ItemDraft};

/// Returns the items of a kind.
pub(crate) async fn of_kind(app: &App, kind: ItemKind) -> Result<Vec<Item>, ApiError> {
    let items = app.service.items().await?.into_iter();
    Ok(items.filter(|item| item.kind == kind).collect())
}

/// Finds one item.
pub(crate) async fn find(app: &App, kind: ItemKind, id: &str) -> Result<Option<Item>, ApiError> {
    Ok(of_kind(app, kind).await?.into_iter().find(|item| item.id == id))
}

/// A change of an item.
pub(crate) struct Draft<'a> {
    /// As it is to be.
    pub(crate) wanted: ItemDraft,
    /// As it was. `None`: it is new.
    pub(crate) before: Option<&'a Item>,
    /// For the audit log.
    pub(crate) action: &'static str,
}

/// Stores an item unless it, or something that builds on it, could not be used.
pub(crate) async fn put(app: &App, draft: Draft<'_>, actor: &Actor) -> Result<Item, ApiError> {
    let Draft { wanted, before, action } = draft;
    let item = app.service.draft_item(wanted, before, actor)?;
    check(app, &item).await?;
    let changed = app.service.put_item(item, before.is_none(), action, actor).await?;
    app.caught_up(changed.revision).await;
    Ok(changed.item)
}

/// Deletes items, and returns those that were there.
pub(crate) async fn delete(
    app: &App,
    items: &[(ItemKind, String)],
    action: &'static str,
    actor: &Actor,
) -> Result<Vec<Item>, ApiError> {
    let (gone, revision) = app.service.delete_items(items, action, actor).await?;
    app.caught_up(revision).await;
    Ok(gone)
}

/// Refuses an item that would be left out of the configuration, or that would leave out another.
async fn check(app: &App, item: &Item) -> Result<(), ApiError> {
    let mut items = app.service.items().await?;
    let file = app.file.borrow().clone();
    let left_out = |items: &[Item]| app.service.effective(&file, items, &app.prices).left_out;
    let before = left_out(&items);
    match items.iter_mut().find(|known| known.kind == item.kind && known.id == item.id) {
        Some(known) => *known = item.clone(),
        None => items.push(item.clone()),
    }
    let own = |left: &LeftOut| left.kind == item.kind && left.id == item.id;
    let mut new = left_out(&items).into_iter().filter(|left| own(left) || !before.contains(left));
    let Some(left) = new.next() else { return Ok(()) };
    let message = if own(&left) {
        left.why.clone()
    } else {
        format!("{} {:?} could not be used any more: {}", left.kind.name(), left.id, left.why)
    };
    let status = if left.is_in_file() { StatusCode::CONFLICT } else { StatusCode::BAD_REQUEST };
    Err(ApiError::plain(status, message))
}

/// Takes texts, numbers, flags and objects over into a body; `null` takes them out.
pub(crate) struct Taken<'a> {
    /// What is read.
    pub(crate) fields: &'a mut Fields,
    /// Where it goes.
    pub(crate) body: &'a mut Map<String, Value>,
}

impl Taken<'_> {
    /// Takes texts.
    pub(crate) fn texts(&mut self, names: &[&str]) {
        for name in names {
            let edit = self.fields.text(name);
            self.set(name, edit);
        }
    }

    /// Takes whole numbers.
    pub(crate) fn wholes(&mut self, names: &[&str]) {
        for name in names {
            let edit = self.fields.whole(name);
            self.set(name, edit);
        }
    }

    /// Takes flags.
    pub(crate) fn flags(&mut self, names: &[&str]) {
        for name in names {
            let edit = self.fields.flag(name);
            self.set(name, edit);
        }
    }

    /// Takes objects.
    pub(crate) fn objects(&mut self, names: &[&str]) {
        for name in names {
            let edit = self.fields.object(name);
            self.set(name, edit);
        }
    }

    fn set<T: Into<Value>>(&mut self, name: &str, edit: Edit<T>) {
        match edit {
            Edit::Keep => {}
            Edit::Clear => {
                self.body.remove(name);
            }
            Edit::Set(value) => {
                self.body.insert(name.to_owned(), value.into());
            }
        }
    }
}

/// Reads a key that may be given anew, taken away (empty) or left alone.
pub(crate) fn key_edit(value: Option<Value>, field: &str) -> Result<Edit<String>, ApiError> {
    match value {
        None | Some(Value::Null) => Ok(Edit::Keep),
        Some(Value::String(key)) if key.trim().is_empty() => Ok(Edit::Clear),
        Some(Value::String(key)) => Ok(Edit::Set(key)),
        Some(_) => Err(ApiError::bad_request(field, "must be a text")),
    }
}

/// Takes a credential. Control characters would end the header that carries it.
pub(crate) fn secret(edit: Edit<String>, field: &str) -> Result<Edit<Secret>, ApiError> {
    match edit {
        Edit::Keep => Ok(Edit::Keep),
        Edit::Clear => Ok(Edit::Clear),
        Edit::Set(text) if text.chars().any(char::is_control) => {
            let message = format!("{field} holds control characters");
            Err(ApiError::plain(StatusCode::BAD_REQUEST, message))
        }
        Edit::Set(text) => Ok(Edit::Set(Secret::new(text.trim()))),
    }
}

/// Says no in OmniRoute's shape.
pub(crate) fn bad(message: impl Into<String>) -> ApiError {
    ApiError::plain(StatusCode::BAD_REQUEST, message)
}

/// Says in OmniRoute's shape that something cannot be changed here.
pub(crate) fn in_file(what: &str) -> ApiError {
    let message = format!("{what} stands in the configuration file; change it there");
    ApiError::plain(StatusCode::CONFLICT, message)
}

/// Says in OmniRoute's shape that something is not there.
pub(crate) fn not_found(what: &str) -> ApiError {
    ApiError::plain(StatusCode::NOT_FOUND, format!("{what} not found"))
}

/// What stands for a key that is there.
pub(crate) const MASK: &str = "…";
