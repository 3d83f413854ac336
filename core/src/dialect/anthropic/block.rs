//! Content blocks, of which messages, answers and results of tools consist.

pub(super) mod read;
pub(super) mod write;

/// A thinking block whose signature begins so stands for the proof that another provider wants to
/// see again with the tool call that follows (Gemini's `thoughtSignature`). Clients of this dialect
/// have no other place that they are bound to send back.
pub(super) const CALL_PROOF: &str = "tool_call:";

/// Redacted thinking whose data begins so is encrypted reasoning of a provider of Responses: the
/// item's id follows, a colon, and the data.
pub(super) const FOREIGN_DATA: &str = "responses:";
