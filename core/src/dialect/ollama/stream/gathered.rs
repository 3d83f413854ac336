//! Calls of tools, gathered until they are whole: this dialect has no pieces of them.

use std::collections::BTreeMap;

use crate::dialect::chat::message::Arguments;
use crate::dialect::ollama::request::write_call;
use crate::json::node::Text;
use crate::json::write::Writer;

/// How many bytes of calls a stream may have under way.
pub(super) const MOST: usize = 8 * 1024 * 1024;

/// The calls that are under way, by their index.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    calls: BTreeMap<u32, Call>,
    held: usize,
}

#[derive(Debug)]
struct Call {
    id: Text<'static>,
    name: Text<'static>,
    arguments: Text<'static>,
}

impl Gathered {
    /// Begins a call, unless it has begun.
    pub(super) fn begin(&mut self, index: u32, id: &Text<'_>, name: &Text<'_>) {
        if self.calls.contains_key(&index) {
            return;
        }
        self.held += id.as_escaped().len() + name.as_escaped().len() + 64;
        let (id, name) = (id.clone().into_owned(), name.clone().into_owned());
        self.calls.insert(index, Call { id, name, arguments: Text::default() });
    }

    /// Takes a piece of a call's arguments.
    pub(super) fn push(&mut self, index: u32, piece: &Text<'_>) {
        if let Some(call) = self.calls.get_mut(&index) {
            call.arguments.push(piece);
            self.held += piece.as_escaped().len();
        }
    }

    /// Tells whether there is more than may be kept.
    pub(super) fn overflows(&self) -> bool {
        self.held > MOST
    }

    /// Takes the calls, as JSON.
    pub(super) fn take(&mut self) -> Vec<Vec<u8>> {
        self.held = 0;
        let calls = std::mem::take(&mut self.calls);
        calls.into_values().map(Call::into_json).collect()
    }
}

impl Call {
    fn into_json(self) -> Vec<u8> {
        let mut json = Writer::default();
        let arguments = Arguments::Text(self.arguments).to_object();
        write_call(&self.id, &self.name, &arguments, &mut json);
        json.into_bytes()
    }
}
