//! Who may call which model, and whether a key may call at all.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use tollgate_proto::v1 as proto;

use crate::address::AddressLists;
use crate::meter::{Dimension, Meter, Scope};
use crate::money::NanoDollars;
use crate::snapshot::{LowBudget, Model};

/// What one key may do, as the control plane says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyPolicy {
    /// Switched off by an admin.
    pub blocked: bool,
    /// Microseconds since the epoch; `None` never expires.
    pub expires_at_us: Option<i64>,
    /// Names, wildcards and access groups; empty allows every model.
    pub models: Vec<String>,
    /// What the client writes → what it stands for.
    pub aliases: BTreeMap<String, String>,
    /// `None` sets no limit.
    pub max_budget: Option<NanoDollars>,
    /// Spent so far, here and in the ledger, as far as known. Grows while requests hold the
    /// policy.
    pub spend: Cell<NanoDollars>,
    /// Added to the tags of each request.
    pub tags: Vec<String>,
    /// Limits of the key, its user, team and organisation.
    pub meters: Vec<Rc<Meter>>,
    /// There are limits of a kind that this version cannot keep.
    pub unknown_meters: bool,
    /// What to do when little is left; `None`: as the snapshot says.
    pub low_budget: Option<LowBudget>,
    /// Whose what is made with the key is. Empty: it shares nothing, with nobody.
    pub tenant: String,
    /// Where it may be used from: each must admit the client.
    pub addresses: Vec<AddressLists>,
    /// Routes that it may call; empty allows every route.
    pub allowed_routes: Vec<String>,
}

/// Why a key may not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// Switched off.
    Blocked,
    /// Past its end.
    Expired,
    /// All of the budget is spent.
    BudgetSpent {
        /// The budget.
        limit: NanoDollars,
        /// What is spent, as far as known.
        used: NanoDollars,
    },
}

impl KeyPolicy {
    /// Checks what does not depend on the request.
    ///
    /// # Errors
    /// When the key is blocked or expired.
    pub fn check_standing(&self, now_us: i64) -> Result<(), Denied> {
        if self.blocked {
            return Err(Denied::Blocked);
        }
        if self.expires_at_us.is_some_and(|end| end <= now_us) {
            return Err(Denied::Expired);
        }
        Ok(())
    }

    /// Checks the budget: no new request once it is spent.
    ///
    /// One that begins anew is its meter's to keep: what is known to be spent may be of a window
    /// that is over.
    ///
    /// # Errors
    /// When it is.
    pub fn check_budget(&self) -> Result<(), Denied> {
        match self.max_budget {
            Some(limit) if self.spend.get() >= limit && !self.begins_anew() => {
                Err(Denied::BudgetSpent { limit, used: self.spend.get() })
            }
            _ => Ok(()),
        }
    }

    fn begins_anew(&self) -> bool {
        self.meters.iter().any(|meter| {
            meter.scope == Scope::Key
                && meter.dimension == Dimension::Money
                && meter.model.is_none()
                && meter.window_seconds > 0
        })
    }

    /// Returns the name that `asked` stands for under this key.
    pub fn resolve_alias<'a>(&'a self, asked: &'a str) -> &'a str {
        self.aliases.get(asked).map_or(asked, |name| name)
    }

    /// Tells whether the key may use a model: by its public name, or because a group that it
    /// belongs to is named.
    pub fn allows(&self, model: &Model) -> bool {
        self.may_use(&model.name) || self.models.iter().any(|entry| model.groups.contains(entry))
    }

    /// Tells whether the key may use what has this public name.
    pub fn may_use(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|entry| admits(entry, model))
    }
}

/// Tells whether one entry of a model list admits a model. `*` stands for any text.
fn admits(entry: &str, model: &str) -> bool {
    match entry {
        "all-proxy-models" => true,
        "no-default-models" => false,
        _ => matches_wildcard(entry, model),
    }
}

