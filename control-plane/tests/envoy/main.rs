//! Whether the real Envoy accepts what it is given: bootstraps, and everything over ADS.
//!
//! `TOLLGATE_ENVOY` names the binary, as `cargo xtask test` does. Without it these tests say that
//! they were skipped; in CI that is an error.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "test code"
)]

mod ads;
mod bootstraps;
mod envoy;
mod fixture;
mod rendered;
mod wasm;
