//! Ring 1: stories of the exchange without any host, and properties of what it is made of.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    clippy::format_collect,
    reason = "test code"
)]

mod addresses;
mod book;
mod cache;
mod cache_keys;
mod cache_similar;
mod configured;
mod credentials;
mod dialects;
mod driver;
mod elsewhere;
mod failures;
mod fallback;
mod held;
mod hostile;
mod limits;
mod media;
mod names;
mod objects;
mod properties;
mod realtime;
mod recordings;
mod repeats;
mod routes;
mod same_dialect;
mod scripts;
mod settings;
mod uploads;
mod wishes;
mod work;
