//! Whom spend and limits are counted for besides keys: users, teams, their members,
//! organisations, customers and tags.

use serde_json::{Map, Value};
use tollgate_core::money::NanoDollars;

use crate::domain::{BudgetState, Change, Edit, Limits, LimitsChange, Scope, Timestamp};

/// Somebody or something with limits of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// What it is. Never a key, provider or model.
    pub kind: Scope,
    /// Unique among its kind.
    pub id: String,
    /// What people call it.
    pub alias: Option<String>,
    /// Unique among users.
    pub email: Option<String>,
    /// The organisation it belongs to.
    pub organization_id: Option<String>,
    /// Of a member: the team.
    pub team_id: Option<String>,
    /// Of a member: who they are.
    pub user_id: Option<String>,
    /// A budget it shares with others: its limits hold where there are none of its own.
    pub budget_id: Option<String>,
    /// Models its keys may call; empty means all.
    pub models: Vec<String>,
    /// Free JSON.
    pub metadata: Map<String, Value>,
    /// What is shown and does nothing.
    pub details: Map<String, Value>,
    /// What it may use.
    pub limits: Limits,
    /// What it spent so far.
    pub spend: NanoDollars,
    /// Where its budget stands. `None`: it has none that begins anew.
    pub budget: Option<BudgetState>,
    /// Refuses everything when set. `None`: nobody ever said.
    pub blocked: Option<bool>,
    /// When it was made, and last changed, and by whom.
    pub stamps: Stamps,
}

/// When something was made and changed, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamps {
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who changed it last.
    pub updated_by: String,
}

impl Stamps {
    /// Says that something was made by a change.
    pub fn of(change: &Change) -> Self {
        Self {
            created_at: change.at,
            created_by: change.actor.clone(),
            updated_at: change.at,
            updated_by: change.actor.clone(),
        }
    }

    /// Notes a change.
    pub fn touch(&mut self, change: &Change) {
        self.updated_at = change.at;
        self.updated_by.clone_from(&change.actor);
    }
}

impl Entity {
    /// Returns one without any limits.
    pub fn new(kind: Scope, id: String, change: &Change) -> Self {
        Self {
            kind,
            id,
            alias: None,
            email: None,
            organization_id: None,
            team_id: None,
            user_id: None,
            budget_id: None,
            models: Vec::new(),
            metadata: Map::new(),
            details: Map::new(),
            limits: Limits::default(),
            spend: NanoDollars::ZERO,
            budget: None,
            blocked: None,
            stamps: Stamps::of(change),
        }
    }

    /// Returns what counts as spent at `now`: of the budget that runs, else since ever.
    pub fn spent(&self, now: Timestamp) -> NanoDollars {
        self.budget.map_or(self.spend, |budget| budget.used_at(now))
    }
}

/// What to change. `None` leaves a field alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EntityChange {
    /// What people call it.
    pub alias: Edit<String>,
    /// Unique among users.
    pub email: Edit<String>,
    /// The organisation it belongs to.
    pub organization_id: Edit<String>,
    /// The budget it shares with others.
    pub budget_id: Edit<String>,
    /// Models its keys may call.
    pub models: Option<Vec<String>>,
    /// Free JSON.
    pub metadata: Option<Map<String, Value>>,
    /// Details that are replaced, by name.
    pub details: Map<String, Value>,
    /// What it may use.
    pub limits: LimitsChange,
    /// What counts as spent so far.
    pub spend: Option<NanoDollars>,
    /// Refuses everything.
    pub blocked: Option<bool>,
}

impl EntityChange {
    /// Changes `entity`, in the name of whoever made the change.
    pub fn apply(&self, entity: &mut Entity, change: &Change) {
        self.alias.apply(&mut entity.alias);
        self.email.apply(&mut entity.email);
        self.organization_id.apply(&mut entity.organization_id);
        self.budget_id.apply(&mut entity.budget_id);
        self.limits.apply(&mut entity.limits);
        if let Some(models) = &self.models {
            entity.models.clone_from(models);
        }
        if let Some(metadata) = &self.metadata {
            entity.metadata.clone_from(metadata);
        }
        entity.details.extend(self.details.clone());
        entity.spend = self.spend.unwrap_or(entity.spend);
        entity.blocked = self.blocked.or(entity.blocked);
        entity.stamps.touch(change);
    }
}

/// Limits that keys and entities share by name. Each counts for itself.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedBudget {
    /// Its name.
    pub id: String,
    /// What each of them may use.
    pub limits: Limits,
    /// When it was made and changed, and by whom.
    pub stamps: Stamps,
}
