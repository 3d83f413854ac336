//! What the control plane is to hear of objects when the requests about them are over.

use super::Gateway;

/// Messages that go with the next tick.
#[derive(Debug, Default)]
pub(super) struct Errands {
    registrations: Vec<Vec<u8>>,
    releases: Vec<Vec<u8>>,
}

impl Gateway {
    /// Keeps what the control plane is to hear of an object whose client has left: an encoded
    /// `RegisterRequest`.
    pub(crate) fn register_later(&mut self, message: Vec<u8>) {
        push(&mut self.errands.registrations, message);
    }

    /// Returns, once, what the control plane is to hear of objects.
    pub fn take_registrations(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.errands.registrations)
    }

    /// Keeps what is to be given back of what was reserved for work: an encoded `ReleaseRequest`.
    /// What is lost here is given back by itself, later.
    pub(crate) fn release_later(&mut self, message: Vec<u8>) {
        push(&mut self.errands.releases, message);
    }

    /// Returns, once, what is to be given back of what was reserved for work.
    pub fn take_releases(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.errands.releases)
    }
}

fn push(messages: &mut Vec<Vec<u8>>, message: Vec<u8>) {
    if messages.len() < MOST {
        messages.push(message);
    }
}

/// Messages of a kind until the next tick.
const MOST: usize = 1_000;
