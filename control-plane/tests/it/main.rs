//! The management API, in one process: router, store and a clock that stands still.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod access;
mod activity;
mod app;
mod audit;
mod auth;
mod availability;
mod binary;
mod broken_store;
mod bulk;
mod credentials;
mod entities;
mod explain;
mod health;
mod holders;
mod import;
mod key_forms;
mod key_limits;
mod keys;
mod keys_refused;
mod ledger;
mod matrix;
mod model_groups;
mod objects;
mod openapi;
mod people;
mod providers;
mod public;
mod renewals;
mod roles;
mod sessions;
mod sign_in_settings;
mod spend;
mod spend_totals;
mod stub;
mod surface;
