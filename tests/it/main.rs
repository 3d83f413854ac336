//! Stories that only the whole thing can tell.
