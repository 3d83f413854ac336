//! What `tollgate export` writes, and the descriptors that it writes it with.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod command;
mod descriptors;
mod manifests;
mod schemas;
