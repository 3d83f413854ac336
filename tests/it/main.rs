//! Stories that only the whole thing can tell: real Envoy, built filter, the control plane's
//! binary, providers that count on their own.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod addresses;
mod cache;
mod cache_similar;
mod crashes;
mod credentials;
mod databases;
mod dialects;
mod export;
mod fallback;
mod governed;
mod headers;
mod idempotency;
mod limits;
mod litellm_client;
mod load;
mod management;
mod media;
mod media_by_address;
mod metrics;
mod models;
mod names;
mod objects;
mod odd_input;
mod outage;
mod owners;
mod paths;
mod programs;
mod progress;
mod provider_failures;
mod providers;
mod realtime;
mod refusals;
mod reload;
mod replay;
mod revocation;
mod routing;
mod sdks;
mod secrets;
mod stacks;
mod start_up;
mod streaming;
mod tls;
mod trickery;
mod work;
