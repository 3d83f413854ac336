//! Decisions as pure functions of the snapshot, the key and the request.

pub mod access;
pub mod credential;
pub mod key_cache;
pub mod resolve;
pub mod routes;
