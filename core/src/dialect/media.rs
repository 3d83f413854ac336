//! What is no conversation: images, sound, and judgements of what people write. Requests and
//! answers pass as they are; what is paid for is read on the way.
//!
//! [`ask`] says what a request can cost at most, [`answer`] watches what comes of it.

use tollgate_proto::v1::Endpoint;

pub mod answer;
pub mod ask;
pub mod assemblyai;
mod cue;
pub mod deepgram;
mod events;
pub mod file;
pub mod fireworks;
pub mod form;
pub mod sound;
pub mod transcript;
pub mod usage;

/// Tells whether an endpoint is one of these.
pub fn is_media(endpoint: Endpoint) -> bool {
    makes_images(endpoint)
        || hears(endpoint)
        || matches!(endpoint, Endpoint::Speech | Endpoint::Moderations)
}

/// Tells whether an endpoint answers with images.
pub fn makes_images(endpoint: Endpoint) -> bool {
    matches!(
        endpoint,
        Endpoint::ImagesGenerations | Endpoint::ImagesEdits | Endpoint::ImagesVariations
    )
}

/// Tells whether an endpoint is given sound.
pub fn hears(endpoint: Endpoint) -> bool {
    matches!(endpoint, Endpoint::Transcriptions | Endpoint::Translations)
}

/// Tells whether requests for an endpoint are forms with files.
pub fn is_form(endpoint: Endpoint) -> bool {
    hears(endpoint) || matches!(endpoint, Endpoint::ImagesEdits | Endpoint::ImagesVariations)
}
