//! Calls of tools that arrive in turns. This dialect has one block open at a time, so a call waits
//! until the arguments before it are complete.

use std::collections::VecDeque;

use crate::json::node::Text;

/// How many bytes of arguments wait at most. Beyond it the calls before them count as complete.
pub(super) const MOST_WAITING: usize = 8 * 1024 * 1024;

/// A call whose block is not open yet.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) index: u32,
    pub(super) id: Text<'static>,
    pub(super) name: Text<'static>,
    pub(super) signature: Option<Text<'static>>,
    /// What has arrived of its arguments.
    pub(super) arguments: Text<'static>,
}

/// The calls that wait, in order, and how far the one that is open has come.
#[derive(Debug, Default)]
pub(super) struct Calls {
    waiting: VecDeque<Call>,
    held: usize,
    open: Progress,
}

impl Calls {
    /// Takes a call that has to wait.
    pub(super) fn wait(&mut self, call: Call) {
        self.waiting.push_back(call);
    }

    /// Takes a piece for a call that waits. What belongs to no such call came too late.
    pub(super) fn keep(&mut self, index: u32, piece: &Text<'_>) {
        if let Some(call) = self.waiting.iter_mut().find(|call| call.index == index) {
            call.arguments.push(piece);
            self.held = self.held.saturating_add(piece.as_escaped().len());
        }
    }

    /// Tells whether a call of this index waits.
    pub(super) fn has(&self, index: u32) -> bool {
        self.waiting.iter().any(|call| call.index == index)
    }

    /// Returns the call whose turn it is.
    pub(super) fn next(&mut self) -> Option<Call> {
        let call = self.waiting.pop_front()?;
        self.held = self.held.saturating_sub(call.arguments.as_escaped().len());
        Some(call)
    }

    /// Tells whether more waits than may.
    pub(super) fn overflows(&self) -> bool {
        self.held > MOST_WAITING || self.waiting.len() > 1_024
    }

    /// Takes note that another call's block was opened.
    pub(super) fn opened(&mut self) {
        self.open = Progress::default();
    }

    /// Follows the arguments of the call that is open.
    pub(super) fn follow(&mut self, piece: &Text<'_>) {
        self.open.follow(&piece.decoded());
    }

    /// Tells whether the arguments of the call that is open are complete.
    pub(super) fn is_complete(&self) -> bool {
        self.open.begun && self.open.depth == 0
    }
}

/// Finds the end of a JSON object or array that comes in pieces.
#[derive(Debug, Default)]
struct Progress {
    begun: bool,
    depth: u64,
    in_string: bool,
    escaped: bool,
}

impl Progress {
    fn follow(&mut self, json: &str) {
        for byte in json.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                b'{' | b'[' if !self.in_string => {
                    self.begun = true;
                    self.depth += 1;
                }
                b'}' | b']' if !self.in_string => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_complete(pieces: &[&str]) -> bool {
        let mut calls = Calls::default();
        for piece in pieces {
            calls.follow(&Text::of(piece));
        }
        calls.is_complete()
    }

    #[test]
    fn sees_the_end_of_arguments() {
        assert!(is_complete(&["{", "\"a\":[1,{}]", "}"]));
        assert!(is_complete(&[r#"{"a":"}\"#, r#""{"}"#]));
        assert!(!is_complete(&[]));
        assert!(!is_complete(&[r#"{"a":"}"#]));
        assert!(!is_complete(&["{", "[]"]));
    }
}
