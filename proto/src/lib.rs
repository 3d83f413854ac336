//! The contract between the filter and the control plane.
//!
//! The messages are generated from `proto/tollgate/v1/*.proto` and committed, so that no build
//! needs `protoc`; `UPDATE_GEN=1 cargo test -p tollgate-proto` rewrites them. Without the feature
//! `grpc` this crate depends on prost alone, which is what the filter can carry.

/// Version 1 of the contract.
pub mod v1 {
    #![allow(
        missing_docs,
        unreachable_pub,
        clippy::all,
        clippy::pedantic,
        clippy::allow_attributes_without_reason,
        clippy::allow_attributes,
        reason = "generated code"
    )]
    include!("gen/tollgate.v1.rs");
}
