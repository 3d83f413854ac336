//! The proxy-wasm shell of the gateway.
//!
//! It turns Envoy's callbacks into inputs of [`tollgate_core::exchange::Exchange`] and its effects
//! into host calls, and decides nothing. One binary has three roles, chosen by the plugin
//! configuration; `gateway` and `upstream` share one VM per worker and thereby [`vm`].
//! Begin with [`stream`]; [`host`] is the only module that names host calls.

mod calls;
mod host;
mod metrics;
mod reports;
mod root;
mod stream;
mod vm;

pub use root::start;

mod entry {
    use proxy_wasm::types::LogLevel;

    proxy_wasm::main! {{
        proxy_wasm::set_log_level(LogLevel::Info);
        super::host::log_panics();
        super::start();
    }}
}
