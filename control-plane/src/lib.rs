//! The control plane: keys, providers, models, prices and the spend ledger.
//!
//! `config → domain ← service → store`; `http`, `grpc` and `xds` are faces over `service`.
#![forbid(unsafe_code)]

pub mod clock;
pub mod config;
pub mod domain;
pub mod grpc;
pub mod prices;
pub mod publish;
pub mod service;
pub mod snapshot;
pub mod store;
pub mod xds;
