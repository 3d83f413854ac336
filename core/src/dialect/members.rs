//! The members of a small object, taken one by one; what nobody takes are extras.

use std::borrow::Cow;

use crate::dialect::chat::Extras;
use crate::json::node::{Node, Text};

/// Members that were not taken yet.
pub(super) struct Members<'a>(Extras<'a>);

impl<'a> Members<'a> {
    /// Lists the members of an object; of repeated ones the last counts.
    pub(super) fn of(node: Node<'a>) -> Self {
        Self(node.members().collect())
    }

    /// Takes a member. `None` when it is missing or `null`.
    pub(super) fn take(&mut self, name: &str) -> Option<Node<'a>> {
        let found = self.0.iter().rev().find(|(key, _)| key == name)?.1;
        self.0.retain(|(key, _)| key != name);
        (!found.is_null()).then_some(found)
    }

    /// Takes a member that is a string.
    pub(super) fn take_text(&mut self, name: &str) -> Option<Text<'a>> {
        self.take(name)?.text()
    }

    /// Returns what is left.
    pub(super) fn rest(self) -> Extras<'a> {
        self.0
    }

    /// Moves what is left behind a prefix: `output_config.` and the like.
    pub(super) fn rest_below(self, owner: &str, extras: &mut Extras<'a>) {
        let named =
            |(name, value): (Cow<'a, str>, Node<'a>)| (format!("{owner}{name}").into(), value);
        extras.extend(self.0.into_iter().map(named));
    }
}
