//! What names in a body mean, in each dialect.

use tollgate_proto::v1::{Endpoint, ResourceKind};

use super::Noun;

/// What names mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    OpenAi,
    Anthropic,
    Gemini,
}

/// What a value means, by the name it stands under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sense {
    Plain,
    /// Nothing in it means anything to a provider.
    Opaque,
    /// An id, or several.
    Id(Noun),
    /// An id, or an object that has it under `id`.
    Whole(Noun),
    /// An address, which may be of a file at Gemini.
    Address,
    /// What kind of object this is.
    Type,
    /// The object's own id.
    OwnId,
}

impl Dialect {
    pub(super) fn sense(self, name: &str) -> Sense {
        let held = |kind| Sense::Id(Noun::Held(kind));
        match (self, name) {
            (Self::Gemini, "fileUri" | "file_uri") => Sense::Address,
            (Self::Gemini, "cachedContent" | "cached_content") => Sense::Id(Noun::CachedContent),
            // What a model has called a tool with, what a tool takes, what only people read, and
            // what an answer has said of its sources, given back.
            (Self::Gemini, "args" | "response" | "parameters" | "responseSchema")
            | (Self::Anthropic, "input")
            | (
                Self::OpenAi | Self::Anthropic,
                "metadata" | "client_metadata" | "parameters" | "schema" | "input_schema"
                | "attributes" | "annotations" | "arguments",
            ) => Sense::Opaque,
            (Self::Gemini, _) => Sense::Plain,
            // What shows a model something. A provider of Gemini's dialect is asked with it too.
            (_, "url" | "image_url" | "file_url" | "video_url" | "file_data") => Sense::Address,
            (
                _,
                "file_id" | "file_ids" | "input_file_id" | "output_file_id" | "error_file_id"
                | "training_file" | "validation_file",
            ) => held(ResourceKind::File),
            (_, "vector_store_id" | "vector_store_ids") => held(ResourceKind::VectorStore),
            (_, "assistant_id") => held(ResourceKind::Assistant),
            (_, "thread_id") => held(ResourceKind::Thread),
            (_, "run_id") => held(ResourceKind::Run),
            (_, "batch_id") => held(ResourceKind::Batch),
            (_, "previous_response_id" | "response_id") => held(ResourceKind::Response),
            (_, "conversation" | "conversation_id") => Sense::Whole(Noun::Conversation),
            (_, "container") => Sense::Whole(Noun::Container),
            (_, "type") => Sense::Type,
            (_, "id") => Sense::OwnId,
            _ => Sense::Plain,
        }
    }
}

/// What stands in bodies that name something, and nearly never in others.
pub(super) const SIGNS: &[(Endpoint, Dialect, &[&str])] = &[
    (Endpoint::ChatCompletions, Dialect::OpenAi, &["file_id", "url\"", "file_data"]),
    (Endpoint::ImagesEdits, Dialect::OpenAi, &["file_id", "url\""]),
    (
        Endpoint::Responses,
        Dialect::OpenAi,
        &["_id", "\"conversation\"", "\"container\"", "item_reference", "url\"", "file_data"],
    ),
    (Endpoint::Messages, Dialect::Anthropic, &["file_id", "\"container\"", "url\""]),
    (
        Endpoint::GenerateContent,
        Dialect::Gemini,
        &["fileUri", "file_uri", "cachedContent", "cached_content"],
    ),
];
