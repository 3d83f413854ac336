//! Endpoints as the ledger names them.

use crate::domain::Endpoint;

/// Names an endpoint in the ledger.
pub(super) fn name(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Unknown => "unknown",
        Endpoint::ChatCompletions => "chat_completions",
        Endpoint::Completions => "completions",
        Endpoint::Embeddings => "embeddings",
        Endpoint::Responses => "responses",
        Endpoint::Messages => "messages",
        Endpoint::GenerateContent => "generate_content",
        Endpoint::EmbedContent => "embed_content",
        Endpoint::BatchEmbedContents => "batch_embed_contents",
        Endpoint::OllamaChat => "ollama_chat",
        Endpoint::OllamaGenerate => "ollama_generate",
        Endpoint::OllamaEmbed => "ollama_embed",
        Endpoint::OllamaEmbeddings => "ollama_embeddings",
        Endpoint::Realtime => "realtime",
        Endpoint::Files => "files",
        Endpoint::Batches => "batches",
        Endpoint::FineTuning => "fine_tuning",
        Endpoint::Assistants => "assistants",
        Endpoint::Threads => "threads",
        Endpoint::Runs => "runs",
        Endpoint::VectorStores => "vector_stores",
        Endpoint::StoredResponses => "stored_responses",
        Endpoint::ImagesGenerations => "images_generations",
        Endpoint::ImagesEdits => "images_edits",
        Endpoint::ImagesVariations => "images_variations",
        Endpoint::Speech => "speech",
        Endpoint::Transcriptions => "transcriptions",
        Endpoint::Translations => "translations",
        Endpoint::Moderations => "moderations",
    }
}

/// Reads a name. A newer version may have written names that this one does not know.
pub(super) fn read(name: &str) -> Endpoint {
    match name {
        "chat_completions" => Endpoint::ChatCompletions,
        "completions" => Endpoint::Completions,
        "embeddings" => Endpoint::Embeddings,
        "responses" => Endpoint::Responses,
        "messages" => Endpoint::Messages,
        "generate_content" => Endpoint::GenerateContent,
        "embed_content" => Endpoint::EmbedContent,
        "batch_embed_contents" => Endpoint::BatchEmbedContents,
        "ollama_chat" => Endpoint::OllamaChat,
        "ollama_generate" => Endpoint::OllamaGenerate,
        "ollama_embed" => Endpoint::OllamaEmbed,
        "ollama_embeddings" => Endpoint::OllamaEmbeddings,
        "realtime" => Endpoint::Realtime,
        "files" => Endpoint::Files,
        "batches" => Endpoint::Batches,
        "fine_tuning" => Endpoint::FineTuning,
        "assistants" => Endpoint::Assistants,
        "threads" => Endpoint::Threads,
        "runs" => Endpoint::Runs,
        "vector_stores" => Endpoint::VectorStores,
        "stored_responses" => Endpoint::StoredResponses,
        "images_generations" => Endpoint::ImagesGenerations,
        "images_edits" => Endpoint::ImagesEdits,
        "images_variations" => Endpoint::ImagesVariations,
        "speech" => Endpoint::Speech,
        "transcriptions" => Endpoint::Transcriptions,
        "translations" => Endpoint::Translations,
        "moderations" => Endpoint::Moderations,
        _ => Endpoint::Unknown,
    }
}
