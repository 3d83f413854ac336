//! Objects that providers keep for tenants: who may use which.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tollgate_core::dialect::references::is_id;
use tollgate_core::json::edit::Edits;
use tollgate_core::json::scan::Object;
use tollgate_core::json::text;
use tollgate_core::key::KeyHash;

use crate::domain::{HolderId, Place, Resource, ResourceKind, ResourceQuery, WorkKind};
use crate::service::{Service, ServiceError};

/// What a request names, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admitted {
    /// All of it is the tenant's, in one account; with the models that each was made with.
    At(Place, Vec<String>),
    /// The one at this index is not there, for this tenant.
    Unknown(usize),
}

/// What came of keeping an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// It is kept; what the client is to see of it, where that is not what the provider says.
    Kept(Option<String>),
    /// It is somebody else's.
    Taken,
}

/// An object as its provider describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Whose it is.
    pub tenant: String,
    /// The key that asked.
    pub key_hash: KeyHash,
    /// What it is.
    pub kind: ResourceKind,
    /// Who holds it.
    pub place: Place,
    /// Public name of its model. Empty: it has none, or that is known.
    pub model: String,
    /// What the provider says of it, as JSON.
    pub body: String,
    /// Tags of the request.
    pub tags: Vec<String>,
    /// What was reserved for it, when it was just made.
    pub commitment: Option<HolderId>,
}

/// Which page of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Whose.
    pub tenant: String,
    /// Of what.
    pub kind: ResourceKind,
    /// How many at most.
    pub limit: Option<u32>,
    /// The id that it begins behind.
    pub after: Option<String>,
    /// The id that it ends before.
    pub before: Option<String>,
    /// Oldest first.
    pub ascending: bool,
    /// Files for this alone.
    pub purpose: Option<String>,
}

