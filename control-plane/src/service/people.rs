//! People whom an identity provider vouches for: which user they are, and what their claims make
//! of that user.
//!
//! A provider's name for somebody (issuer and subject) is bound to one user and never to another.
//! An email address leads to a user who is there already only where it is surely the person's.

use serde_json::Value;

use crate::domain::person::SUBJECT;
use crate::domain::{Edit, Entity, EntityChange, Person, Role, Scope, TeamRole, member};
use crate::service::{Actor, Service, ServiceError, role_of};
use crate::store::EntityQuery;

/// Whom to let in.
#[derive(Debug, Clone, Copy)]
pub struct Admission<'a> {
    /// Who vouches for them.
    pub issuer: &'a str,
    /// Makes users of those who are not known.
    pub creates: bool,
    /// What new users are of whom no claim says more.
    pub default_role: Role,
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stranger {
    /// Nobody has made a user for them.
    Unknown,
    /// Their user was removed.
    Removed,
    /// Their user is blocked.
    Blocked,
    /// There is a user with their address, which is not surely theirs.
    Unverified,
    /// The user with their address is somebody else at the provider.
    Taken,
}

impl Service {
    /// Finds the user who somebody is, makes one where that is wanted, and brings role and teams
    /// up to date. Returns the user's id.
    pub async fn let_in(
        &self,
        person: &Person,
        admission: Admission<'_>,
    ) -> Result<Result<String, Stranger>, ServiceError> {
        let actor = Actor { name: ACTOR.to_owned(), request_id: None };
        let known = self.store.identity(admission.issuer, &person.subject).await?;
        let user = match known {
            Some(id) => self.store.entity(Scope::User, &id).await?.ok_or(Stranger::Removed),
            None => self.bound(person, admission, &actor).await?,
        };
        let user = match user {
            Ok(user) if user.blocked == Some(true) => return Ok(Err(Stranger::Blocked)),
            Ok(user) => user,
            Err(stranger) => return Ok(Err(stranger)),
        };
        self.follow_role(&user, person, &actor).await?;
        self.follow_teams(&user.id, person, &actor).await?;
        Ok(Ok(user.id))
    }

    /// Binds the provider's name for somebody to a user, whom it finds by their address or makes.
    async fn bound(
        &self,
        person: &Person,
        admission: Admission<'_>,
        actor: &Actor,
    ) -> Result<Result<Entity, Stranger>, ServiceError> {
        let user = match self.by_address(person).await? {
            Some((_, false)) => return Ok(Err(Stranger::Unverified)),
            Some((user, true)) if user.blocked == Some(true) => return Ok(Err(Stranger::Blocked)),
            Some((user, true)) => user,
            None if !admission.creates => return Ok(Err(Stranger::Unknown)),
            None => self.new_person(person, admission, actor).await?,
        };
        let of = (admission.issuer, person.subject.as_str());
        match self.store.add_identity(of, &user.id, self.now()).await.map_err(Into::into) {
            Ok(()) => {}
            Err(ServiceError::Conflict(_)) => return Ok(Err(Stranger::Taken)),
            Err(error) => return Err(error),
        }
        let mut what = EntityChange::default();
        what.details.insert(SUBJECT.into(), person.subject.clone().into());
        let changed = self.update_entity(Scope::User, &user.id, &what, actor).await?;
        Ok(changed.ok_or(Stranger::Removed))
    }

    /// Finds the user with somebody's address, and whether that is surely theirs.
    async fn by_address(&self, person: &Person) -> Result<Option<(Entity, bool)>, ServiceError> {
        let Some((email, sure)) = &person.email else { return Ok(None) };
        let query = EntityQuery { email: Some(email.clone()), ..EntityQuery::all(Scope::User) };
        let found = self.store.entities(&query).await?.entities.into_iter().next();
        Ok(found.map(|user| (user, *sure)))
    }

    /// Makes a user. Their id is the provider's name for them, unless somebody has it: who can
    /// choose ids must not become who comes later.
    async fn new_person(
        &self,
        person: &Person,
        admission: Admission<'_>,
        actor: &Actor,
    ) -> Result<Entity, ServiceError> {
        let sure = person.email.as_ref().filter(|(_, sure)| *sure).map(|(email, _)| email);
        let set = |text: Option<&String>| text.cloned().map_or(Edit::Keep, Edit::Set);
        let short = |text: &&String| text.len() <= MOST_BYTES;
        let mut what = EntityChange {
            alias: set(person.name.as_ref().filter(short)),
            email: set(sure.filter(short)),
            ..EntityChange::default()
        };
        let role = person.role.unwrap_or(admission.default_role);
        what.details.insert(ROLE.into(), role.as_str().into());
        what.details.insert(SUBJECT.into(), person.subject.clone().into());
        let id = Some(person.subject.clone()).filter(|id| (1..=MOST_BYTES).contains(&id.len()));
        let id = id.filter(|id| id != NOBODY);
        match self.new_entity(Scope::User, id, &what, actor).await {
            Err(ServiceError::Conflict("user_id")) => {
                self.new_entity(Scope::User, None, &what, actor).await
            }
            made => made,
        }
    }

    async fn follow_role(
        &self,
        user: &Entity,
        person: &Person,
        actor: &Actor,
    ) -> Result<(), ServiceError> {
        let Some(role) = person.role.filter(|role| *role != role_of(user)) else { return Ok(()) };
        let mut what = EntityChange::default();
        what.details.insert(ROLE.into(), Value::from(role.as_str()));
        self.update_entity(Scope::User, &user.id, &what, actor).await.map(drop)
    }

    /// Takes somebody into the teams of their claims, and out of others that claims decide on.
    async fn follow_teams(
        &self,
        user: &str,
        person: &Person,
        actor: &Actor,
    ) -> Result<(), ServiceError> {
        for (team, belongs) in &person.teams {
            let id = member::id(user, team);
            let part = self.store.entity(Scope::TeamMember, &id).await?;
            match (part, *belongs) {
                (None, true) => {
                    if self.store.entity(Scope::Team, team).await?.is_none() {
                        tracing::warn!(team, "claims decide on a team that is not there");
                        continue;
                    }
                    let (of, who) = ((Scope::TeamMember, team.as_str()), TeamRole::User.as_str());
                    self.new_member(of, (user, who), &EntityChange::default(), actor).await?;
                }
                (Some(part), false) => {
                    self.delete_entities(Scope::TeamMember, &[part.id], actor).await?;
                }
                (None, false) | (Some(_), true) => {}
            }
        }
        Ok(())
    }
}

/// In whose name users of identity providers are made and changed.
const ACTOR: &str = "sign-in";
const ROLE: &str = "user_role";
/// The user that keys of nobody name.
const NOBODY: &str = "default_user_id";
/// Longest name, as for everything else.
const MOST_BYTES: usize = 255;
