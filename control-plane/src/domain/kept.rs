//! Answers that are kept for whoever asks the same.

use tollgate_core::money::NanoDollars;
use tollgate_core::price::TokenUsage;

use crate::domain::{Timestamp, Vector};

/// What an answer is found by: a hash over everything that it depends on, its tenant included.
pub type CacheKey = [u8; 32];

/// An answer that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// What it is found by.
    pub key: CacheKey,
    /// Whose it is.
    pub tenant: String,
    /// The name of the model that was asked for.
    pub model: String,
    /// Its media type.
    pub content_type: String,
    /// Its body.
    pub body: String,
    /// What it used when it was made.
    pub tokens: TokenUsage,
    /// What it cost then.
    pub cost: NanoDollars,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it is served.
    pub expires_at: Timestamp,
}

/// What a kept answer is found by where the question is similar.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptVector {
    /// The answer.
    pub key: CacheKey,
    /// A hash over everything that the answer depends on but the question, its tenant included.
    pub context: CacheKey,
    /// Of which model the vector is.
    pub embedding: String,
    /// What the model makes of the question.
    pub vector: Vector,
    /// Until when it is found.
    pub expires_at: Timestamp,
}

/// Which answers are to be forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purge {
    /// All of them.
    All,
    /// Those of one model.
    Model(String),
    /// One of them.
    One(CacheKey),
    /// Those that were made before.
    MadeBefore(Timestamp),
}

/// How many answers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeptFigures {
    /// Their number.
    pub entries: u64,
    /// The bytes of their bodies.
    pub bytes: u64,
    /// How many of them are found by similar questions.
    pub similar: u64,
}
