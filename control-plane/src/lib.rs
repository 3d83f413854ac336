//! The control plane: keys, providers, models, prices and the spend ledger.
//!
//! `config → domain ← service → store`; `http`, `grpc` and `xds` are faces over `service`.
#![forbid(unsafe_code)]

pub mod catalogue;
pub mod checks;
pub mod cli;
pub mod clock;
pub mod config;
pub mod deferred;
pub mod domain;
pub mod effective;
pub mod entropy;
pub mod explain;
pub mod export;
pub mod first_run;
pub mod grpc;
pub mod http;
pub mod oidc;
pub mod outbound;
pub mod prices;
pub mod publish;
pub mod reload;
pub mod semantic;
pub mod server;
pub mod service;
pub mod snapshot;
pub mod store;
pub mod telemetry;
pub mod vault;
pub mod xds;
