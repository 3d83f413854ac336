//! Objects that are not there, as OpenAI's API says it of each kind: clients match on it.

/// Says it to people.
pub(super) fn message(noun: &str, id: &str) -> String {
    match noun {
        "file" => format!("No such File object: {id}"),
        "response" => format!("Response with id '{id}' not found."),
        "vector store" => format!("Vector store with id '{id}' not found."),
        "fine-tuning job" => format!("Could not find fine tune: {id}"),
        _ => format!("No {noun} found with id '{id}'."),
    }
}
