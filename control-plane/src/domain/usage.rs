//! The ledger: one record for each attempt of a request, after it ended.

use std::fmt;

use tollgate_core::key::KeyHash;
use tollgate_core::money::NanoDollars;
use tollgate_core::price::TokenUsage;

use crate::domain::Timestamp;

/// 24 bytes, unique for ever: a record that arrives twice is known by it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId([u8; 24]);

impl RecordId {
    /// Makes an id of randomness.
    pub fn new(bytes: [u8; 24]) -> Self {
        Self(bytes)
    }

    /// Takes an id from the wire. `None` when it is not 24 bytes long.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Makes an id of bytes that are unique.
    pub fn from_array(bytes: [u8; 24]) -> Self {
        Self(bytes)
    }

    /// Returns the id as it is on the wire.
    pub fn as_bytes(&self) -> &[u8; 24] {
        &self.0
    }

    /// Reads 48 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        unhex(text).map(Self)
    }

    /// Returns 48 lower-case hexadecimal digits, the form in which it is stored and shown.
    pub fn to_hex(self) -> String {
        hex(&self.0)
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordId({})", self.to_hex())
    }
}

/// One request, after it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRecord {
    /// Unique for ever.
    pub id: RecordId,
    /// The key that asked.
    pub key_hash: KeyHash,
    /// When the request arrived.
    pub started_at: Timestamp,
    /// When the first byte of the answer's body came. `None`: none came.
    pub first_byte_at: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Timestamp,
    /// What was called.
    pub endpoint: Endpoint,
    /// The name the client asked for.
    pub model: String,
    /// Id of the provider. `None`: none was chosen.
    pub provider: Option<String>,
    /// The provider's name of the model.
    pub provider_model: Option<String>,
    /// The `id` of the provider's answer.
    pub provider_response_id: Option<String>,
    /// HTTP status that the client got. 0: it left before there was one.
    pub status: u16,
    /// The answer was a stream.
    pub streamed: bool,
    /// The client left, or the provider broke off, before the end.
    pub aborted: bool,
    /// Tokens by class.
    pub tokens: TokenUsage,
    /// Where the tokens come from.
    pub usage_source: UsageSource,
    /// What it cost.
    pub cost: NanoDollars,
    /// The target had no price; `cost` is 0.
    pub unpriced: bool,
    /// The body's `user`.
    pub end_user: Option<String>,
    /// Of the key and of the request.
    pub tags: Vec<String>,
    /// Code of the error that the client got. `None`: no error.
    pub error_code: Option<String>,
    /// What it took from meters.
    pub debits: Vec<Debit>,
    /// Account of the provider. `None`: its only one, or none was chosen.
    pub account: Option<String>,
    /// Which attempt of its request it was, from 1. 0: there was only one.
    pub attempt: u32,
    /// The record of the request's first attempt. `None`: this is it.
    pub first_attempt: Option<RecordId>,
    /// It was served from the cache: nothing went upstream.
    pub cached: bool,
    /// What was used besides tokens. `None`: nothing else is paid for.
    pub units: Option<Units>,
}

/// What one request used besides tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Units {
    /// Images that were made.
    pub images: u64,
    /// Characters that were spoken.
    pub characters: u64,
    /// Length of the sound, heard or made, in milliseconds.
    pub audio_ms: u64,
    /// Input tokens that were images.
    pub image_input_tokens: u64,
    /// Output tokens that were images.
    pub image_output_tokens: u64,
}

impl Units {
    /// Returns each count with its name.
    pub fn counts(&self) -> [(&'static str, u64); 5] {
        [
            ("images", self.images),
            ("characters", self.characters),
            ("audio_ms", self.audio_ms),
            ("image_input_tokens", self.image_input_tokens),
            ("image_output_tokens", self.image_output_tokens),
        ]
    }
}

/// What one request took from one meter, counted when it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Debit {
    /// The meter.
    pub meter: u64,
    /// In units of its dimension.
    pub amount: i64,
}

/// What was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Endpoint {
    /// Something this version does not know.
    #[default]
    Unknown,
    /// Chat completions.
    ChatCompletions,
    /// Legacy completions.
    Completions,
    /// Embeddings.
    Embeddings,
    /// OpenAI's Responses.
    Responses,
    /// Anthropic's Messages.
    Messages,
    /// Gemini's `generateContent`, streamed or not.
    GenerateContent,
    /// Gemini's `embedContent`.
    EmbedContent,
    /// Gemini's `batchEmbedContents`.
    BatchEmbedContents,
    /// Ollama's chat.
    OllamaChat,
    /// Ollama's `generate`.
    OllamaGenerate,
    /// Ollama's `embed`.
    OllamaEmbed,
    /// Ollama's older `embeddings`.
    OllamaEmbeddings,
    /// OpenAI's image generations.
    ImagesGenerations,
    /// OpenAI's image edits.
    ImagesEdits,
    /// OpenAI's image variations.
    ImagesVariations,
    /// OpenAI's speech.
    Speech,
    /// OpenAI's transcriptions.
    Transcriptions,
    /// OpenAI's translations of sound.
    Translations,
    /// OpenAI's moderations.
    Moderations,
    /// `OpenAI`'s WebSocket sessions.
    Realtime,
    /// OpenAI's files.
    Files,
    /// OpenAI's batches.
    Batches,
    /// OpenAI's fine-tuning jobs.
    FineTuning,
    /// OpenAI's assistants.
    Assistants,
    /// OpenAI's threads and their messages.
    Threads,
    /// OpenAI's runs of threads.
    Runs,
    /// OpenAI's vector stores.
    VectorStores,
    /// Answers that a provider of OpenAI's Responses has stored.
    StoredResponses,
}

/// Where the token counts of a record come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UsageSource {
    /// There are none: the request failed before the provider could charge for it.
    #[default]
    None,
    /// The provider's own figures.
    Provider,
    /// Estimated from the bytes that passed.
    Estimated,
    /// Counted by us, exactly.
    Counted,
    /// Never settled: what was reserved is taken as spent until it is reconciled.
    Presumed,
}

/// Reads twice as many hexadecimal digits as bytes are wanted.
pub(super) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit =
        |nibble: u8| DIGITS.get(usize::from(nibble)).map_or('0', |digit| char::from(*digit));
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_ids_round_trip() {
        let id = RecordId::from_bytes(&[0xa7; 24]).unwrap();

        assert_eq!(id.to_hex(), "a7".repeat(24));
        assert_eq!(RecordId::from_hex(&id.to_hex()), Some(id));
        assert_eq!(RecordId::from_hex(&"+7".repeat(24)), None);
        assert_eq!(RecordId::from_bytes(&[0; 23]), None);
    }
}
