//! The harness of the tests that only the whole thing can pass: a real Envoy with the built
//! filter, the control plane's binary, and providers that are scripted and count on their own.
//!
//! A test takes a shared, running [`Stack`] by [`Shared::story`] or starts its own with
//! [`Stack::builder`]. The programs come from environment variables ([`Tools`]) that
//! `cargo xtask test` sets.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::missing_panics_doc,
    clippy::indexing_slicing,
    reason = "test code: a failure here is a failed test"
)]

mod bootstrap;
mod browser;
mod client;
mod config;
mod control_plane;
mod database;
mod directory;
mod envoy;
mod eventually;
mod export;
mod identity;
mod logs;
mod management;
mod process;
mod raw;
mod recordings;
mod sdk;
mod shared;
mod stack;
mod stand_in;
mod tls;
mod tools;

pub use browser::{Browser, Page};
pub use client::{Answer, Call, Client, Protocol};
pub use config::{Account, Config, Model, Provider};
pub use control_plane::ControlPlane;
pub use database::Database;
pub use envoy::{Envoy, Role, resident_kib};
pub use eventually::{eventually, patience};
pub use export::Manifest;
pub use identity::IdentityProvider;
pub use management::{Key, Row, dollars, hash_of, nanos};
pub use raw::Raw;
pub use recordings::{Recording, recordings};
pub use sdk::{litellm, node, program, python, schemathesis};
pub use shared::{Shared, block_on, on_every_role};
pub use stack::{Builder, Stack};
pub use stand_in::StandIn;
pub use tls::Certificate;
pub use tollgate_simulator as simulator;
pub use tools::Tools;
