//! What the management API adds to the configuration.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::config::Config;
use crate::domain::{Edit, Item, ItemKind, Secret, Stamps};
use crate::effective::{Effective, effective, owner};
use crate::prices::PriceList;
use crate::service::{Actor, Service, ServiceError};

/// An item as it is to be.
#[derive(Debug)]
pub struct ItemDraft {
    /// What it is.
    pub kind: ItemKind,
    /// Unique within its kind.
    pub id: String,
    /// What it says, without secrets.
    pub body: Map<String, Value>,
    /// Its credential.
    pub secret: Edit<Secret>,
}

/// An item after a change.
#[derive(Debug)]
pub struct ChangedItem {
    /// As it is now.
    pub item: Item,
    /// Revision of the change.
    pub revision: u64,
}

impl Service {
    /// Returns everything that was added to the configuration, oldest first.
    pub async fn items(&self) -> Result<Vec<Item>, ServiceError> {
        Ok(self.store.items().await?)
    }

    /// Returns what holds when items are added to the file.
    pub fn effective(&self, file: &Config, items: &[Item], prices: &PriceList) -> Effective {
        effective(file, items, &self.vault, prices)
    }

    /// Makes an item of a draft, and keeps of `before` what the draft does not say.
    pub fn draft_item(
        &self,
        draft: ItemDraft,
        before: Option<&Item>,
        actor: &Actor,
    ) -> Result<Item, ServiceError> {
        let now = self.now();
        let made = before.map(|item| &item.stamps);
        let stamps = Stamps {
            created_at: made.map_or(now, |stamps| stamps.created_at),
            created_by: made.map_or_else(|| actor.name.clone(), |it| it.created_by.clone()),
            updated_at: now,
            updated_by: actor.name.clone(),
        };
        let ItemDraft { kind, id, body, secret } = draft;
        let mut item = Item { kind, id, body, sealed: None, stamps };
        item.sealed = match secret {
            Edit::Keep => before.and_then(|item| item.sealed.clone()),
            Edit::Clear => None,
            Edit::Set(secret) => {
                let sealed = self.vault.seal(&secret, &owner(&item), self.entropy.as_ref());
                Some(
                    sealed
                        .map_err(|error| ServiceError::invalid("credential", error.to_string()))?,
                )
            }
        };
        Ok(item)
    }

    /// Stores an item; `new` says that its id must be free.
    pub async fn put_item(
        &self,
        item: Item,
        new: bool,
        action: &'static str,
        actor: &Actor,
    ) -> Result<ChangedItem, ServiceError> {
        let revision = self.store.put_item(&item, new, &self.change(action, actor)).await?;
        Ok(ChangedItem { item, revision })
    }

    /// Deletes those items that exist; returns them and the revision of the change.
    pub async fn delete_items(
        &self,
        items: &[(ItemKind, String)],
        action: &'static str,
        actor: &Actor,
    ) -> Result<(Vec<Item>, u64), ServiceError> {
        Ok(self.store.delete_items(items, &self.change(action, actor)).await?)
    }

    /// Opens the credential of an item, for the one call that sends it.
    pub fn credential(&self, item: &Item) -> Result<Option<Secret>, ServiceError> {
        let opened = item.sealed.as_ref().map(|sealed| self.vault.unseal(sealed, &owner(item)));
        opened.transpose().map_err(|error| ServiceError::invalid("credential", error.to_string()))
    }

    /// Makes an id in the form of a UUID.
    pub fn new_id(&self) -> String {
        let mut bytes = [0; 16];
        self.entropy.fill(&mut bytes);
        // Version 4, variant 1 (RFC 9562).
        let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
        *version = (*version & 0x0f) | 0x40;
        *variant = (*variant & 0x3f) | 0x80;
        let mut id = String::new();
        for (at, byte) in bytes.iter().enumerate() {
            let dash = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
            // Writing to a string cannot fail.
            let _ = write!(id, "{dash}{byte:02x}");
        }
        id
    }
}