fn matches_wildcard(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

impl From<proto::KeyPolicy> for KeyPolicy {
    fn from(wire: proto::KeyPolicy) -> Self {
        let meters = Meter::read(wire.meters);
        Self {
            unknown_meters: meters.is_none(),
            meters: meters.unwrap_or_default(),
            blocked: wire.blocked,
            expires_at_us: wire.expires_at_us,
            models: wire.models,
            aliases: wire.aliases,
            max_budget: wire.max_budget_nanos.map(NanoDollars),
            spend: Cell::new(NanoDollars(wire.spend_nanos)),
            tags: wire.tags,
            low_budget: wire.low_budget.map(LowBudget::from),
            tenant: wire.tenant,
            addresses: wire.addresses.into_iter().map(AddressLists::from).collect(),
            allowed_routes: wire.allowed_routes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(models: &[&str]) -> KeyPolicy {
        KeyPolicy { models: models.iter().map(|&m| m.into()).collect(), ..KeyPolicy::default() }
    }

    #[test]
    fn an_empty_list_allows_every_model() {
        assert!(key(&[]).may_use("anything"));
        assert!(key(&["all-proxy-models"]).may_use("anything"));
        assert!(key(&["*"]).may_use("any/thing"));
    }

    #[test]
    fn lists_and_wildcards_are_exact() {
        let key = key(&["gpt-4o", "openai/*", "a*b*c"]);

        for model in ["gpt-4o", "openai/gpt-4o", "openai/", "abc", "aXbYc", "abbc"] {
            assert!(key.may_use(model), "{model}");
        }
        for model in ["gpt-4o-mini", "xopenai/gpt", "openai", "ab", "acb", "", "GPT-4o"] {
            assert!(!key.may_use(model), "{model}");
        }
        assert!(!super::tests::key(&["no-default-models"]).may_use("gpt-4o"));
    }

    #[test]
    fn a_group_opens_its_models() {
        let model = |name: &str, groups: &[&str]| Model {
            name: name.to_owned(),
            groups: groups.iter().map(|&group| group.into()).collect(),
            ..Model::default()
        };
        let key = key(&["fast", "cheap*"]);

        assert!(key.allows(&model("a", &["slow", "fast"])));
        assert!(!key.allows(&model("a", &["Fast", "cheap-ones"])), "groups are exact");
        assert!(key.allows(&model("cheap-ones", &[])));
        assert!(!super::tests::key(&["no-default-models"]).allows(&model("a", &["fast"])));
        assert!(super::tests::key(&[]).allows(&model("a", &["fast"])));
    }

    #[test]
    fn a_wildcard_does_not_count_a_byte_twice() {
        assert!(!key(&["ab*ba"]).may_use("aba"));
        assert!(key(&["ab*ba"]).may_use("abba"));
    }

    #[test]
    fn standing_is_checked_against_the_clock() {
        let key = KeyPolicy { expires_at_us: Some(10), ..KeyPolicy::default() };

        assert_eq!(key.check_standing(9), Ok(()));
        assert_eq!(key.check_standing(10), Err(Denied::Expired));
        let blocked = KeyPolicy { blocked: true, ..key };
        assert_eq!(blocked.check_standing(99), Err(Denied::Blocked));
    }

    #[test]
    fn a_spent_budget_ends_it() {
        let key = |spend| KeyPolicy {
            max_budget: Some(NanoDollars(5)),
            spend: Cell::new(NanoDollars(spend)),
            ..KeyPolicy::default()
        };

        assert_eq!(key(4).check_budget(), Ok(()));
        let (limit, used) = (NanoDollars(5), NanoDollars(6));
        assert_eq!(key(6).check_budget(), Err(Denied::BudgetSpent { limit, used }));
        assert!(key(5).check_budget().is_err());
        assert_eq!(KeyPolicy::default().check_budget(), Ok(()));
    }

    #[test]
    fn a_budget_that_begins_anew_is_its_meters_to_keep() {
        let meter = |window_seconds| Meter {
            id: 1,
            scope: Scope::Key,
            name: "k".to_owned(),
            dimension: Dimension::Money,
            model: None,
            limit: 5,
            observe_only: false,
            window_seconds,
        };
        let key = |window_seconds| KeyPolicy {
            max_budget: Some(NanoDollars(5)),
            spend: Cell::new(NanoDollars(5)),
            meters: vec![Rc::new(meter(window_seconds))],
            ..KeyPolicy::default()
        };

        assert_eq!(key(86_400).check_budget(), Ok(()));
        assert!(key(0).check_budget().is_err());
    }
}
