//! The running stacks that stories share.

use tollgate_e2e::{Builder, Model, Provider, Role, Shared, Stack, block_on};

/// The usual one: both roles over xDS, two workers.
pub(crate) static GATEWAY: Shared = Shared::new(|| with_odd_providers(usual()).workers(2));

/// One filter for both jobs, without xDS.
pub(crate) static STANDALONE: Shared =
    Shared::new(|| with_odd_providers(usual()).role(Role::Standalone));

/// The roles in which what clients see must be the same, for stories that share a stack.
pub(crate) static EVERY_ROLE: [&Shared; 2] = [&GATEWAY, &STANDALONE];

/// The same for gateways with tight limits that do not serve the management API.
pub(crate) static EVERY_ROLE_STRICT: [&Shared; 2] = [&STRICT, &STRICT_STANDALONE];

static STRICT: Shared = Shared::new(strict);

static STRICT_STANDALONE: Shared = Shared::new(|| strict().role(Role::Standalone));

/// A model of provider `demo` under a name of its own, with a slash in it.
pub(crate) const RENAMED: &str = "team/fast";

/// What [`RENAMED`] stands for.
pub(crate) const RENAMED_TARGET: &str = "gpt-4o-mini";

/// A model of provider `plain`, which does not know `stream_options`.
pub(crate) const WITHOUT_STREAM_USAGE: &str = "plain";

/// A model of a provider that is not there.
pub(crate) const UNREACHABLE: &str = "unreachable";

/// Tells a story that starts its own stack in each of the roles.
pub(crate) fn for_each_role(story: &impl AsyncFn(Role)) {
    for role in [Role::Xds, Role::Standalone] {
        block_on(story(role));
    }
}

fn strict() -> Builder {
    usual()
        .gateway("max_body_bytes", 65_536)
        .gateway("request_timeout_seconds", 1)
        .gateway("management", false)
}

/// A gateway whose errors are those of `LiteLLM`'s proxy.
pub(crate) fn litellm() -> Builder {
    Stack::builder().gateway("error_profile", "litellm")
}

fn usual() -> Builder {
    Stack::builder().model(Model::new(RENAMED, "demo", RENAMED_TARGET))
}

/// Adds a provider without `stream_options` and one that is not there.
fn with_odd_providers(builder: Builder) -> Builder {
    let nobody = Provider::new("nobody", "http://127.0.0.1:1/v1");
    builder
        .simulator("plain")
        .without_stream_usage()
        .model(Model::new(WITHOUT_STREAM_USAGE, "plain", "gpt-4o"))
        .provider(nobody)
        .model(Model::new(UNREACHABLE, "nobody", "any"))
}
