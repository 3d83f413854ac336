//! What to do with a field that may be absent.

/// Leave it, remove it, or give it a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Edit<T> {
    /// Nothing was said.
    #[default]
    Keep,
    /// It was said to be nothing.
    Clear,
    /// It was given a value.
    Set(T),
}

impl<T> Edit<T> {
    /// Returns the value, if one was given.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// Returns the value by reference, if one was given.
    pub fn as_value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }
}

impl<T: Clone> Edit<T> {
    /// Does to `field` what was said.
    pub fn apply(&self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value.clone()),
        }
    }
}
