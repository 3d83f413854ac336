//! What users, teams and the rest spent: counted with the records, in their transaction.

use std::collections::BTreeMap;

use tollgate_core::key::KeyHash;

use crate::domain::{LedgerRecord, Scope, member};
use crate::store::StoreError;
use crate::store::database::SqlStore;
use crate::store::driver::Driver;
use crate::store::rows::Fields;

/// What a batch of records adds to whom.
#[derive(Default)]
pub(super) struct EntitySpend {
    costs: BTreeMap<(Scope, String), i64>,
    /// Of this, what keys cost that leave it to their team which organisation they belong to.
    through_teams: BTreeMap<String, i64>,
}

impl EntitySpend {
    /// Adds what a key spent to those it belongs to. `row` says who they are.
    pub(super) fn add_key<D: Driver>(
        &mut self,
        row: &D::Row,
        spent: &BTreeMap<KeyHash, (i64, i64)>,
    ) -> Result<(), StoreError> {
        let row = Fields::<D>(row);
        let hash = row.key_hash()?;
        let cost = spent.get(&hash).map_or(0, |(cost, _)| *cost);
        let (team, organization) = (row.maybe_text("team_id")?, row.maybe_text("organization_id")?);
        if let Some(user) = row.maybe_text("user_id")? {
            if let Some(team) = &team {
                self.add(Scope::TeamMember, member::id(&user, team), cost);
            }
            self.add(Scope::User, user, cost);
        }
        if let (Some(team), None) = (&team, &organization) {
            let through = self.through_teams.entry(team.clone()).or_default();
            *through = through.saturating_add(cost);
        }
        if let Some(team) = team {
            self.add(Scope::Team, team, cost);
        }
        if let Some(organization) = organization {
            self.add(Scope::Organization, organization, cost);
        }
        Ok(())
    }

    /// Adds what records cost to the customers and tags they name.
    pub(super) fn add_records(&mut self, records: &[&LedgerRecord]) {
        for record in records {
            if let Some(customer) = &record.end_user {
                self.add(Scope::Customer, customer.clone(), record.cost.0);
            }
            for (at, tag) in record.tags.iter().enumerate() {
                if !record.tags.iter().take(at).any(|earlier| earlier == tag) {
                    self.add(Scope::Tag, tag.clone(), record.cost.0);
                }
            }
        }
    }

    fn add(&mut self, kind: Scope, id: String, cost: i64) {
        if cost != 0 {
            let sum = self.costs.entry((kind, id)).or_default();
            *sum = sum.saturating_add(cost);
        }
    }
}

impl<D: Driver> SqlStore<D> {
    /// Adds to those that are there; nobody is made by being named.
    pub(super) async fn add_entity_spend(
        &self,
        tx: &mut D::Tx,
        spend: EntitySpend,
    ) -> Result<(), StoreError> {
        let mut organizations = EntitySpend::default();
        for (scope, id, organization) in self.add_costs(tx, spend.costs).await? {
            let through = spend.through_teams.get(&id).filter(|_| scope == Scope::Team);
            if let (Some(organization), Some(cost)) = (organization, through) {
                organizations.add(Scope::Organization, organization, *cost);
            }
        }
        self.add_costs(tx, organizations.costs).await?;
        Ok(())
    }

    /// Returns what was added to, with the organisation it belongs to.
    async fn add_costs(
        &self,
        tx: &mut D::Tx,
        costs: BTreeMap<(Scope, String), i64>,
    ) -> Result<Vec<(Scope, String, Option<String>)>, StoreError> {
        let costs: Vec<((Scope, String), i64)> = costs.into_iter().collect();
        let mut found = Vec::new();
        for (piece, statement) in self.batches.entity_spend.filled(&costs) {
            let args = piece.flat_map(|((scope, id), cost)| {
                [scope.as_str().into(), id.as_str().into(), (*cost).into()]
            });
            for row in D::run(tx, statement, args.collect()).await? {
                let row = Fields::<D>(&row);
                let Some(scope) = Scope::parse(&row.text("kind")?) else { continue };
                found.push((scope, row.text("id")?, row.maybe_text("organization_id")?));
            }
        }
        Ok(found)
    }
}
