//! The running stacks that stories share.

use tollgate_e2e::{Builder, Model, Provider, Role, Shared, Stack};

/// The usual one: both roles over xDS, two workers.
pub(crate) static GATEWAY: Shared = Shared::new(|| with_odd_providers(usual()).workers(2));

/// One filter for both jobs, without xDS.
pub(crate) static STANDALONE: Shared = Shared::new(|| usual().role(Role::Standalone));

/// A gateway with tight limits that does not serve the management API.
pub(crate) static STRICT: Shared = Shared::new(|| {
    usual()
        .gateway("max_body_bytes", 65_536)
        .gateway("request_timeout_seconds", 1)
        .gateway("management", false)
});

/// The roles in which what clients see must be the same.
pub(crate) static EVERY_ROLE: [&Shared; 2] = [&GATEWAY, &STANDALONE];

/// A model of provider `demo` under a name of its own, with a slash in it.
pub(crate) const RENAMED: &str = "team/fast";

/// What [`RENAMED`] stands for.
pub(crate) const RENAMED_TARGET: &str = "gpt-4o-mini";

/// A model of provider `plain`, which does not know `stream_options`.
pub(crate) const WITHOUT_STREAM_USAGE: &str = "plain";

/// A model of a provider that is not there.
pub(crate) const UNREACHABLE: &str = "unreachable";

fn usual() -> Builder {
    Stack::builder().model(Model::new(RENAMED, "demo", RENAMED_TARGET))
}

/// Adds a provider without `stream_options` and one that is not there. Without xDS only the first
/// provider has a cluster.
fn with_odd_providers(builder: Builder) -> Builder {
    let nobody = Provider::new("nobody", "http://127.0.0.1:1/v1");
    builder
        .simulator("plain")
        .without_stream_usage()
        .model(Model::new(WITHOUT_STREAM_USAGE, "plain", "gpt-4o"))
        .provider(nobody)
        .model(Model::new(UNREACHABLE, "nobody", "any"))
}
