//! Header lists as a host hands them over: names in lower case, values any bytes.

/// The headers of one message, in order. Borrowed from one buffer of the host's: a request has
/// three such lists, and copying each name and value would cost more than deciding.
#[derive(Debug, Clone, Copy)]
pub struct Headers<'a>(pub &'a [(&'a str, &'a [u8])]);

impl<'a> Headers<'a> {
    /// Returns the first value of a header.
    pub fn first(&self, name: &str) -> Option<&'a [u8]> {
        self.0.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }

    /// Returns the first value of a header as a decimal number.
    pub fn number(&self, name: &str) -> Option<u64> {
        std::str::from_utf8(self.first(name)?).ok()?.trim().parse().ok()
    }

    /// Returns the names of all headers, repeats included.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.0.iter().map(|(name, _)| *name)
    }
}
