//! Objects of providers between filters and us.

use tollgate_proto::v1;

use crate::domain::ResourceKind;

/// Reads a kind. `None`: any, or one of a newer version.
pub fn kind(kind: v1::ResourceKind) -> Option<ResourceKind> {
    Some(match kind {
        v1::ResourceKind::Unspecified => return None,
        v1::ResourceKind::File => ResourceKind::File,
        v1::ResourceKind::Batch => ResourceKind::Batch,
        v1::ResourceKind::FineTuningJob => ResourceKind::FineTuningJob,
        v1::ResourceKind::Assistant => ResourceKind::Assistant,
        v1::ResourceKind::Thread => ResourceKind::Thread,
        v1::ResourceKind::Run => ResourceKind::Run,
        v1::ResourceKind::VectorStore => ResourceKind::VectorStore,
        v1::ResourceKind::FileBatch => ResourceKind::FileBatch,
        v1::ResourceKind::Response => ResourceKind::Response,
    })
}

/// Writes a kind. `None`: of something that nobody has.
pub fn kind_to_tell(kind: Option<ResourceKind>) -> v1::ResourceKind {
    match kind {
        None => v1::ResourceKind::Unspecified,
        Some(ResourceKind::File) => v1::ResourceKind::File,
        Some(ResourceKind::Batch) => v1::ResourceKind::Batch,
        Some(ResourceKind::FineTuningJob) => v1::ResourceKind::FineTuningJob,
        Some(ResourceKind::Assistant) => v1::ResourceKind::Assistant,
        Some(ResourceKind::Thread) => v1::ResourceKind::Thread,
        Some(ResourceKind::Run) => v1::ResourceKind::Run,
        Some(ResourceKind::VectorStore) => v1::ResourceKind::VectorStore,
        Some(ResourceKind::FileBatch) => v1::ResourceKind::FileBatch,
        Some(ResourceKind::Response) => v1::ResourceKind::Response,
    }
}
