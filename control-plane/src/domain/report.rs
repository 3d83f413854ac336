//! What filters report: records of requests that ended, and what they hold of meters.

use std::fmt;

use tollgate_core::key::KeyHash;

use crate::domain::meter::{Answer, Statement};
use crate::domain::{LedgerRecord, Resource, Timestamp};

/// One call of a filter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Requests that ended.
    pub records: Vec<LedgerRecord>,
    /// Answers that providers have stored.
    pub stored: Vec<Resource>,
    /// By how many microseconds the clock of the control plane is ahead of the sender's, as far
    /// as one call can tell: the time it was under way counts, too.
    pub clock_ahead: i64,
    /// Who holds leases, and what it says of them. `None`: it holds none.
    pub holding: Option<Holding>,
}

impl Report {
    /// Returns when a request ended, by the control plane's clock.
    pub fn ended_at(&self, record: &LedgerRecord) -> Timestamp {
        record.ended_at.plus_micros(self.clock_ahead)
    }
}

/// What a holder says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Who.
    pub holder: HolderId,
    /// Grows with every report that was answered.
    pub sequence: u64,
    /// Of each meter at most once.
    pub statements: Vec<Statement>,
}

/// Who holds leases: one worker of one Envoy, for as long as it lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HolderId([u8; 16]);

impl HolderId {
    /// Takes an id from the wire. `None` when it is not 16 bytes long.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Makes an id of bytes that are unique.
    pub fn from_array(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Reads 32 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        crate::domain::usage::unhex(text).map(Self)
    }

    /// Returns the id as it is on the wire.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Returns 32 lower-case hexadecimal digits, the form in which it is stored and shown.
    pub fn to_hex(self) -> String {
        crate::domain::usage::hex(&self.0)
    }
}

impl fmt::Debug for HolderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HolderId({})", self.to_hex())
    }
}

/// What a report did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reported {
    /// Records that were new.
    pub added: u64,
    /// Keys whose spend reached their budget by it.
    pub exhausted: Vec<KeyHash>,
    /// One for each statement, in their order. `None`: there is no such meter any more.
    pub answers: Vec<Option<Answer>>,
}