impl Service {
    /// Finds who holds what a request names. Which answers are stored is reported some moments
    /// after clients have them, so that one who goes on from an answer at once is not refused.
    pub async fn admit(
        &self,
        tenant: &str,
        ids: &[(Option<ResourceKind>, String)],
    ) -> Result<Admitted, ServiceError> {
        for _ in 0..TRIES {
            let admitted = self.admit_now(tenant, ids).await?;
            let Admitted::Unknown(at) = admitted else { return Ok(admitted) };
            if ids.get(at).is_none_or(|it| it.0 != Some(ResourceKind::Response)) {
                return Ok(admitted);
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.admit_now(tenant, ids).await
    }

    async fn admit_now(
        &self,
        tenant: &str,
        ids: &[(Option<ResourceKind>, String)],
    ) -> Result<Admitted, ServiceError> {
        let wanted: Vec<String> = ids.iter().map(|(_, id)| id.clone()).collect();
        let known = self.store.resources_by_ids(&wanted).await?;
        let known: BTreeMap<&str, &Resource> = known.iter().map(|it| (&*it.id, it)).collect();
        let mut found: Option<&Place> = None;
        let mut models = Vec::new();
        for (index, (kind, id)) in ids.iter().enumerate() {
            let is_own = |it: &&&Resource| {
                !tenant.is_empty()
                    && it.tenant == tenant
                    && it.deleted_at.is_none()
                    && kind.is_none_or(|kind| kind == it.kind)
            };
            let Some(own) = known.get(id.as_str()).filter(is_own) else {
                return Ok(Admitted::Unknown(index));
            };
            if found.is_some_and(|place| *place != own.place) {
                return Ok(Admitted::Unknown(index));
            }
            found = Some(&own.place);
            models.push(own.model.clone());
        }
        Ok(Admitted::At(found.cloned().unwrap_or_default(), models))
    }

    /// Keeps what a provider says of an object, and takes what it made for it.
    pub async fn register(&self, mut seen: Sighting) -> Result<Registered, ServiceError> {
        let shown = self.with_own_file(&seen).await?;
        if let Some(shown) = &shown {
            seen.body.clone_from(shown);
        }
        let body: Map<String, Value> = serde_json::from_str(&seen.body)
            .map_err(|error| ServiceError::invalid("body", error.to_string()))?;
        let id = body.get("id").and_then(Value::as_str).filter(|id| is_id(id));
        let id = id.ok_or_else(|| ServiceError::invalid("body", "it has no id"))?.to_owned();
        if seen.tenant.is_empty() {
            return Err(ServiceError::invalid("tenant", "nothing can be nobody's"));
        }
        let purpose = body.get("purpose").and_then(Value::as_str).unwrap_or_default();
        let first = Resource {
            id,
            kind: seen.kind,
            place: seen.place,
            tenant: seen.tenant,
            key_hash: seen.key_hash,
            model: seen.model,
            purpose: purpose.to_owned(),
            tags: seen.tags,
            body: seen.body,
            created_at: self.now(),
            deleted_at: None,
            commitment: seen.commitment,
        };
        let others: Vec<Resource> = made_for(first.kind, &body)
            .into_iter()
            .filter(|(_, id)| is_id(id))
            .map(|(kind, id)| Resource {
                id,
                kind,
                model: String::new(),
                purpose: String::new(),
                body: String::new(),
                commitment: None,
                ..first.clone()
            })
            .collect();
        if !self.store.keep_resources(&first, &others).await? {
            return Ok(Registered::Taken);
        }
        let status = body.get("status").and_then(Value::as_str).unwrap_or_default();
        let is_over = WorkKind::of(first.kind).is_some_and(|kind| kind.is_over(status));
        if first.commitment.is_none() && is_over {
            self.store.put_off(&first.id, first.created_at).await?;
        }
        Ok(Registered::Kept(shown))
    }

    /// Returns what is said of a batch with the client's own file, where the provider was given a
    /// copy. `None`: it was not.
    async fn with_own_file(&self, seen: &Sighting) -> Result<Option<String>, ServiceError> {
        if seen.kind != ResourceKind::Batch {
            return Ok(None);
        }
        let named = |body: &str, name: &str| {
            let body: Option<Value> = serde_json::from_str(body).ok();
            body.and_then(|body| body.get(name)?.as_str().map(str::to_owned))
        };
        let own = if let Some(id) = seen.commitment {
            let commitment = self.store.commitment(id).await?;
            commitment.and_then(|commitment| commitment.terms.files).map(|(own, _)| own)
        } else {
            let id = named(&seen.body, "id").unwrap_or_default();
            let known = self.store.resources_by_ids(&[id]).await?;
            let known = known.iter().find(|it| it.tenant == seen.tenant && it.kind == seen.kind);
            known.and_then(|known| named(&known.body, INPUT))
        };
        let own = own.filter(|own| named(&seen.body, INPUT).is_some_and(|it| it != *own));
        Ok(own.map(|own| {
            let mut edits = Edits::default();
            let body = seen.body.as_bytes();
            if let Ok(mut object) = Object::open(body) {
                while let Ok(Some(member)) = object.next_member() {
                    if text::means(body.get(member.key).unwrap_or_default(), INPUT) {
                        edits.replace(member.value, text::encode(&own));
                    }
                }
            }
            String::from_utf8(edits.apply(body)).unwrap_or_default()
        }))
    }

    /// Finds objects by their ids, whoever they are of.
    pub async fn resources(&self, ids: &[String]) -> Result<Vec<Resource>, ServiceError> {
        Ok(self.store.resources_by_ids(ids).await?)
    }

    /// Returns a page of a tenant's objects, as OpenAI's API has lists. `Err` inside: the cursor
    /// that is not the tenant's.
    pub async fn list_resources(&self, page: Page) -> Result<Result<Value, String>, ServiceError> {
        let cursors: Vec<String> = page.after.iter().chain(&page.before).cloned().collect();
        let known = self.store.resources_by_ids(&cursors).await?;
        let own = |it: &&Resource| it.tenant == page.tenant && it.kind == page.kind;
        let place = |id: &String| {
            let found = known.iter().filter(own).find(|it| it.id == *id);
            found.map(|it| (it.created_at, it.id.clone()))
        };
        for cursor in &cursors {
            if place(cursor).is_none() || page.tenant.is_empty() {
                return Ok(Err(cursor.clone()));
            }
        }
        let (default, most) = page.kind.page_sizes();
        let limit = page.limit.unwrap_or(default).clamp(1, most);
        let query = ResourceQuery {
            after: page.after.as_ref().and_then(place),
            before: page.before.as_ref().and_then(place),
            tenant: page.tenant,
            kind: page.kind,
            purpose: page.purpose,
            ascending: page.ascending,
            limit: limit + 1,
        };
        let found = self.store.resources(&query).await?;
        let backwards = query.before.is_some() && query.after.is_none();
        Ok(Ok(written(found, limit as usize, backwards)))
    }

    /// Notes that an object was deleted at its provider.
    pub async fn forget_resource(&self, tenant: &str, id: &str) -> Result<(), ServiceError> {
        Ok(self.store.forget_resource(tenant, id, self.now()).await?)
    }
}

/// Writes a page, which is as long as what may be sent at once.
fn written(found: Vec<Resource>, limit: usize, backwards: bool) -> Value {
    let (all, mut bytes) = (found.len(), 0_usize);
    let mut page: Vec<Resource> = found
        .into_iter()
        .take(limit)
        .take_while(|resource| {
            bytes = bytes.saturating_add(resource.body.len());
            bytes <= MOST_BYTES
        })
        .collect();
    let has_more = page.len() < all;
    if backwards {
        page.reverse();
    }
    let read = |it: &Resource| serde_json::from_str::<Value>(&it.body).unwrap_or_default();
    json!({
        "object": "list",
        "data": page.iter().map(read).collect::<Vec<_>>(),
        "first_id": page.first().map(|it| &it.id),
        "last_id": page.last().map(|it| &it.id),
        "has_more": has_more,
    })
}

/// Returns what else a provider has made, by what it says of an object.
fn made_for(kind: ResourceKind, body: &Map<String, Value>) -> Vec<(ResourceKind, String)> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let file = |id| (ResourceKind::File, id);
    match kind {
        ResourceKind::Batch => {
            ["output_file_id", "error_file_id"].into_iter().filter_map(text).map(file).collect()
        }
        ResourceKind::FineTuningJob => {
            let files = body.get("result_files").and_then(Value::as_array);
            let ids = files.into_iter().flatten().filter_map(Value::as_str);
            ids.map(|id| file(id.to_owned())).collect()
        }
        ResourceKind::Run => {
            text("thread_id").map(|id| (ResourceKind::Thread, id)).into_iter().collect()
        }
        ResourceKind::File
        | ResourceKind::Assistant
        | ResourceKind::Thread
        | ResourceKind::VectorStore
        | ResourceKind::FileBatch
        | ResourceKind::Response => Vec::new(),
    }
}

/// What a batch calls its file.
const INPUT: &str = "input_file_id";
/// How often an answer is looked for that may be stored yet, and how long that takes in all: much
/// longer than a filter waits to report, much less than it waits for us.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(50);
/// How long a page of a list may be.
const MOST_BYTES: usize = 4 << 20;
