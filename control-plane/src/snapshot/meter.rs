//! Meters as filters are told them.

use tollgate_proto::v1;

use crate::domain::{Dimension, Meter, Scope};

/// Renders a meter. `shown` is what people know the limited thing by.
pub fn render(meter: &Meter, shown: &str) -> v1::Meter {
    let spec = &meter.spec;
    v1::Meter {
        id: meter.id,
        scope: scope(spec.scope).into(),
        name: shown.to_owned(),
        dimension: dimension(spec.dimension).into(),
        model: spec.model.clone(),
        limit: spec.amount,
        soft_limit: spec.soft_amount,
        observe_only: spec.observe_only,
        window_seconds: spec.window.seconds(),
    }
}

fn scope(scope: Scope) -> v1::Scope {
    match scope {
        Scope::Key => v1::Scope::Key,
        Scope::User => v1::Scope::User,
        Scope::Team => v1::Scope::Team,
        Scope::TeamMember => v1::Scope::TeamMember,
        Scope::Organization => v1::Scope::Organization,
        // Has no meters; a filter refuses what it does not know.
        Scope::OrganizationMember => v1::Scope::Unspecified,
        Scope::Customer => v1::Scope::Customer,
        Scope::Tag => v1::Scope::Tag,
        Scope::Provider => v1::Scope::Provider,
        Scope::Model => v1::Scope::Model,
    }
}

fn dimension(dimension: Dimension) -> v1::Dimension {
    match dimension {
        Dimension::Requests => v1::Dimension::Requests,
        Dimension::Tokens => v1::Dimension::Tokens,
        Dimension::InputTokens => v1::Dimension::InputTokens,
        Dimension::OutputTokens => v1::Dimension::OutputTokens,
        Dimension::Money => v1::Dimension::Money,
        Dimension::Parallel => v1::Dimension::Parallel,
    }
}
