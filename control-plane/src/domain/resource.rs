//! Objects that providers keep for tenants: files, batches, threads and so on.

use tollgate_core::key::KeyHash;

use crate::domain::{HolderId, Timestamp};

/// An object at a provider, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// As the provider calls it. Unique among all providers' objects.
    pub id: String,
    /// What it is.
    pub kind: ResourceKind,
    /// Who holds it.
    pub place: Place,
    /// Whose it is, as in [`crate::domain::KeyPolicy`].
    pub tenant: String,
    /// The key that made it.
    pub key_hash: KeyHash,
    /// Public name of the model that it was made with. Empty: it has none.
    pub model: String,
    /// What a file is for. Empty: it is not known, or no file.
    pub purpose: String,
    /// Tags of the request that made it.
    pub tags: Vec<String>,
    /// What its provider last said of it, as JSON. Empty: nothing yet.
    pub body: String,
    /// When it came to be known.
    pub created_at: Timestamp,
    /// When it was deleted. `None`: it is there.
    pub deleted_at: Option<Timestamp>,
    /// What was reserved for it, as work. `None`: it is none, or none that is charged.
    pub commitment: Option<HolderId>,
}

/// An account of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The provider's id.
    pub provider: String,
    /// The account's. Empty: the provider's only one.
    pub account: String,
}

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceKind {
    /// A file.
    File,
    /// A batch of requests.
    Batch,
    /// A job that makes a model.
    FineTuningJob,
    /// An assistant.
    Assistant,
    /// A thread of messages.
    Thread,
    /// A run of a thread.
    Run,
    /// A vector store.
    VectorStore,
    /// Files that are put into a vector store together.
    FileBatch,
    /// A stored answer.
    Response,
}

impl ResourceKind {
    /// Every kind with its name in the database.
    pub const NAMES: [(&str, Self); 9] = [
        ("file", Self::File),
        ("batch", Self::Batch),
        ("fine_tuning_job", Self::FineTuningJob),
        ("assistant", Self::Assistant),
        ("thread", Self::Thread),
        ("run", Self::Run),
        ("vector_store", Self::VectorStore),
        ("file_batch", Self::FileBatch),
        ("response", Self::Response),
    ];

    /// Returns its name in the database.
    pub fn name(self) -> &'static str {
        let found = Self::NAMES.iter().find(|(_, kind)| *kind == self);
        found.map_or("file", |(name, _)| name)
    }

    /// Finds a kind by its name in the database.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    /// Returns how many a page has that says nothing, and how many at most.
    pub fn page_sizes(self) -> (u32, u32) {
        if self == Self::File { (10_000, 10_000) } else { (20, 100) }
    }
}

/// Which objects of a tenant to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceQuery {
    /// Whose.
    pub tenant: String,
    /// What they are.
    pub kind: ResourceKind,
    /// Files for this alone.
    pub purpose: Option<String>,
    /// Behind this object: when it was made, and its id.
    pub after: Option<(Timestamp, String)>,
    /// Before this object.
    pub before: Option<(Timestamp, String)>,
    /// Oldest first.
    pub ascending: bool,
    /// How many at most.
    pub limit: u32,
}
