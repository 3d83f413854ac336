//! What filters see of the control plane: the real server, the real store, a real socket.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod fixture;
mod policy;
mod socket;
mod usage;
