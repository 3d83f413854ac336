//! The calls of a conversation, for results that do not say which tool answers: Gemini wants its
//! name.

use std::collections::BTreeMap;

use crate::dialect::chat::message::{ToolCall, ToolResult};
use crate::json::node::Text;

/// The calls so far.
#[derive(Debug, Default)]
pub(super) struct Calls<'c, 'a> {
    by_id: BTreeMap<&'c [u8], &'c Text<'a>>,
    /// Names of the last turn's calls, and how many of them were answered.
    turn: Vec<&'c Text<'a>>,
    answered: usize,
}

impl<'c, 'a> Calls<'c, 'a> {
    /// Begins a turn of the model.
    pub(super) fn begin_turn(&mut self) {
        self.turn.clear();
        self.answered = 0;
    }

    /// Takes note of a call.
    pub(super) fn note(&mut self, call: &'c ToolCall<'a>) {
        if !call.id.is_empty() {
            self.by_id.insert(call.id.as_escaped(), &call.name);
        }
        self.turn.push(&call.name);
    }

    /// Returns the tool that a result is from: by its own word, by its call's id, or by order.
    pub(super) fn name_of(&mut self, result: &'c ToolResult<'a>) -> Option<&'c Text<'a>> {
        let in_order = self.turn.get(self.answered).copied();
        self.answered += 1;
        let by_id = || self.by_id.get(result.id.as_escaped()).copied();
        let named = result.name.as_ref().filter(|name| !name.is_empty());
        named.or_else(by_id).or(in_order)
    }
}
