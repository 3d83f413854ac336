//! What members of a team may use where nothing is said of them alone: a budget that they share by
//! name, each counting for itself, and how long new keys of theirs live.

use serde_json::{Map, Value};

use crate::domain::{Edit, Entity, EntityChange, Lifetime, LimitsChange, Scope, SharedBudget};
use crate::http::App;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::limit_fields;
use crate::service::{Actor, KeyFields};

/// What is said of the members of a team.
pub(crate) struct Defaults {
    limits: LimitsChange,
    /// Takes its place among the details of the team.
    key_duration: Edit<String>,
}

impl Defaults {
    /// Reads them.
    pub(crate) fn read(body: &mut Fields) -> Result<Self, ApiError> {
        let duration = body.text("team_member_budget_duration");
        let limits = LimitsChange {
            max_budget: body.dollars("team_member_budget")?,
            budget_duration: limit_fields::period(duration, "team_member_budget_duration")?,
            tpm: body.whole("team_member_tpm_limit"),
            rpm: body.whole("team_member_rpm_limit"),
            ..LimitsChange::default()
        };
        let key_duration = body.text(KEY_DURATION);
        if let Some(text) = key_duration.as_value().filter(|text| Lifetime::parse(text).is_none()) {
            let message =
                format!("Invalid duration format: {text:?}. Write 30s, 5m, 2h, 7d, 2w or 1mo.");
            return Err(ApiError::bad_request(KEY_DURATION, message));
        }
        Ok(Self { limits, key_duration })
    }

    /// Adds what is kept with the team itself.
    pub(crate) fn note(&self, details: &mut Map<String, Value>) {
        match &self.key_duration {
            Edit::Keep => {}
            Edit::Clear => {
                details.insert(KEY_DURATION.into(), Value::Null);
            }
            Edit::Set(text) => {
                details.insert(KEY_DURATION.into(), text.as_str().into());
            }
        }
    }

    /// Gives the limits to the team's members: to those there are and, by the name that the team
    /// keeps, to those to come. Returns the team.
    pub(crate) async fn give(
        &self,
        app: &App,
        team: Entity,
        actor: &Actor,
    ) -> Result<Entity, ApiError> {
        if self.limits == LimitsChange::default() {
            return Ok(team);
        }
        if let Some(known) = budget(app, &team).await? {
            app.service.update_budget(&known.id, &self.limits, actor).await?;
            return Ok(team);
        }
        let made = app.service.new_budget(None, &self.limits, actor).await?;
        let mut what = EntityChange::default();
        what.details.insert(BUDGET_ID.into(), made.id.as_str().into());
        let changed = app.service.update_entity(Scope::Team, &team.id, &what, actor).await?;
        let share =
            EntityChange { budget_id: Edit::Set(made.id.clone()), ..EntityChange::default() };
        for member in app.service.members_of_team(&team.id).await? {
            if member.budget_id.is_none() {
                app.service.update_entity(Scope::TeamMember, &member.id, &share, actor).await?;
            }
        }
        Ok(changed.unwrap_or(team))
    }
}

/// Returns the budget that members of a team share by name, if there is one.
pub(crate) async fn budget(app: &App, team: &Entity) -> Result<Option<SharedBudget>, ApiError> {
    match team.details.get(BUDGET_ID).and_then(Value::as_str) {
        Some(id) => Ok(app.service.budget(id).await?),
        None => Ok(None),
    }
}

/// Says how long a new key of a team's member lives, where nothing else is said.
pub(crate) async fn limit_life(app: &App, fields: &mut KeyFields) -> Result<(), ApiError> {
    let change = &fields.change;
    let Some(team) = change.team_id.as_value().filter(|_| change.user_id.as_value().is_some())
    else {
        return Ok(());
    };
    if fields.lifetime != Edit::Keep {
        return Ok(());
    }
    let team = app.service.entity(Scope::Team, team).await?;
    let text = team.as_ref().and_then(|team| team.details.get(KEY_DURATION)?.as_str());
    fields.lifetime = text.and_then(Lifetime::parse).map_or(Edit::Keep, Edit::Set);
    Ok(())
}

/// Takes the budget of its members away with a team.
pub(crate) async fn forget(
    app: &App,
    budgets: Vec<SharedBudget>,
    actor: &Actor,
) -> Result<(), ApiError> {
    for budget in budgets {
        app.service.delete_budget(&budget.id, actor).await?;
    }
    Ok(())
}

/// Where a team keeps the name of its members' budget.
const BUDGET_ID: &str = "team_member_budget_id";
/// Where a team keeps how long keys of its members live.
const KEY_DURATION: &str = "team_member_key_duration";
