//! A copy of an answer as its client gets it, for others who ask the same.

use tollgate_proto::v1 as proto;

/// The copy, as far as it has come.
#[derive(Debug)]
pub(super) struct Capture {
    content_type: String,
    body: Vec<u8>,
    most: usize,
    too_long: bool,
}

impl Capture {
    /// Begins a copy of at most so many bytes.
    pub(super) fn new(content_type: &[u8], most: usize) -> Self {
        let content_type = String::from_utf8_lossy(content_type).into_owned();
        Self { content_type, body: Vec::new(), most, too_long: false }
    }

    /// Takes a piece.
    pub(super) fn push(&mut self, piece: &[u8]) {
        if self.body.len().saturating_add(piece.len()) > self.most {
            self.too_long = true;
            self.body = Vec::new();
        }
        if !self.too_long {
            self.body.extend_from_slice(piece);
        }
    }

    /// Returns the answer, if it is not longer than `most`.
    pub(super) fn answer(&self, status: u16, most: usize) -> Option<proto::Answer> {
        let fits = !self.too_long && self.body.len() <= most;
        fits.then(|| proto::Answer {
            status: status.into(),
            content_type: self.content_type.clone(),
            body: self.body.clone(),
        })
    }
}
