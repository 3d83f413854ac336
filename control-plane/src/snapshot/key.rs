//! Keys as filters are told them.

use tollgate_proto::v1;

use crate::domain::{KeyPolicy, Meter, Scope, Timestamp};
use crate::snapshot;

/// Renders whether a customer is blocked, and its meters. `None`: there is no such customer.
pub fn render_customer(
    revision: u64,
    customer: Option<(bool, Vec<Meter>)>,
) -> v1::ResolveCustomerResponse {
    let policy = customer.map(|(blocked, meters)| v1::CustomerPolicy {
        blocked,
        meters: meters.iter().map(|it| snapshot::meter::render(it, &it.spec.name)).collect(),
    });
    v1::ResolveCustomerResponse { policy, revision }
}

/// Renders what a key may do.
pub fn render(policy: KeyPolicy) -> v1::KeyPolicy {
    let meters = policy.meters.iter().map(|meter| {
        // The hash stays here: whoever knows it could find the key's rows.
        let own = meter.spec.scope == Scope::Key;
        snapshot::meter::render(meter, if own { &policy.name } else { &meter.spec.name })
    });
    v1::KeyPolicy {
        meters: meters.collect(),
        blocked: policy.blocked,
        expires_at_us: policy.expires_at.map(Timestamp::as_micros),
        models: policy.models,
        aliases: policy.aliases.into_iter().collect(),
        max_budget_nanos: policy.max_budget.map(|budget| budget.0),
        spend_nanos: policy.spend.0,
        tags: policy.tags,
        tenant: policy.tenant,
        addresses: policy.addresses.iter().filter_map(snapshot::addresses).collect(),
        allowed_routes: policy.allowed_routes,
        ..v1::KeyPolicy::default()
    }
}
