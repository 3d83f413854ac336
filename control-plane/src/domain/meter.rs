//! Meters: each counts one dimension of what one thing may use, over one window.

mod account;
mod page;
mod presumption;
mod seconds;

use std::fmt;

use crate::domain::{Period, Timestamp};

pub use account::MeterRow;
pub use page::{Answer, Lease, Order, Outlook, Page, Statement};
pub use presumption::{Fate, VANISHED_AFTER_SECONDS};
pub use seconds::Seconds;

/// What a meter is told to be. Two of the same identity (all but the amounts and the mode) are
/// the same meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterSpec {
    /// What kind of thing is limited.
    pub scope: Scope,
    /// Which one: a key's hash, an id, a tag, a provider, a model.
    pub name: String,
    /// What is counted.
    pub dimension: Dimension,
    /// Counts requests for this model alone, by public name. `None`: all.
    pub model: Option<String>,
    /// Over which time.
    pub window: Window,
    /// The limit, in units of the dimension (money: nano-dollars).
    pub amount: i64,
    /// Crossing it is told to the operator.
    pub soft_amount: Option<i64>,
    /// Counts and shows, and refuses nothing.
    pub observe_only: bool,
}

/// A meter that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meter {
    /// Never used again for another one.
    pub id: u64,
    /// What it is told to be.
    pub spec: MeterSpec,
}

/// What kind of thing is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// A key, by its hash.
    Key,
    /// A user.
    User,
    /// A team.
    Team,
    /// A user's part in a team: `user:team`.
    TeamMember,
    /// An organisation.
    Organization,
    /// A user's part in an organisation. It has no limits.
    OrganizationMember,
    /// A customer: the end user whom requests name.
    Customer,
    /// A tag.
    Tag,
    /// A provider of the configuration.
    Provider,
    /// A model of the configuration, by public name.
    Model,
}

impl Scope {
    /// Returns its name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::User => "user",
            Self::Team => "team",
            Self::TeamMember => "team_member",
            Self::Organization => "organization",
            Self::OrganizationMember => "organization_member",
            Self::Customer => "customer",
            Self::Tag => "tag",
            Self::Provider => "provider",
            Self::Model => "model",
        }
    }

    /// Reads its name in the database.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }

    const ALL: [Self; 10] = [
        Self::Key,
        Self::User,
        Self::Team,
        Self::TeamMember,
        Self::Organization,
        Self::OrganizationMember,
        Self::Customer,
        Self::Tag,
        Self::Provider,
        Self::Model,
    ];
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Requests, when they begin.
    Requests,
    /// Tokens in and out, when a request ends.
    Tokens,
    /// Tokens in.
    InputTokens,
    /// Tokens out.
    OutputTokens,
    /// Nano-dollars, when a request ends.
    Money,
    /// Requests at the same time.
    Parallel,
}

impl Dimension {
    /// Returns its name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
            Self::Money => "money",
            Self::Parallel => "parallel",
        }
    }

    /// Reads its name in the database.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dimension| dimension.as_str() == name)
    }

    const ALL: [Self; 6] = [
        Self::Requests,
        Self::Tokens,
        Self::InputTokens,
        Self::OutputTokens,
        Self::Money,
        Self::Parallel,
    ];
}

/// Over which time a meter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    /// Since ever.
    Never,
    /// So many seconds from the first use after the last window ended.
    Fixed(u32),
    /// The last so many seconds, at any moment.
    Sliding(u32),
    /// Until the calendar says.
    Calendar(Period),
}

impl Window {
    /// Reads its name in the database: `none`, `fixed:60`, `sliding:60`, `calendar:30d`.
    pub fn parse(name: &str) -> Option<Self> {
        if name == "none" {
            return Some(Self::Never);
        }
        let (kind, length) = name.split_once(':')?;
        match kind {
            "fixed" => length.parse().ok().filter(|seconds| *seconds > 0).map(Self::Fixed),
            "sliding" => length.parse().ok().filter(|seconds| *seconds > 0).map(Self::Sliding),
            "calendar" => Period::parse(length).map(Self::Calendar),
            _ => None,
        }
    }

    /// Returns its length in seconds, at most. 0: it never ends.
    pub fn seconds(self) -> u32 {
        match self {
            Self::Never => 0,
            Self::Fixed(seconds) | Self::Sliding(seconds) => seconds,
            Self::Calendar(period) => u32::try_from(period.seconds()).unwrap_or(u32::MAX),
        }
    }

    /// Returns when a window that begins at `now` ends. `None`: it has no end, or none that is
    /// the same for all that is in it.
    pub fn ends_after(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Never | Self::Sliding(_) => None,
            Self::Fixed(seconds) => Some(now.plus_micros(i64::from(seconds) * 1_000_000)),
            Self::Calendar(period) => Some(period.ends_after(now)),
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("none"),
            Self::Fixed(seconds) => write!(f, "fixed:{seconds}"),
            Self::Sliding(seconds) => write!(f, "sliding:{seconds}"),
            Self::Calendar(period) => write!(f, "calendar:{period}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for name in ["none", "fixed:60", "sliding:1", "calendar:30d", "calendar:1mo"] {
            assert_eq!(Window::parse(name).unwrap().to_string(), name);
        }
        for name in ["", "fixed", "fixed:0", "fixed:x", "calendar:2mo", "rolling:60"] {
            assert_eq!(Window::parse(name), None, "{name}");
        }
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.as_str()), Some(scope));
        }
        for dimension in Dimension::ALL {
            assert_eq!(Dimension::parse(dimension.as_str()), Some(dimension));
        }
    }
}
