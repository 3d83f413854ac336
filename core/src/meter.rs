//! Limits, and what this VM may use of them.
//!
//! A **meter** is one limit: of one key, team, model…, in one dimension, over one window. Several
//! Envoys share it, so the control plane leases each VM a part: [`leases::Leases`] reserves a
//! request's worst case out of what is held here, settles it with the truth, and says in every
//! report what is held, so that nothing is spent twice and nothing is lost.

use std::rc::Rc;

use tollgate_proto::v1 as proto;

pub mod lease;
pub mod leases;
mod reservation;

/// One limit. Immutable; the control plane gives a new id to what replaces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meter {
    /// Unique for ever.
    pub id: u64,
    /// What kind of thing it limits.
    pub scope: Scope,
    /// Which one, as people know it.
    pub name: String,
    /// What it counts.
    pub dimension: Dimension,
    /// Counts requests for this model alone, by public name.
    pub model: Option<String>,
    /// Units of the dimension in one window.
    pub limit: i64,
    /// Counts, and refuses nothing.
    pub observe_only: bool,
    /// Length of the window; 0 is for ever.
    pub window_seconds: u32,
}

/// Kinds of things that are limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// A virtual key.
    Key,
    /// A user, through all keys.
    User,
    /// A team.
    Team,
    /// A user's part in a team.
    TeamMember,
    /// An organisation.
    Organization,
    /// An end user that requests name.
    Customer,
    /// A tag.
    Tag,
    /// An account at a provider.
    Provider,
    /// A model, by public name.
    Model,
}

/// What a meter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dimension {
    /// Requests, when they begin.
    Requests,
    /// Tokens of both directions, when a request ends.
    Tokens,
    /// Tokens in.
    InputTokens,
    /// Tokens out.
    OutputTokens,
    /// Nano-dollars, when a request ends.
    Money,
    /// Requests that run at the same time.
    Parallel,
}

impl Scope {
    /// The word for it in answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::User => "user",
            Self::Team => "team",
            Self::TeamMember => "team_member",
            Self::Organization => "organization",
            Self::Customer => "customer",
            Self::Tag => "tag",
            Self::Provider => "provider",
            Self::Model => "model",
        }
    }
}

impl Dimension {
    /// The word for it in answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
            Self::Money => "money",
            Self::Parallel => "parallel_requests",
        }
    }
}

impl Meter {
    /// Tells whether requests for a model, by public name, count.
    pub fn counts(&self, model: &str) -> bool {
        self.model.as_deref().is_none_or(|only| only == model)
    }

    /// Reads meters as the control plane sends them. One of a kind that this version does not
    /// know makes all of them unknown: a limit that is not understood cannot be kept.
    pub fn read(wire: Vec<proto::Meter>) -> Option<Vec<Rc<Self>>> {
        wire.into_iter().map(|meter| Self::one(meter).map(Rc::new)).collect()
    }

    fn one(wire: proto::Meter) -> Option<Self> {
        let scope = match wire.scope() {
            proto::Scope::Unspecified => return None,
            proto::Scope::Key => Scope::Key,
            proto::Scope::User => Scope::User,
            proto::Scope::Team => Scope::Team,
            proto::Scope::TeamMember => Scope::TeamMember,
            proto::Scope::Organization => Scope::Organization,
            proto::Scope::Customer => Scope::Customer,
            proto::Scope::Tag => Scope::Tag,
            proto::Scope::Provider => Scope::Provider,
            proto::Scope::Model => Scope::Model,
        };
        let dimension = match wire.dimension() {
            proto::Dimension::Unspecified => return None,
            proto::Dimension::Requests => Dimension::Requests,
            proto::Dimension::Tokens => Dimension::Tokens,
            proto::Dimension::InputTokens => Dimension::InputTokens,
            proto::Dimension::OutputTokens => Dimension::OutputTokens,
            proto::Dimension::Money => Dimension::Money,
            proto::Dimension::Parallel => Dimension::Parallel,
        };
        Some(Self {
            id: wire.id,
            scope,
            name: wire.name,
            dimension,
            model: wire.model,
            limit: wire.limit,
            observe_only: wire.observe_only,
            window_seconds: wire.window_seconds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_of_an_unknown_kind_makes_the_policy_unreadable() {
        let known = proto::Meter {
            scope: proto::Scope::Key.into(),
            dimension: proto::Dimension::Money.into(),
            ..proto::Meter::default()
        };
        let newer = proto::Meter { dimension: 99, ..known.clone() };

        assert_eq!(Meter::read(vec![known.clone()]).map(|meters| meters.len()), Some(1));
        assert_eq!(Meter::read(vec![known, newer]), None);
    }

    #[test]
    fn a_meter_of_one_model_leaves_others_alone() {
        let wire = proto::Meter {
            scope: proto::Scope::Key.into(),
            dimension: proto::Dimension::Tokens.into(),
            model: Some("gpt".into()),
            ..proto::Meter::default()
        };
        let meter = Meter::read(vec![wire]).unwrap().remove(0);

        assert!(meter.counts("gpt"));
        assert!(!meter.counts("gpt-4"));
    }
}
